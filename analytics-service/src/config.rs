//! Configuration of the analytics service.

use std::{net::SocketAddr, time::Duration};

use broker::AmqpUrl;
use clap::Parser;
use service_kit::Listen;

use crate::store::DatabaseUrl;

/// Counts click events per client, each exactly once, and reports the counts.
#[derive(Parser, Clone, Debug)]
#[command(name = "analytics-service", version)]
pub struct Config {
    /// Address of the HTTP listener
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:5064")]
    pub listen: SocketAddr,

    /// Where RabbitMQ is: amqp://user:password@host:port/vhost
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: AmqpUrl,

    /// Where the counts are kept
    #[arg(
        long,
        env = "DATABASE_URL",
        help = "Where the counts are kept: sqlite://path or postgres://user:password@host/database",
        hide_env_values = true,
        default_value = "sqlite://analiticas.db"
    )]
    pub database_url: DatabaseUrl,

    /// How long a message is remembered so that it is not counted twice; older
    /// ones go to the dead-letter queue
    #[arg(long, env = "DEDUP_WINDOW", default_value = "7days", value_parser = window)]
    pub dedup_window: Duration,
}

/// A window of at least an hour: a shorter one would refuse what only waited.
fn window(text: &str) -> Result<Duration, String> {
    let window = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if window < Duration::from_hours(1) {
        return Err("must be at least 1h".to_owned());
    }
    Ok(window)
}

impl Listen for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}
