//! What is lost, and what only looks like it.

use crate::knowledge::{Attempt, sample};

use super::*;

const NOON: &str = "2025-04-13T12:00:00Z";
const BEFORE: &str = "2025-04-06T12:00:00Z";

fn message(id: &str) -> Message {
    Message(id.to_owned(), "ana".to_owned())
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn moments() -> impl Fn(u64) -> Clock {
    let start = Clock::at(NOON);
    move |second| start.later(Duration::from_secs(second))
}

fn missing(id: &str, rejected: bool) -> Missing {
    Missing { id: id.to_owned(), client: "ana".to_owned(), rejected }
}

/// All of it was confirmed at noon, all senders answer, and what is missing is
/// not counted.
fn round(confirmed: &[&str], missed: &[&str], empty: Option<Clock>, now: Clock) -> Round {
    Round {
        confirmed: confirmed.iter().map(|id| (message(id), time(NOON))).collect(),
        missing: missed.iter().map(|id| missing(id, false)).collect(),
        is_whole: true,
        empty,
        now,
    }
}

fn ids(finding: &Finding) -> Vec<&str> {
    finding.lost.iter().map(|lost| lost.id.as_str()).collect()
}

#[test]
fn lost_is_what_is_missing_before_and_after_an_empty_queue() {
    let at = moments();
    let mut prover = Prover::default();
    let mut lost = |second, empty: Option<u64>, missed: &[&str]| {
        let finding = prover.judge(round(&["a", "b", "c"], missed, empty.map(&at), at(second)));
        assert_eq!(finding.compared, 3);
        assert_eq!(finding.under_way + finding.lost.len() as u64, missed.len() as u64);
        ids(&finding).join(" ")
    };
    assert_eq!(lost(0, Some(0), &["a", "b"]), "", "the queue was empty before");
    assert_eq!(lost(9, Some(4), &["a", "b"]), "", "too shortly after");
    assert_eq!(lost(9, None, &["a", "b"]), "", "nobody has seen the queue");
    assert_eq!(lost(9, Some(5), &["a"]), "a", "b was counted in the end");
    assert_eq!(lost(10, Some(9), &["a", "b"]), "a", "b is missed anew");
}

#[test]
fn a_message_that_was_confirmed_again_is_missed_anew() {
    let at = moments();
    let mut prover = Prover::default();
    prover.judge(round(&["a"], &["a"], None, at(0)));
    assert_eq!(ids(&prover.judge(round(&["a"], &["a"], Some(at(5)), at(6)))), ["a"]);
    let mut retried = round(&["a"], &["a"], Some(at(5)), at(7));
    retried.confirmed.insert(message("a"), time("2025-04-13T12:00:07Z"));
    let finding = prover.judge(retried);
    assert_eq!((finding.under_way, finding.lost.len()), (1, 0));
}

#[test]
fn what_is_lost_stays_lost_until_it_is_counted_whoever_is_silent_or_forgets() {
    let at = moments();
    let mut prover = Prover::default();
    prover.judge(round(&["a"], &["a"], None, at(0)));
    prover.judge(round(&["a"], &["a"], Some(at(5)), at(6)));
    // Its sender does not answer, or was restarted: nobody tells of it.
    for second in [7, 8] {
        let confirmed = prover.comparable(Vec::new(), &Knowledge::default());
        assert_eq!(confirmed.len(), 1);
        let round = Round { confirmed, ..round(&[], &["a"], None, at(second)) };
        assert_eq!(ids(&prover.judge(round)), ["a"]);
    }
    let found = prover.judge(round(&["a"], &[], None, at(9)));
    assert!(found.lost.is_empty());
    assert!(prover.comparable(Vec::new(), &Knowledge::default()).is_empty());
}

#[test]
fn a_suspect_of_a_silent_sender_is_missed_since_it_first_was() {
    let at = moments();
    let mut prover = Prover::default();
    prover.judge(round(&["a"], &["a"], None, at(0)));
    let silence = Round { is_whole: false, ..round(&[], &[], None, at(3)) };
    assert_eq!(prover.judge(silence).compared, 0);
    assert_eq!(ids(&prover.judge(round(&["a"], &["a"], Some(at(5)), at(6)))), ["a"]);
}

#[test]
fn what_was_once_rejected_is_not_lost_when_analytics_has_forgotten_that() {
    let at = moments();
    let mut prover = Prover::default();
    let mut told = round(&["a"], &[], None, at(0));
    told.missing.push(missing("a", true));
    assert_eq!(prover.judge(told).rejected, 1);
    let finding = prover.judge(round(&["a"], &["a"], Some(at(8)), at(9)));
    assert_eq!((finding.rejected, finding.under_way, finding.lost.len()), (1, 0, 0));
}

fn row(id: &str, key: &str, at: &str) -> Row {
    Row(id.to_owned(), "ana".to_owned(), key.to_owned(), time(at))
}

/// Analytics' queue is bound by `bindings`, or nobody knows.
fn bound(bindings: &[&str]) -> Knowledge {
    let mut state = sample("click", BEFORE);
    state.broker.bindings = bindings.iter().map(|&key| key.to_owned()).collect();
    let mut known = Knowledge::default();
    known.hear_analytics(Ok(state), Attempt::at(Clock::at(NOON)));
    known
}

fn compared(prover: &mut Prover, rows: Vec<Row>, known: &Knowledge) -> Vec<String> {
    let mut ids: Vec<_> = prover.comparable(rows, known).into_keys().map(|one| one.0).collect();
    ids.sort();
    ids
}

#[test]
fn only_what_went_to_the_queue_and_would_be_remembered_must_be_counted() {
    let rows = || {
        vec![
            row("a", "click", NOON),
            row("b", "compra", NOON),
            row("c", "click", "2025-04-06T11:59:59Z"),
            row("d", "click", BEFORE),
        ]
    };
    let of = |bindings: &[&str]| compared(&mut Prover::default(), rows(), &bound(bindings));
    assert_eq!(of(&["click"]), ["a", "d"]);
    assert_eq!(of(&["click", "compra"]), ["a", "b", "d"]);
    assert!(of(&[]).is_empty(), "no binding is an answer too");
    let unknown = compared(&mut Prover::default(), rows(), &Knowledge::default());
    assert_eq!(unknown, ["a", "b", "c", "d"]);
}

#[test]
fn a_binding_that_comes_later_does_not_make_another_queues_message_ours() {
    let mut prover = Prover::default();
    let old = || row("old", "compra", NOON);
    assert!(compared(&mut prover, vec![old()], &bound(&["click"])).is_empty());
    let rows = vec![old(), row("new", "compra", NOON)];
    assert_eq!(compared(&mut prover, rows, &bound(&["click", "compra"])), ["new"]);
}

#[test]
fn a_message_that_two_senders_confirmed_is_one_and_as_late_as_the_later() {
    let later = "2025-04-13T12:00:05Z";
    let rows = vec![row("a", "click", later), row("a", "click", NOON)];
    let confirmed = Prover::default().comparable(rows, &bound(&["click"]));
    assert_eq!(confirmed, HashMap::from([(message("a"), time(later))]));
}
