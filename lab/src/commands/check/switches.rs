//! What is broken on purpose, and where to break more. Pure.

use super::facts::{Answer, Facts, SenderFaults};
use super::grade::{ANALYTICS, Goal, Item, Who};

/// Where to break something, and how to get there where it cannot be broken yet.
pub(super) fn in_switches(facts: &Facts, what: &str) -> String {
    let on = format!("en {}: {what}", facts.place.switches());
    match facts.analytics_faults {
        Answer::Absent => format!("{}, y {on}", facts.place.with_faults()),
        Answer::Said(_) | Answer::Away(_) => on,
    }
}

pub(super) fn no_faults(facts: &Facts) -> Item {
    let goal = Goal {
        id: "no_faults",
        step: 9,
        title: "Nada sigue roto a propósito",
        looked: "/fallos de los emisores y de la analítica",
    };
    let on = switched_on(facts);
    if !on.is_empty() {
        let next = format!(
            "apáguelo en {}; un reinicio del servicio también lo apaga",
            facts.place.switches()
        );
        return goal.missing(format!("sigue encendido: {}", on.join(", ")), next);
    }
    let senders = facts.senders.iter().find(|one| matches!(one.faults, Answer::Away(_)));
    if let Some(away) = senders {
        return goal.unseen(&facts.place, Who::sender(away.name), &away.faults);
    }
    match &facts.analytics_faults {
        Answer::Said(_) => goal.achieved("todos los interruptores están apagados"),
        Answer::Absent => goal.achieved("aquí no hay interruptores (LAB_FAULTS está apagado)"),
        away @ Answer::Away(_) => goal.unseen(&facts.place, ANALYTICS, away),
    }
}

fn switched_on(facts: &Facts) -> Vec<String> {
    let mut on = Vec::new();
    if let Some(faults) = facts.analytics_faults.said() {
        on.extend(faults.pausa.then(|| "la analítica en pausa".to_owned()));
        let slow = faults.lento_ms;
        on.extend((slow > 0).then(|| format!("cada lote espera {slow} ms")));
        on.extend(
            faults.muere.as_ref().map(|_| "la analítica muere en el próximo lote".to_owned()),
        );
    }
    let blocked = |name: &str| format!("{name} bloqueado");
    let is_blocked = |faults: &Answer<_>| faults.said().is_some_and(is_blocked);
    let senders = facts.senders.iter().filter(|sender| is_blocked(&sender.faults));
    on.extend(senders.map(|sender| blocked(sender.name)));
    on
}

fn is_blocked(faults: &SenderFaults) -> bool {
    faults.bloqueado
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::grade::Mark;
    use crate::commands::check::sample::nothing;

    #[test]
    fn every_switch_that_is_on_is_named() {
        let mut facts = nothing();
        assert_eq!(no_faults(&facts).mark, Mark::Achieved);
        let Answer::Said(faults) = &mut facts.analytics_faults else { unreachable!() };
        (faults.pausa, faults.lento_ms) = (true, 500);
        faults.muere = Some("antes-del-acuse".to_owned());
        let Answer::Said(sender) = &mut facts.senders[1].faults else { unreachable!() };
        sender.bloqueado = true;
        let found = no_faults(&facts).found;
        for words in ["en pausa", "500 ms", "muere en el próximo lote", "cliente_uno bloqueado"] {
            assert!(found.contains(words), "{words}: {found}");
        }
    }

    #[test]
    fn without_switches_nothing_is_switched_on_and_silence_is_no_answer() {
        let mut facts = nothing();
        facts.analytics_faults = Answer::Absent;
        facts.senders.iter_mut().for_each(|sender| sender.faults = Answer::Absent);
        assert!(no_faults(&facts).found.contains("LAB_FAULTS está apagado"));
        facts.analytics_faults = Answer::Away("no responde a tiempo".to_owned());
        assert!(no_faults(&facts).found.contains("la analítica no se deja mirar"));
        facts.senders[0].faults = Answer::Away("no responde a tiempo".to_owned());
        assert!(no_faults(&facts).found.contains("cliente_x no se deja mirar"));
    }

    #[test]
    fn where_there_are_no_switches_the_hint_says_how_to_get_them() {
        let mut facts = nothing();
        assert!(!in_switches(&facts, "«veneno»").contains("LAB_FAULTS"));
        facts.analytics_faults = Answer::Absent;
        assert!(in_switches(&facts, "«veneno»").contains("LAB_FAULTS=1 cargo lab up"));
    }
}
