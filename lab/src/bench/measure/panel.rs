//! Browsers that look at the panel while events come in: its memory, and how old
//! is what they see.

use super::count::Counting;
use super::publish::spec;
use crate::bench::browsers::{Browsers, behind};
use crate::bench::figures::{ERRORS, Figures, as_f64};
use crate::bench::flow::Flow;
use crate::bench::ground::Ground;
use crate::bench::http::{Load, Request};
use crate::bench::processes::forget_peaks;
use crate::load::latency::Latency;
use crate::settings::Port;
use anyhow::{Result, ensure};
use messages::names::CLICK;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Connections that send meanwhile: enough that every drawing differs.
const CONNECTIONS: usize = 2;

/// How often analytics is asked what is true.
const TRUTH_EVERY: Duration = Duration::from_millis(10);

pub(super) async fn look(ground: &Ground) -> Result<Figures> {
    let counting = Counting::begin(ground).await?;
    let sessions = ground.sessions();
    forget_peaks(&sessions)?;
    let url = ground.running.url(Port::Panel, "/flujo/camino");
    let browsers = Browsers::open(&url, ground.size.browsers).await?;
    let flow = Arc::new(Flow::default());
    let request = Request::event("/send", CLICK, ground.size.clients);
    let load = Load::start(spec(ground.socket(Port::ClienteX), request, CONNECTIONS), flow.clone());
    let (figures, truth) =
        tokio::join!(ground.window(&flow, &sessions, || load.record()), truth(ground));
    let shown = browsers.close();
    let memory = ground.memory()?;
    let done = load.finish().await?;
    counting.end(ground, flow.done()).await?;
    let mut age = Latency::default();
    for late in behind(&truth?, &shown?) {
        age.record(late);
    }
    ensure!(!age.is_empty(), "el panel no mostró nada nuevo");
    let figures = figures?.with_latency("", &done.latency).with_latency("panel_", &age);
    Ok(figures.with_memory(&memory).with(ERRORS, as_f64(done.failures())))
}

/// What was counted at which moment, for as long as a window takes.
async fn truth(ground: &Ground) -> Result<Vec<(Instant, u64)>> {
    let mut seen = Vec::new();
    let mut next = Instant::now();
    let end = next + ground.size.warm_up + ground.size.window;
    while next < end {
        sleep_until(next).await;
        let counted = ground.counted().await?;
        seen.push((Instant::now(), counted));
        next += TRUTH_EVERY;
    }
    Ok(seen)
}
