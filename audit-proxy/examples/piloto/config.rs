//! Configuration of the pilot.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use service_kit::Listen;

/// Registers the pilot's two systems with the audit where they are missing, and runs them.
#[derive(Parser, Clone)]
#[command(name = "piloto", version)]
pub(crate) struct Config {
    /// Where the audit's API is
    #[arg(long, env = "AUDIT_URL", default_value = "http://127.0.0.1:5070")]
    pub(crate) auditoria: String,

    /// An administrator's account there
    #[arg(long, env = "AUDIT_ACCOUNT", default_value = "admin")]
    pub(crate) cuenta: String,

    /// The account's password
    #[arg(long, env = "AUDIT_ADMIN_PASSWORD", hide_env_values = true)]
    pub(crate) clave: String,

    /// Where credentials and databases are kept
    #[arg(long, env = "PILOT_DIR", default_value = ".lab/piloto")]
    pub(crate) carpeta: PathBuf,

    /// host:port of RabbitMQ, where it has another address here than the audit knows, as
    /// with containers
    #[arg(long, env = "PILOT_RABBITMQ")]
    pub(crate) rabbitmq: Option<String>,

    /// Address of the help desk's page
    #[arg(long, env = "SERVICEDESK_LISTEN", default_value = "127.0.0.1:5081")]
    pub(crate) servicedesk: SocketAddr,

    /// Address of Redmine's page
    #[arg(long, env = "REDMINE_LISTEN", default_value = "127.0.0.1:5082")]
    pub(crate) redmine: SocketAddr,

    /// Run one of the two alone
    #[arg(long)]
    pub(crate) solo: Option<Pilot>,
}

/// A system of the pilot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Pilot {
    /// The help desk.
    Servicedesk,
    /// The tracker of support tasks.
    Redmine,
}

impl Config {
    /// The systems to run.
    pub(crate) fn systems(&self) -> Vec<Pilot> {
        self.solo.map_or_else(|| vec![Pilot::Servicedesk, Pilot::Redmine], |only| vec![only])
    }

    /// Where a system's page is.
    pub(crate) fn address(&self, pilot: Pilot) -> SocketAddr {
        match pilot {
            Pilot::Servicedesk => self.servicedesk,
            Pilot::Redmine => self.redmine,
        }
    }
}

/// The first of the pages; a second one is bound later.
impl Listen for Config {
    fn listen(&self) -> SocketAddr {
        self.address(self.solo.unwrap_or(Pilot::Servicedesk))
    }
}
