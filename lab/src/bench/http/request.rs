//! Requests as bytes, written beforehand: only the clients' numbers differ from
//! one to the next.

use std::ops::Range;

/// Digits of a client's number: as many as 10,000,000 clients need.
const DIGITS: usize = 7;

/// Stands where a client's number is written.
const NUMBER: &str = "0000000";

/// A request that can be sent again and again.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    numbers: Vec<Range<usize>>,
    clients: u64,
}

impl Request {
    /// `GET` of a path.
    pub(crate) fn get(path: &str) -> Self {
        Self::new(head("GET", path, 0), "", 1)
    }

    /// One event of that name, of one of so many clients.
    pub(crate) fn event(path: &str, event: &str, clients: u64) -> Self {
        let body = body(event);
        Self::new(head("POST", path, body.len()), &body, clients)
    }

    /// So many events in one request.
    pub(crate) fn batch(path: &str, event: &str, clients: u64, events: usize) -> Self {
        let body = format!("[{}]", vec![body(event); events].join(","));
        Self::new(head("POST", path, body.len()), &body, clients)
    }

    fn new(head: String, body: &str, clients: u64) -> Self {
        let begin = head.len();
        let numbers = body.match_indices(MARK).map(|(at, mark)| {
            let number = begin + at + mark.len();
            number..number + DIGITS
        });
        let numbers = numbers.collect();
        Self { bytes: (head + body).into_bytes(), numbers, clients: clients.max(1) }
    }

    /// The bytes to send; clients follow from `turn` on, each its own.
    pub(super) fn numbered(&mut self, turn: u64) -> &[u8] {
        for (client, at) in (turn..).zip(&self.numbers) {
            let mut client = client % self.clients;
            for digit in self.bytes[at.clone()].iter_mut().rev() {
                *digit = b'0' + u8::try_from(client % 10).expect("a digit");
                client /= 10;
            }
        }
        &self.bytes
    }

    /// Events in it; 1 where it carries none, as it is one question.
    pub(super) fn events(&self) -> u64 {
        u64::try_from(self.numbers.len()).unwrap_or(u64::MAX).max(1)
    }
}

/// Before a client's number.
const MARK: &str = "\"bench-";

fn body(event: &str) -> String {
    format!(r#"{{"cliente":{MARK}{NUMBER}","evento":"{event}"}}"#)
}

fn head(method: &str, path: &str, length: usize) -> String {
    let content = if length > 0 {
        format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
    } else {
        String::new()
    };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{content}\r\n")
}

#[cfg(test)]
mod tests {
    use super::Request;

    fn text(request: &mut Request, turn: u64) -> String {
        String::from_utf8(request.numbered(turn).to_vec()).unwrap()
    }

    #[test]
    fn a_request_is_whole_and_its_client_changes() {
        let mut request = Request::event("/send", "click", 12);
        let wanted = "POST /send HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\
            Content-Type: application/json\r\nContent-Length: 44\r\n\r\n\
            {\"cliente\":\"bench-0000011\",\"evento\":\"click\"}";
        assert_eq!(text(&mut request, 11), wanted);
        assert!(text(&mut request, 12).contains("bench-0000000"));
        assert_eq!(request.events(), 1);
    }

    #[test]
    fn each_event_of_a_batch_has_the_next_client() {
        let mut request = Request::batch("/send/batch", "click", 100, 3);
        let text = text(&mut request, 98);
        for client in ["bench-0000098", "bench-0000099", "bench-0000000"] {
            assert_eq!(text.matches(client).count(), 1, "{text}");
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        assert_eq!(request.events(), 3);
    }

    #[test]
    fn a_question_has_no_body() {
        let text = text(&mut Request::get("/reporte"), 5);
        assert!(text.starts_with("GET /reporte HTTP/1.1\r\n") && text.ends_with("\r\n\r\n"));
        assert!(!text.contains("Content-"), "{text}");
    }
}
