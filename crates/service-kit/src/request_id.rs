//! One id per request: taken from `X-Request-Id` where a caller sends a usable
//! one, made here otherwise; in every answer, and in the log.

use std::fmt;

use actix_web::{HttpMessage, HttpRequest, dev::ServiceRequest, http::header::HeaderName};
use uuid::Uuid;

/// Name of the header.
pub static HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a caller, in characters.
const MAX_LENGTH: usize = 64;

/// The id of a request.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of a request; `-` for one that did not go through the server's
    /// own layers.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self("-".to_owned()))
    }

    pub(crate) fn assign(request: &ServiceRequest) -> Self {
        let given = request.headers().get(&HEADER).and_then(|value| value.to_str().ok());
        let id = Self(match given {
            Some(text) if is_usable(text) => text.to_owned(),
            _ => Uuid::now_v7().to_string(),
        });
        request.extensions_mut().insert(id.clone());
        id
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters, digits, `-` and `_` only: the id is written into a log line.
fn is_usable(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
