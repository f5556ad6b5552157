//! Why a request came to nothing.

use std::error::Error as _;

use serde_json::Value;

use crate::client::{DEADLINE, MAX_BODY};

/// Longest part of the broker's own words that is repeated, in characters.
const MAX_WORDS: usize = 200;

/// How the broker begins where a declaration differs from what there is (3.10 to 4.3).
const INEQUIVALENT: &str = "inequivalent arg";

/// What was attempted, on what, and why it failed: one line, without credentials.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{attempt}: {reason}")]
pub struct Error {
    /// Method, path and API: `PUT /api/users/ana at http://admin@localhost:15672`.
    pub attempt: String,
    /// Why it failed.
    pub reason: Reason,
}

/// Why a request failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// Nothing was sent: it could not be put into a request.
    #[error("not asked: {0}")]
    Unasked(String),
    /// The connection was refused, or broke off; how, without the URL. What was
    /// sent may have been done all the same.
    #[error("out of reach: {0}")]
    Unreachable(String),
    /// Nothing came within [`DEADLINE`]. It may have been done all the same.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    TimedOut,
    /// The API answered that it did not do it.
    #[error("answered {status}{}", in_brackets(said))]
    Status {
        /// The HTTP status.
        status: u16,
        /// The broker's own words, on one line; empty where it has none.
        said: String,
    },
    /// An answer over [`MAX_BODY`], which was not read to its end.
    #[error("answered with more than {MAX_BODY} bytes")]
    TooLarge,
    /// An answer that is not what the API is known to say.
    #[error("answered something that is not understood")]
    NotUnderstood,
}

impl Error {
    /// Whether the API does not let this user in, or not do this: 401 or 403.
    /// RabbitMQ says 401 in both cases, and tells them apart in its words.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.reason, Reason::Status { status: 401 | 403, .. })
    }

    /// Whether the API is not there now: the same may work later.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self.reason, Reason::Unreachable(_) | Reason::TimedOut)
    }

    /// Whether a queue or an exchange of that name exists with other arguments, which
    /// cannot be changed: the broker names the one.
    #[must_use]
    pub fn is_other_arguments(&self) -> bool {
        matches!(&self.reason, Reason::Status { status: 400, said } if said.contains(INEQUIVALENT))
    }

    /// Whether the API failed at it (500): the same may work at once.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self.reason, Reason::Status { status: 500, .. })
    }

    fn is_not_found(&self) -> bool {
        matches!(self.reason, Reason::Status { status: 404, .. })
    }
}

impl Reason {
    /// That of another status than a success, whose body was `body`.
    pub(crate) fn of_answer(status: u16, body: &[u8]) -> Self {
        Self::Status { status, said: words(body) }
    }
}

/// What keeps a request from being answered says for which URL it was: nobody
/// needs that, and the password is part of it.
impl From<reqwest::Error> for Reason {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        Self::Unreachable(with_causes(&error.without_url()))
    }
}

/// An error and what caused it, on one line.
pub(crate) fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// An answer, or `None` where what was asked about is not there.
pub(crate) fn optional<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The broker's own words, short and on one line: a text, or the name of an Erlang
/// error in front of what belongs to it.
fn words(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let reason = body["reason"].as_str().or(body["reason"][0].as_str()).unwrap_or_default();
    let printable = reason.chars().map(|char| if char.is_control() { ' ' } else { char });
    printable.take(MAX_WORDS).collect()
}

fn in_brackets(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(" ({said})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Error {
        let attempt = "PUT /api/users/ana at http://admin@h:1".to_owned();
        Error { attempt, reason: Reason::of_answer(status, body.as_bytes()) }
    }

    #[test]
    fn an_error_is_one_line_of_what_was_attempted_and_why_it_failed() {
        for (body, wanted) in [
            (
                r#"{"error":"not_authorised","reason":"Login failed"}"#,
                "answered 401 (Login failed)",
            ),
            (r#"{"error":"bad_request","reason":"two\nlines"}"#, "answered 401 (two lines)"),
            (r#"{"error":"bad_request","reason":["invalid",[40]]}"#, "answered 401 (invalid)"),
            (r#"{"error":"bad_request","reason":[40]}"#, "answered 401"),
            ("<html>", "answered 401"),
            ("", "answered 401"),
        ] {
            let wanted = format!("PUT /api/users/ana at http://admin@h:1: {wanted}");
            assert_eq!(answered(401, body).to_string(), wanted);
        }
    }

    #[test]
    fn the_brokers_words_are_cut_where_they_are_long() {
        let body = format!(r#"{{"reason":"{}"}}"#, "ñ".repeat(MAX_WORDS + 1));
        let Reason::Status { said, .. } = answered(400, &body).reason else { panic!("a status") };
        assert_eq!(said, "ñ".repeat(MAX_WORDS));
    }

    #[test]
    fn refused_away_and_not_found_are_told_apart() {
        let away = |reason| Error { reason, ..answered(500, "") };
        for (error, told) in [
            (answered(401, ""), [true, false, false]),
            (answered(403, ""), [true, false, false]),
            (away(Reason::Unreachable("refused".to_owned())), [false, true, false]),
            (away(Reason::TimedOut), [false, true, false]),
            (answered(404, ""), [false, false, true]),
            (answered(400, ""), [false, false, false]),
            (answered(500, ""), [false, false, false]),
        ] {
            let is = [error.is_refused(), error.is_away(), error.is_not_found()];
            assert_eq!(is, told, "{error}");
        }
    }

    #[test]
    fn a_declaration_that_differs_is_told_from_a_bad_one() {
        let said = r#"{"reason":"inequivalent arg 'x-max-length' for queue 'q' in vhost '/'"}"#;
        assert!(answered(400, said).is_other_arguments());
        assert!(!answered(400, r#"{"reason":"invalid arg 'x-max-length'"}"#).is_other_arguments());
        assert!(!answered(500, said).is_other_arguments() && answered(500, said).is_failure());
    }

    #[test]
    fn what_is_not_found_is_none_and_every_other_error_stays_one() {
        let nothing = |status| optional(Err::<(), _>(answered(status, "")));
        assert_eq!(optional(Ok(1)), Ok(Some(1)));
        assert_eq!(nothing(404), Ok(None));
        assert_eq!(nothing(401), Err(answered(401, "")));
    }
}
