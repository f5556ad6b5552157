//! Configuration of the audit proxy.

use std::net::SocketAddr;

use broker::AmqpUrl;
use clap::{ArgAction, Parser};
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

    /// Lets everybody who reaches the service break it on purpose, for a class
    #[arg(
        long,
        env = "LAB_FAULTS",
        default_value = "0",
        value_parser = service_kit::config::switch,
        action = ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "1"
    )]
    pub lab_faults: bool,
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
}
