//! Counts click events per client, each exactly once, and reports the counts.
//!
//! - [`config`]: where it listens, where broker and database are.
//! - [`judge`]: whether a message can be counted. Pure.
//! - [`tally`]: what a batch adds to the counts. Pure.
//! - [`store`]: the counts and the messages that made them, in one transaction.
//! - `consume`: from the queue into the store; commit, then acknowledge.
//! - `live`: the latest report, for whoever watches.
//! - `routes`: `/reporte`, `/reporte/stream`, `/eventos`.

pub mod config;
pub mod judge;
pub mod store;
pub mod tally;

mod consume;
mod live;
mod routes;

use std::{net::TcpListener, time::Duration};

use anyhow::{Context, anyhow};
use broker::{Subscription, TopologyMismatch};
use messages::names;
use service_kit::{Failure, Readiness, Server, Shutdown};
use tokio::{task::JoinHandle, time::sleep};

pub use config::Config;
use live::Live;
use store::{DatabaseUrl, Limits, Store};

/// How long to wait before a database that is away is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(1);

/// Name of the consumer in the broker's dashboard.
const CONSUMER: &str = "analytics-service";

/// Consumes and serves until the shutdown signal; the batch at hand is counted
/// and acknowledged first.
///
/// # Errors
/// When the database cannot be opened, the broker holds the queue with other
/// arguments, the listener cannot be served, or a part of the service dies.
pub async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let Config { amqp_url, database_url, dedup_window, .. } = config;
    let Some(store) = open(&database_url, &shutdown).await? else { return Ok(()) };
    log::info!("counting in {database_url}");
    let (subscription, link) =
        Subscription::new(amqp_url, CONSUMER.to_owned(), names::QUEUE, consume::topology());
    let (recorder, forgetter, writing) = consume::writers(store.clone(), dedup_window);
    let (live, watch) = Live::new(store.clone(), writing.clone());
    let reading = watch.clone();
    let readiness = Readiness::default()
        .with("rabbitmq", move || link.check().map_err(|reason| reason.to_string()))
        .with("escritura", move || writing.check())
        .with("lectura", move || reading.check());
    let routes = routes::routes(store, watch, shutdown.clone());
    let server =
        Server { listener, shutdown: shutdown.clone(), readiness, openapi: routes::openapi() };

    let consuming = tokio::spawn(broker::consume(subscription, recorder, shutdown.token()));
    let serving = async { Ok(server.serve(routes).await?) };
    let work = async { tokio::try_join!(serving, ended(consuming)) };
    tokio::select! {
        done = work => done.map(drop),
        () = live.run() => Err(anyhow!("the live report ended").into()),
        () = forgetter.run() => Err(anyhow!("forgetting ended").into()),
    }
}

/// Opens the store. A PostgreSQL that is away is waited for, as it is later on;
/// `None` when told to stop meanwhile.
async fn open(url: &DatabaseUrl, shutdown: &Shutdown) -> anyhow::Result<Option<Store>> {
    loop {
        let error = match Store::open(url, Limits::default()).await {
            Ok(store) => return Ok(Some(store)),
            Err(error) => error,
        };
        if matches!(url, DatabaseUrl::Sqlite(_)) {
            return Err(error);
        }
        log::error!("waiting for the database: {error:#}");
        tokio::select! {
            () = shutdown.raised() => return Ok(None),
            () = sleep(OPEN_AGAIN) => {}
        }
    }
}

async fn ended(consuming: JoinHandle<Result<(), TopologyMismatch>>) -> Result<(), Failure> {
    let ended = consuming.await.context("the consumer died")?;
    ended.map_err(|mismatch| Failure::Configuration(mismatch.into()))
}
