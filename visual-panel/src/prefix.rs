//! Under which path a browser sees the panel. A proxy that strips a prefix says
//! so in `X-Forwarded-Prefix`; every URL in a page is relative to it.

use actix_web::http::header::HeaderMap;

const HEADER: &str = "x-forwarded-prefix";

/// Longest prefix that is honoured, in characters.
const MAX_LENGTH: usize = 128;

/// The prefix of a request; empty if there is none, or none to be trusted: it
/// goes into the page's `<base>`, so `//elsewhere` must never pass.
#[must_use]
pub fn of(headers: &HeaderMap) -> &str {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    given.filter(|text| is_prefix(text)).unwrap_or_default()
}

/// One or more segments of `/` and plain characters.
fn is_prefix(text: &str) -> bool {
    let Some(segments) = text.strip_prefix('/') else { return false };
    text.len() <= MAX_LENGTH && segments.split('/').all(is_segment)
}

fn is_segment(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    !text.is_empty() && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_segments_are_prefixes() {
        for text in ["/panel", "/a/b/c", "/clase-1/panel_2.0~x"] {
            assert!(is_prefix(text), "{text}");
        }
        assert!(is_prefix(&format!("/{}", "x".repeat(MAX_LENGTH - 1))));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "/",
            "panel",
            "/panel/",
            "//evil.example",
            "/panel//x",
            "/a b",
            "/pañel",
            "/a,/b",
            "/x\"><script>",
            "/a?b",
            "/a#b",
            "/a%2e",
            "/a:b",
            "/a\\b",
            "https://evil.example",
        ] {
            assert!(!is_prefix(text), "{text}");
        }
        assert!(!is_prefix(&format!("/{}", "x".repeat(MAX_LENGTH))));
    }
}
