//! Configuration of the audit proxy.

use std::net::SocketAddr;

use broker::AmqpUrl;
use clap::Parser;
use database::DatabaseUrl;
use service_kit::Listen;

use crate::access::{MAX_PASSWORD, MIN_PASSWORD, Password};

/// Keeps a copy of each message between systems, forwards it, and follows what becomes
/// of it.
#[derive(Parser, Clone, Debug)]
#[command(name = "audit-proxy", version)]
pub struct Config {
    /// Address of the HTTP listener
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:5070")]
    pub listen: SocketAddr,

    /// Where RabbitMQ is: amqp://user:password@host:port/vhost
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: AmqpUrl,

    /// Where the messages are kept
    #[arg(
        long,
        env = "DATABASE_URL",
        help = "Where the messages are kept: sqlite://path or postgres://user:password@host/database",
        hide_env_values = true,
        default_value = "sqlite://auditoria.db"
    )]
    pub database_url: DatabaseUrl,

    /// Longest payload that is forwarded, in bytes; what is longer is refused
    #[arg(long, env = "MAX_PAYLOAD", default_value = "1048576", value_parser = payload)]
    pub max_payload: usize,

    /// Log events of applications that are kept; over it the oldest go
    #[arg(long, env = "LOG_EVENTS_MAX", default_value = "1000000", value_parser = log_events)]
    pub log_events_max: i64,

    /// Password of the first account, `admin`, made when there is no account at all; later
    /// it changes nothing
    #[arg(
        long,
        env = "ADMIN_PASSWORD",
        hide_env_values = true,
        hide_default_value = true,
        default_value = "",
        value_parser = first_password
    )]
    pub admin_password: FirstPassword,
}

/// At least one, and no more than the counts hold.
fn log_events(text: &str) -> Result<i64, String> {
    let events = text.parse().ok().filter(|events| (1..=1_000_000_000).contains(events));
    events.ok_or_else(|| "must be a number of events from 1 to 1000000000".to_owned())
}

/// Value of `ADMIN_PASSWORD`; what is empty is none, as in `.env`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirstPassword(pub Option<Password>);

fn first_password(text: &str) -> Result<FirstPassword, String> {
    let tell = |_| format!("must have {MIN_PASSWORD} to {MAX_PASSWORD} characters");
    let given = (!text.is_empty()).then(|| text.parse().map_err(tell));
    given.transpose().map(FirstPassword)
}

/// RabbitMQ takes at most 16 MiB since 4.0.
fn payload(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (1..=16 * 1024 * 1024).contains(size));
    size.ok_or_else(|| "must be a number of bytes from 1 to 16777216".to_owned())
}

impl Listen for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Config, String> {
        let given = ["a", "--amqp-url", "amqp://ana:s3cret@h/%2f"].iter().chain(arguments);
        service_kit::config::parse(&given.map(Into::into).collect::<Vec<_>>())
            .map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_payload_has_at_least_a_byte_and_no_more_than_the_broker_takes() {
        assert_eq!(parsed(&[]).expect("good values").max_payload, 1024 * 1024);
        for text in ["0", "16777217", "1 MB"] {
            let error = parsed(&["--max-payload", text]).expect_err(text);
            assert!(error.contains("MAX_PAYLOAD") && error.contains("16777216"), "{error}");
        }
    }

    #[test]
    fn at_least_one_log_event_is_kept() {
        assert_eq!(parsed(&[]).expect("good values").log_events_max, 1_000_000);
        for text in ["0", "-1", "1000000001", "todos"] {
            let given = format!("--log-events-max={text}");
            let error = parsed(&[&given]).expect_err(text);
            assert!(error.contains("LOG_EVENTS_MAX") && error.contains("1000000000"), "{error}");
        }
    }

    #[test]
    fn the_first_password_is_long_enough_or_none_and_never_shown() {
        assert_eq!(parsed(&[]).expect("good values").admin_password, FirstPassword(None));
        assert_eq!(
            parsed(&["--admin-password="]).expect("as in .env").admin_password,
            FirstPassword(None)
        );
        let config = parsed(&["--admin-password", "s3cret s3cret"]).expect("good values");
        assert!(config.admin_password.0.is_some());
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
        let error = parsed(&["--admin-password", "s3cret"]).expect_err("too short");
        assert!(error.contains("ADMIN_PASSWORD") && error.contains("12 to 128"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
