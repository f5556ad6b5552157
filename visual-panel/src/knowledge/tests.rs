//! What answers, failures and the clock make of what is known.

use super::*;
use crate::states::PartitionState;

const SECOND: Duration = Duration::from_secs(1);

fn away(reason: Reason) -> Result<u64, Away> {
    Err(Away { reason, detail: String::new() })
}

#[test]
fn a_failure_keeps_the_answer_and_the_time_of_the_first_failure() {
    let start = Clock::at("2025-04-13T12:00:00Z");
    let (first, second) = (start.later(SECOND), start.later(2 * SECOND));
    let mut source = Source::default();
    source.hear(Ok(7), Attempt::at(start));
    source.hear(away(Reason::Unreachable), Attempt::at(first));
    source.hear(away(Reason::TimedOut), Attempt::at(second));
    assert_eq!((source.answer(), source.fresh()), (Some(&7), None));
    assert_eq!(source.staleness(&second), Some(2 * SECOND));
    let failing = source.failing.expect("it fails");
    assert_eq!((failing.reason, failing.since.wall), (Reason::TimedOut, first.wall));
}

#[test]
fn an_answer_ends_the_failure_and_grows_old_by_itself() {
    let start = Clock::at("2025-04-13T12:00:00Z");
    let mut source = Source::default();
    source.hear(away(Reason::TooLarge), Attempt::at(start));
    assert_eq!(source.staleness(&start), None);
    source.hear(Ok(8), Attempt::at(start));
    assert!(source.failing.is_none());
    assert_eq!(source.staleness(&start.later(STALE_AFTER)), None);
    let later = STALE_AFTER + SECOND;
    assert_eq!(source.staleness(&start.later(later)), Some(later));
}

#[test]
fn only_changes_are_news() {
    let outcomes = [
        (away(Reason::Unreachable), true),
        (away(Reason::Unreachable), false),
        (away(Reason::Status(503)), true),
        (Ok(1), true),
        (Ok(2), false),
        (away(Reason::TimedOut), true),
    ];
    let mut source = Source::default();
    for (place, (outcome, is_news)) in outcomes.into_iter().enumerate() {
        assert_eq!(source.is_news(&outcome), is_news, "attempt {place}");
        source.hear(outcome, Attempt::at(Clock::now()));
    }
}

#[test]
fn an_answer_to_an_earlier_question_is_not_of_a_later_moment() {
    let start = Clock::at("2025-04-13T12:00:00Z");
    let (moment, end) = (start.later(SECOND), start.later(2 * SECOND));
    let mut source = Source::default();
    source.hear(Ok(1), Attempt { asked: start, ended: end });
    assert!(!source.asked_since(&moment), "it was under way at that moment");
    source.hear(away(Reason::Unreachable), Attempt { asked: end, ended: end });
    assert!(source.asked_since(&moment), "it was asked, and did not answer");
}

fn state(answers: bool, ready: u64) -> AnalyticsState {
    let mut state = sample("click", "2025-04-06T12:00:00Z");
    state.broker.answers = answers;
    state.broker.queue.as_mut().expect("a queue").ready = ready;
    state
}

#[test]
fn what_the_broker_said_last_stays_and_an_empty_queue_is_remembered() {
    let start = Clock::at("2025-04-13T12:00:00Z");
    let mut known = Knowledge::default();
    let moments: Vec<_> = (0..4).map(|second| start.later(second * SECOND)).collect();
    let told = [(true, 0), (true, 5), (false, 0)];
    for ((answers, ready), moment) in told.into_iter().zip(&moments) {
        known.hear_analytics(Ok(state(answers, ready)), Attempt::at(*moment));
        assert_eq!(known.is_broker_fresh(moment), answers);
    }
    let queue = known.broker.as_ref().and_then(|seen| seen.state.queue.as_ref());
    assert_eq!(queue.map(|queue| queue.ready), Some(5));
    // As old as analytics says that its reading is.
    let read = |moment: Clock| Some(moment.wall - Duration::from_millis(400));
    assert_eq!(known.broker.map(|seen| seen.at.wall), read(moments[1]));
    assert_eq!(known.empty.map(|at| at.wall), read(start));
}

#[test]
fn one_consumer_for_each_of_several_queues_is_not_several_processes() {
    let moment = Clock::at("2025-04-13T12:00:00Z");
    let is_several = |queues, consumers| {
        let mut known = Knowledge::default();
        let mut state = state(true, 0);
        let queue = state.broker.queue.as_mut().expect("a queue");
        queue.partitions = vec![PartitionState { ready: 0 }; queues];
        queue.consumers = Some(consumers);
        known.hear_analytics(Ok(state), Attempt::at(moment));
        known.is_several(&moment)
    };
    assert_eq!(
        [(0, 1), (1, 1), (3, 3)].map(|(queues, consumers)| is_several(queues, consumers)),
        [false; 3]
    );
    assert_eq!(
        [(0, 2), (1, 2), (3, 6)].map(|(queues, consumers)| is_several(queues, consumers)),
        [true; 3]
    );
}
