//! Configuration of a sender.

use std::{net::SocketAddr, time::Duration};

use broker::AmqpUrl;
use clap::{ArgAction, Parser};
use messages::ClientName;
use service_kit::Listen;

/// Takes click events over HTTP and publishes them to RabbitMQ, confirmed.
#[derive(Parser, Clone, Debug)]
#[command(name = "sender", version)]
pub struct Config {
    /// Address of the HTTP listener
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:5046")]
    pub listen: SocketAddr,

    /// Where RabbitMQ is: amqp://user:password@host:port/vhost
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: AmqpUrl,

    /// Name of this sender, and of the client where a request names none
    #[arg(long, env = "SENDER_NAME", default_value = "cliente_x")]
    pub sender_name: ClientName,

    /// Emit an event by itself this often, such as 2s or 500ms; off by default
    #[arg(long, env = "EMIT_EVERY", value_parser = interval)]
    pub emit_every: Option<Duration>,

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

impl Listen for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}

/// A duration of at least a millisecond.
fn interval(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_millis(1) {
        return Err("must be at least 1ms".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(arguments: &[&str]) -> Result<bool, String> {
        let given = ["a", "--amqp-url", "amqp://ana:s3cret@h/%2f"].iter().chain(arguments);
        service_kit::config::parse(&given.map(Into::into).collect::<Vec<_>>())
            .map(|config: Config| config.lab_faults)
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
            assert_eq!(faults(arguments), Ok(on), "{arguments:?}");
        }
        assert!(faults(&["--lab-faults=si"]).expect_err("bad").contains("LAB_FAULTS"));
    }
}
