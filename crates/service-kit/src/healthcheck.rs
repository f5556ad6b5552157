//! `SERVICE healthcheck`: asks the instance that runs whether it is ready. An
//! image that holds nothing but the service needs no other program for that.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// The word that asks for it, and what `--help` says of that.
const WORD: &str = "healthcheck";
pub(crate) const HELP: &str = "Run with the one argument `healthcheck`, it asks the instance that \
listens on LISTEN\nwhether it is ready, and ends with 0 or 1.";

/// How long the instance may take for each step of its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than `/readyz` ever says (bytes).
const ANSWER_LIMIT: u64 = 64 * 1024;

/// Whether the first argument is the word; it is taken away.
pub(crate) fn is_asked_for(arguments: &mut Vec<OsString>) -> bool {
    let is_asked_for = arguments.get(1).is_some_and(|argument| argument == WORD);
    if is_asked_for {
        arguments.remove(1);
    }
    is_asked_for
}

/// Prints what the instance answers, and ends with 1 unless it is ready.
pub(crate) fn run(listen: SocketAddr) -> ExitCode {
    match ask(listen) {
        Ok((is_ready, answer)) => {
            println!("{answer}");
            ExitCode::from(u8::from(!is_ready))
        }
        Err(error) => {
            eprintln!("{listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the instance says 200, and the body of its answer.
fn ask(listen: SocketAddr) -> io::Result<(bool, String)> {
    let mut connection = TcpStream::connect_timeout(&reachable(listen), PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    // With HTTP/1.0 the answer ends where the connection does.
    connection.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.take(ANSWER_LIMIT).read_to_string(&mut answer)?;
    let is_ready = answer.split(' ').nth(1) == Some("200");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((is_ready, body.to_owned()))
}

/// Who listens on all addresses is reached on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::{ask, is_asked_for, reachable};
    use std::{
        ffi::OsString,
        io::{Read, Write},
        net::{SocketAddr, TcpListener},
        thread,
    };

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// Answers one request with `status`; where it listens.
    fn instance(status: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().expect("a connection");
            let mut request = [0; 64];
            let read = connection.read(&mut request).expect("a request");
            assert!(request[..read].starts_with(b"GET /readyz "));
            let answer = format!("HTTP/1.0 {status}\r\nx: y\r\n\r\n{{}}");
            connection.write_all(answer.as_bytes()).expect("an answer");
        });
        address
    }

    #[test]
    fn only_200_is_ready() {
        assert_eq!(ask(instance("200 OK")).expect("an answer"), (true, "{}".to_owned()));
        assert_eq!(ask(instance("503 No")).expect("an answer"), (false, "{}".to_owned()));
    }

    #[test]
    fn nobody_there_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        assert!(ask(address).is_err());
    }

    #[test]
    fn all_addresses_are_asked_on_this_machine() {
        assert_eq!(reachable(address("0.0.0.0:5046")), address("127.0.0.1:5046"));
        assert_eq!(reachable(address("[::]:5046")), address("[::1]:5046"));
        assert_eq!(reachable(address("127.0.0.9:1")), address("127.0.0.9:1"));
    }

    #[test]
    fn the_word_comes_first_and_is_taken_away() {
        let arguments = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let mut with = arguments(&["sender", "healthcheck", "--listen", "x"]);
        assert!(is_asked_for(&mut with));
        assert_eq!(with, arguments(&["sender", "--listen", "x"]));
        assert!(!is_asked_for(&mut arguments(&["sender", "--listen", "healthcheck"])));
    }
}
