//! What is confirmed over HTTP, into a queue where nobody counts.

use crate::bench::classroom::{self, Style};
use crate::bench::figures::{ERRORS, Figures, as_f64};
use crate::bench::flow::Flow;
use crate::bench::ground::{ASIDE, Ground};
use crate::bench::http::{Load, Request, Spec};
use crate::bench::processes::{Sessions, forget_peaks};
use crate::settings::Port;
use anyhow::{Result, anyhow, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Connections of single requests.
pub(super) const CONNECTIONS: usize = 64;

/// Connections of batches, and events in each.
pub(super) const BATCH_CONNECTIONS: usize = 4;
pub(super) const BATCH: usize = 1000;

/// `202 Accepted`: confirmed.
pub(super) const CONFIRMED: u16 = 202;

pub(super) async fn send(ground: &Ground) -> Result<Figures> {
    single(ground, ground.socket(Port::ClienteX), ground.sessions()).await
}

pub(super) async fn through_traefik(ground: &Ground) -> Result<Figures> {
    single(ground, ground.socket(Port::Http), ground.sessions()).await
}

pub(super) async fn batch(ground: &Ground) -> Result<Figures> {
    let request = Request::batch("/send/batch", ASIDE, ground.size.clients, BATCH);
    let address = ground.socket(Port::ClienteX);
    publish(ground, spec(address, request, BATCH_CONNECTIONS), ground.sessions()).await
}

/// The stack that classes usually build, which may fail under such a load: what
/// failed is told, and does not count.
pub(super) async fn usual(ground: &Ground, style: Style) -> Result<Figures> {
    let python = ground.python.as_ref().map_err(|why| anyhow!("{why}"))?;
    let url = ground.running.amqp_url();
    let server = classroom::start(ground.layout(), python, style, &url).await?;
    let mut sessions = ground.sessions();
    sessions.extend(server.session());
    let figures = single(ground, server.address, sessions).await;
    server.stop().await?;
    figures
}

async fn single(ground: &Ground, address: SocketAddr, sessions: Sessions) -> Result<Figures> {
    let request = Request::event("/send", ASIDE, ground.size.clients);
    publish(ground, spec(address, request, CONNECTIONS), sessions).await
}

/// A load without pauses.
pub(super) fn spec(address: SocketAddr, request: Request, connections: usize) -> Spec {
    Spec {
        addresses: vec![address],
        request,
        connections,
        expected: CONFIRMED,
        pause: Duration::ZERO,
    }
}

pub(super) async fn publish(ground: &Ground, spec: Spec, sessions: Sessions) -> Result<Figures> {
    ground.queue_aside().await?;
    forget_peaks(&sessions)?;
    let flow = Arc::new(Flow::default());
    let load = Load::start(spec, flow.clone());
    let figures = ground.window(&flow, &sessions, || load.record()).await?;
    let memory = crate::bench::processes::memory(&sessions)?;
    let done = load.finish().await?;
    ground.remove_queue_aside(flow.done()).await?;
    ensure!(flow.done() > 0, "nada se confirmó: {:?}", done.errors);
    let figures = figures.with_latency("", &done.latency).with_memory(&memory);
    Ok(figures.with(ERRORS, as_f64(done.failures())))
}
