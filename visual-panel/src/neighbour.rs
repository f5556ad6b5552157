//! Asking a service over HTTP, and what may come of it.

use std::{fmt, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect::Policy};
use serde::{Serialize, de::DeserializeOwned};

/// How long a service may take for a whole answer.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// Longest body that is read, in bytes. 20 events whose messages are as long as
/// they may be, every character escaped, stay under it.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// A service, as the panel sees it.
#[derive(Clone, Debug)]
pub struct Neighbour {
    client: Client,
    base: Url,
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
    /// Another status than 2xx.
    Status(u16),
    /// A body over the limit.
    TooLarge,
    /// A body that is not what was agreed.
    NotUnderstood,
}

impl Neighbour {
    /// The service at `base`, which ends with a slash.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(base: Url) -> reqwest::Result<Self> {
        // It is a neighbour: no proxy of the environment lies in between, and
        // it has no reason to send the panel elsewhere.
        let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
        Ok(Self { client, base })
    }

    /// Host and port, for people.
    #[must_use]
    pub fn label(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Asks for what is at `path`.
    ///
    /// # Errors
    /// [`Away`] unless it is there in time and as agreed.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Away> {
        self.ask(Method::GET, path, |request| request).await
    }

    /// Sends `body` to `path` as JSON.
    ///
    /// # Errors
    /// [`Away`] unless it is answered in time and as agreed.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, Away> {
        self.ask(method, path, |request| request.json(body)).await
    }

    /// Sends `body` to `path` as JSON, as a request that may be repeated under
    /// `key`.
    ///
    /// # Errors
    /// [`Away`] unless it is answered in time and as agreed.
    pub async fn send_with_key<T: DeserializeOwned>(
        &self,
        key: &str,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, Away> {
        let with = |request: RequestBuilder| request.header("Idempotency-Key", key).json(body);
        self.ask(Method::POST, path, with).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, Away> {
        let question = format!("{method} {}{path}", self.base);
        let away = |reason, error: &dyn fmt::Display| Away {
            reason,
            // `{:#}`: an error of anyhow shows its causes with it.
            detail: format!("{question}: {error:#}"),
        };
        let url = self.base.join(path).map_err(|error| away(Reason::Unreachable, &error))?;
        let request = with(self.client.request(method, url));
        let Ok(answered) = tokio::time::timeout(DEADLINE, answer(request)).await else {
            let text = format!("no answer within {} s", DEADLINE.as_secs());
            return Err(away(Reason::TimedOut, &text));
        };
        let (status, body) =
            answered.map_err(|error| away(Reason::Unreachable, &anyhow::Error::from(error)))?;
        if !matches!(status, StatusCode::OK | StatusCode::ACCEPTED) {
            return Err(away(Reason::Status(status.as_u16()), &status));
        }
        let body = body.ok_or_else(|| away(Reason::TooLarge, &"body too large"))?;
        serde_json::from_slice(&body).map_err(|error| away(Reason::NotUnderstood, &error))
    }
}

async fn answer(request: RequestBuilder) -> reqwest::Result<(StatusCode, Option<Vec<u8>>)> {
    let response = request.send().await?;
    Ok((response.status(), read(response, MAX_BODY).await?))
}

/// The whole body, or none if it has more than `most` bytes.
pub(crate) async fn read(mut response: Response, most: usize) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
