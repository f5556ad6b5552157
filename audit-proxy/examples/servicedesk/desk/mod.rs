//! `ServiceDesk`, the pilot's help desk: who has a problem opens a ticket; a click hands it
//! to support, and what support says of it comes back.
//!
//! - `config`: where it listens, where broker and database are.
//! - `ticket`: a ticket's states, and what a message does to them. Pure.
//! - `store`: the tickets.
//! - `routes`: the page.

use super::mailing;

mod config;
mod routes;
mod store;
mod ticket;

use std::{net::TcpListener, sync::Arc};

use broker::ConsumerFaults;
use service_kit::{Failure, Shutdown};
use tokio::sync::Notify;

pub(crate) use config::Config;
use mailing::{agreement::SERVICEDESK, service::Parts, store::Mail};
use routes::Desk;
use store::Store;

/// The queue of [`SERVICEDESK`].
const MAILBOX: &str = "buzon_servicedesk";

/// Runs until the shutdown signal.
///
/// # Errors
/// When its database cannot be opened; see [`mailing::service::run`].
pub(crate) async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    let database = store::open(&config.database_url).await?;
    let (store, mail) = (Store::new(database.clone()), Mail::new(database));
    let posted = Arc::new(Notify::new());
    let desk = Desk { store: store.clone(), mail: mail.clone(), posted: posted.clone() };
    let parts = Parts {
        system: SERVICEDESK,
        mailbox: MAILBOX,
        account: config.amqp_url,
        store,
        mail,
        faults: ConsumerFaults::default(),
        posted,
    };
    Box::pin(mailing::service::run(parts, routes::routes(desk), listener, shutdown)).await
}
