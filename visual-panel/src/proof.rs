//! Whether anything was lost: what senders have confirmed, compared by id with
//! what analytics has counted. The same verdict as that of `cargo lab load`,
//! over what the senders still remember, and while messages move.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    faults::Services,
    knowledge::{Heard, Knowledge},
    neighbour::{Away, Neighbour},
};

/// How long after a message was first missed an empty queue proves that it was
/// not in it: what analytics tells of the broker was asked up to three seconds
/// before, and the broker's own numbers are up to two seconds old.
pub const MARGIN: Duration = Duration::from_secs(5);

/// A message: its id, and whose event it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message(pub String, pub String);

/// Body of a sender's `GET /confirmados`.
#[derive(Debug, Deserialize)]
struct Confirmed {
    #[serde(rename = "confirmados")]
    rows: Vec<Row>,
}

/// Id, client, routing key, and when it was confirmed.
#[derive(Debug, Deserialize)]
struct Row(String, String, String, Timestamp);

/// Body of analytics' `POST /contados/faltan`.
#[derive(Debug, Serialize)]
struct Question<'a> {
    #[serde(rename = "mensajes")]
    messages: &'a [Message],
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "faltan")]
    missing: Vec<Missing>,
}

#[derive(Debug, Deserialize)]
struct Missing {
    id: String,
    #[serde(rename = "cliente")]
    client: String,
    #[serde(rename = "rechazado")]
    rejected: bool,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// Confirmed messages that were looked up.
    pub compared: u64,
    /// Of them, in the dead-letter queue.
    pub rejected: u64,
    /// Of them, not counted: in the queue or in analytics' hands, as far as
    /// anybody can tell.
    pub under_way: u64,
    /// Of them, nowhere: ids.
    pub lost: Vec<String>,
}

/// A comparison.
#[derive(Debug)]
pub struct Verdict {
    /// What it found.
    pub finding: Finding,
    /// Senders that could not be asked.
    pub silent: Vec<String>,
    /// The counters before it.
    counters: Counters,
}

/// Whatever changes when a message is confirmed or counted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counters {
    confirmed: Vec<Option<(String, u64)>>,
    analytics: Option<(String, u64)>,
}

/// Messages that were confirmed and are not counted, and since when that is
/// known.
#[derive(Debug, Default)]
pub struct Suspects(HashMap<Message, Clock>);

impl Counters {
    fn of(known: &Knowledge) -> Self {
        let confirmed = |sender: &crate::knowledge::Sender| {
            let state = sender.source.fresh()?;
            Some((state.process.clone(), state.published.confirmed))
        };
        Self {
            confirmed: known.senders.iter().map(confirmed).collect(),
            analytics: known.analytics.fresh().map(|state| (state.process.clone(), state.total)),
        }
    }
}

impl Knowledge {
    /// Whether another comparison would find what the last one did.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.verdict.fresh().is_some_and(|verdict| {
            verdict.finding.under_way == 0
                && verdict.silent.is_empty()
                && verdict.counters == Counters::of(self)
        })
    }
}

impl Suspects {
    /// Which of the `missing` are lost, at `now`: they were missed for a while
    /// when the queue was seen to be empty, at `empty`, and still are.
    fn lost(&mut self, missing: Vec<Message>, empty: Option<Clock>, now: Clock) -> Vec<String> {
        let since = |message| self.0.get(message).copied().unwrap_or(now);
        let since: HashMap<_, _> =
            missing.iter().map(|message| (message.clone(), since(message))).collect();
        self.0 = since;
        let is_lost = |message: &Message| {
            let missed = self.0.get(message);
            empty.zip(missed).is_some_and(|(empty, missed)| empty.since(missed) >= MARGIN)
        };
        missing.into_iter().filter(is_lost).map(|Message(id, _)| id).collect()
    }
}

/// Asks the senders what they confirmed, then analytics which of it is missing.
///
/// # Errors
/// [`Away`] when analytics does not answer.
pub async fn compare(
    services: &Services,
    known: &Knowledge,
    suspects: &mut Suspects,
) -> Result<Verdict, Away> {
    let counters = Counters::of(known);
    let confirmed = services.senders.iter().map(|sender| sender.get::<Confirmed>("confirmados"));
    let confirmed = join_all(confirmed).await;
    let (mut finding, mut silent, mut seen) = (Finding::default(), Vec::new(), HashSet::new());
    let mut missing = Vec::new();
    for (answer, sender) in confirmed.into_iter().zip(&known.senders) {
        let Ok(Confirmed { rows }) = answer else {
            silent.push(sender.name.clone());
            continue;
        };
        let messages = rows.into_iter().filter_map(|row| row.into_message(known));
        // A retry may have gone to another sender.
        let messages: Vec<_> = messages.filter(|message| seen.insert(message.clone())).collect();
        finding.compared += messages.len() as u64;
        missing.extend(missing_of(&services.analytics, &messages).await?);
    }
    let all = missing.len() as u64;
    missing.retain(|one| !one.rejected);
    finding.rejected = all - missing.len() as u64;
    let missing: Vec<_> = missing.into_iter().map(|one| Message(one.id, one.client)).collect();
    let all = missing.len() as u64;
    finding.lost = suspects.lost(missing, known.empty, Clock::now());
    finding.under_way = all - finding.lost.len() as u64;
    Ok(Verdict { finding, silent, counters })
}

async fn missing_of(analytics: &Neighbour, messages: &[Message]) -> Result<Vec<Missing>, Away> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let answer: Answer =
        analytics.send(Method::POST, "contados/faltan", &Question { messages }).await?;
    Ok(answer.missing)
}

impl Row {
    /// The message, where analytics must have it: it went to its queue, and
    /// analytics would still remember it.
    fn into_message(self, known: &Knowledge) -> Option<Message> {
        let Self(id, client, key, confirmed) = self;
        let is_bound = known.broker.as_ref().is_none_or(|Heard { answer, .. }| {
            answer.bindings.is_empty() || answer.bindings.contains(&key)
        });
        let since = known.analytics.answer().map(|state| state.remembers_since);
        let is_remembered = since.is_none_or(|since| confirmed > since);
        (is_bound && is_remembered).then_some(Message(id, client))
    }
}

#[cfg(test)]
impl Verdict {
    /// One that found this.
    pub(crate) fn of(finding: Finding) -> Self {
        let counters = Counters::of(&Knowledge::default());
        Self { finding, silent: Vec::new(), counters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> Message {
        Message(id.to_owned(), "ana".to_owned())
    }

    fn moments() -> impl Fn(u64) -> Clock {
        let start = Clock::at("2025-04-13T12:00:00Z");
        move |second| start.later(Duration::from_secs(second))
    }

    #[test]
    fn lost_is_what_is_missing_before_and_after_an_empty_queue() {
        let at = moments();
        let mut suspects = Suspects::default();
        let mut lost = |second, empty: Option<u64>, missing: &[&str]| {
            let missing = missing.iter().map(|id| message(id)).collect();
            suspects.lost(missing, empty.map(&at), at(second))
        };
        assert!(lost(0, Some(0), &["a", "b"]).is_empty(), "the queue was empty before");
        assert!(lost(9, Some(4), &["a", "b"]).is_empty(), "too shortly after");
        assert!(lost(9, None, &["a", "b"]).is_empty(), "nobody has seen the queue");
        assert_eq!(lost(9, Some(5), &["a"]), ["a"], "b was counted in the end");
        assert!(lost(10, Some(9), &["b"]).is_empty(), "b is missed anew");
    }
}
