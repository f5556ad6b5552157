//! Whoever asks the proxy over HTTP, with a token or without.

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};

/// The first account of every proxy here, and its password.
pub(super) const ADMIN: &str = "admin";
pub(super) const PASSWORD: &str = "clave de las pruebas";

/// Somebody who asks. Clones share the connections.
#[derive(Clone)]
pub(super) struct Caller {
    address: String,
    client: Client,
    token: Option<String>,
    /// Whom a trusted proxy says it asks for.
    from: Option<&'static str>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Null where there is none.
    pub(super) body: Value,
}

impl Caller {
    /// Somebody without a token, at `http://…`.
    pub(super) fn nobody(address: String) -> Self {
        Self { address, client: Client::new(), token: None, from: None }
    }

    /// The same with a token.
    pub(super) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same from another address, as the door tells it.
    pub(super) fn from(&self, address: &'static str) -> Self {
        Self { from: Some(address), ..self.clone() }
    }

    /// The same token at another proxy.
    pub(super) fn at(&self, other: &Self) -> Self {
        Self { address: other.address.clone(), ..self.clone() }
    }

    /// The token itself.
    pub(super) fn token(&self) -> &str {
        self.token.as_deref().expect("a token")
    }

    /// Where `path` is.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Logs in: whoever has the new session.
    pub(super) async fn log_in(&self, account: &str, password: &str) -> Self {
        let answer = self.post("/sesiones", &json!({ "cuenta": account, "clave": password })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.with_token(answer.body["token"].as_str().expect("a token"))
    }

    /// Asks once more, for whoever waits until the answer is another.
    pub(super) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let mut request = self.client.request(method, self.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(address) = self.from {
            request = request.header("x-real-ip", address);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.map_err(|error| error.to_string())?;
        let body = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
        Ok(Answer { status, headers, body: body.map_err(|error| error.to_string())? })
    }

    /// What is at `path`, byte by byte.
    pub(super) async fn raw(&self, path: &str) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = self.client.get(self.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, headers, answer.bytes().await.expect("the whole of it").to_vec())
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.try_send(method.clone(), path, body).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }
}
