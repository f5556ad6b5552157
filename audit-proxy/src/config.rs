//! Configuration of the audit proxy.

use std::net::SocketAddr;

use broker::AmqpUrl;
use clap::Parser;
use database::DatabaseUrl;
use service_kit::Listen;

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
}

/// At least one, and no more than the counts hold.
fn log_events(text: &str) -> Result<i64, String> {
    let events = text.parse().ok().filter(|events| (1..=1_000_000_000).contains(events));
    events.ok_or_else(|| "must be a number of events from 1 to 1000000000".to_owned())
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
}
