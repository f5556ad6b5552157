//! Where the broker is, and who we are there.

use std::{fmt, str::FromStr};

use lapin::uri::{AMQPScheme, AMQPUri};

/// Seconds without a sign of life after which a connection counts as cut.
const HEARTBEAT_SECONDS: u16 = 10;

/// An `amqp://user:password@host:port/vhost` URL. Neither `Debug` nor an error
/// shows the password.
#[derive(Clone)]
pub struct AmqpUrl(AMQPUri);

impl AmqpUrl {
    /// Where the broker listens: `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.0.authority.host, self.0.authority.port)
    }

    pub(crate) fn uri(&self) -> AMQPUri {
        let mut uri = self.0.clone();
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        uri
    }
}

impl FromStr for AmqpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<AMQPUri>() {
            Ok(uri) if uri.scheme == AMQPScheme::AMQP => Ok(Self(uri)),
            // No TLS is built in: the broker is on this machine or its network.
            _ => Err("expected amqp://user:password@host:port/vhost (percent-encoded)".to_owned()),
        }
    }
}

impl fmt::Display for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.0.authority;
        let (user, host, port) = (&authority.userinfo.username, &authority.host, authority.port);
        write!(f, "amqp://{user}@{host}:{port}/{}", self.0.vhost)
    }
}

impl fmt::Debug for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let url: AmqpUrl = "amqp://ana:s3cret@localhost:5672/%2f".parse().expect("a url");
        assert_eq!(url.address(), "localhost:5672");
        let shown = format!("{url} {url:?}");
        assert!(shown.contains("ana@localhost:5672"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
        for other in ["http://ana:s3cret@x", "amqps://ana:s3cret@x"] {
            let error = other.parse::<AmqpUrl>().expect_err("not amqp");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
