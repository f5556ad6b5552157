//! What the panel knows, and the one task that keeps it fresh: it asks each
//! service twice a second, however many browsers look.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use service_kit::Shutdown;
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval},
};

use crate::{
    analytics::{self, Answer},
    clock::Clock,
    faults::{AnalyticsFaults, Services},
    growth::Growth,
    history::{History, Sample},
    neighbour::{Away, Neighbour, Reason},
    proof::{self, Rest, Verdict},
    states::SenderState,
};

/// Time between two questions to one service.
const PERIOD: Duration = Duration::from_millis(500);

/// Time between two samples of the history.
const SAMPLE: Duration = Duration::from_secs(1);

/// Everything that is known.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// Of analytics.
    pub analytics: Source<Answer>,
    /// Of each sender, in the order of the configuration.
    pub senders: Vec<Sender>,
    /// Of the last minutes.
    pub history: Arc<History>,
    /// The switches of analytics; none where they are not offered.
    pub faults: Option<Source<AnalyticsFaults>>,
    /// What the last comparison by id found.
    pub verdict: Option<Verdict>,
}

/// What is known of a sender.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    /// Its name, once it has told it; host and port before.
    pub name: String,
    /// Its answers.
    pub source: Source<SenderState>,
    /// What it had confirmed since the panel started.
    pub confirmed: Growth,
}

/// What is known of a service. A failed attempt takes nothing away from what
/// was known before.
#[derive(Debug, Clone)]
pub struct Source<T> {
    /// The last answer, and when it came.
    pub last: Option<Heard<T>>,
    /// Set while the attempts fail.
    pub failing: Option<Failing>,
}

/// An answer of a service.
#[derive(Debug)]
pub struct Heard<T> {
    /// What it said; shared, as every request takes a copy of this.
    pub answer: Arc<T>,
    /// When.
    pub at: Clock,
}

impl<T> Clone for Heard<T> {
    fn clone(&self) -> Self {
        Self { answer: self.answer.clone(), at: self.at }
    }
}

/// Attempts that fail.
#[derive(Debug, Clone, Copy)]
pub struct Failing {
    /// Why the last one did.
    pub reason: Reason,
    /// When the first one did.
    pub since: Clock,
}

impl<T> Default for Source<T> {
    fn default() -> Self {
        Self { last: None, failing: None }
    }
}

impl<T> Source<T> {
    /// Takes in one more attempt.
    pub fn hear(&mut self, outcome: Result<T, Away>, now: Clock) {
        match outcome {
            Ok(answer) => {
                *self =
                    Self { last: Some(Heard { answer: Arc::new(answer), at: now }), failing: None };
            }
            Err(away) => {
                let since = self.failing.map_or(now, |failing| failing.since);
                self.failing = Some(Failing { reason: away.reason, since });
            }
        }
    }

    /// The last answer, fresh or not.
    #[must_use]
    pub fn answer(&self) -> Option<&T> {
        self.last.as_ref().map(|heard| heard.answer.as_ref())
    }

    fn answered_since(&self, moment: &Clock) -> bool {
        self.last.as_ref().is_some_and(|heard| heard.at.since(moment) > Duration::ZERO)
    }

    /// Whether `outcome` is news: the service came, left, or is away for another
    /// reason. A log with one line per attempt would hide everything else.
    fn is_news(&self, outcome: &Result<T, Away>) -> bool {
        match (outcome, &self.failing) {
            (Ok(_), failing) => failing.is_some() || self.last.is_none(),
            (Err(_), None) => true,
            (Err(away), Some(failing)) => away.reason != failing.reason,
        }
    }
}

impl Knowledge {
    /// What is known before the first question.
    #[must_use]
    pub fn of(services: &Services, has_faults: bool) -> Self {
        let sender = |sender: &Neighbour| Sender { name: sender.label(), ..Sender::default() };
        Self {
            senders: services.senders.iter().map(sender).collect(),
            faults: has_faults.then(Source::default),
            ..Self::default()
        }
    }

    /// Whether every service has answered a question that ended after `moment`.
    #[must_use]
    pub fn all_asked_since(&self, moment: &Clock) -> bool {
        let faults = self.faults.as_ref().is_none_or(|faults| faults.answered_since(moment));
        let mut senders = self.senders.iter();
        faults && senders.all(|sender| sender.source.answered_since(moment))
    }

    fn sample(&mut self, now: Clock) {
        let sample = Sample {
            at: now,
            confirmed: self.senders.iter().map(|sender| sender.confirmed.sum()).collect(),
            counted: self.analytics.answer().map(|answer| answer.report.total),
        };
        Arc::make_mut(&mut self.history).add(sample);
    }
}

impl Sender {
    fn hear(&mut self, outcome: Result<SenderState, Away>, now: Clock) {
        if let Ok(state) = &outcome {
            self.name.clone_from(&state.name);
            self.confirmed.see(&state.process, state.published.confirmed);
        }
        self.source.hear(outcome, now);
    }
}

/// Asks until the shutdown signal, and tells what is known after each attempt.
/// Each service is asked at its own pace: a silent one holds up no other.
pub async fn keep_asking(services: Services, tell: watch::Sender<Knowledge>, shutdown: Shutdown) {
    let senders = services.senders.iter().enumerate();
    let senders = join_all(senders.map(|(place, sender)| ask_sender(sender, place, &tell)));
    let analytics = ask_analytics(&services.analytics, &tell);
    let faults = ask_faults(&services.analytics, &tell);
    let asking = async {
        tokio::join!(
            analytics,
            senders,
            faults,
            keep_history(&tell),
            keep_proving(&services, &tell)
        )
    };
    tokio::select! {
        _ = asking => {}
        () = shutdown.raised() => {}
    }
}

async fn ask_analytics(analytics: &Neighbour, tell: &watch::Sender<Knowledge>) {
    let mut ticks = ticks(PERIOD);
    loop {
        ticks.tick().await;
        let outcome = analytics::ask(analytics).await;
        log_news("analytics", &tell.borrow().analytics, &outcome);
        tell.send_modify(|known| known.analytics.hear(outcome, Clock::now()));
    }
}

async fn ask_sender(sender: &Neighbour, place: usize, tell: &watch::Sender<Knowledge>) {
    let mut ticks = ticks(PERIOD);
    loop {
        ticks.tick().await;
        let outcome = sender.get("estado").await;
        tell.send_modify(|known| {
            if let Some(known) = known.senders.get_mut(place) {
                log_news(&known.name, &known.source, &outcome);
                known.hear(outcome, Clock::now());
            }
        });
    }
}

async fn ask_faults(analytics: &Neighbour, tell: &watch::Sender<Knowledge>) {
    if tell.borrow().faults.is_none() {
        return;
    }
    let mut ticks = ticks(PERIOD);
    loop {
        ticks.tick().await;
        let outcome = analytics.get("fallos").await;
        tell.send_modify(|known| {
            if let Some(faults) = &mut known.faults {
                faults.hear(outcome, Clock::now());
            }
        });
    }
}

/// Compares by id whenever the laboratory has come to rest after something was
/// confirmed or counted.
async fn keep_proving(services: &Services, tell: &watch::Sender<Knowledge>) {
    let mut ticks = ticks(SAMPLE);
    loop {
        ticks.tick().await;
        let Some(rest) = Rest::of(&tell.borrow()).filter(|rest| !is_proven(&tell.borrow(), rest))
        else {
            continue;
        };
        match proof::compare(services, rest).await {
            // What was confirmed in between may not have been counted yet.
            Ok(verdict) if Rest::of(&tell.borrow()).as_ref() == Some(&verdict.rest) => {
                tell.send_modify(|known| known.verdict = Some(verdict));
            }
            Ok(_) => {}
            Err(away) => log::debug!("no comparison: {}", away.detail),
        }
    }
}

fn is_proven(known: &Knowledge, rest: &Rest) -> bool {
    known.verdict.as_ref().is_some_and(|verdict| verdict.rest == *rest)
}

async fn keep_history(tell: &watch::Sender<Knowledge>) {
    let mut ticks = ticks(SAMPLE);
    loop {
        ticks.tick().await;
        tell.send_modify(|known| known.sample(Clock::now()));
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn log_news<T>(who: &str, before: &Source<T>, outcome: &Result<T, Away>) {
    match outcome {
        _ if !before.is_news(outcome) => {}
        Ok(_) => log::info!("{who} answers"),
        Err(away) => log::warn!("{who} is away: {}", away.detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away(reason: Reason) -> Result<u64, Away> {
        Err(Away { reason, detail: String::new() })
    }

    #[test]
    fn a_failure_keeps_the_answer_and_the_time_of_the_first_failure() {
        let start = Clock::at("2025-04-13T12:00:00Z");
        let (first, second) = (start.later(PERIOD), start.later(2 * PERIOD));
        let mut source = Source::default();
        source.hear(Ok(7), start);
        source.hear(away(Reason::Unreachable), first);
        source.hear(away(Reason::TimedOut), second);
        assert_eq!(source.answer(), Some(&7));
        assert_eq!(source.last.as_ref().map(|heard| heard.at.wall), Some(start.wall));
        let failing = source.failing.expect("it fails");
        assert_eq!((failing.reason, failing.since.wall), (Reason::TimedOut, first.wall));
    }

    #[test]
    fn an_answer_ends_the_failure() {
        let mut source = Source::default();
        source.hear(away(Reason::TooLarge), Clock::now());
        source.hear(Ok(8), Clock::now());
        assert!(source.failing.is_none());
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
            source.hear(outcome, Clock::now());
        }
    }
}
