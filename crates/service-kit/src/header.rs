//! Headers of a request, as types.

use std::str::FromStr;

use actix_web::{
    HttpRequest,
    http::header::{Accept, Header, HeaderName, Quality},
    mime::{self, Mime},
};

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

/// Which of `offers`, media types without parameters, `Accept` prefers (RFC 9110
/// §12.5.1): by weight, then by how exactly it is named. The first where nothing else is
/// said, or nothing of it can be had.
///
/// # Panics
/// Where an offer is no media type.
#[must_use]
pub fn preferred<'a>(request: &HttpRequest, offers: [&'a str; 2]) -> &'a str {
    let accept = Accept::parse(request).unwrap_or_else(|_| Accept(Vec::new()));
    let [first, second] = offers.map(|offer| rank(&accept, offer));
    if second > first && second.0 > Quality::ZERO { offers[1] } else { offers[0] }
}

/// Weight and exactness of the range that names `offer` most exactly.
fn rank(accept: &Accept, offer: &str) -> (Quality, u8) {
    let offer: Mime = offer.parse().expect("an offer is a media type");
    let named =
        accept.iter().filter_map(|range| Some((exactness(&range.item, &offer)?, range.quality)));
    named
        .max_by_key(|(exactness, _)| *exactness)
        .map_or((Quality::ZERO, 0), |(exact, weight)| (weight, exact))
}

fn exactness(range: &Mime, offer: &Mime) -> Option<u8> {
    match (range.type_(), range.subtype()) {
        (mime::STAR, _) => Some(0),
        (kind, mime::STAR) => (kind == offer.type_()).then_some(1),
        _ => (range.essence_str() == offer.essence_str()).then_some(2),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_is_preferred_follows_weights_exactness_and_no_spelling() {
        let offers = ["application/json", "text/csv"];
        for (accept, index) in [
            ("text/csv", 1),
            ("TEXT/CSV", 1),
            ("text/csv; charset=utf-8", 1),
            ("text/*", 1),
            ("text/csv, */*", 1),
            ("text/csv;q=0.9, application/json;q=0.5", 1),
            ("*/*, application/json;q=0", 1),
            ("", 0),
            ("*/*", 0),
            ("text/csv;q=0", 0),
            ("text/csv;Q=0.0, */*", 0),
            ("text/csv;q=0.5, application/json", 0),
            ("application/json, text/csv", 0),
            ("text/csvx", 0),
            ("image/png", 0),
            ("/;;,", 0),
        ] {
            let request =
                TestRequest::default().insert_header(("accept", accept)).to_http_request();
            assert_eq!(preferred(&request, offers), offers[index], "{accept:?}");
        }
        let silent = TestRequest::default().to_http_request();
        assert_eq!(preferred(&silent, offers), offers[0]);
    }
}
