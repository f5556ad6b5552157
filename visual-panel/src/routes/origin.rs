//! Whether a request that changes something comes from the panel's own page.

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HOST, HeaderMap, ORIGIN},
    },
};
use service_kit::Problem;

/// Refuses a request that another site made a browser send. A browser says
/// where a request comes from, in `Sec-Fetch-Site` (Fetch Metadata) or `Origin`;
/// who sends neither is no browser, and acts for itself.
///
/// # Errors
/// 403 when it comes from elsewhere.
pub(super) fn check(request: &HttpRequest) -> Result<(), Problem> {
    if is_own(request.headers()) { Ok(()) } else { Err(Problem::of_status(StatusCode::FORBIDDEN)) }
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return true };
    let host = text("x-forwarded-host").or_else(|| text(HOST.as_str()));
    let origin = origin.split_once("://").map(|(_, host)| host);
    origin.is_some() && origin == host
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn own(given: &[(&'static str, &'static str)]) -> bool {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        is_own(&given.iter().map(pair).collect())
    }

    #[test]
    fn a_page_of_the_panel_may_and_another_site_may_not() {
        for (given, expected) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("origin", "http://localhost"), ("host", "localhost")], true),
            (vec![("origin", "http://localhost:80"), ("host", "localhost:8000")], false),
            (vec![("origin", "http://evil.example"), ("host", "localhost")], false),
            (vec![("origin", "null"), ("host", "localhost")], false),
            (
                vec![
                    ("origin", "http://aula"),
                    ("host", "panel:5065"),
                    ("x-forwarded-host", "aula"),
                ],
                true,
            ),
            (vec![("host", "localhost")], true),
        ] {
            assert_eq!(own(&given), expected, "{given:?}");
        }
    }
}
