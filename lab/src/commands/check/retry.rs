//! Whether a retry was recognised: an id that was confirmed twice and counted once.
//! Pure.

use super::facts::{Answer, Counted, Facts, Sender};
use super::grade::{ANALYTICS, Goal, Item};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Ids that come from a key, of which the senders are asked.
const CANDIDATES: usize = 300;

/// What the clients of `cargo lab load` begin with: it repeats by itself.
const LOAD: &str = "carga-";

/// Ids that may have been sent twice: those that come from a key, newest first,
/// and those that a sender names twice.
pub(super) fn retry_candidates(counted: &[Counted], senders: &[Sender]) -> Vec<Uuid> {
    let from_key = |row: &&Counted| row.id.get_version_num() == 5 && !row.cliente.starts_with(LOAD);
    let keyed = counted.iter().rev().filter(from_key).map(|row| row.id).take(CANDIDATES);
    let (mut once, mut wanted) = (HashSet::new(), HashSet::new());
    let states = senders.iter().filter_map(|sender| sender.state.said());
    let repeated = states.flat_map(|state| &state.ultimas).map(|one| one.id);
    let repeated: Vec<_> = repeated.filter(|id| !once.insert(*id)).collect();
    keyed.chain(repeated).filter(|id| wanted.insert(*id)).collect()
}

/// Those of the candidates that the class has not counted: perhaps they were
/// counted before it.
pub(super) fn not_counted(counted: &[Counted], candidates: &[Uuid]) -> Vec<Uuid> {
    let counted: HashSet<_> = counted.iter().map(|row| row.id).collect();
    candidates.iter().filter(|id| !counted.contains(*id)).copied().collect()
}

pub(super) fn retried(facts: &Facts) -> Item {
    let goal = Goal {
        id: "retried",
        step: 5,
        title: "Un reintento se reconoció: dos confirmaciones, una cuenta",
        looked: "/mensajes/{id} de los emisores, y /contados y /estado de la analítica",
    };
    let (Answer::Said(counted), Answer::Said(analytics)) = (&facts.counted, &facts.analytics)
    else {
        if facts.counted.said().is_none() {
            return goal.unseen(&facts.place, ANALYTICS, &facts.counted);
        }
        return goal.unseen(&facts.place, ANALYTICS, &facts.analytics);
    };
    if let Some((id, times)) = confirmed_again(facts, counted) {
        return goal.achieved(format!("confirmado {times} veces y contado una: {id}"));
    }
    let (repeated, again) = (analytics.repetidos, analytics.reentregados);
    if repeated > again {
        return goal.achieved(format!(
            "repetidos que reconoció la analítica desde que empezó: {repeated}; de ellos, por \
             una reentrega, {again} como mucho"
        ));
    }
    let found = match repeated {
        0 => "ninguno: los emisores no recuerdan un id confirmado dos veces y ya contado, y la \
              analítica no ha reconocido repetidos desde que empezó"
            .to_owned(),
        _ => format!("repetidos: {repeated}; todos pueden ser reentregas, y no reintentos"),
    };
    goal.missing(
        found,
        format!(
            "envíe dos veces lo mismo: {}",
            facts.place.send("-H \"X-Client-Name: eva\" -H \"Idempotency-Key: pago-1\"")
        ),
    )
}

/// An id that was confirmed more than once, and counted once; how often it was
/// confirmed.
fn confirmed_again(facts: &Facts, counted: &[Counted]) -> Option<(Uuid, usize)> {
    let mut times: HashMap<Uuid, usize> = HashMap::new();
    for row in counted {
        *times.entry(row.id).or_default() += 1;
    }
    // What was counted before the class is not in its part of the ledger.
    let before = |id: &Uuid| facts.stories.get(id).is_some_and(|story| story.contado.is_some());
    let is_once = |id: &Uuid| times.get(id).map_or_else(|| before(id), |times| *times == 1);
    let mut again: Vec<_> = facts
        .attempts
        .iter()
        .map(|(id, attempts)| (*id, attempts.iter().filter(|one| one.is_confirmed()).count()))
        .filter(|(id, confirmed)| *confirmed > 1 && is_once(id))
        .collect();
    again.sort_unstable();
    again.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::facts::{Publication, Story};
    use crate::commands::check::grade::Mark;
    use crate::commands::check::sample::{
        analytics_of, attempt, counted_row, id_of, nothing, sender_of,
    };
    use serde_json::json;

    fn keyed(number: u128) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, &number.to_be_bytes())
    }

    #[test]
    fn without_the_ledger_or_its_numbers_nothing_is_said() {
        let mut facts = nothing();
        facts.counted = Answer::Away("no responde a tiempo".to_owned());
        assert!(retried(&facts).found.contains("a tiempo"));
        facts = nothing();
        facts.analytics = Answer::Absent;
        assert!(retried(&facts).found.contains("404"));
    }

    #[test]
    fn two_confirms_and_one_count_are_a_retry() {
        let mut facts = nothing();
        let id = keyed(1);
        let twice = vec![attempt("confirmado", 0), attempt("confirmado", 5)];
        facts.attempts.insert(id, twice.clone());
        assert_eq!(retried(&facts).mark, Mark::Missing, "not counted yet");
        facts.counted = Answer::Said(vec![counted_row(id, "eva", 0)]);
        assert_eq!(retried(&facts).mark, Mark::Achieved);
        facts.attempts.insert(id, vec![attempt("desconocido", 0), attempt("confirmado", 5)]);
        assert_eq!(retried(&facts).mark, Mark::Missing, "confirmed once");
        facts.attempts.insert(id, twice);
        let rows = vec![counted_row(id, "eva", 0), counted_row(id, "eva", 5)];
        facts.counted = Answer::Said(rows);
        assert_eq!(retried(&facts).mark, Mark::Missing, "counted twice");
    }

    #[test]
    fn a_retry_of_what_was_counted_before_the_class_is_one_too() {
        let mut facts = nothing();
        let id = keyed(1);
        facts.attempts.insert(id, vec![attempt("confirmado", 0), attempt("confirmado", 5)]);
        facts.stories.insert(id, Story { entregas: vec![], contado: None });
        assert_eq!(retried(&facts).mark, Mark::Missing);
        facts.stories.insert(id, Story { entregas: vec![], contado: Some(json!({})) });
        assert_eq!(retried(&facts).mark, Mark::Achieved);
    }

    #[test]
    fn repeats_that_may_be_redeliveries_are_no_retry() {
        let mut facts = nothing();
        analytics_of(&mut facts).repetidos = 2;
        assert_eq!(retried(&facts).mark, Mark::Achieved);
        analytics_of(&mut facts).reentregados = 2;
        let item = retried(&facts);
        assert_eq!(item.mark, Mark::Missing);
        assert!(item.found.contains("reentregas"), "{}", item.found);
    }

    #[test]
    fn candidates_come_from_keys_that_no_load_made_or_are_named_twice() {
        let counted = [
            counted_row(keyed(1), "eva", 0),
            counted_row(keyed(2), "carga-abc-0", 0),
            counted_row(id_of(3), "ana", 0),
            counted_row(keyed(4), "eva", 1),
        ];
        let mut facts = nothing();
        let again = id_of(9);
        let twice = [again, keyed(4), again].map(|id| Publication { id });
        sender_of(&mut facts).ultimas = twice.to_vec();
        let found = retry_candidates(&counted, &facts.senders);
        assert_eq!(found, [keyed(4), keyed(1), again]);
        assert_eq!(not_counted(&counted, &found), [again]);
    }
}
