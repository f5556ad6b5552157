//! Counts click events per client, each exactly once, and reports the counts.
//!
//! - [`config`]: where it listens, where broker and database are.
//! - [`judge`]: whether a message can be counted. Pure.
//! - [`tally`]: what a batch adds to the counts. Pure.
//! - [`store`]: the counts and the messages that made them, in one transaction.
//! - `writing`: writes to the store, and tells how that goes.
//! - `topology`: what is declared on the broker.
//! - `consume`: from a queue into the store; commit, then acknowledge.
//! - `partitions`: one consumer for each queue.
//! - `progress`, `journal`: what this process has done with deliveries.
//! - `monitor`: the queues, as the broker's management API shows them.
//! - `live`: the latest report, for whoever watches.
//! - `routes`: `/reporte`, `/reporte/stream`, `/eventos`, `/contados`, `/evento`,
//!   `/estado`, `/mensajes/{id}`, and in a laboratory `/fallos`.

pub mod config;
pub mod judge;
pub mod store;
pub mod tally;

mod consume;
mod journal;
mod live;
mod monitor;
mod partitions;
mod progress;
mod routes;
mod topology;
mod writing;

use std::net::TcpListener;

use anyhow::anyhow;
use broker::ConsumerFaults;
use service_kit::{Failure, Readiness, Server, Shutdown};
use uuid::Uuid;

pub use config::Config;
use consume::Forgetter;
use live::Live;
use monitor::Monitor;
use partitions::{Consumers, Links};
use progress::Progress;
use routes::Observed;
use store::{Limits, Store};
use writing::Writer;

/// Consumes and serves until the shutdown signal; the batch at hand is counted
/// and acknowledged first.
///
/// # Errors
/// When the broker holds a queue with other arguments, or lacks the plugin that
/// several queues need; when the listener cannot be served, or a part of the service dies. A database that is away, locked, full
/// or write-protected is waited for, at the start as later.
pub async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let Config { amqp_url, management_url, partitions, dedup_window: window, .. } = config;
    let store = Store::new(&config.database_url, Limits::default())?;
    log::info!("counting in {}", config.database_url);
    let (faults, progress) = (ConsumerFaults::default(), Progress::default());
    let (monitor, broker) = Monitor::new(management_url.as_ref(), &amqp_url.vhost, partitions)?;
    let (writer, writing) = Writer::new(store.clone());
    let consumers = Consumers {
        url: amqp_url.amqp,
        partitions,
        writer: writer.clone(),
        progress: progress.clone(),
        window,
        faults: faults.clone(),
        links: Links::default(),
    };
    let links = consumers.links.clone();
    let forgetter = Forgetter::new(writer.clone(), writing.clone(), window);
    let (live, watch) = Live::new(store.clone(), writing.clone());
    let lab_faults = config.lab_faults;
    let switches = lab_faults.then(|| faults.clone());
    let process = Uuid::now_v7();
    let observed =
        Observed { process, window, links, faults, writing, progress, live: watch, broker };
    let readiness = readiness(&observed);
    let openapi = routes::openapi(lab_faults);
    let routes = routes::routes(store, writer, observed, switches, shutdown.clone());
    let server = Server { listener, shutdown: shutdown.clone(), readiness, openapi };

    let consuming = consumers.start(&shutdown);
    let serving = async { Ok(server.serve(routes).await?) };
    let work = async { tokio::try_join!(serving, consuming.ended()) };
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
    let Observed { links, writing, live, .. } = observed;
    let (links, writing, reading) = (links.clone(), writing.clone(), live.clone());
    Readiness::default()
        .with("rabbitmq", move || links.check().map_err(|reason| reason.to_string()))
        .with("escritura", move || writing.check())
        .with("lectura", move || reading.check())
}
