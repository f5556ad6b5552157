//! What the panel knows of the services: their last answers, fresh or not.
//! Pure.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    faults::{AnalyticsFaults, SenderFaults, Services},
    growth::Growth,
    history::{Confirmed, History, Sample},
    instances::Instances,
    neighbour::{Away, Neighbour, Reason},
    proof::Verdict,
    report::Counted,
    states::{AnalyticsState, BrokerState, SenderState},
};

/// An answer older than this is shown as old, whatever the last attempt said:
/// the machine may have slept in between.
pub const STALE_AFTER: Duration = Duration::from_secs(5);

/// Everything that is known.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// What analytics has counted.
    pub counts: Source<Counted>,
    /// How analytics does.
    pub analytics: Source<AnalyticsState>,
    /// The processes that answer for it.
    pub instances: Instances,
    /// The last that the broker's management API said, through analytics.
    pub broker: Option<Seen>,
    /// When the queue was last seen to be empty.
    pub empty: Option<Clock>,
    /// Of each sender, in the order of the configuration.
    pub senders: Vec<Sender>,
    /// Of the last minutes.
    pub history: Arc<History>,
    /// The switches of analytics; none where they are not offered.
    pub faults: Option<Source<AnalyticsFaults>>,
    /// What the last comparison by id found.
    pub verdict: Source<Verdict>,
}

/// What is known of a sender.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    /// Its name, once it has told it; host and port before.
    pub name: String,
    /// Its answers.
    pub source: Source<SenderState>,
    /// Its switches; none where they are not offered.
    pub faults: Option<Source<SenderFaults>>,
    /// What it had confirmed since the panel started.
    pub confirmed: Growth,
}

/// What is known of a service. A failed attempt takes nothing away from what
/// was known before.
#[derive(Debug)]
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
    /// When it was asked: what it says is of then, or later.
    pub asked: Clock,
    /// When it answered.
    pub at: Clock,
}

/// The broker, as it was seen once.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it said.
    pub state: Arc<BrokerState>,
    /// When it was asked that, or a little before.
    pub at: Clock,
    /// What senders had confirmed by then, since the panel started.
    pub confirmed: u64,
}

/// An attempt to ask.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// When it began.
    pub asked: Clock,
    /// When it ended.
    pub ended: Clock,
}

/// Attempts that fail.
#[derive(Debug, Clone, Copy)]
pub struct Failing {
    /// Why the last one did.
    pub reason: Reason,
    /// When the first one did.
    pub since: Clock,
    /// When the last one began.
    pub asked: Clock,
}

impl<T> Clone for Heard<T> {
    fn clone(&self) -> Self {
        Self { answer: self.answer.clone(), asked: self.asked, at: self.at }
    }
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        Self { last: self.last.clone(), failing: self.failing }
    }
}

impl<T> Default for Source<T> {
    fn default() -> Self {
        Self { last: None, failing: None }
    }
}

impl<T> Source<T> {
    /// Takes in one more attempt.
    pub fn hear(&mut self, outcome: Result<T, Away>, Attempt { asked, ended }: Attempt) {
        match outcome {
            Ok(answer) => {
                let last = Heard { answer: Arc::new(answer), asked, at: ended };
                *self = Self { last: Some(last), failing: None };
            }
            Err(away) => {
                let since = self.failing.map_or(ended, |failing| failing.since);
                self.failing = Some(Failing { reason: away.reason, since, asked });
            }
        }
    }

    /// The last answer, fresh or not.
    #[must_use]
    pub fn answer(&self) -> Option<&T> {
        self.last.as_ref().map(|heard| heard.answer.as_ref())
    }

    /// The last answer, unless the attempts fail since.
    #[must_use]
    pub fn fresh(&self) -> Option<&T> {
        self.answer().filter(|_| self.failing.is_none())
    }

    /// Whether it does not answer now.
    #[must_use]
    pub fn is_away(&self, now: &Clock) -> bool {
        self.failing.is_some() || self.staleness(now).is_some()
    }

    /// How old the last answer is, if the attempts fail since, or if it is too
    /// old anyway.
    #[must_use]
    pub fn staleness(&self, now: &Clock) -> Option<Duration> {
        let age = now.since(&self.last.as_ref()?.at);
        (self.failing.is_some() || age > STALE_AFTER).then_some(age)
    }

    /// Whether the last attempt, whatever came of it, began after `moment`.
    fn asked_since(&self, moment: &Clock) -> bool {
        let answered = self.last.as_ref().map(|heard| heard.asked);
        let last = self.failing.map(|failing| failing.asked).or(answered);
        last.is_some_and(|asked| asked.since(moment) > Duration::ZERO)
    }

    /// Whether `outcome` is news: the service came, left, or is away for another
    /// reason. A log with one line per attempt would hide everything else.
    #[must_use]
    pub fn is_news(&self, outcome: &Result<T, Away>) -> bool {
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
        let sender = |sender: &Neighbour| Sender {
            name: sender.label(),
            faults: has_faults.then(Source::default),
            ..Sender::default()
        };
        Self {
            senders: services.senders.iter().map(sender).collect(),
            faults: has_faults.then(Source::default),
            ..Self::default()
        }
    }

    /// Takes in one more attempt to ask analytics how it does.
    pub fn hear_analytics(&mut self, outcome: Result<AnalyticsState, Away>, attempt: Attempt) {
        if let Ok(state) = &outcome {
            self.instances.see(&state.process, attempt.ended);
        }
        let told = outcome.as_ref().ok().map(|state| &state.broker).filter(|told| told.answers);
        if let Some(told) = told {
            let at = attempt.asked.earlier(Duration::from_millis(told.age_ms.unwrap_or_default()));
            let confirmed = self.confirmed();
            self.broker = Some(Seen { state: Arc::new(told.clone()), at, confirmed });
            if told.queue.as_ref().is_some_and(|queue| queue.waiting() == 0) {
                self.empty = Some(at);
            }
        }
        self.analytics.hear(outcome, attempt);
    }

    /// What all senders had confirmed since the panel started, as far as known.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        self.senders.iter().map(|sender| sender.confirmed.sum()).fold(0, u64::saturating_add)
    }

    /// Whether several processes answer for analytics, or read its queue.
    #[must_use]
    pub fn is_several(&self, now: &Clock) -> bool {
        let queue = self.broker.as_ref().and_then(|seen| seen.state.queue.as_ref());
        // One process reads each queue once.
        let is_shared =
            queue.is_some_and(|queue| queue.consumers.unwrap_or_default() > queue.queues());
        is_shared || self.instances.are_several(now)
    }

    /// Whether what is known of the broker is of now.
    #[must_use]
    pub fn is_broker_fresh(&self, now: &Clock) -> bool {
        let state = self.analytics.fresh().filter(|_| self.analytics.staleness(now).is_none());
        state.is_some_and(|state| state.broker.answers)
    }

    /// How old the oldest answer is that is not of now, of those on every page.
    #[must_use]
    pub fn staleness(&self, now: &Clock) -> Option<Duration> {
        let broker = self.broker.as_ref().filter(|_| !self.is_broker_fresh(now));
        let broker = broker.map(|seen| now.since(&seen.at));
        let senders = self.senders.iter().map(|sender| sender.source.staleness(now));
        senders.chain([self.analytics.staleness(now), broker]).flatten().max()
    }

    /// Names of those that do not answer.
    #[must_use]
    pub fn silent(&self, analytics: &str) -> Vec<String> {
        let senders = self.senders.iter().filter(|sender| sender.source.failing.is_some());
        let mut silent: Vec<_> = senders.map(|sender| sender.name.clone()).collect();
        if self.analytics.failing.is_some() {
            silent.insert(0, analytics.to_owned());
        }
        silent
    }

    /// Whether every service has answered a question that began after `moment`.
    #[must_use]
    pub fn all_asked_since(&self, moment: &Clock) -> bool {
        let is_asked = |sender: &Sender| {
            let faults = sender.faults.as_ref().is_none_or(|faults| faults.asked_since(moment));
            faults && sender.source.asked_since(moment)
        };
        let faults = self.faults.as_ref().is_none_or(|faults| faults.asked_since(moment));
        faults && self.analytics.asked_since(moment) && self.senders.iter().all(is_asked)
    }

    /// Adds a second to the history.
    pub fn sample(&mut self, now: Clock) {
        let confirmed = |sender: &Sender| Confirmed {
            sum: sender.confirmed.sum(),
            is_fresh: sender.source.fresh().is_some(),
        };
        let sample = Sample {
            at: now,
            confirmed: self.senders.iter().map(confirmed).collect(),
            counted: self.counts.fresh().map(|counted| counted.report.total),
        };
        Arc::make_mut(&mut self.history).add(sample);
    }
}

impl Sender {
    /// Takes in one more attempt.
    pub fn hear(&mut self, outcome: Result<SenderState, Away>, attempt: Attempt) {
        if let Ok(state) = &outcome {
            self.name.clone_from(&state.name);
            self.confirmed.see(&state.process, state.published.confirmed);
        }
        self.source.hear(outcome, attempt);
    }

    /// Whether it is a switch that keeps it from publishing.
    #[must_use]
    pub fn is_blocked_on_purpose(&self) -> bool {
        let faults = self.faults.as_ref().and_then(Source::fresh);
        faults.is_some_and(|faults| faults.blocked)
    }
}

/// A state of analytics at work, with an empty queue bound by `binding`.
#[cfg(test)]
pub(crate) fn sample(binding: &str, remembers_since: &str) -> AnalyticsState {
    let text = serde_json::json!({"proceso": "a", "consumo": "activo", "motivo": null,
        "guarda": null, "prefetch": 1000, "lote": null, "contados": 0, "repetidos": 0,
        "rechazados": 0, "reentregados": 0, "total": 0, "recuerda_desde": remembers_since,
        "broker": {"responde": true, "hace_ms": 400, "motivo": null, "muertas": null,
            "enlaces": [binding],
            "cola": {"listos": 0, "sin_acuse": 0, "consumidores": 1, "limite": null}}});
    serde_json::from_value(text).expect("a state")
}

#[cfg(test)]
impl Attempt {
    /// One that took no time.
    pub(crate) fn at(moment: Clock) -> Self {
        Self { asked: moment, ended: moment }
    }
}

#[cfg(test)]
mod tests;
