//! Configuration of Redmine.

use std::net::SocketAddr;

use clap::Parser;
use database::DatabaseUrl;
use service_kit::Listen;

use super::mailing::account::Account;

/// Redmine, one of the pilot's two systems: support tasks, made of the help desk's tickets.
#[derive(Parser, Clone, Debug)]
#[command(name = "redmine", version)]
pub(crate) struct Config {
    /// Address of its page
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:5082")]
    pub(crate) listen: SocketAddr,

    /// Where RabbitMQ is, with this system's own credentials: amqp://user:password@host:port/vhost
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub(crate) amqp_url: Account,

    /// Where the tasks are kept
    #[arg(
        long,
        env = "PILOT_DATABASE_URL",
        help = "Where the tasks are kept: sqlite://path",
        default_value = "sqlite://redmine.db",
        hide_env_values = true,
        value_parser = super::mailing::store::file
    )]
    pub(crate) database_url: DatabaseUrl,
}

impl Listen for Config {
    fn listen(&self) -> SocketAddr {
        self.listen
    }
}
