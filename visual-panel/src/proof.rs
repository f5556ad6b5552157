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
    knowledge::Knowledge,
    neighbour::{Away, Neighbour},
};

/// How long after a message was first missed a queue must be seen to be empty to
/// prove that it was not in it: the broker's own numbers are up to two seconds
/// old, and messages go on their way in between.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Messages that analytics may be asked for at once; its own limit is the same.
const AT_ONCE: usize = 10_000;

/// Lost messages that are kept in mind, whoever else forgets them.
const MOST_LOST: usize = 1_000;

/// Messages of other queues that are kept in mind: as many as ten senders tell.
const MOST_FOREIGN: usize = 100_000;

/// A message: its id, and whose event it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message(pub String, pub String);

/// Body of a sender's `GET /confirmados`.
#[derive(Debug, Deserialize)]
struct Confirmed {
    #[serde(rename = "confirmados")]
    rows: Vec<Row>,
}

/// Id, client, routing key, and when it was confirmed at last.
#[derive(Debug, Deserialize)]
struct Row(String, String, String, Timestamp);

/// Body of analytics' `POST /contados/faltan`.
#[derive(Debug, Serialize)]
struct Question<'a> {
    #[serde(rename = "mensajes")]
    messages: &'a [&'a Message],
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
    /// Of them, rejected into the dead-letter queue.
    pub rejected: u64,
    /// Of them, not counted: in the queue or in analytics' hands, as far as
    /// anybody can tell.
    pub under_way: u64,
    /// Of them, nowhere.
    pub lost: Vec<Lost>,
}

/// A message that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its id.
    pub id: String,
    /// When it had been confirmed at last.
    pub confirmed: Timestamp,
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
    counted: Option<u64>,
}

/// What is kept from one comparison to the next.
#[derive(Debug, Default)]
pub struct Prover {
    missed: HashMap<Message, Missed>,
    /// Rejected by analytics, which forgets it when it restarts.
    rejected: HashSet<Message>,
    /// Once seen under a routing key that was not bound: another queue's.
    foreign: HashSet<Message>,
}

/// A message that is confirmed and not counted.
#[derive(Debug, Clone, Copy)]
struct Missed {
    confirmed: Timestamp,
    /// When it was first missed since it was confirmed.
    since: Clock,
    is_lost: bool,
}

/// What was heard in one comparison.
struct Round {
    /// What must be counted, and when it was confirmed at last.
    confirmed: HashMap<Message, Timestamp>,
    missing: Vec<Missing>,
    /// Whether all senders answered.
    is_whole: bool,
    /// When the queue had last been seen to be empty, before anybody was asked.
    empty: Option<Clock>,
    now: Clock,
}

impl Counters {
    fn of(known: &Knowledge) -> Self {
        let confirmed = |sender: &crate::knowledge::Sender| {
            let state = sender.source.fresh()?;
            Some((state.process.clone(), state.published.confirmed))
        };
        Self {
            confirmed: known.senders.iter().map(confirmed).collect(),
            counted: known.analytics.fresh().map(|state| state.total),
        }
    }
}

impl Verdict {
    /// Whether it is of what the services say now.
    #[must_use]
    pub fn is_current(&self, known: &Knowledge) -> bool {
        self.silent.is_empty() && self.counters == Counters::of(known)
    }
}

impl Knowledge {
    /// Whether another comparison would find what the last one did.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        let verdict = self.verdict.fresh();
        verdict.is_some_and(|one| one.finding.under_way == 0 && one.is_current(self))
    }
}

impl Prover {
    /// Asks the senders what they confirmed, then analytics which of it is missing.
    ///
    /// # Errors
    /// [`Away`] when analytics does not answer.
    pub async fn compare(
        &mut self,
        services: &Services,
        known: &Knowledge,
    ) -> Result<Verdict, Away> {
        let counters = Counters::of(known);
        let answers = services.senders.iter().map(|one| one.get::<Confirmed>("confirmados"));
        let (mut rows, mut silent) = (Vec::new(), Vec::new());
        for (answer, sender) in join_all(answers).await.into_iter().zip(&known.senders) {
            match answer {
                Ok(Confirmed { rows: more }) => rows.extend(more),
                Err(_) => silent.push(sender.name.clone()),
            }
        }
        let confirmed = self.comparable(rows, known);
        let missing = missing_of(&services.analytics, &confirmed).await?;
        let is_whole = silent.is_empty();
        let round = Round { confirmed, missing, is_whole, empty: known.empty, now: Clock::now() };
        Ok(Verdict { finding: self.judge(round), silent, counters })
    }

    /// What analytics must have counted: it went to its queue, and would still be
    /// remembered. And what is lost, as long as it is.
    fn comparable(&mut self, rows: Vec<Row>, known: &Knowledge) -> HashMap<Message, Timestamp> {
        let bindings = known.broker.as_ref().map(|seen| seen.state.bindings.as_slice());
        let since = known.analytics.answer().map(|state| state.remembers_since);
        let lost = self.missed.iter().filter(|(_, missed)| missed.is_lost);
        let mut confirmed: HashMap<_, _> =
            lost.map(|(message, missed)| (message.clone(), missed.confirmed)).collect();
        for Row(id, client, key, at) in rows {
            let message = Message(id, client);
            if bindings.is_some_and(|bindings| !bindings.contains(&key)) {
                self.foreign.insert(message);
            } else if since.is_none_or(|since| at >= since) && !self.foreign.contains(&message) {
                // A retry may have gone to another sender.
                let latest = confirmed.entry(message).or_insert(at);
                *latest = at.max(*latest);
            }
        }
        confirmed
    }

    /// Missing before and after an empty queue is lost; what a silent sender told
    /// before stays as it was.
    fn judge(&mut self, round: Round) -> Finding {
        let Round { confirmed, missing, is_whole, empty, now } = round;
        let before = std::mem::take(&mut self.missed);
        if is_whole {
            self.rejected.retain(|message| confirmed.contains_key(message));
        }
        let mut finding = Finding { compared: confirmed.len() as u64, ..Finding::default() };
        for Missing { id, client, rejected } in missing {
            let message = Message(id, client);
            let Some(at) = confirmed.get(&message) else { continue };
            if rejected {
                self.rejected.insert(message.clone());
            }
            if self.rejected.contains(&message) {
                finding.rejected += 1;
            } else {
                let known = before.get(&message).filter(|missed| missed.confirmed == *at);
                let missed = Missed::again(known, *at, empty, now);
                self.missed.insert(message, missed);
            }
        }
        let lost = self.missed.iter().filter(|(_, missed)| missed.is_lost);
        finding.lost = lost.map(|(message, missed)| missed.lost(message)).collect();
        finding.lost.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        finding.under_way = (self.missed.len() - finding.lost.len()) as u64;
        self.remember(before, &confirmed, is_whole);
        finding
    }

    /// Suspects of senders that are silent now, and no more lost ones than there
    /// is room for.
    fn remember(
        &mut self,
        before: HashMap<Message, Missed>,
        confirmed: &HashMap<Message, Timestamp>,
        is_whole: bool,
    ) {
        let unheard =
            before.into_iter().filter(|(one, _)| !is_whole && !confirmed.contains_key(one));
        self.missed.extend(unheard.take(AT_ONCE));
        let mut room = MOST_LOST;
        self.missed.retain(|_, missed| {
            room -= usize::from(missed.is_lost && room > 0);
            !missed.is_lost || room > 0
        });
        if self.foreign.len() > MOST_FOREIGN {
            self.foreign.clear();
        }
    }
}

impl Missed {
    /// Missed once more; `before` since the same confirm.
    fn again(
        before: Option<&Self>,
        confirmed: Timestamp,
        empty: Option<Clock>,
        now: Clock,
    ) -> Self {
        let since = before.map_or(now, |missed| missed.since);
        let was_empty = empty.is_some_and(|empty| empty.since(&since) >= MARGIN);
        Self { confirmed, since, is_lost: was_empty || before.is_some_and(|one| one.is_lost) }
    }

    fn lost(&self, message: &Message) -> Lost {
        Lost { id: message.0.clone(), confirmed: self.confirmed }
    }
}

async fn missing_of(
    analytics: &Neighbour,
    confirmed: &HashMap<Message, Timestamp>,
) -> Result<Vec<Missing>, Away> {
    let messages: Vec<_> = confirmed.keys().collect();
    let mut missing = Vec::new();
    for messages in messages.chunks(AT_ONCE) {
        let question = Question { messages };
        let answer: Answer = analytics.send(Method::POST, "contados/faltan", &question).await?;
        missing.extend(answer.missing);
    }
    Ok(missing)
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
mod tests;
