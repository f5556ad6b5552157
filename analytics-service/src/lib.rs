//! Counts click events per client, each exactly once, and reports the counts.
//!
//! - [`config`]: where it listens, where broker and database are.
//! - [`judge`]: whether a message can be counted. Pure.
//! - [`tally`]: what a batch adds to the counts. Pure.
//! - [`store`]: the counts and the messages that made them, in one transaction.
//! - `writing`: writes to the store, and tells how that goes.
//! - `consume`: from the queue into the store; commit, then acknowledge.
//! - `progress`, `journal`: what this process has done with deliveries.
//! - [`management`]: the queues, as the broker's management API shows them.
//! - `live`: the latest report, for whoever watches.
//! - `routes`: `/reporte`, `/reporte/stream`, `/eventos`, `/contados`, `/evento`,
//!   `/estado`, `/mensajes/{id}`, and in a laboratory `/fallos`.

pub mod config;
pub mod judge;
pub mod management;
pub mod store;
pub mod tally;

mod consume;
mod journal;
mod live;
mod progress;
mod routes;
mod writing;

use std::net::TcpListener;

use anyhow::{Context, anyhow};
use broker::{ConsumerFaults, Subscription, TopologyMismatch};
use messages::names;
use service_kit::{Failure, Readiness, Server, Shutdown};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use config::Config;
use consume::{Forgetter, Recorder};
use live::Live;
use management::Monitor;
use progress::Progress;
use routes::Observed;
use store::{Limits, Store};
use writing::Writer;

/// Name of the consumer in the broker's dashboard.
const CONSUMER: &str = "analytics-service";

/// Consumes and serves until the shutdown signal; the batch at hand is counted
/// and acknowledged first.
///
/// # Errors
/// When the broker holds the queue with other arguments, the listener cannot be
/// served, or a part of the service dies. A database that is away, locked, full
/// or write-protected is waited for, at the start as later.
pub async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let Config { amqp_url, management_url, database_url, dedup_window, lab_faults, .. } = config;
    let (process, window) = (Uuid::now_v7(), dedup_window);
    let store = Store::new(&database_url, Limits::default())?;
    log::info!("counting in {database_url}");
    let (faults, progress) = (ConsumerFaults::default(), Progress::default());
    let (subscription, link) =
        Subscription::new(amqp_url.amqp, CONSUMER.to_owned(), names::QUEUE, consume::topology());
    let subscription = subscription.with_faults(faults.clone());
    let (monitor, broker) = Monitor::new(management_url.as_ref(), &amqp_url.vhost)?;
    let (writer, writing) = Writer::new(store.clone());
    let recorder = Recorder::new(writer.clone(), progress.clone(), window);
    let forgetter = Forgetter::new(writer.clone(), writing.clone(), window);
    let (live, watch) = Live::new(store.clone(), writing.clone());
    let switches = lab_faults.then(|| faults.clone());
    let observed =
        Observed { process, window, link, faults, writing, progress, live: watch, broker };
    let readiness = readiness(&observed);
    let openapi = routes::openapi(lab_faults);
    let routes = routes::routes(store, writer, observed, switches, shutdown.clone());
    let server = Server { listener, shutdown: shutdown.clone(), readiness, openapi };

    let consuming = tokio::spawn(broker::consume(subscription, recorder, shutdown.token()));
    let serving = async { Ok(server.serve(routes).await?) };
    let work = async { tokio::try_join!(serving, ended(consuming)) };
    tokio::select! {
        done = work => done.map(drop),
        () = live.run() => Err(anyhow!("the live report ended").into()),
        () = forgetter.run() => Err(anyhow!("forgetting ended").into()),
        () = monitor.run() => Err(anyhow!("asking the management API ended").into()),
    }
}

/// What `/readyz` asks. That the management API does not answer keeps nobody from
/// counting.
fn readiness(observed: &Observed) -> Readiness {
    let Observed { link, writing, live, .. } = observed;
    let (link, writing, reading) = (link.clone(), writing.clone(), live.clone());
    Readiness::default()
        .with("rabbitmq", move || link.check().map_err(|reason| reason.to_string()))
        .with("escritura", move || writing.check())
        .with("lectura", move || reading.check())
}

async fn ended(consuming: JoinHandle<Result<(), TopologyMismatch>>) -> Result<(), Failure> {
    let ended = consuming.await.context("the consumer died")?;
    ended.map_err(|mismatch| Failure::Configuration(mismatch.into()))
}
