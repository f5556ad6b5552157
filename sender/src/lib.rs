//! Takes click events over HTTP and answers 202 once RabbitMQ has confirmed
//! them. One binary, run once for each client of the laboratory.
//!
//! - [`config`]: its name, where it listens, where the broker is.
//! - [`draft`]: what a caller sends, and the event that becomes of it.
//! - `desk`: the one way out, where every attempt is written into the `journal`.
//! - `routes`: `POST /send` and `POST /send/batch`; `GET /estado` and
//!   `GET /mensajes/{id}` tell what became of it all; `/fallos` breaks it.
//! - `emit`: events of its own, where `EMIT_EVERY` asks for them.

pub mod config;
pub mod draft;

mod desk;
mod emit;
mod journal;
mod routes;

use std::net::TcpListener;

use anyhow::anyhow;
use broker::{Publisher, publisher};
use messages::names;
use service_kit::{Failure, Readiness, Server, Shutdown};
use tokio_util::sync::CancellationToken;

pub use config::Config;

use desk::Desk;

/// Serves until the shutdown signal; then requests in flight get their
/// answers, and the broker's connection is closed.
///
/// # Errors
/// When the listener cannot be served, or a part of the service dies.
pub async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let Config { sender_name, amqp_url, emit_every, lab_faults, .. } = config;
    let stop = CancellationToken::new();
    let (publisher, task) =
        publisher(amqp_url, sender_name.to_string(), names::EXCHANGE, stop.clone());
    let mut link = tokio::spawn(task.run());
    let server = Server {
        listener,
        shutdown: shutdown.clone(),
        readiness: readiness(&publisher),
        openapi: routes::openapi(lab_faults),
    };
    let desk = Desk::new(publisher);
    let emitting = emit::run(desk.clone(), sender_name.clone(), emit_every, shutdown);
    tokio::select! {
        ended = server.serve(routes::routes(desk, sender_name, lab_faults)) => ended?,
        () = emitting => {}
        ended = &mut link => return Err(anyhow!("the publisher ended: {ended:?}").into()),
    }
    stop.cancel();
    Ok(link.await?)
}

fn readiness(publisher: &Publisher) -> Readiness {
    let status = publisher.status().clone();
    Readiness::default()
        .with("rabbitmq", move || status.check().map_err(|reason| reason.to_string()))
}
