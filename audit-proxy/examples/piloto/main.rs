//! Both systems of the pilot in one process: registers them where they are missing,
//! keeps their credentials, and runs them until Ctrl-C.
//!
//! - `config`: where the audit is, who asks it, where the pages are.
//! - `register`: the audit's register of systems, over HTTP.
//! - `folder`: credentials and databases on disk.

use std::process::ExitCode;

mod config;
#[path = "../mailing/credentials.rs"]
mod credentials;
#[path = "../servicedesk/desk/mod.rs"]
mod desk;
mod folder;
#[path = "../mailing/mod.rs"]
mod mailing;
mod register;
#[path = "../redmine/tracker/mod.rs"]
mod tracker;

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};

use anyhow::Context;
use mailing::{
    account,
    agreement::{REDMINE, SERVICEDESK},
};
use service_kit::{Failure, Shutdown};
use tokio::task::JoinSet;

use config::{Config, Pilot};
use folder::Folder;
use register::{Application, Register};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    service_kit::run_service(run).await
}

async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let folder = Folder::open(&config.carpeta)?;
    let register = Register::log_in(&config).await?;
    let mut first = Some(listener);
    let mut systems = JoinSet::new();
    for pilot in config.systems() {
        let address = config.address(pilot);
        let listener = match first.take() {
            Some(listener) => listener,
            None => bind(address)?,
        };
        let name = pilot.name();
        let account = register.account(&application(pilot), &folder).await?;
        announce(pilot, listener.local_addr()?, &folder.credentials(name));
        let (database, shutdown) = (folder.database(name)?, shutdown.clone());
        match pilot {
            Pilot::Servicedesk => systems.spawn(desk::run(
                desk::Config { listen: address, amqp_url: account, database_url: database },
                listener,
                shutdown,
            )),
            Pilot::Redmine => systems.spawn(tracker::run(
                tracker::Config { listen: address, amqp_url: account, database_url: database },
                listener,
                shutdown,
            )),
        };
    }
    while let Some(ended) = systems.join_next().await {
        // One without the other would look like a fault of the broker.
        shutdown.raise();
        ended.context("a system died")??;
    }
    Ok(())
}

fn bind(address: SocketAddr) -> Result<TcpListener, anyhow::Error> {
    TcpListener::bind(address).with_context(|| format!("no se pudo escuchar en {address}"))
}

/// What the register is told of a system.
fn application(pilot: Pilot) -> Application {
    let (description, states) = match pilot {
        Pilot::Servicedesk => ("Mesa de ayuda: tickets", Vec::new()),
        Pilot::Redmine => ("Tareas de soporte", vec![tracker::DEFERRED]),
    };
    Application { name: pilot.name(), description, states }
}

fn announce(pilot: Pilot, address: SocketAddr, credentials: &Path) {
    println!("{:12} http://{address}/   (credenciales: {})", pilot.name(), credentials.display());
}

impl Pilot {
    /// Its name in the register.
    fn name(self) -> &'static str {
        match self {
            Self::Servicedesk => SERVICEDESK,
            Self::Redmine => REDMINE,
        }
    }
}
