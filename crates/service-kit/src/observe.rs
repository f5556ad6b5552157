//! The layer around every request: its id, its metrics, and errors turned into
//! problems.

use std::{cell::RefCell, collections::HashMap, time::Instant};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::Next,
};
use metrics::{Counter, Histogram, counter, histogram};

use crate::{Problem, Shutdown, body, caller, head, host, problem, request_id};

/// What every answer says that does not say otherwise: nobody keeps it, takes it for something
/// else, shows it inside of another page, or tells others where it was.
const HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    (REFERRER_POLICY, "same-origin"),
];

/// Where no route matched, so that paths made up by a caller are no labels.
const NO_ROUTE: &str = "none";

/// Longest path in a line of the log, in characters.
const PATH_SHOWN: usize = 200;

/// Longest address of a request, path and query, in bytes: twice what RFC 9112 §3 asks for
/// at the least. No form of ours fills it, and an answer that repeats it stays small.
const MAX_ADDRESS: usize = 16 * 1024;

pub(crate) async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id::RequestId::assign(&request);
    let stopping = request.app_data::<Shutdown>().is_some_and(Shutdown::is_raised);
    let method = known_method(request.method());
    caller::locate(&mut request).await;
    let is_head = head::as_get(&mut request);
    let response = answer(request, next).await?;
    let mut response = as_problem(response, id.as_str());
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(request_id::HEADER.clone(), value);
    }
    if stopping {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        log::error!("request {}: {method} {} failed", id.as_str(), response.request().path());
    }
    tell_who_acted(&response, method, id.as_str());
    record(&response, method, started);
    Ok(if is_head { head::without_body(response) } else { response })
}

/// Errors of handlers and extractors arrive as responses already.
async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !host::is_ours(&request) {
        return Ok(request.error_response(Problem::of_another_host()));
    }
    if is_too_long(&request) {
        return Ok(request.error_response(Problem::address_too_long(MAX_ADDRESS)));
    }
    if let Err(problem) = body::arrived_form(&mut request).await {
        return Ok(request.error_response(problem));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// What somebody who is known changed, or was refused: who, whence, what, and the outcome.
fn tell_who_acted(response: &ServiceResponse, method: &str, id: &str) {
    let (request, status) = (response.request(), response.status());
    let Some(actor) = caller::actor(request) else { return };
    if matches!(method, "GET" | "HEAD") && !status.is_client_error() {
        return;
    }
    let level = if status.is_success() { log::Level::Info } else { log::Level::Warn };
    let (address, path) = (caller::address(request), request.path());
    log::log!(
        level,
        "request {id}: {actor} from {address}: {method} {path:.PATH_SHOWN$}: {}",
        status.as_u16()
    );
}

fn is_too_long(request: &ServiceRequest) -> bool {
    request.path().len() + request.query_string().len() > MAX_ADDRESS
}

/// Replaces the body of an error that is not a problem document yet.
fn as_problem(response: ServiceResponse, id: &str) -> ServiceResponse {
    let status = response.status();
    let problem =
        response.response().error().and_then(|error| error.as_error::<Problem>().cloned()).or_else(
            || {
                (status.as_u16() >= 400 && !is_documented(&response))
                    .then(|| Problem::of_status(status))
            },
        );
    let Some(problem) = problem else { return response };
    let mut replaced = problem.response(id);
    if let Some(allow) = response.headers().get(actix_web::http::header::ALLOW) {
        replaced.headers_mut().insert(actix_web::http::header::ALLOW, head::allowed(allow));
    }
    response.into_response(replaced)
}

/// Whether the answer has a body of its own that says what happened.
fn is_documented(response: &ServiceResponse) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    let documents = [problem::MEDIA_TYPE, "application/json", "text/html"];
    content_type.is_some_and(|value| {
        documents.iter().any(|one| value.as_bytes().starts_with(one.as_bytes()))
    })
}

/// A method that a caller made up is no label.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn record(response: &ServiceResponse, method: &'static str, started: Instant) {
    let route = response.request().match_pattern().unwrap_or_else(|| NO_ROUTE.to_owned());
    let kind = (method, response.status().as_u16(), route);
    SERIES.with_borrow_mut(|series| {
        let series = series.entry(kind).or_insert_with_key(Series::of);
        series.requests.increment(1);
        series.duration.record(started.elapsed().as_secs_f64());
    });
}

thread_local! {
    /// Looking a metric up by its labels costs more than all else that is done here.
    static SERIES: RefCell<HashMap<Kind, Series>> = RefCell::default();
}

/// Method, status and route of a request.
type Kind = (&'static str, u16, String);

/// Where requests of a kind are counted.
struct Series {
    requests: Counter,
    duration: Histogram,
}

impl Series {
    fn of((method, status, route): &Kind) -> Self {
        let (method, status, route) = (*method, status.to_string(), route.clone());
        Self {
            requests: counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status),
            duration: histogram!("http_request_duration_seconds", "route" => route),
        }
    }
}
