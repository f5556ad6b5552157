//! Request bodies, read within limits of size and time, with the status that
//! fits what is wrong: 415 of another type, 413 too large, 408 too slow, 400
//! malformed, 422 not acceptable.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::{StatusCode, header::CONTENT_TYPE},
    web::{Bytes, Payload},
};
use messages::{InvalidJson, json};
use serde::{Deserialize, de::DeserializeOwned};

use crate::Problem;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The media type of JSON (RFC 8259).
const JSON: &str = "application/json";

/// That of a form (URL Standard).
const FORM: &str = "application/x-www-form-urlencoded";

/// Longest form, in bytes: more than any page takes.
const MAX_FORM: usize = 512 * 1024;

/// Reads a JSON object of at most `limit` bytes.
///
/// # Errors
/// 415 where the body is not said to be JSON, 422 where it is JSON and no object;
/// else as [`read`] and [`json()`].
pub async fn json_object<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<T, Problem> {
    said_to_be_json(request)?;
    object(&read(payload, limit).await?)
}

/// The same where the body may be left out: an empty one, whatever its type, is
/// the default.
///
/// # Errors
/// As [`json_object`].
pub async fn json_object_or_default<T: DeserializeOwned + Default>(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<T, Problem> {
    let body = read(payload, limit).await?;
    if body.is_empty() {
        return Ok(T::default());
    }
    said_to_be_json(request)?;
    object(&body)
}

/// A page of another origin cannot make a browser send this type without asking
/// first (Fetch Standard, "CORS-safelisted request-header").
fn said_to_be_json(request: &HttpRequest) -> Result<(), Problem> {
    match media_type(request).as_deref() {
        Some(JSON) => Ok(()),
        _ => Err(Problem::unsupported_type(JSON)),
    }
}

fn object<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    json::read_object(text).map_err(|error| of_json_error(&error))
}

/// Reads a whole body of at most `limit` bytes, chunked or not.
///
/// # Errors
/// 413 over the limit, 408 when it does not arrive, 400 when it breaks off.
pub async fn read(payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let arrived = tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(limit)).await;
    match arrived {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_broken_off))) => {
            Err(Problem::malformed("El cuerpo no llegó entero: envíelo de nuevo."))
        }
        Ok(Err(_over_limit)) => Err(Problem::too_large(limit)),
        Err(_elapsed) => Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// Waits for the whole of a form, where the body is one: who only drips it has no place here
/// for longer than anybody else; forms have at most `MAX_FORM` bytes.
///
/// # Errors
/// As [`read`].
pub(crate) async fn arrived_form(request: &mut ServiceRequest) -> Result<(), Problem> {
    if media_type(request.request()).as_deref() != Some(FORM) {
        return Ok(());
    }
    let payload = request.extract::<Payload>().await;
    let payload = payload.map_err(|_| Problem::of_status(StatusCode::BAD_REQUEST))?;
    let form = read(payload, MAX_FORM).await?;
    request.set_payload(form.into());
    Ok(())
}

/// Reads JSON into `T`.
///
/// # Errors
/// 400 where it is not JSON, 422 where it is JSON of another shape.
pub fn json<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Problem> {
    json::read(text).map_err(|error| of_json_error(&error))
}

/// The problem of what cannot be read: 422 where it is JSON all the same.
#[must_use]
pub fn of_json_error(error: &InvalidJson) -> Problem {
    let detail = format!("El cuerpo {error}.");
    if error.is_json() { Problem::unacceptable(detail) } else { Problem::malformed(detail) }
}

/// The media type of the body, in lower case and without parameters.
#[must_use]
pub fn media_type(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use actix_web::{FromRequest, ResponseError, test::TestRequest};

    use super::*;

    const LIMIT: usize = 30;

    #[derive(Deserialize, Default, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: u8,
        b: u8,
    }

    /// What becomes of a body where one is needed, and where it may be left out:
    /// the pair, or the status.
    async fn both(media_type: &str, body: &str) -> [Result<Pair, u16>; 2] {
        let request = async || {
            let request = TestRequest::default().set_payload(body.to_owned());
            let request = request.insert_header((CONTENT_TYPE, media_type));
            let (request, mut payload) = request.to_http_parts();
            let payload = Payload::from_request(&request, &mut payload).await;
            (request, payload.expect("always given"))
        };
        let status = |problem: Problem| problem.status_code().as_u16();
        let (needed, payload) = request().await;
        let needed = json_object(&needed, payload, LIMIT).await.map_err(status);
        let (optional, payload) = request().await;
        let optional = json_object_or_default(&optional, payload, LIMIT).await.map_err(status);
        [needed, optional]
    }

    #[tokio::test]
    async fn an_object_is_read_whatever_the_parameters_of_its_type() {
        for media_type in
            [JSON, "application/json; charset=utf-8", "Application/JSON", "application/json ;a=b"]
        {
            let pair = || Ok(Pair { a: 1, b: 2 });
            assert_eq!(both(media_type, r#" {"a":1,"b":2}"#).await, [pair(), pair()]);
        }
    }

    #[tokio::test]
    async fn what_is_no_object_of_this_form_has_the_status_that_fits() {
        let long = " ".repeat(LIMIT + 1);
        for (body, status) in [
            ("{", 400),
            (r#"{"a":1,"b":2} {}"#, 400),
            ("\u{1}", 400),
            ("{}", 422),
            ("[1,2]", 422),
            (" [1,2]", 422),
            ("null", 422),
            (r#"{"a":1e999}"#, 422),
            (r#"{"a":1,"b":256}"#, 422),
            (r#"{"a":1,"b":2,"c":3}"#, 422),
            (&long, 413),
        ] {
            assert_eq!(both(JSON, body).await, [Err(status), Err(status)], "{body:?}");
        }
    }

    #[tokio::test]
    async fn what_is_not_said_to_be_json_is_refused() {
        for media_type in
            ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
        {
            assert_eq!(both(media_type, r#"{"a":1,"b":2}"#).await, [Err(415), Err(415)]);
        }
    }

    #[tokio::test]
    async fn an_empty_body_is_the_default_only_where_it_may_be_left_out() {
        assert_eq!(both(JSON, "").await, [Err(400), Ok(Pair::default())]);
        assert_eq!(both("text/plain", "").await, [Err(415), Ok(Pair::default())]);
    }
}
