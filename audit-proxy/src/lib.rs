//! Keeps a copy of each message that systems exchange, forwards it, and follows what
//! becomes of it.
//!
//! - [`config`]: where it listens, where broker and database are.
//! - [`access`]: who may ask for what.
//! - [`register`]: who may exchange messages. Pure.
//! - [`admit`]: whether a message keeps to the standard. Pure.
//! - [`crash`]: an end on purpose, for a class.
//! - [`lifecycle`]: what a notification does to a message's state. Pure.
//! - [`summary`]: a message in a list, and in a table. Pure.
//! - [`story`]: a message's steps, and how long each stage took. Pure.
//! - [`why`]: why a message has not been processed. Pure.
//! - [`search`]: what is asked of the messages that are kept. Pure.
//! - [`folding`]: texts as they are compared. Pure.
//! - [`json`]: where in a JSON text its names and values lie. Pure.
//! - [`redact`]: what of a payload nobody is shown. Pure.
//! - [`statistics`]: how many messages there were, and how long they took. Pure.
//! - [`store`]: the messages, and what became of them.
//! - `find`: a page of what is asked for.
//! - `turns`: how often somebody may do something. Pure.
//! - `topology`: what is declared on the broker.
//! - `ground`: what the parts that follow have in common.
//! - `registry`: the register in memory.
//! - `proxy`: from the entry into the store and on to the destinations.
//! - `forward`, `outbox`: publishing, at once or as soon as the destination takes it.
//! - `blocked`: what must not be published now, as others are before it or at it.
//! - [`resend`]: whether a message can be sent once more, and as what. Pure.
//! - `again`: sending it.
//! - `notices`: what destinations tell.
//! - `refusal`: what is refused, with its reason, to where people look at it.
//! - `inquiry`: what [`why`] has to know.
//! - `orders`, `provision`: what RabbitMQ lacks of the register (pure), and doing it.
//! - [`log_events`]: what applications say of their own work, beside all that.
//! - [`retention`]: how long what is kept. Pure.
//! - [`keep`]: removes what has expired.
//! - `routes`: what it answers, and to whom.

pub mod access;
pub mod admit;
pub mod config;
pub mod crash;
pub mod folding;
pub mod json;
pub mod keep;
pub mod lifecycle;
pub mod log_events;
pub mod redact;
pub mod register;
pub mod resend;
pub mod retention;
pub mod search;
pub mod statistics;
pub mod store;
pub mod story;
pub mod summary;
pub mod why;

mod again;
mod blocked;
mod find;
mod forward;
mod ground;
mod inquiry;
mod notices;
mod orders;
mod outbox;
mod provision;
mod proxy;
mod refusal;
mod registry;
mod routes;
mod topology;
mod turns;

use std::net::TcpListener;

use anyhow::{Context, anyhow};
use broker::{AmqpUrl, LinkStatus, Subscription, TopologyMismatch, publisher};
use management::Management;
use messages::names;
use service_kit::{Failure, Readiness, Server, Shutdown};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use access::{Door, Passwords};
pub use config::Config;
use ground::Ground;
use keep::{Bell, Keeper};
use provision::Provision;
use registry::Registry;
use routes::{Asked, Switches};
use store::{LogStore, Store};

/// The service, as the broker's dashboard shows its connections.
const NAME: &str = "audit-proxy";

/// Bytes of payloads that each consumer holds without an acknowledgement, about. While
/// they are stored there are some copies of each, and a container has 256 MiB.
const IN_HAND: usize = 16 << 20;

/// Audits and serves until the shutdown signal; the batches at hand are finished first.
///
/// # Errors
/// When the broker holds a queue or an exchange with other arguments; when the listener
/// cannot be served, or a part of the service dies. A database that is away, locked,
/// full or write-protected is waited for.
pub async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let Config {
        amqp_url: address,
        management_url,
        database_url,
        max_payload,
        log_events_max,
        admin_password,
        trusted_proxies,
        lab_faults,
        ..
    } = config;
    let switches = Switches::default();
    let amqp_url = address.amqp.clone();
    let management = Management::new(&management_url, &address.vhost)?;
    let store = Store::new(&database_url)?;
    let log_store = LogStore::new(&database_url)?;
    log::info!("keeping messages in {database_url}");
    let registry = Registry::new(store.clone());
    let passwords = Passwords::default();
    let door = Door::new(store.clone(), passwords.clone(), admin_password.0);
    let stop = CancellationToken::new();
    let (publisher, publishing) =
        publisher(amqp_url.clone(), NAME.to_owned(), names::DELIVERY_EXCHANGE, stop.clone());
    let mut publishing = tokio::spawn(publishing.run());
    let sending = publisher.status().clone();
    let ground = Ground::new(store, registry, publisher, switches.crash.clone(), max_payload);
    let (entry, entering) = subscription(&amqp_url, names::AUDIT_QUEUE, "auditoria", &switches);
    let (told, listening) =
        subscription(&amqp_url, names::NOTIFICATIONS, "notificaciones", &switches);
    let (logging, log_writer) = log_events::log_events(
        &amqp_url,
        ground.registry.clone(),
        log_store.clone(),
        log_events_max,
        shutdown.token(),
    );
    let readiness = readiness([sending, entering, listening], &ground, &door);
    let openapi = routes::openapi(lab_faults);
    let server = Server { listener, shutdown: shutdown.clone(), readiness, openapi };

    let mut consumers = JoinSet::new();
    consumers.spawn(broker::consume(entry, ground.proxy(), shutdown.token()));
    consumers.spawn(broker::consume(told, ground.notices(), shutdown.token()));
    consumers.spawn(logging);
    let mut log_writing = tokio::spawn(log_writer.run(stop.clone()));
    let provision = Provision::new(ground.store.clone(), management.clone());
    let bell = Bell::default();
    let mut keepers = JoinSet::new();
    keepers.spawn(ground.outbox().run());
    keepers.spawn(ground.registry.clone().run());
    keepers.spawn(door.run());
    keepers.spawn(notices::reunite(ground.store.clone(), ground.registry.clone()));
    keepers.spawn(provision.clone().run());
    keepers.spawn(Keeper::new(ground.store.clone()).run(bell.clone()));

    let routes = routes::routes(Asked {
        inquiry: ground.inquiry(management.clone()),
        resender: ground.resender(),
        administration: ground.administration(provision, management, address),
        store: ground.store,
        log_store,
        passwords,
        trusted_proxies,
        bell,
        faults: lab_faults.then_some(switches),
    });
    let serving = async { Ok(server.serve(routes).await?) };
    let work = async { tokio::try_join!(serving, ended(consumers)) };
    tokio::select! {
        done = work => done.map(drop)?,
        ended = &mut publishing => return Err(anyhow!("the publisher ended: {ended:?}").into()),
        ended = &mut log_writing => return Err(anyhow!("storing log events ended: {ended:?}").into()),
        ended = keepers.join_next() => return Err(anyhow!("a part ended: {ended:?}").into()),
    }
    stop.cancel();
    log_writing.await?;
    Ok(publishing.await?)
}

/// Waits until all consumers have ended in order.
async fn ended(mut consumers: JoinSet<Result<(), TopologyMismatch>>) -> Result<(), Failure> {
    while let Some(ended) = consumers.join_next().await {
        let ended = ended.context("a consumer died")?;
        ended.map_err(|mismatch| Failure::Configuration(mismatch.into()))?;
    }
    Ok(())
}

fn subscription(
    url: &AmqpUrl,
    queue: &'static str,
    link: &'static str,
    switches: &Switches,
) -> (Subscription, LinkStatus) {
    let (subscription, status) =
        Subscription::new(url.clone(), NAME.to_owned(), queue, topology::topology());
    let subscription = subscription.with_link_name(link).holding_at_most(IN_HAND);
    (subscription.with_faults(switches.consumers.clone()), status)
}

/// What `/readyz` asks.
fn readiness(links: [LinkStatus; 3], ground: &Ground, door: &Door) -> Readiness {
    let names = ["reenvio", "entrada", "notificaciones"];
    let (registry, forwarder) = (ground.registry.clone(), ground.forwarder.clone());
    let door = door.clone();
    let readiness = Readiness::default()
        .with("registro", move || registry.check())
        .with("cuentas", move || door.check())
        .with("reenviados", move || forwarder.check());
    names
        .into_iter()
        .zip(links)
        .fold(readiness, |readiness, (name, link)| readiness.with(name, move || works(&link)))
}

/// Whether what comes or goes by a link does so.
fn works(link: &LinkStatus) -> Result<(), String> {
    link.check().map_err(|reason| reason.to_string())?;
    link.stuck().map_or(Ok(()), |error| Err(format!("no se puede guardar: {error}")))
}
