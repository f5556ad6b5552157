//! Whether anything was lost: what senders have confirmed, compared by id with
//! what analytics has counted. The same verdict as that of `cargo lab load`,
//! over what the senders still remember.

use std::collections::HashSet;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::{clock::Clock, faults::Services, neighbour::Away, poll::Knowledge};

/// A message: its id, and whose event it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message(pub String, pub String);

/// Body of a sender's `GET /confirmados`.
#[derive(Debug, Deserialize)]
struct Confirmed {
    #[serde(rename = "confirmados")]
    messages: Vec<Message>,
}

/// Body of analytics' `POST /contados/faltan`.
#[derive(Debug, Serialize)]
struct Question {
    #[serde(rename = "mensajes")]
    messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "faltan")]
    missing: Vec<Missing>,
}

#[derive(Debug, Deserialize)]
struct Missing {
    id: String,
    #[serde(rename = "rechazado")]
    rejected: bool,
}

/// What a comparison found.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// When.
    pub at: Clock,
    /// Of which state of rest.
    pub rest: Rest,
    /// Confirmed messages that were looked up.
    pub compared: u64,
    /// Of them, in the dead-letter queue.
    pub rejected: u64,
    /// Of them, neither counted nor rejected: ids.
    pub lost: Vec<String>,
}

/// The counters of a laboratory at rest: nothing waits, and nothing has changed
/// for the last seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    confirmed: Vec<(String, u64)>,
    counted: u64,
    dead: u64,
    process: String,
}

/// Seconds without a change after which a laboratory is at rest: the broker's
/// own numbers are up to two seconds old.
const STILL: usize = 3;

impl Rest {
    /// The state of rest; none while something moves, waits, or is not known.
    #[must_use]
    pub fn of(known: &Knowledge) -> Option<Self> {
        let answer = known.analytics.answer().filter(|_| known.analytics.failing.is_none())?;
        let broker = answer.state.broker.answers.then_some(&answer.state.broker)?;
        let queue = broker.queue?;
        let is_still = known.history.is_still(STILL);
        if queue.ready + queue.unacked > 0 || !is_still {
            return None;
        }
        let sender = |sender: &crate::poll::Sender| {
            let state = sender.source.answer().filter(|_| sender.source.failing.is_none())?;
            Some((state.process.clone(), state.published.confirmed))
        };
        Some(Self {
            confirmed: known.senders.iter().map(sender).collect::<Option<_>>()?,
            counted: answer.state.total,
            dead: broker.dead.map_or(0, |dead| dead.messages),
            process: answer.state.process.clone(),
        })
    }
}

/// Asks the senders what they confirmed, and analytics which of it is missing.
///
/// # Errors
/// [`Away`] when one of them does not answer.
pub async fn compare(services: &Services, rest: Rest) -> Result<Verdict, Away> {
    let (mut compared, mut rejected, mut lost) = (0, 0, Vec::new());
    let mut known = HashSet::new();
    for sender in &services.senders {
        let Confirmed { messages } = sender.get("confirmados").await?;
        // A retry may have gone to another sender.
        let messages: Vec<_> =
            messages.into_iter().filter(|message| known.insert(message.clone())).collect();
        compared += messages.len() as u64;
        let question = Question { messages };
        let answer: Answer =
            services.analytics.send(Method::POST, "contados/faltan", &question).await?;
        rejected += answer.missing.iter().filter(|missing| missing.rejected).count() as u64;
        lost.extend(answer.missing.into_iter().filter(|missing| !missing.rejected).map(|m| m.id));
    }
    Ok(Verdict { at: Clock::now(), rest, compared, rejected, lost })
}
