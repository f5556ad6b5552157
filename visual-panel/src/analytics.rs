//! Asking analytics over HTTP, and what may come of it.

use std::{fmt, time::Duration};

use reqwest::{Client, Response, StatusCode, Url, redirect::Policy};
use serde::de::DeserializeOwned;

use crate::report::{Latest, Report};

/// How long analytics may take for a whole answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Longest body that is read, in bytes. 20 events whose messages are as long as
/// they may be, every character escaped, stay under it.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Clients and events asked for: what one page shows.
pub const SHOWN: usize = 20;

/// Analytics, as the panel sees it.
#[derive(Clone)]
pub struct Analytics {
    client: Client,
    base: Url,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The counts.
    pub report: Report,
    /// The newest events, newest first.
    pub latest: Latest,
}

/// Why there is no answer that could be shown.
#[derive(Debug, Clone)]
pub struct Away {
    /// What kind of reason.
    pub reason: Reason,
    /// What was asked, and what came of it; for the log.
    pub detail: String,
}

/// Kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The connection was refused, or broke off.
    Unreachable,
    /// Nothing came in time.
    TimedOut,
    /// Another status than 200.
    Status(u16),
    /// A body over the limit.
    TooLarge,
    /// A body that is not what was agreed.
    NotUnderstood,
}

impl Analytics {
    /// Analytics at `base`, which ends with a slash.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(base: Url) -> reqwest::Result<Self> {
        // It is a neighbour: no proxy of the environment lies in between, and
        // it has no reason to send the panel elsewhere.
        let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
        Ok(Self { client, base })
    }

    /// Asks for counts and events, at the same time.
    ///
    /// # Errors
    /// [`Away`] unless both are there in time and as agreed.
    pub async fn ask(&self) -> Result<Answer, Away> {
        let both = async { tokio::try_join!(self.get("reporte"), self.get("eventos")) };
        match tokio::time::timeout(DEADLINE, both).await {
            Ok(answered) => answered.map(|(report, latest)| Answer { report, latest }),
            Err(_elapsed) => {
                let detail = format!("{}: no answer within {} s", self.base, DEADLINE.as_secs());
                Err(Away { reason: Reason::TimedOut, detail })
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Away> {
        let question = format!("{path}?limite={SHOWN}");
        let url = self
            .base
            .join(&question)
            .map_err(|error| away(Reason::Unreachable, &question, &error))?;
        let broken = |error| away(Reason::Unreachable, &question, &anyhow::Error::from(error));
        let response = self.client.get(url).send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            return Err(away(Reason::Status(status.as_u16()), &question, &status));
        }
        let body = read(response).await.map_err(broken)?;
        let body = body.ok_or_else(|| away(Reason::TooLarge, &question, &"body too large"))?;
        serde_json::from_slice(&body)
            .map_err(|error| away(Reason::NotUnderstood, &question, &error))
    }
}

/// The whole body, or none if it is too large.
async fn read(mut response: Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// `{:#}`: an error of anyhow shows its causes with it.
fn away(reason: Reason, question: &str, error: &impl fmt::Display) -> Away {
    Away { reason, detail: format!("GET {question}: {error:#}") }
}
