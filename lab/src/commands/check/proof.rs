//! The end of the class: nothing waits, and of what was confirmed nothing is lost,
//! by id; unless it was thrown away on purpose. Pure.

use super::compared::{Message, confirmed, forgotten_from, is_consuming, lost, waiting};
use super::facts::{Facts, REMEMBERED};
use super::grade::{ANALYTICS, BROKER, DEAD, Goal, Item, Mark, Who};
use super::switches::in_switches;
use messages::names::QUEUE;

/// Ids that are listed.
const LISTED: usize = 3;

pub(super) fn early_ack(facts: &Facts) -> Item {
    let goal = Goal {
        id: "early_ack",
        step: 7,
        title: "Acusar antes de guardar pierde (la manera equivocada)",
        looked: "lo que escribió la analítica, y lo confirmado que los emisores recuerdan",
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
        looked: "todo lo confirmado que los emisores recuerdan, uno a uno, en /contados/faltan \
                 de la analítica y en la cola de mensajes muertos",
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
    if unexplained.is_empty() {
        return goal.achieved(accounted_for(facts, remembered.len(), thrown_away.len()));
    }
    goal.missing(
        format!("confirmado, y ni contado, ni en la cola, ni muerto: {}", listed(&unexplained)),
        format!(
            "mire su historia en {}, y lo que escribió la analítica: {}",
            facts.place.panel("historia"),
            facts.place.order("logs", "analiticas")
        ),
    )
}

/// What became of so many that were compared; and that there were more, where the
/// senders do not remember all.
fn accounted_for(facts: &Facts, compared: usize, thrown_away: usize) -> String {
    let kept = compared - thrown_away;
    let lesson = match thrown_away {
        0 => String::new(),
        count => format!("; perdidos a propósito, en el paso 7: {count}"),
    };
    let rest = forgotten_from(facts).map_or_else(String::new, |all| {
        format!(
            "; de {all} confirmados se compararon {compared}: cada emisor recuerda sus últimos \
             {REMEMBERED} intentos"
        )
    });
    format!("confirmados, y contados o apartados, por su id: {kept}{lesson}{rest}")
}

const AGAIN: &str = "espere unos segundos y repita esta orden";

/// How what waits gets counted.
fn drain(facts: &Facts) -> String {
    let is_paused = facts.analytics_faults.said().is_some_and(|faults| faults.pausa);
    match (is_consuming(facts), is_paused) {
        (true, _) => "la analítica la está leyendo: espere, y repita esta orden".to_owned(),
        (false, true) => format!("quite la pausa en {}, y espere", facts.place.switches()),
        (false, false) => format!("{}, y espere", facts.place.order("start", "analiticas")),
    }
}

/// What has to be known before anything can be said to be lost.
fn unseen(facts: &Facts, goal: Goal) -> Option<Item> {
    for sender in &facts.senders {
        let who = Who::sender(sender.name);
        if sender.state.said().is_none() {
            return Some(goal.unseen(&facts.place, who, &sender.state));
        }
        if sender.confirmed.said().is_none() {
            return Some(goal.unseen(&facts.place, who, &sender.confirmed));
        }
    }
    if facts.analytics.said().is_none() {
        return Some(goal.unseen(&facts.place, ANALYTICS, &facts.analytics));
    }
    if facts.uncounted.said().is_none() {
        return Some(goal.unseen(&facts.place, ANALYTICS, &facts.uncounted));
    }
    if facts.broker.said().is_none() {
        return Some(goal.unseen(&facts.place, BROKER, &facts.broker));
    }
    let is_seen = facts.dead.said().is_some();
    (!is_seen).then(|| goal.unseen(&facts.place, DEAD, &facts.dead))
}

fn in_queue(facts: &Facts, count: u64) -> String {
    let number = |name| facts.broker.said().and_then(|broker| broker.number(name));
    let (ready, unacked) = (number("messages_ready"), number("messages_unacknowledged"));
    match (ready, unacked) {
        (Some(ready), Some(unacked)) => {
            format!("{count} en {QUEUE}: {ready} listos y {unacked} entregados sin acuse")
        }
        _ => format!("{count} en {QUEUE}"),
    }
}

/// The first few, and how many more.
fn listed(messages: &[Message]) -> String {
    let first: Vec<_> = messages.iter().take(LISTED).map(|(id, _)| id.to_string()).collect();
    let more = match messages.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" y {more} más"),
    };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::facts::Answer;
    use crate::commands::check::sample::{
        analytics_of, at, confirmed as row, confirmed_of, id_of, nothing, queue_of, sender_of,
        uncounted, uncounted_of, with_one,
    };
    use serde_json::json;

    #[test]
    fn what_is_missing_is_named_and_what_is_counted_is_numbered() {
        let (mut facts, id) = with_one(0);
        let item = nothing_lost(&facts);
        assert_eq!((item.mark, item.found.contains(&id.to_string())), (Mark::Missing, true));
        uncounted_of(&mut facts).clear();
        let item = nothing_lost(&facts);
        assert_eq!((item.mark, item.found.ends_with("por su id: 1")), (Mark::Achieved, true));
    }

    #[test]
    fn where_nobody_remembers_anything_nothing_is_proved() {
        let item = nothing_lost(&nothing());
        assert_eq!(item.mark, Mark::Missing);
        assert!(item.found.contains("no recuerdan"), "{}", item.found);
    }

    #[test]
    fn what_the_senders_have_forgotten_is_said_not_to_have_been_compared() {
        let (mut facts, _) = with_one(0);
        uncounted_of(&mut facts).clear();
        sender_of(&mut facts).publicaciones.confirmadas = 12_345;
        let found = nothing_lost(&facts).found;
        assert!(found.contains("de 12345 confirmados se compararon 1: "), "{found}");
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
        facts.senders[1].confirmed = Answer::Said(vec![row(id, 30)]);
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
    fn nothing_is_said_to_be_safe_while_somebody_cannot_be_asked() {
        let (mut whole, _) = with_one(0);
        uncounted_of(&mut whole).clear();
        assert_eq!(nothing_lost(&whole).mark, Mark::Achieved);
        let without = |hide: fn(&mut Facts), name: &str| {
            let mut facts = whole.clone();
            hide(&mut facts);
            let item = nothing_lost(&facts);
            assert_eq!(item.mark, Mark::Missing, "{name}");
            assert!(item.found.contains(name), "{}", item.found);
        };
        without(|facts| facts.senders[1].state = away(), "cliente_uno");
        without(|facts| facts.senders[2].confirmed = Answer::Absent, "cliente_dos");
        without(|facts| facts.analytics = away(), "la analítica");
        without(|facts| facts.uncounted = Answer::Absent, "la analítica");
        without(|facts| facts.broker = Answer::Absent, "RabbitMQ");
        without(|facts| facts.dead = Answer::Absent, "mensajes muertos");
    }

    fn away<T>() -> Answer<T> {
        Answer::Away("responde 500".to_owned())
    }

    #[test]
    fn many_ids_are_shortened() {
        let mut facts = nothing();
        for id in (0..5).map(id_of) {
            confirmed_of(&mut facts).push(row(id, 0));
            uncounted_of(&mut facts).push(uncounted(id));
        }
        assert!(nothing_lost(&facts).found.ends_with(" y 2 más"));
    }
}
