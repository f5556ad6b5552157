//! Headers of a request, as types.

use std::str::FromStr;

use actix_web::{HttpRequest, http::header::HeaderName};

use crate::Problem;

/// A header's value, parsed; none where the request has no such header.
///
/// # Errors
/// 422 with the header's name and what is wrong with its value.
pub fn parsed<T: FromStr<Err: std::fmt::Display>>(
    request: &HttpRequest,
    name: &HeaderName,
) -> Result<Option<T>, Problem> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let refused = |error| Problem::unacceptable(format!("Cabecera {name}: {error}."));
    text.parse().map(Some).map_err(refused)
}
