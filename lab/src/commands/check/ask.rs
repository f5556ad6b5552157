//! Questions over HTTP, and what comes of them: an answer, a 404, or a reason
//! that a person understands.

use super::facts::Answer;
use crate::running::Administrator;
use anyhow::{Context, Result};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Who asks.
pub(super) struct Asker {
    http: Client,
    administrator: Administrator,
}

impl Asker {
    /// Asks the broker as `administrator`.
    pub(super) fn new(administrator: Administrator) -> Result<Self> {
        // These are addresses of this machine: no proxy can reach them.
        let client = Client::builder().no_proxy().timeout(ANSWER_LIMIT).build();
        Ok(Self { http: client.context("no se pudo preparar el cliente HTTP")?, administrator })
    }

    /// Asks a service.
    pub(super) async fn service<T: DeserializeOwned>(
        &self,
        url: &str,
        query: &[(&str, String)],
    ) -> Answer<T> {
        read(self.http.get(url).query(query)).await
    }

    /// Asks a service about what is in `body`, which is read and changes nothing.
    pub(super) async fn service_about<T: DeserializeOwned>(
        &self,
        url: &str,
        body: &impl Serialize,
    ) -> Answer<T> {
        read(self.http.post(url).json(body)).await
    }

    /// Asks the broker's management API.
    pub(super) async fn management<T: DeserializeOwned>(&self, url: &str) -> Answer<T> {
        let Administrator { name, password } = &self.administrator;
        read(self.http.get(url).basic_auth(name, Some(password))).await
    }
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Answer<T> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return away("nadie responde en su puerto"),
        Err(error) if error.is_timeout() => return away("no responde a tiempo"),
        Err(_) => return away("la conexión se cortó"),
    };
    match response.status() {
        StatusCode::NOT_FOUND => Answer::Absent,
        status if !status.is_success() => Answer::Away(format!("responde {status}")),
        _ => match response.json().await {
            Ok(said) => Answer::Said(said),
            Err(_) => away("responde algo que esta orden no entiende"),
        },
    }
}

fn away<T>(why: &str) -> Answer<T> {
    Answer::Away(why.to_owned())
}
