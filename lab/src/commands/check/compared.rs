//! What the senders remember as confirmed against what analytics has counted: by
//! id, for one that is lost and one that is counted twice add up to nothing. Pure.

use super::facts::{Confirmed, Facts, Uncounted};
use jiff::{SignedDuration, Timestamp};
use messages::names::CLICK;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use uuid::Uuid;

/// A message: an id counts within its client.
pub(super) type Message<'a> = (Uuid, &'a str);

/// What an end before the class threw away was confirmed, at the latest, so soon
/// after its beginning; and nobody has looked for ends before.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// A confirmation and what becomes of the message pass each other by this much.
const CROSSING: SignedDuration = SignedDuration::from_secs(2);

/// The word of analytics for taking what is in the queue.
const CONSUMES: &str = "activo";

/// What the senders still remember as confirmed for the queue, and when at last.
/// What another queue takes is none of analytics' business; nor does it answer for
/// what it may have forgotten.
pub(super) fn confirmed(facts: &Facts) -> BTreeMap<Message<'_>, Timestamp> {
    let Some(analytics) = facts.analytics.said() else { return BTreeMap::new() };
    let keys = facts.broker.said().map_or(vec![CLICK], |broker| broker.keys());
    let is_compared = |one: &&Confirmed| {
        keys.contains(&one.clave.as_str())
            && one.a_las.duration_since(facts.since) >= MARGIN
            && one.a_las >= analytics.recuerda_desde
    };
    let remembered = facts.senders.iter().filter_map(|sender| sender.confirmed.said()).flatten();
    let mut confirmed = BTreeMap::new();
    for one in remembered.filter(is_compared) {
        let last = confirmed.entry((one.id, one.cliente.as_str())).or_insert(one.a_las);
        *last = one.a_las.max(*last);
    }
    confirmed
}

/// Those of them that are neither counted nor dead.
pub(super) fn missing(facts: &Facts) -> BTreeSet<Message<'_>> {
    let confirmed = confirmed(facts);
    let dead: HashSet<_> = facts.dead.said().into_iter().flatten().flatten().collect();
    let uncounted = facts.uncounted.said().into_iter().flatten();
    let missing = uncounted.filter(|one| !dead.contains(&one.id) && !is_known(facts, one));
    let missing = missing.map(|one| (one.id, one.cliente.as_str()));
    missing.filter(|message| confirmed.contains_key(message)).collect()
}

/// Whether analytics knows more of it: that it rejected it, or counted it since it
/// was asked.
fn is_known(facts: &Facts, one: &Uncounted) -> bool {
    let is_told = facts.stories.get(&one.id).is_some_and(|story| {
        let counted = story.contado.as_ref();
        counted.is_some_and(|row| row["cliente"] == one.cliente) || story.rejection().is_some()
    });
    one.rechazado || is_told
}

/// What is missing, by whether an early acknowledgement threw it away: it was
/// confirmed before analytics ended so.
pub(super) fn lost(facts: &Facts) -> (Vec<Message<'_>>, Vec<Message<'_>>) {
    let confirmed = confirmed(facts);
    let thrown_away = |message: &Message| {
        let crashes = &mut facts.crashes.after_early_ack.iter();
        let last = confirmed.get(message);
        last.is_some_and(|at| crashes.any(|end| at.duration_since(*end) <= CROSSING))
    };
    missing(facts).into_iter().partition(thrown_away)
}

/// How often RabbitMQ confirmed in all, where some of that is not remembered.
pub(super) fn forgotten_from(facts: &Facts) -> Option<u64> {
    let states = facts.senders.iter().filter_map(|sender| sender.state.said());
    let published: Vec<_> = states.map(|state| &state.publicaciones).collect();
    let is_forgotten = published.iter().any(|counts| counts.is_partly_forgotten());
    is_forgotten.then(|| published.iter().map(|counts| counts.confirmadas).sum())
}

/// Whether it is worth looking again in a moment: what waits is being taken, or
/// something is missing that may wait in a queue of which the broker does not know
/// yet.
pub(super) fn is_on_its_way(facts: &Facts) -> bool {
    match waiting(facts) {
        Some(0) | None => facts.broker.said().is_some() && !missing(facts).is_empty(),
        Some(_) => is_consuming(facts),
    }
}

/// Whether analytics takes what is in the queue.
pub(super) fn is_consuming(facts: &Facts) -> bool {
    facts.analytics.said().is_some_and(|one| one.consumo == CONSUMES)
}

/// How much is in the queue, delivered or not; none where the broker does not know.
pub(super) fn waiting(facts: &Facts) -> Option<u64> {
    facts.broker.said().and_then(|broker| broker.number("messages"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::facts::{Answer, Delivered, REMEMBERED, Story};
    use crate::commands::check::sample::{
        analytics_of, at, confirmed as row, confirmed_of, id_of, nothing, queue_of, sender_of,
        uncounted, uncounted_of, with_one,
    };
    use messages::names::{EXCHANGE, QUEUE};
    use serde_json::json;

    fn ids(facts: &Facts) -> Vec<Uuid> {
        missing(facts).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn what_is_confirmed_is_counted_dead_rejected_or_missing() {
        let (facts, id) = with_one(0);
        assert_eq!(ids(&facts), [id]);
        let dead = Facts { dead: Answer::Said(vec![None, Some(id)]), ..facts.clone() };
        assert!(ids(&dead).is_empty());
        let mut rejected = facts.clone();
        uncounted_of(&mut rejected)[0].rechazado = true;
        assert!(ids(&rejected).is_empty());
        let counted = Facts { uncounted: Answer::Said(vec![]), ..facts };
        assert!(ids(&counted).is_empty());
    }

    #[test]
    fn all_that_is_remembered_is_compared_and_not_only_the_newest() {
        let (mut facts, oldest) = with_one(0);
        for second in 1..300 {
            confirmed_of(&mut facts).push(row(id_of(second), second));
        }
        assert_eq!(confirmed(&facts).len(), 300);
        assert_eq!(ids(&facts), [oldest]);
    }

    #[test]
    fn a_message_that_two_senders_confirmed_is_missing_once_and_confirmed_at_last() {
        let (mut facts, id) = with_one(5);
        facts.senders[1].confirmed = Answer::Said(vec![row(id, 3)]);
        uncounted_of(&mut facts).push(uncounted(id));
        assert_eq!(ids(&facts), [id]);
        assert_eq!(confirmed(&facts).into_values().collect::<Vec<_>>(), [at(5)]);
    }

    #[test]
    fn an_id_counts_within_its_client() {
        let (mut facts, id) = with_one(0);
        uncounted_of(&mut facts)[0].cliente = "eva".to_owned();
        assert!(ids(&facts).is_empty(), "nobody confirmed it of eva");
        confirmed_of(&mut facts)[0].cliente = "eva".to_owned();
        let story =
            |client| Story { contado: Some(json!({ "cliente": client })), ..<_>::default() };
        facts.stories.insert(id, story("ana"));
        assert_eq!(missing(&facts).into_iter().collect::<Vec<_>>(), [(id, "eva")]);
        facts.stories.insert(id, story("eva"));
        assert!(ids(&facts).is_empty(), "counted since");
    }

    #[test]
    fn what_analytics_has_not_stored_is_missing_and_what_it_rejected_is_not() {
        let (mut facts, id) = with_one(0);
        let story = |resultado: &str| Story {
            entregas: vec![Delivered { resultado: resultado.to_owned(), motivo: None }],
            contado: None,
        };
        facts.stories.insert(id, story("no-guardado"));
        assert_eq!(ids(&facts), [id]);
        facts.stories.insert(id, story("rechazado"));
        assert!(ids(&facts).is_empty(), "dead, and taken away");
    }

    #[test]
    fn only_what_was_confirmed_for_the_queue_in_class_must_be_counted() {
        let (mut facts, id) = with_one(0);
        confirmed_of(&mut facts)[0].clave = "compra".to_owned();
        assert!(ids(&facts).is_empty());
        let Answer::Said(broker) = &mut facts.broker else { unreachable!() };
        broker.bindings.push(json!({
            "source": EXCHANGE, "destination": QUEUE, "routing_key": "compra"
        }));
        assert_eq!(ids(&facts), [id], "a key that was bound by hand");
        for (second, is_of_class) in [(-3600, false), (-3541, false), (-3540, true)] {
            confirmed_of(&mut facts)[0].a_las = at(second);
            assert_eq!(!confirmed(&facts).is_empty(), is_of_class, "{second}");
        }
    }

    #[test]
    fn what_analytics_may_have_forgotten_is_left_out() {
        let (mut facts, id) = with_one(0);
        analytics_of(&mut facts).recuerda_desde = at(1);
        assert!(ids(&facts).is_empty());
        analytics_of(&mut facts).recuerda_desde = at(0);
        assert_eq!(ids(&facts), [id]);
        facts.analytics = Answer::Absent;
        assert!(ids(&facts).is_empty(), "nobody knows what it remembers");
    }

    #[test]
    fn it_is_told_that_a_sender_has_confirmed_more_than_it_remembers() {
        let mut facts = nothing();
        sender_of(&mut facts).publicaciones.confirmadas = REMEMBERED;
        assert_eq!(forgotten_from(&facts), None);
        sender_of(&mut facts).publicaciones.sin_ruta = 1;
        assert_eq!(forgotten_from(&facts), Some(REMEMBERED));
    }

    #[test]
    fn it_is_worth_looking_again_while_what_waits_is_taken_or_may_yet_be_seen_to_wait() {
        let (mut facts, _) = with_one(0);
        assert!(is_on_its_way(&facts), "missing");
        queue_of(&mut facts)["messages"] = json!(3);
        assert!(is_on_its_way(&facts), "being taken");
        analytics_of(&mut facts).consumo = "en-pausa".to_owned();
        assert!(!is_on_its_way(&facts), "waiting, and not taken");
        queue_of(&mut facts)["messages"] = json!(0);
        assert!(is_on_its_way(&facts), "missing, and perhaps waiting");
        uncounted_of(&mut facts).clear();
        assert!(!is_on_its_way(&facts), "counted");
        facts.uncounted = Answer::Absent;
        assert!(!is_on_its_way(&facts), "nobody knows");
    }
}
