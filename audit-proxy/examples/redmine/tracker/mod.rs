//! Redmine, the pilot's tracker of support tasks: a ticket that `ServiceDesk` hands over
//! becomes a task here, and whoever ends it sends word back.
//!
//! - `config`: where it listens, where broker and database are.
//! - `task`: a task's states, and what is told of each step. Pure.
//! - `store`: the tasks.
//! - `routes`: the page.

use super::mailing;

mod config;
mod routes;
pub(crate) mod store;
mod task;

use std::{net::TcpListener, sync::Arc};

use broker::ConsumerFaults;
use service_kit::{Failure, Shutdown};
use tokio::sync::Notify;

pub(crate) use config::Config;
use mailing::{agreement::REDMINE, service::Parts, store::Mail};
use routes::Tracker;
use store::Store;

/// The queue of [`REDMINE`].
const MAILBOX: &str = "buzon_redmine";

/// The final state that Redmine registers beside the common ones.
pub(crate) const DEFERRED: &str = "aplazado";

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
    let (posted, faults) = (Arc::new(Notify::new()), ConsumerFaults::default());
    let tracker = Tracker {
        store: store.clone(),
        mail: mail.clone(),
        posted: posted.clone(),
        reading: faults.clone(),
    };
    let account = config.amqp_url;
    let parts = Parts { system: REDMINE, mailbox: MAILBOX, account, store, mail, faults, posted };
    Box::pin(mailing::service::run(parts, routes::routes(tracker), listener, shutdown)).await
}
