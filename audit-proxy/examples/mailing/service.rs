//! A system of the pilot, running: its page, its mailbox and its outbox.

use std::{net::TcpListener, sync::Arc};

use actix_web::web::ServiceConfig;
use anyhow::anyhow;
use broker::{ConsumerFaults, LinkStatus, Subscription, Topology, publisher};
use messages::names;
use service_kit::{Failure, Readiness, Server, Shutdown};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;

use super::{
    account::Account,
    courier::Courier,
    mailbox::{Mailbox, Take},
    store::Mail,
};

/// What a system is made of.
pub(crate) struct Parts<S> {
    /// Its name in the register.
    pub(crate) system: &'static str,
    /// Its queue.
    pub(crate) mailbox: &'static str,
    /// Who it is at the broker.
    pub(crate) account: Account,
    /// What it keeps.
    pub(crate) store: S,
    /// What it keeps of messages.
    pub(crate) mail: Mail,
    /// Switches of its reading.
    pub(crate) faults: ConsumerFaults,
    /// Told by its page that something was put into the outbox.
    pub(crate) posted: Arc<Notify>,
}

#[derive(OpenApi)]
#[openapi(info(title = "Relevo: un sistema del piloto", description = "Su página está en /."))]
struct Api;

/// Runs a system until the shutdown signal; what is at hand is finished first.
///
/// # Errors
/// When the listener cannot be served, or a part dies.
pub(crate) async fn run<S: Take + Sync + 'static>(
    parts: Parts<S>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    let Parts { system, mailbox, account, store, mail, faults, posted } = parts;
    let stop = CancellationToken::new();
    let (publisher, publishing) =
        publisher(account.url.clone(), system.to_owned(), names::ENTRY_EXCHANGE, stop.clone());
    let mut publishing = tokio::spawn(publishing.probing_at(names::PROBE_EXCHANGE).run());
    // A system declares nothing: its queue is made when it is registered.
    let topology = Topology::default();
    let (subscription, reading) =
        Subscription::new(account.url.clone(), system.to_owned(), mailbox, topology);
    let readiness = readiness(publisher.status().clone(), reading);
    let courier = Courier { mail, publisher, system, account, posted: posted.clone() };
    let mut courier = tokio::spawn(courier.run());
    let consuming = broker::consume(
        subscription.with_faults(faults),
        Mailbox { store, posted },
        shutdown.token(),
    );
    let server = Server { listener, shutdown, readiness, openapi: Api::openapi() };
    let serving = async { Ok::<_, Failure>(server.serve(routes).await?) };
    let work = async { tokio::try_join!(serving, async { Ok(consuming.await?) }) };
    tokio::select! {
        done = work => done.map(drop)?,
        ended = &mut publishing => return Err(anyhow!("the publisher ended: {ended:?}").into()),
        ended = &mut courier => return Err(anyhow!("the courier ended: {ended:?}").into()),
    }
    courier.abort();
    stop.cancel();
    Ok(publishing.await?)
}

/// What `/readyz` asks.
fn readiness(sending: LinkStatus, reading: LinkStatus) -> Readiness {
    let links = [("envio", sending), ("buzon", reading)];
    links.into_iter().fold(Readiness::default(), |readiness, (name, link)| {
        readiness.with(name, move || link.check().map_err(|reason| reason.to_string()))
    })
}
