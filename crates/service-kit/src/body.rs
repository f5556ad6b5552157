//! Request bodies, read within limits of size and time, with the status that
//! fits what is wrong: 413 too large, 408 too slow, 400 malformed, 422 not
//! acceptable.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::{StatusCode, header::CONTENT_TYPE},
    web::{Bytes, Payload},
};
use serde::Deserialize;

use crate::Problem;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a whole body of at most `limit` bytes, chunked or not.
///
/// # Errors
/// 413 over the limit, 408 when it does not arrive, 400 when it breaks off.
pub async fn read(payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let arrived = tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(limit)).await;
    match arrived {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(error))) => {
            Err(Problem::malformed(format!("El cuerpo no llegó entero: {error}.")))
        }
        Ok(Err(_over_limit)) => Err(Problem::too_large(limit)),
        Err(_elapsed) => Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// Reads JSON into `T`.
///
/// # Errors
/// 400 where it is not JSON, 422 where it is JSON of another shape.
pub fn json<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(text).map_err(|error| of_json_error(&error))
}

/// The problem of a JSON error: what serde says names the field and the place.
#[must_use]
pub fn of_json_error(error: &serde_json::Error) -> Problem {
    if error.is_data() {
        Problem::unacceptable(format!("El JSON no tiene la forma esperada: {error}."))
    } else {
        Problem::malformed(format!("El cuerpo no es JSON válido: {error}."))
    }
}

/// The media type of the body, in lower case and without parameters.
#[must_use]
pub fn media_type(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}
