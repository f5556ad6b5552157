//! Configuration of the analytics service.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use broker::AmqpUrl;
use clap::{ArgAction, Parser};
use database::DatabaseUrl;
use management::{ManagementUrl, VirtualHost};
use messages::names::QUEUES;
use service_kit::Listen;

/// Counts click events per client, each exactly once, and reports the counts.
#[derive(Parser, Clone, Debug)]
#[command(name = "analytics-service", version)]
pub struct Config {
    /// Address of the HTTP listener
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:5064")]
    pub listen: SocketAddr,

    /// Where RabbitMQ is: amqp://user:password@host:port/vhost
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: BrokerUrl,

    /// Where RabbitMQ's management API is: <http://user:password@host:port>; without
    /// it, nobody learns from /estado how many messages wait
    #[arg(long, env = "MANAGEMENT_URL", hide_env_values = true)]
    pub management_url: Option<ManagementUrl>,

    /// Where the counts are kept
    #[arg(
        long,
        env = "DATABASE_URL",
        help = "Where the counts are kept: sqlite://path or postgres://user:password@host/database",
        hide_env_values = true,
        default_value = "sqlite://analiticas.db"
    )]
    pub database_url: DatabaseUrl,

    /// Among how many queues the events are spread, by client, from 1 to 16, the same
    /// for all instances; more than one needs RabbitMQ's plugin
    /// `rabbitmq_consistent_hash_exchange`
    #[arg(long, env = "PARTITIONS", default_value = "1", value_parser = partitions)]
    pub partitions: usize,

    /// How long a message is remembered so that it is not counted twice; older
    /// ones go to the dead-letter queue
    #[arg(long, env = "DEDUP_WINDOW", default_value = "7days", value_parser = window)]
    pub dedup_window: Duration,

    /// Offers /fallos, by which anybody breaks this service on purpose: 1 or 0
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

/// Where the broker is, and which of its virtual hosts is ours.
#[derive(Clone, Debug)]
pub struct BrokerUrl {
    pub(crate) amqp: AmqpUrl,
    pub(crate) vhost: VirtualHost,
}

impl FromStr for BrokerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { amqp: text.parse()?, vhost: VirtualHost::of_amqp_url(text)? })
    }
}

/// A window of at least an hour: a shorter one would refuse what only waited.
fn window(text: &str) -> Result<Duration, String> {
    let window = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if window < Duration::from_hours(1) {
        return Err("must be at least 1h".to_owned());
    }
    Ok(window)
}

/// As many as there are names for.
fn partitions(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=QUEUES.len()).contains(number));
    number.ok_or_else(|| format!("must be a number from 1 to {}", QUEUES.len()))
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
    fn faults_are_off_unless_somebody_asks_for_them() {
        for (arguments, on) in [
            (&[] as &[_], false),
            (&["--lab-faults="], false),
            (&["--lab-faults=0"], false),
            (&["--lab-faults=false"], false),
            (&["--lab-faults=1"], true),
            (&["--lab-faults=true"], true),
            (&["--lab-faults"], true),
        ] {
            assert_eq!(parsed(arguments).expect("good values").lab_faults, on, "{arguments:?}");
        }
        assert!(parsed(&["--lab-faults=si"]).expect_err("bad").contains("LAB_FAULTS"));
    }

    #[test]
    fn there_is_one_queue_unless_somebody_asks_for_more() {
        assert_eq!(parsed(&[]).expect("good values").partitions, 1);
        for (text, number) in [("1", 1), ("3", 3), ("16", 16)] {
            assert_eq!(parsed(&["--partitions", text]).expect("good values").partitions, number);
        }
        for text in ["0", "17", "dos", "1.5"] {
            let error = parsed(&["--partitions", text]).expect_err(text);
            assert!(error.contains("PARTITIONS") && error.contains("1 to 16"), "{error}");
        }
    }

    #[test]
    fn no_password_is_shown_whether_its_url_is_good_or_not() {
        let good = parsed(&["--management-url", "http://monitor:s3cret@h:15672"]);
        let shown = format!("{:?}", good.expect("good values"));
        assert!(shown.contains("monitor@h:15672") && !shown.contains("s3cret"), "{shown}");
        let error = parsed(&["--management-url", "https://monitor:s3cret@h"]).expect_err("no TLS");
        assert!(error.contains("MANAGEMENT_URL") && !error.contains("s3cret"), "{error}");
    }
}
