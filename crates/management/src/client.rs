//! Requests, one at a time, each bounded in time and in size.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, redirect::Policy};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Error, ManagementUrl, Reason, VirtualHost,
    error::with_causes,
    url::{can_be_asked, segment},
};

/// How long a request may take, from the connection to the last byte.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// Longest answer that is read, in bytes: a hundred queues take a quarter of it.
pub const MAX_BODY: usize = 256 * 1024;

/// The management API of one broker, bound to one virtual host. Clones share
/// their connections.
#[derive(Clone, Debug)]
pub struct Management {
    client: Client,
    url: ManagementUrl,
    pub(crate) vhost: VirtualHost,
}

impl Management {
    /// The API at `url`, asked about `vhost`. Nothing is sent yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &ManagementUrl, vhost: &VirtualHost) -> Result<Self, Error> {
        // It is a neighbour: no proxy of the environment lies in between, and it
        // has no reason to send us, and our password, elsewhere.
        let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(DEADLINE);
        let client = client.build().map_err(|error| Error {
            attempt: format!("a client for {url}"),
            reason: Reason::Unasked(with_causes(&error)),
        })?;
        Ok(Self { client, url: url.clone(), vhost: vhost.clone() })
    }

    /// What this crate has no words for: `/api/kind/virtual host/names…?query`.
    /// Names are percent-encoded here; `query` is sent as it stands.
    ///
    /// # Errors
    /// When it is not there (404), does not answer, refuses, or says something
    /// else than a `T`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        kind: &str,
        names: &[&str],
        query: &str,
    ) -> Result<T, Error> {
        let mut path = format!("{kind}/{}", self.vhost);
        for name in names {
            path.push('/');
            path.extend(segment(name));
        }
        self.ask(&path, query).await
    }

    /// What there is at `path`, below `/api/`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
    ) -> Result<T, Error> {
        let body = self.exchange(Method::GET, path, Some(query), None).await?;
        let not_understood = |_| self.error(&Method::GET, path, Reason::NotUnderstood);
        serde_json::from_slice(&body).map_err(not_understood)
    }

    /// Makes what is at `path` be as `body` says.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Result<(), Error> {
        self.exchange(Method::PUT, path, None, Some(body)).await.map(drop)
    }

    /// Adds what `body` says to what is at `path`.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<(), Error> {
        self.exchange(Method::POST, path, None, Some(body)).await.map(drop)
    }

    /// Takes away what is at `path`.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Error> {
        self.exchange(Method::DELETE, path, None, None).await.map(drop)
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
        body: Option<Value>,
    ) -> Result<Vec<u8>, Error> {
        if !can_be_asked(path) {
            let reason = Reason::Unasked("no URL can hold that name".to_owned());
            return Err(self.error(&method, path, reason));
        }
        // reqwest takes the credentials out of the URL and sends them in their header.
        let mut request = self.client.request(method.clone(), self.url.api(path, query));
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await.map_err(|reason| self.error(&method, path, reason))
    }

    fn error(&self, method: &Method, path: &str, reason: Reason) -> Error {
        Error { attempt: format!("{method} /api/{path} at {}", self.url), reason }
    }
}

/// The body of a success; of anything else, what the broker says of it.
async fn answer(request: RequestBuilder) -> Result<Vec<u8>, Reason> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return read(response).await;
    }
    let explanation = read(response).await.unwrap_or_default();
    Err(Reason::of_answer(status.as_u16(), &explanation))
}

async fn read(mut response: Response) -> Result<Vec<u8>, Reason> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Reason::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
