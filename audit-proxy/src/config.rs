//! Configuration of the audit proxy.

use std::{net::SocketAddr, str::FromStr};

use broker::AmqpUrl;
use clap::{ArgAction, Parser};
use database::DatabaseUrl;
use management::{ManagementUrl, VirtualHost};
use service_kit::{Listen, caller::TrustedProxies};

use crate::access::{InvalidPassword, MAX_PASSWORD, MIN_PASSWORD, Password};

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
    pub amqp_url: BrokerUrl,

    /// Where RabbitMQ's management API is: <http://user:password@host:port>, of an
    /// administrator who may declare the mailboxes of systems
    #[arg(long, env = "MANAGEMENT_URL", hide_env_values = true)]
    pub management_url: ManagementUrl,

    /// Where the messages are kept
    #[arg(
        long,
        env = "AUDIT_DATABASE_URL",
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
        env = "AUDIT_ADMIN_PASSWORD",
        hide_env_values = true,
        hide_default_value = true,
        default_value = "",
        value_parser = first_password
    )]
    pub admin_password: FirstPassword,

    /// Who may say in `X-Real-Ip` whom it asks for, the door and the panel: hosts separated by
    /// commas. Of everybody else the connection's address counts
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "127.0.0.1,::1")]
    pub trusted_proxies: TrustedProxies,

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

/// At least one, and no more than the counts hold.
fn log_events(text: &str) -> Result<i64, String> {
    let events = text.parse().ok().filter(|events| (1..=1_000_000_000).contains(events));
    events.ok_or_else(|| "must be a number of events from 1 to 1000000000".to_owned())
}

/// Value of `AUDIT_ADMIN_PASSWORD`; what is empty is none, as in `.env`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirstPassword(pub Option<Password>);

fn first_password(text: &str) -> Result<FirstPassword, String> {
    let tell = |reason| match reason {
        InvalidPassword::Length => {
            format!("must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
        }
        InvalidPassword::Known | InvalidPassword::Name => {
            "is a password that everybody knows".to_owned()
        }
    };
    let given = (!text.is_empty()).then(|| text.parse().map_err(tell));
    given.transpose().map(FirstPassword)
}

/// Where the broker is, and which of its virtual hosts is ours.
#[derive(Clone, Debug)]
pub struct BrokerUrl {
    pub(crate) amqp: AmqpUrl,
    pub(crate) vhost: VirtualHost,
}

impl BrokerUrl {
    /// The same for another user; neither text needs to be percent-encoded.
    pub(crate) fn of(&self, user: &str, password: &str) -> String {
        format!("amqp://{user}:{password}@{}/{}", self.amqp.address(), self.vhost)
    }
}

impl FromStr for BrokerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { amqp: text.parse()?, vhost: VirtualHost::of_amqp_url(text)? })
    }
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
        let urls = ["--amqp-url", "amqp://a:s3cret@h/%2f", "--management-url", "http://r:s3cret@h"];
        let given = ["a"].iter().chain(&urls).chain(arguments);
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
    fn the_management_api_is_needed_and_no_password_is_shown() {
        let shown = format!("{:?}", parsed(&[]).expect("good values"));
        assert!(shown.contains("http://r@h") && !shown.contains("s3cret"), "{shown}");
        let arguments = ["a", "--amqp-url", "amqp://a:s3cret@h"].map(Into::into);
        let error = service_kit::config::parse::<Config>(&arguments).expect_err("no URL");
        assert!(format!("{error:?}").contains("MANAGEMENT_URL"), "{error:?}");
    }

    #[test]
    fn the_address_of_another_user_is_on_the_same_virtual_host() {
        let url: BrokerUrl = "amqp://a:s3cret@h:1234/x%2Fy".parse().expect("a URL");
        assert_eq!(url.of("redmine-1", "abc"), "amqp://redmine-1:abc@h:1234/x%2Fy");
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
        assert!(error.contains("AUDIT_ADMIN_PASSWORD") && error.contains("12 to 128"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
        let known = parsed(&["--admin-password", "admin-auditoria"]).expect_err("known to all");
        assert!(
            known.contains("AUDIT_ADMIN_PASSWORD: is a password that everybody knows"),
            "{known}"
        );
    }
}
