//! What the panel knows, and the one task that keeps it fresh: it asks once a
//! second, however many browsers look.

use std::{sync::Arc, time::Duration};

use service_kit::Shutdown;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{
    analytics::{Analytics, Answer, Away, Reason},
    clock::Clock,
};

/// Time between two questions.
const PERIOD: Duration = Duration::from_secs(1);

/// What is known of analytics. A failed attempt takes nothing away from what
/// was known before.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// The last answer, and when it came.
    pub last: Option<Heard>,
    /// Set while the attempts fail.
    pub failing: Option<Failing>,
}

/// An answer of analytics.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What it said; shared, as every request takes a copy of this.
    pub answer: Arc<Answer>,
    /// When.
    pub at: Clock,
}

/// Attempts that fail.
#[derive(Debug, Clone, Copy)]
pub struct Failing {
    /// Why the last one did.
    pub reason: Reason,
    /// When the first one did.
    pub since: Clock,
}

impl Knowledge {
    /// What is known after one more attempt.
    #[must_use]
    pub fn after(&self, outcome: Result<Answer, Away>, now: Clock) -> Self {
        match outcome {
            Ok(answer) => {
                let last = Some(Heard { answer: Arc::new(answer), at: now });
                Self { last, failing: None }
            }
            Err(away) => {
                let since = self.failing.map_or(now, |failing| failing.since);
                let failing = Some(Failing { reason: away.reason, since });
                Self { last: self.last.clone(), failing }
            }
        }
    }
}

/// Asks until the shutdown signal, and tells what is known after each attempt.
pub async fn keep_asking(analytics: Analytics, tell: watch::Sender<Knowledge>, shutdown: Shutdown) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asking = async {
        loop {
            ticks.tick().await;
            let outcome = analytics.ask().await;
            log_change(&tell.borrow(), &outcome);
            tell.send_modify(|known| *known = known.after(outcome, Clock::now()));
        }
    };
    tokio::select! {
        () = asking => {}
        () = shutdown.raised() => {}
    }
}

fn log_change(before: &Knowledge, outcome: &Result<Answer, Away>) {
    match (outcome, change(before, outcome)) {
        (Err(away), true) => {
            log::warn!("analytics is away: {}", away.detail);
        }
        (Ok(_), true) => {
            log::info!("analytics answers");
        }
        (_, false) => {}
    }
}

/// Whether `outcome` is news: analytics came, left, or is away for another
/// reason. A log with one line per second would hide everything else.
fn change(before: &Knowledge, outcome: &Result<Answer, Away>) -> bool {
    match (outcome, &before.failing) {
        (Ok(_), failing) => failing.is_some() || before.last.is_none(),
        (Err(_), None) => true,
        (Err(away), Some(failing)) => away.reason != failing.reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(total: u64) -> Answer {
        let report = format!(
            r#"{{"total":{total},"clientes":{{}},"eventos":{{}},"primero":null,"ultimo":null,"paginas":1}}"#
        );
        Answer {
            report: serde_json::from_str(&report).expect("a report"),
            latest: serde_json::from_str(r#"{"eventos":[]}"#).expect("a list of events"),
        }
    }

    fn away(reason: Reason) -> Result<Answer, Away> {
        Err(Away { reason, detail: String::new() })
    }

    #[test]
    fn a_failure_keeps_the_counts_and_the_time_of_the_first_failure() {
        let start = Clock::at("2025-04-13T12:00:00Z");
        let (first, second) = (start.later(PERIOD), start.later(2 * PERIOD));
        let known = Knowledge::default()
            .after(Ok(answer(7)), start)
            .after(away(Reason::Unreachable), first)
            .after(away(Reason::TimedOut), second);
        let last = known.last.expect("the answer is kept");
        assert_eq!((last.answer.report.total, last.at.wall), (7, start.wall));
        let failing = known.failing.expect("it fails");
        assert_eq!((failing.reason, failing.since.wall), (Reason::TimedOut, first.wall));
    }

    #[test]
    fn an_answer_ends_the_failure() {
        let now = Clock::now();
        let known =
            Knowledge::default().after(away(Reason::TooLarge), now).after(Ok(answer(8)), now);
        assert!(known.failing.is_none());
    }

    #[test]
    fn only_changes_are_logged() {
        let outcomes = [
            (away(Reason::Unreachable), true),
            (away(Reason::Unreachable), false),
            (away(Reason::Status(503)), true),
            (Ok(answer(1)), true),
            (Ok(answer(2)), false),
            (away(Reason::TimedOut), true),
        ];
        let mut known = Knowledge::default();
        for (place, (outcome, is_news)) in outcomes.into_iter().enumerate() {
            assert_eq!(change(&known, &outcome), is_news, "attempt {place}");
            known = known.after(outcome, Clock::now());
        }
    }
}
