//! What a class has seen on the way: what is left of it in the broker, in the
//! counts, and in what the services remember. Pure.
//!
//! Services count from the start of their process. Where something outlives them
//! (the ledger of ids, the broker's numbers), that is looked at first.

use super::facts::{Answer, Attempt, Broker, Counted, Facts};
use super::grade::{ANALYTICS, BROKER, DEAD, Goal, Item, Who};
use super::switches::in_switches;
use jiff::SignedDuration;
use messages::MessageId;
use uuid::Uuid;

/// An event that was counted so long after it was made has waited in the queue.
/// Confirming takes two seconds at most, and the slowest batch ten.
const WAIT: SignedDuration = SignedDuration::from_secs(15);

/// Waits that are shown or looked at.
const EXAMPLES: usize = 3;

/// An event that was not counted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) id: Uuid,
    /// From the making of its id until it was counted; to the second.
    seconds: i64,
}

/// Events that waited, the longest first.
fn waits(counted: &[Counted]) -> Vec<Wait> {
    let wait = |row: &Counted| {
        let seconds = row.contado.duration_since(MessageId::from(row.id).created_at()?).as_secs();
        (seconds >= WAIT.as_secs()).then_some(Wait { id: row.id, seconds })
    };
    let mut waits: Vec<_> = counted.iter().filter_map(wait).collect();
    waits.sort_by_key(|wait| std::cmp::Reverse(wait.seconds));
    waits
}

/// Those that waited longest: of them the senders are asked.
pub(super) fn longest_waits(counted: &[Counted]) -> Vec<Wait> {
    let mut waits = waits(counted);
    waits.truncate(EXAMPLES);
    waits
}

pub(super) fn returned(facts: &Facts) -> Item {
    let goal = Goal {
        id: "returned",
        step: 3,
        title: "Un evento sin cola volvió a quien lo envió",
        looked: "/estado de los emisores: sin_ruta, desde que empezó cada uno",
    };
    let states = facts.senders.iter().filter_map(|one| Some((one.name, one.state.said()?)));
    let by_sender: Vec<_> = states
        .filter(|(_, state)| state.publicaciones.sin_ruta > 0)
        .map(|(name, state)| format!("{name}: {}", state.publicaciones.sin_ruta))
        .collect();
    if !by_sender.is_empty() {
        let names = by_sender.join(", ");
        return goal.achieved(format!("devueltos por mandatory, sin cola enlazada ({names})"));
    }
    if let Some(unseen) = facts.senders.iter().find(|sender| sender.state.said().is_none()) {
        return goal.unseen(&facts.place, Who::sender(unseen.name), &unseen.state);
    }
    goal.missing(
        "ninguno, desde que empezaron los emisores",
        format!(
            "envíe uno cuya clave nadie enlaza: {}",
            facts.place.send("-H \"Content-Type: application/json\" -d '{\"evento\": \"compra\"}'")
        ),
    )
}

pub(super) fn queued(facts: &Facts) -> Item {
    let goal = Goal {
        id: "queued",
        step: 4,
        title: "La cola guardó lo que nadie leía, y después se contó",
        looked: "/contados: cuándo se hizo cada id (UUIDv7) y cuándo se contó",
    };
    let Answer::Said(counted) = &facts.counted else {
        return goal.unseen(&facts.place, ANALYTICS, &facts.counted);
    };
    let waits = waits(counted);
    let Some(longest) = waits.first() else {
        return goal.missing(
            format!("ningún evento tardó {} s o más en contarse", WAIT.as_secs()),
            format!(
                "{}, envíe, mire cómo se llena la cola, espere {} s, y {}",
                facts.place.order("stop", "analiticas"),
                WAIT.as_secs(),
                facts.place.order("start", "analiticas")
            ),
        );
    };
    goal.achieved(format!(
        "esperaron {} s o más: {}; el que más, {} s: {}{}",
        WAIT.as_secs(),
        waits.len(),
        longest.seconds,
        longest.id,
        confirmed_before(facts, &waits)
    ))
}

/// What the senders say of those that waited longest.
fn confirmed_before(facts: &Facts, waits: &[Wait]) -> &'static str {
    let attempts = waits.iter().take(EXAMPLES).filter_map(|wait| facts.attempts.get(&wait.id));
    let confirmed = attempts.flatten().any(Attempt::is_confirmed);
    if confirmed { " (su emisor tenía la confirmación desde el principio)" } else { "" }
}

pub(super) fn redelivered(facts: &Facts) -> Item {
    let goal = Goal {
        id: "redelivered",
        step: 6,
        title: "Lo entregado y no acusado volvió a entregarse",
        looked: "RabbitMQ (redeliver), /estado de la analítica y lo que ella escribió",
    };
    let by_analytics = facts.analytics.said().map_or(0, |analytics| analytics.reentregados);
    let by_broker = facts.broker.said().map_or(0, Broker::redelivered);
    let died = !facts.crashes.before_ack.is_empty();
    if by_analytics == 0 && by_broker == 0 && !died {
        if facts.broker.said().is_none() {
            return goal.unseen(&facts.place, BROKER, &facts.broker);
        }
        return goal.missing(
            "ninguna entrega con redelivered, desde que empezaron RabbitMQ y la analítica",
            in_switches(facts, "«Morir después de guardar y antes de acusar»"),
        );
    }
    let how = match (died, by_analytics + by_broker) {
        (false, _) => {
            "no consta que la analítica muriera antes del acuse; también vuelve lo que tenía \
              entregado quien se detiene"
        }
        // Both count from their start, and the broker's numbers of a consumer
        // that ended within five seconds are never told.
        (true, 0) => {
            "la analítica murió tras guardar y antes del acuse; quien contó la reentrega \
              ya no está"
        }
        (true, _) => "la analítica murió tras guardar y antes del acuse, y lo repetido no sumó",
    };
    goal.achieved(format!(
        "reentregas según RabbitMQ: {by_broker}; vistas por la analítica desde que empezó: \
         {by_analytics}; {how}"
    ))
}

pub(super) fn poison(facts: &Facts) -> Item {
    let goal = Goal {
        id: "poison",
        step: 8,
        title: "Lo que no puede contarse está apartado, solo",
        looked: "los mensajes de cola_analiticas_dlq, y qué dijo la analítica de ellos",
    };
    let rejected = facts.analytics.said().map_or(0, |analytics| analytics.rechazados);
    match &facts.dead {
        Answer::Said(dead) if !dead.is_empty() => {
            goal.achieved(format!("mensajes muertos: {}{}", dead.len(), reason(facts, dead)))
        }
        _ if rejected > 0 => goal.achieved(format!(
            "rechazados por la analítica desde que empezó: {rejected}; alguien los retiró ya"
        )),
        Answer::Said(_) => goal.missing(
            "ningún mensaje muerto, ni rechazado desde que empezó la analítica",
            in_switches(facts, "«Enviar veneno»"),
        ),
        unseen => goal.unseen(&facts.place, DEAD, unseen),
    }
}

/// Why the first of them died of which analytics still knows.
fn reason(facts: &Facts, dead: &[Option<Uuid>]) -> String {
    let known = |id: &Uuid| Some((*id, facts.stories.get(id)?.rejection()?));
    match dead.iter().flatten().find_map(known) {
        Some((id, why)) => format!("; {id}: {why}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::facts::{Delivered, Story};
    use crate::commands::check::grade::Mark;
    use crate::commands::check::sample::{
        analytics_of, at, attempt, counted_row, id_of, nothing, queue_of, sender_of,
    };
    use serde_json::json;

    #[test]
    fn a_returned_event_is_seen_by_its_sender() {
        let mut facts = nothing();
        assert_eq!(returned(&facts).mark, Mark::Missing);
        sender_of(&mut facts).publicaciones.sin_ruta = 2;
        let item = returned(&facts);
        assert_eq!(item.mark, Mark::Achieved);
        assert!(item.found.contains("cliente_x: 2"), "{}", item.found);
    }

    #[test]
    fn a_sender_that_is_away_is_named_where_nothing_was_seen() {
        let mut facts = nothing();
        facts.senders[2].state = Answer::Absent;
        let item = returned(&facts);
        assert!(item.found.contains("cliente_dos") && item.found.contains("404"), "{}", item.found);
    }

    #[test]
    fn what_waited_long_enough_has_been_in_the_queue() {
        let mut facts = nothing();
        let row = |made: i64, counted| counted_row(id_of(made), "ana", counted);
        facts.counted =
            Answer::Said(vec![row(0, 1), row(0, 14), counted_row(Uuid::nil(), "ana", 99)]);
        assert_eq!(queued(&facts).mark, Mark::Missing);
        facts.counted = Answer::Said(vec![row(0, 15), row(10, 70), row(0, 2)]);
        let item = queued(&facts);
        assert_eq!(item.mark, Mark::Achieved);
        assert!(item.found.starts_with("esperaron 15 s o más: 2;") && item.found.contains("60 s"));
        assert!(!item.found.contains("confirmación"));
    }

    #[test]
    fn that_its_sender_had_the_confirm_is_said_where_it_remembers() {
        let mut facts = nothing();
        let id = id_of(0);
        facts.counted = Answer::Said(vec![counted_row(id, "ana", 40)]);
        facts.attempts.insert(id, vec![attempt("desconocido", 0)]);
        assert!(!queued(&facts).found.contains("confirmación"));
        facts.attempts.insert(id, vec![attempt("confirmado", 0)]);
        assert!(queued(&facts).found.contains("confirmación"));
    }

    #[test]
    fn without_the_ledger_nothing_is_said_to_have_waited() {
        let mut facts = nothing();
        facts.counted = Answer::Away("no responde a tiempo".to_owned());
        assert!(queued(&facts).found.contains("a tiempo"));
    }

    #[test]
    fn only_the_longest_waits_are_looked_at_closer() {
        let counted: Vec<_> = (0..9).map(|n| counted_row(id_of(-n), "ana", 20)).collect();
        let found: Vec<_> = longest_waits(&counted).iter().map(|wait| wait.seconds).collect();
        assert_eq!(found, [28, 27, 26]);
    }

    #[test]
    fn a_redelivery_is_seen_by_analytics_or_by_the_broker() {
        let mut facts = nothing();
        assert_eq!(redelivered(&facts).mark, Mark::Missing);
        analytics_of(&mut facts).reentregados = 1;
        assert!(redelivered(&facts).found.contains("no consta"));
        analytics_of(&mut facts).reentregados = 0;
        queue_of(&mut facts)["message_stats"] = json!({ "redeliver": 3 });
        facts.crashes.before_ack.push(at(0));
        let item = redelivered(&facts);
        assert_eq!(item.mark, Mark::Achieved);
        assert!(
            item.found.starts_with("reentregas según RabbitMQ: 3;")
                && item.found.contains("murió tras guardar")
        );
        queue_of(&mut facts)["message_stats"] = json!(null);
        let item = redelivered(&facts);
        assert_eq!(item.mark, Mark::Achieved, "who counted it was ended too");
        assert!(item.found.contains("ya no está"), "{}", item.found);
        facts.crashes.before_ack.clear();
        facts.broker = Answer::Away("no responde a tiempo".to_owned());
        assert!(redelivered(&facts).found.contains("RabbitMQ no se deja mirar"));
    }

    #[test]
    fn poison_is_in_the_dead_letter_queue_with_what_analytics_said_of_it() {
        let mut facts = nothing();
        assert_eq!(poison(&facts).mark, Mark::Missing);
        let (unknown, known) = (id_of(0), id_of(1));
        facts.dead = Answer::Said(vec![None, Some(unknown), Some(known)]);
        assert_eq!(poison(&facts).found, "mensajes muertos: 3");
        let rejection =
            Delivered { resultado: "rechazado".to_owned(), motivo: Some("no es JSON".to_owned()) };
        facts.stories.insert(known, Story { entregas: vec![rejection], contado: None });
        assert_eq!(poison(&facts).found, format!("mensajes muertos: 3; {known}: no es JSON"));
    }

    #[test]
    fn poison_that_was_taken_away_still_counts_and_a_silent_broker_does_not() {
        let mut facts = nothing();
        facts.dead = Answer::Away("la conexión se cortó".to_owned());
        assert!(poison(&facts).found.contains("se cortó"));
        analytics_of(&mut facts).rechazados = 2;
        assert_eq!(poison(&facts).mark, Mark::Achieved);
    }
}
