//! The head of an answer: status, length, and whether the connection stays.

use anyhow::{Context, Result, bail};
use httparse::{EMPTY_HEADER, Header, Response, Status};

/// Lines of a head at most.
const LINES: usize = 32;

/// What is known of an answer once its head is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes of the head itself.
    pub(super) size: usize,
    /// Bytes of the body; none where only the connection's end ends it.
    pub(super) body: Option<usize>,
    /// Whether the connection may be used again.
    pub(super) stays: bool,
}

/// Reads a head; none where it is not whole yet.
///
/// # Errors
/// When it is no answer, or one in chunks, which nobody measured here sends.
pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut lines = [EMPTY_HEADER; LINES];
    let mut response = Response::new(&mut lines);
    let Status::Complete(size) = response.parse(bytes).context("una respuesta ilegible")? else {
        return Ok(None);
    };
    let value = |name: &str| value(response.headers, name);
    if value("transfer-encoding").is_some() {
        bail!("una respuesta por trozos");
    }
    let body = value("content-length").map(|length| length.parse().context("una longitud rara"));
    let body = body.transpose()?;
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let stays = !closes && response.version == Some(1) && body.is_some();
    Ok(Some(Head { status: response.code.unwrap_or_default(), size, body, stays }))
}

fn value<'a>(lines: &[Header<'a>], name: &str) -> Option<&'a str> {
    let line = lines.iter().find(|line| line.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(line.value).ok()
}

#[cfg(test)]
mod tests {
    use super::{Head, head};

    #[test]
    fn a_head_tells_status_length_and_whether_the_connection_stays() {
        let text = "HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\nhello";
        let whole = Head { status: 202, size: text.len() - 5, body: Some(5), stays: true };
        assert_eq!(head(text.as_bytes()).unwrap(), Some(whole));
        assert_eq!(head(&text.as_bytes()[..30]).unwrap(), None);
    }

    #[test]
    fn older_servers_and_those_that_say_so_close() {
        for text in [
            "HTTP/1.0 202 ACCEPTED\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 202 ACCEPTED\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 202 ACCEPTED\r\n\r\n",
        ] {
            assert!(!head(text.as_bytes()).unwrap().unwrap().stays, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        assert!(head(b"garbage\r\n\r\n").is_err());
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
