//! The end of the class: nothing waits, and of what was confirmed nothing is lost,
//! by id; unless it was thrown away on purpose. Pure.

use super::facts::Facts;
use super::grade::{ANALYTICS, BROKER, DEAD, Goal, Item, Mark, Who};
use super::switches::in_switches;
use jiff::{SignedDuration, Timestamp};
use messages::names::{CLICK, EXCHANGE, QUEUE};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// What was confirmed so shortly after the counts begin may have been counted
/// before.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// A confirmation and what becomes of the message pass each other by this much.
const CROSSING: SignedDuration = SignedDuration::from_secs(2);

/// The word of analytics for taking what is in the queue.
const CONSUMES: &str = "activo";

/// Ids that are listed.
const LISTED: usize = 3;

/// What the senders still remember as confirmed for the queue, and when at last.
/// What another queue takes is none of analytics' business.
fn confirmed(facts: &Facts) -> BTreeMap<Uuid, Timestamp> {
    let keys = facts.broker.said().map_or(vec![CLICK], |broker| broker.keys(EXCHANGE, QUEUE));
    let states = facts.senders.iter().filter_map(|sender| sender.state.said());
    let mut confirmed = BTreeMap::new();
    for one in states.flat_map(|state| &state.ultimas).filter(|one| one.is_confirmed()) {
        if keys.contains(&one.clave.as_str()) && one.a_las.duration_since(facts.since) >= MARGIN {
            let last = confirmed.entry(one.id).or_insert(one.a_las);
            *last = one.a_las.max(*last);
        }
    }
    confirmed
}

/// Those of them that are neither counted nor dead.
pub(super) fn missing(facts: &Facts) -> Vec<Uuid> {
    let counted: HashSet<_> =
        facts.counted.said().into_iter().flatten().map(|row| row.id).collect();
    let dead: HashSet<_> = facts.dead.said().into_iter().flatten().flatten().collect();
    let is_known = |id: &Uuid| {
        let story = facts.stories.get(id);
        counted.contains(id)
            || dead.contains(id)
            || story.is_some_and(|story| story.contado.is_some() || story.rejection().is_some())
    };
    confirmed(facts).into_keys().filter(|id| !is_known(id)).collect()
}

/// Whether it is worth looking again in a moment: what waits is being taken, or
/// something is missing that may wait in a queue of which the broker does not know
/// yet.
pub(super) fn is_on_its_way(facts: &Facts) -> bool {
    let consumes = facts.analytics.said().is_some_and(|one| one.consumo == CONSUMES);
    match waiting(facts) {
        Some(0) | None => {
            let can_be_told = facts.counted.said().is_some() && facts.broker.said().is_some();
            can_be_told && !missing(facts).is_empty()
        }
        Some(_) => consumes,
    }
}

/// What is missing, by whether an early acknowledgement threw it away: it was
/// confirmed before analytics ended so.
fn lost(facts: &Facts) -> (Vec<Uuid>, Vec<Uuid>) {
    let confirmed = confirmed(facts);
    let thrown_away = |id: &Uuid| {
        let crashes = &mut facts.crashes.after_early_ack.iter();
        confirmed.get(id).is_some_and(|at| crashes.any(|end| at.duration_since(*end) <= CROSSING))
    };
    missing(facts).into_iter().partition(thrown_away)
}

/// How much is in the queue, delivered or not; none where the broker does not know.
fn waiting(facts: &Facts) -> Option<u64> {
    facts.broker.said().and_then(|broker| broker.number(QUEUE, "messages"))
}

pub(super) fn early_ack(facts: &Facts) -> Item {
    let goal = Goal {
        id: "early_ack",
        step: 7,
        title: "Acusar antes de guardar pierde (la manera equivocada)",
        looked: "lo que escribió la analítica, y los últimos 20 eventos de cada emisor",
    };
    if facts.crashes.after_early_ack.is_empty() {
        return goal.optional(
            "no se ha probado en las últimas tres horas (no hace falta para aprobar)",
            in_switches(facts, "«Acusar antes de guardar (mal hecho)»"),
        );
    }
    if let Some(unseen) = unseen(facts, goal) {
        return Item { mark: Mark::Optional, ..unseen };
    }
    let (thrown_away, _) = lost(facts);
    if thrown_away.is_empty() || waiting(facts) != Some(0) {
        return goal.optional(
            "se ha probado; ya ningún emisor recuerda lo perdido, o aún hay mensajes en la cola",
            "repítalo con un solo evento, y esta orden justo después",
        );
    }
    goal.achieved(format!(
        "la lección: confirmado por RabbitMQ, y ni contado, ni en la cola, ni muerto: {}",
        listed(&thrown_away)
    ))
}

pub(super) fn nothing_lost(facts: &Facts) -> Item {
    let goal = Goal {
        id: "nothing_lost",
        step: 9,
        title: "Nada espera, y nada de lo confirmado se ha perdido",
        looked: "los últimos 20 eventos de cada emisor, uno a uno, en /contados y en la cola \
                 de mensajes muertos",
    };
    if let Some(unseen) = unseen(facts, goal) {
        return unseen;
    }
    match waiting(facts) {
        None => return goal.missing("RabbitMQ aún no dice cuánto espera", AGAIN),
        Some(0) => {}
        Some(count) => return goal.missing(in_queue(facts, count), drain(facts)),
    }
    let remembered = confirmed(facts);
    if remembered.is_empty() {
        let found = "los emisores no recuerdan ningún evento confirmado (¿se reiniciaron?)";
        return goal.missing(found, "envíe uno más, y repita esta orden");
    }
    let (thrown_away, unexplained) = lost(facts);
    if !unexplained.is_empty() {
        return goal.missing(
            format!("confirmado, y ni contado, ni en la cola, ni muerto: {}", listed(&unexplained)),
            format!(
                "mire su historia en {}, y lo que escribió la analítica: {}",
                facts.place.panel("historia"),
                facts.place.order("logs", "analiticas")
            ),
        );
    }
    let found = remembered.len() - thrown_away.len();
    let but = match thrown_away.len() {
        0 => String::new(),
        count => format!("; perdidos a propósito, en el paso 7: {count}"),
    };
    goal.achieved(format!("confirmados, y contados o apartados, por su id: {found}{but}"))
}

const AGAIN: &str = "espere unos segundos y repita esta orden";

/// How what waits gets counted.
fn drain(facts: &Facts) -> String {
    let consumes = facts.analytics.said().is_some_and(|one| one.consumo == CONSUMES);
    let is_paused = facts.analytics_faults.said().is_some_and(|faults| faults.pausa);
    match (consumes, is_paused) {
        (true, _) => "la analítica la está leyendo: espere, y repita esta orden".to_owned(),
        (false, true) => format!("quite la pausa en {}, y espere", facts.place.switches()),
        (false, false) => format!("{}, y espere", facts.place.order("start", "analiticas")),
    }
}

/// What has to be known before anything can be said to be lost.
fn unseen(facts: &Facts, goal: Goal) -> Option<Item> {
    let sender = facts.senders.iter().find(|sender| sender.state.said().is_none());
    if let Some(sender) = sender {
        return Some(goal.unseen(&facts.place, Who::sender(sender.name), &sender.state));
    }
    if facts.counted.said().is_none() {
        return Some(goal.unseen(&facts.place, ANALYTICS, &facts.counted));
    }
    if facts.broker.said().is_none() {
        return Some(goal.unseen(&facts.place, BROKER, &facts.broker));
    }
    let is_seen = facts.dead.said().is_some();
    (!is_seen).then(|| goal.unseen(&facts.place, DEAD, &facts.dead))
}

fn in_queue(facts: &Facts, count: u64) -> String {
    let number = |name| facts.broker.said().and_then(|broker| broker.number(QUEUE, name));
    let (ready, unacked) = (number("messages_ready"), number("messages_unacknowledged"));
    match (ready, unacked) {
        (Some(ready), Some(unacked)) => {
            format!("{count} en {QUEUE}: {ready} listos y {unacked} entregados sin acuse")
        }
        _ => format!("{count} en {QUEUE}"),
    }
}

/// The first few, and how many more.
fn listed(ids: &[Uuid]) -> String {
    let first: Vec<_> = ids.iter().take(LISTED).map(Uuid::to_string).collect();
    let more = match ids.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" y {more} más"),
    };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::facts::{Answer, Delivered, Story};
    use crate::commands::check::sample::{
        analytics_of, at, confirmed as publication, counted_row, id_of, nothing, queue_of,
        sender_of,
    };
    use serde_json::json;

    /// One event that was confirmed an hour after the beginning, plus so many seconds.
    fn with_one(seconds: i64) -> (Facts, Uuid) {
        let mut facts = nothing();
        let id = id_of(seconds);
        sender_of(&mut facts).ultimas = vec![publication(id, seconds)];
        (facts, id)
    }

    #[test]
    fn what_is_confirmed_is_counted_dead_or_missing() {
        let (mut facts, id) = with_one(0);
        assert_eq!(missing(&facts), [id]);
        assert_eq!(nothing_lost(&facts).mark, Mark::Missing);
        facts.counted = Answer::Said(vec![counted_row(id, "ana", 0)]);
        assert!(missing(&facts).is_empty());
        assert_eq!(nothing_lost(&facts).mark, Mark::Achieved);
        facts.counted = Answer::Said(vec![]);
        facts.dead = Answer::Said(vec![None, Some(id)]);
        assert!(missing(&facts).is_empty());
    }

    #[test]
    fn analytics_may_know_of_what_is_in_neither_list() {
        let (mut facts, id) = with_one(0);
        let story = |resultado: &str, contado| Story {
            entregas: vec![Delivered { resultado: resultado.to_owned(), motivo: None }],
            contado,
        };
        facts.stories.insert(id, story("no-guardado", None));
        assert_eq!(missing(&facts), [id]);
        facts.stories.insert(id, story("repetido", Some(json!({ "cliente": "ana" }))));
        assert!(missing(&facts).is_empty(), "counted before the class");
        facts.stories.insert(id, story("rechazado", None));
        assert!(missing(&facts).is_empty(), "dead, and taken away");
    }

    #[test]
    fn only_what_was_confirmed_for_the_queue_in_class_must_be_counted() {
        let mut facts = nothing();
        let other = |key: &str, result: &str, seconds| {
            let mut one = publication(id_of(seconds), seconds);
            (one.clave, one.resultado) = (key.to_owned(), result.to_owned());
            one
        };
        sender_of(&mut facts).ultimas = vec![
            other("compra", "confirmado", 0),
            other("click", "sin-ruta", 1),
            other("click", "desconocido", 2),
            other("click", "confirmado", -3600),
        ];
        assert!(missing(&facts).is_empty());
        let item = nothing_lost(&facts);
        assert!(item.found.contains("no recuerdan"), "{}", item.found);
    }

    #[test]
    fn a_key_that_was_bound_by_hand_counts_too() {
        let (mut facts, id) = with_one(0);
        sender_of(&mut facts).ultimas[0].clave = "compra".to_owned();
        let Answer::Said(broker) = &mut facts.broker else { unreachable!() };
        broker.bindings.push(json!({
            "source": EXCHANGE, "destination": QUEUE, "routing_key": "compra"
        }));
        assert_eq!(missing(&facts), [id]);
    }

    #[test]
    fn what_waits_is_not_lost_yet() {
        let (mut facts, _) = with_one(0);
        for (number, ready, unacked) in [(7, 5, 2), (1, 1, 0)] {
            let queue = queue_of(&mut facts);
            queue["messages"] = json!(number);
            queue["messages_ready"] = json!(ready);
            queue["messages_unacknowledged"] = json!(unacked);
            let item = nothing_lost(&facts);
            assert_eq!(item.mark, Mark::Missing);
            assert!(item.found.contains(&format!("{ready} listos y {unacked} entregados")));
            assert!(item.next.unwrap().contains("la está leyendo"));
        }
        queue_of(&mut facts).as_object_mut().unwrap().remove("messages_ready");
        assert_eq!(nothing_lost(&facts).found, "1 en cola_analiticas");
        queue_of(&mut facts)["messages"] = json!(null);
        assert!(nothing_lost(&facts).found.contains("aún no dice"));
    }

    #[test]
    fn a_pause_is_taken_back_before_analytics_is_started() {
        let (mut facts, _) = with_one(0);
        queue_of(&mut facts)["messages"] = json!(1);
        analytics_of(&mut facts).consumo = "sin-conexion".to_owned();
        assert!(nothing_lost(&facts).next.unwrap().contains("cargo lab start analiticas"));
        let Answer::Said(faults) = &mut facts.analytics_faults else { unreachable!() };
        faults.pausa = true;
        assert!(nothing_lost(&facts).next.unwrap().contains("quite la pausa"));
    }

    #[test]
    fn nothing_is_said_to_be_safe_while_somebody_cannot_be_asked() {
        let (whole, id) = with_one(0);
        let counted = Answer::Said(vec![counted_row(id, "ana", 0)]);
        let whole = Facts { counted, ..whole };
        assert_eq!(nothing_lost(&whole).mark, Mark::Achieved);
        let mut facts = whole.clone();
        facts.senders[1].state = Answer::Away("responde 500".to_owned());
        assert!(nothing_lost(&facts).found.contains("cliente_uno"));
        let facts = Facts { counted: Answer::Absent, ..whole.clone() };
        assert!(nothing_lost(&facts).found.contains("la analítica"));
        let facts = Facts { broker: Answer::Absent, ..whole.clone() };
        assert!(nothing_lost(&facts).found.contains("RabbitMQ"));
        let facts = Facts { dead: Answer::Absent, ..whole };
        assert!(nothing_lost(&facts).found.contains("mensajes muertos"));
    }

    #[test]
    fn what_an_early_ack_threw_away_is_the_lesson_and_nothing_else_is() {
        let (mut facts, id) = with_one(0);
        assert_eq!(early_ack(&facts).mark, Mark::Optional);
        assert!(nothing_lost(&facts).found.contains(&id.to_string()));
        facts.crashes.after_early_ack.push(at(1));
        let item = early_ack(&facts);
        assert_eq!(item.mark, Mark::Achieved);
        assert!(item.found.contains(&id.to_string()));
        let item = nothing_lost(&facts);
        assert_eq!(item.mark, Mark::Achieved);
        assert!(item.found.contains("a propósito, en el paso 7: 1"), "{}", item.found);
    }

    #[test]
    fn what_was_confirmed_after_that_end_is_lost_without_a_reason() {
        let (mut facts, id) = with_one(30);
        facts.crashes.after_early_ack.push(at(1));
        assert_eq!(early_ack(&facts).mark, Mark::Optional);
        let item = nothing_lost(&facts);
        assert_eq!(item.mark, Mark::Missing);
        assert!(item.found.contains(&id.to_string()));
    }

    #[test]
    fn an_event_that_was_confirmed_again_after_that_end_is_not_excused() {
        let (mut facts, id) = with_one(0);
        facts.crashes.after_early_ack.push(at(1));
        sender_of(&mut facts).ultimas.insert(0, publication(id, 30));
        assert_eq!(nothing_lost(&facts).mark, Mark::Missing);
    }

    #[test]
    fn while_something_waits_nothing_is_told_as_thrown_away() {
        let (mut facts, _) = with_one(0);
        facts.crashes.after_early_ack.push(at(1));
        queue_of(&mut facts)["messages"] = json!(1);
        assert_eq!(early_ack(&facts).mark, Mark::Optional);
    }

    #[test]
    fn who_cannot_be_asked_cannot_tell_what_was_thrown_away() {
        let (mut facts, _) = with_one(0);
        facts.crashes.after_early_ack.push(at(1));
        facts.senders[0].state = Answer::Absent;
        let item = early_ack(&facts);
        assert_eq!(item.mark, Mark::Optional);
        assert!(item.found.contains("cliente_x"), "{}", item.found);
    }

    #[test]
    fn many_ids_are_shortened() {
        let mut facts = nothing();
        sender_of(&mut facts).ultimas = (0..5).map(|n| publication(id_of(n), n)).collect();
        assert!(nothing_lost(&facts).found.ends_with(" y 2 más"));
    }

    #[test]
    fn it_is_worth_looking_again_while_what_waits_is_taken_or_may_yet_be_seen_to_wait() {
        let (mut facts, id) = with_one(0);
        assert!(is_on_its_way(&facts), "missing");
        queue_of(&mut facts)["messages"] = json!(3);
        assert!(is_on_its_way(&facts), "being taken");
        analytics_of(&mut facts).consumo = "en-pausa".to_owned();
        assert!(!is_on_its_way(&facts), "waiting, and not taken");
        queue_of(&mut facts)["messages"] = json!(0);
        assert!(is_on_its_way(&facts), "missing, and perhaps waiting");
        facts.counted = Answer::Said(vec![counted_row(id, "ana", 0)]);
        assert!(!is_on_its_way(&facts), "counted");
        facts.counted = Answer::Absent;
        assert!(!is_on_its_way(&facts), "nobody knows");
    }
}
