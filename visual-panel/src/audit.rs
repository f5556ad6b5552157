//! Asking the audit proxy, each time for one reader: with the token of the login
//! that the reader's browser brings along. The panel itself keeps nothing.

pub mod filter;
pub mod wire;

use std::{net::IpAddr, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use service_kit::caller;
use tokio::time::timeout;

use crate::neighbour::{self, Away, Reason};

/// How long an answer that a page is made of may take: a search in payloads reads
/// more than its index.
const DEADLINE: Duration = Duration::from_secs(10);

/// Longest answer that a page is made of, in bytes: 500 messages that say of themselves
/// as much as they may stay under it.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Longest part of a payload, in bytes: the proxy shows no longer one at once.
const MAX_PAYLOAD: usize = 1024 * 1024;

/// The audit proxy.
#[derive(Clone, Debug)]
pub struct Audit {
    client: Client,
    base: Url,
}

/// The audit proxy, as it answers somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    audit: Audit,
    token: String,
    from: IpAddr,
}

/// Why the audit proxy did not do what it was asked for.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// Nobody is logged in under this token, or not any more.
    NotLoggedIn,
    /// Whoever it is may not do that; in the proxy's own words.
    NotAllowed(String),
    /// Another status than 2xx, and what the proxy says of it.
    Problem {
        /// The HTTP status.
        status: u16,
        /// The proxy's own words, which say what to do; empty where it said nothing.
        detail: String,
    },
    /// There is no answer that could be shown.
    Away(Away),
}

impl Refusal {
    /// The status of a page that says so. Who is not logged in is sent to the login; who
    /// fails there is refused.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotLoggedIn | Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::Problem { status, .. } => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What the panel reads of a problem (RFC 9457).
#[derive(Deserialize)]
struct ProblemBody {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errores: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    donde: String,
    detalle: String,
}

impl Audit {
    /// The audit proxy at `base`, which ends with a slash.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(base: Url) -> reqwest::Result<Self> {
        let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
        Ok(Self { client, base })
    }

    /// It, for whoever logged in under `token` and asks from this address.
    #[must_use]
    pub fn with(&self, token: String, from: IpAddr) -> Session {
        Session { audit: self.clone(), token, from }
    }

    /// Logs somebody in who asks from this address.
    ///
    /// # Errors
    /// [`Refusal::NotLoggedIn`] when name and password do not fit.
    pub async fn log_in(
        &self,
        account: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<wire::NewSession, Refusal> {
        let body = json!({"cuenta": account, "clave": password});
        read(self.request(Method::POST, self.address(&["sesiones"], &[]), from).json(&body)).await
    }

    /// On behalf of whoever asks from this address: the proxy limits and records by it.
    fn request(&self, method: Method, url: Url, from: IpAddr) -> RequestBuilder {
        self.client.request(method, url).header(caller::HEADER.as_str(), from.to_string())
    }

    /// Each segment is escaped: none of them leads to another address.
    fn address(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

impl Session {
    /// Who it is.
    ///
    /// # Errors
    /// [`Refusal`] unless somebody is logged in.
    pub async fn who(&self) -> Result<wire::Who, Refusal> {
        self.get(&["sesiones", "actual"], &[]).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`Refusal`] where the proxy did not.
    pub async fn log_out(&self) -> Result<(), Refusal> {
        self.tell(Method::DELETE, &["sesiones", "actual"], None).await
    }

    /// Asks for what is at the path of these segments, with this query.
    ///
    /// # Errors
    /// [`Refusal`] unless it is there in time and as agreed.
    pub async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Refusal> {
        read(self.question(segments, query)).await
    }

    /// Sends `body` there as JSON.
    ///
    /// # Errors
    /// [`Refusal`] unless it is answered in time and as agreed.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: &Value,
    ) -> Result<T, Refusal> {
        read(self.request(method, segments).json(body)).await
    }

    /// The same where the answer says no more than that it is done.
    ///
    /// # Errors
    /// [`Refusal`] unless it is done in time.
    pub async fn tell(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<&Value>,
    ) -> Result<(), Refusal> {
        let request = self.request(method, segments);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        in_time(accepted(request)).await.map(drop)
    }

    /// What is there, as it comes: the head in time, the body for as long as it lasts.
    ///
    /// # Errors
    /// [`Refusal`] unless it begins in time.
    pub async fn stream(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Response, Refusal> {
        in_time(accepted(self.question(segments, query))).await
    }

    /// A part of the payload of the message of this key, from byte `first` on. That it was
    /// looked at is taken down.
    ///
    /// # Errors
    /// [`Refusal`] unless it is there in time.
    pub async fn payload(&self, key: &str, first: usize) -> Result<wire::PayloadPart, Refusal> {
        let first = first.to_string();
        in_time(async {
            let query = [("desde", first.as_str())];
            let request = self.question(&["mensajes", key, "contenido"], &query);
            let response = accepted(request).await?;
            let head = wire::PayloadPart::of_head(response.headers());
            Ok(wire::PayloadPart { bytes: whole(response, MAX_PAYLOAD).await?, ..head })
        })
        .await
    }

    fn question(&self, segments: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let url = self.audit.address(segments, query);
        self.audit.request(Method::GET, url, self.from).bearer_auth(&self.token)
    }

    fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let url = self.audit.address(segments, &[]);
        self.audit.request(method, url, self.from).bearer_auth(&self.token)
    }
}

/// The answer's body, as agreed.
async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Refusal> {
    in_time(async {
        let response = accepted(request).await?;
        let path = response.url().path().to_owned();
        let body = whole(response, MAX_BODY).await?;
        let parsed = serde_json::from_slice(&body);
        parsed.map_err(|error| away(Reason::NotUnderstood, format!("{path}: {error}")))
    })
    .await
}

async fn whole(response: Response, most: usize) -> Result<Vec<u8>, Refusal> {
    let path = response.url().path().to_owned();
    let body = neighbour::read(response, most).await.map_err(|error| unreachable(&error))?;
    body.ok_or_else(|| away(Reason::TooLarge, format!("{path}: over {most} bytes")))
}

fn away(reason: Reason, detail: String) -> Refusal {
    Refusal::Away(Away { reason, detail })
}

async fn in_time<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    let late = || away(Reason::TimedOut, format!("no answer within {} s", DEADLINE.as_secs()));
    timeout(DEADLINE, work).await.unwrap_or_else(|_| Err(late()))
}

/// The answer, if it is one of success.
async fn accepted(request: RequestBuilder) -> Result<Response, Refusal> {
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = neighbour::read(response, MAX_BODY).await.ok().flatten().unwrap_or_default();
    Err(refusal(status, &body))
}

fn unreachable(error: &reqwest::Error) -> Refusal {
    away(Reason::Unreachable, format!("{error:?}"))
}

fn refusal(status: StatusCode, body: &[u8]) -> Refusal {
    let detail = serde_json::from_slice(body).map(ProblemBody::words).unwrap_or_default();
    match status {
        StatusCode::UNAUTHORIZED => Refusal::NotLoggedIn,
        StatusCode::FORBIDDEN => Refusal::NotAllowed(detail),
        status => Refusal::Problem { status: status.as_u16(), detail },
    }
}

impl ProblemBody {
    /// All that it says.
    fn words(self) -> String {
        let errors = self.errores.iter().map(|error| format!("{}: {}", error.donde, error.detalle));
        [self.detail].into_iter().chain(errors).collect::<Vec<_>>().join(" · ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit() -> Audit {
        Audit::at("http://auditoria:5070/".parse().expect("a URL")).expect("a client")
    }

    #[test]
    fn no_segment_leads_to_another_address() {
        for (segments, expected) in [
            (["mensajes", "a/b"], "http://auditoria:5070/mensajes/a%2Fb"),
            (["sistemas", "../cuentas"], "http://auditoria:5070/sistemas/..%2Fcuentas"),
            (["sistemas", "a?b#c"], "http://auditoria:5070/sistemas/a%3Fb%23c"),
            (["sistemas", ".."], "http://auditoria:5070/sistemas"),
        ] {
            assert_eq!(audit().address(&segments, &[]).as_str(), expected);
        }
    }

    #[test]
    fn a_query_is_escaped_and_an_empty_one_is_none() {
        let url =
            |query: &[(&str, &str)]| audit().address(&["mensajes"], query).as_str().to_owned();
        assert_eq!(url(&[]), "http://auditoria:5070/mensajes");
        let escaped = "http://auditoria:5070/mensajes?texto=a%26b%3D+c%23";
        assert_eq!(url(&[("texto", "a&b= c#")]), escaped);
    }

    #[test]
    fn a_problem_is_told_in_its_own_words() {
        let body = br#"{"detail":"No vale.","errores":[{"donde":"nombre","detalle":"es largo"}]}"#;
        let told = refusal(StatusCode::UNPROCESSABLE_ENTITY, body);
        let Refusal::Problem { status: 422, detail } = told else { panic!("{told:?}") };
        assert_eq!(detail, "No vale. · nombre: es largo");
        let told = refusal(StatusCode::BAD_GATEWAY, b"<html>");
        assert!(matches!(told, Refusal::Problem { status: 502, ref detail } if detail.is_empty()));
        let told = refusal(StatusCode::UNAUTHORIZED, b"");
        assert!(matches!(told, Refusal::NotLoggedIn), "{told:?}");
    }
}
