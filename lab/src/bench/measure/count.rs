//! From the request to the count: events that analytics stores, each once.

use super::publish::{BATCH, BATCH_CONNECTIONS, CONNECTIONS, spec};
use crate::bench::figures::{ERRORS, Figures, as_f64};
use crate::bench::flow::Flow;
use crate::bench::ground::{Ground, Moment};
use crate::bench::http::{Load, Request, Spec};
use crate::bench::processes::forget_peaks;
use crate::bench::raw::Target;
use crate::settings::Port;
use anyhow::{Result, ensure};
use messages::names::CLICK;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the report is asked for during a load.
const REPORT_EVERY: Duration = Duration::from_millis(20);

/// How long a backlog may take until the first of it is counted.
const FIRST_LIMIT: Duration = Duration::from_mins(1);
const FIRST_EVERY: Duration = Duration::from_millis(5);

/// Single events, counted meanwhile, and somebody who asks for the report.
pub(super) async fn send(ground: &Ground) -> Result<Figures> {
    let counting = Counting::begin(ground).await?;
    let sessions = ground.sessions();
    forget_peaks(&sessions)?;
    let flow = Arc::new(Flow::default());
    let request = Request::event("/send", CLICK, ground.size.clients);
    let load = Load::start(spec(ground.socket(Port::ClienteX), request, CONNECTIONS), flow.clone());
    let reports = Load::start(report(ground), Arc::new(Flow::default()));
    let figures = ground
        .window(&flow, &sessions, || {
            load.record();
            reports.record();
        })
        .await?;
    let (done, reports) = (load.finish().await?, reports.finish().await?);
    counting.end(ground, flow.done()).await?;
    ensure!(reports.errors.is_empty(), "/reporte falló: {:?}", reports.errors);
    let figures = figures
        .with_latency("", &done.latency)
        .with_latency("report_", &reports.latency)
        .with_memory(&ground.memory()?);
    Ok(figures.with(ERRORS, as_f64(done.failures())))
}

/// Who asks for the report, again and again.
pub(super) fn report(ground: &Ground) -> Spec {
    Spec {
        addresses: vec![ground.socket(Port::Analytics)],
        request: Request::get("/reporte"),
        connections: 1,
        expected: 200,
        pause: REPORT_EVERY,
    }
}

/// Batches, from the first request until the last event is counted.
pub(super) async fn batch(ground: &Ground) -> Result<Figures> {
    let counting = Counting::begin(ground).await?;
    let sessions = ground.sessions();
    forget_peaks(&sessions)?;
    let flow = Arc::new(Flow::default());
    let before = Moment::of(&flow, &sessions)?;
    let request = Request::batch("/send/batch", CLICK, ground.size.clients, BATCH);
    let load =
        Load::start(spec(ground.socket(Port::ClienteX), request, BATCH_CONNECTIONS), flow.clone());
    load.record();
    sleep(ground.size.window).await;
    let done = load.finish().await?;
    let last = counting.end(ground, flow.done()).await?;
    let figures = Moment::of(&flow, &sessions)?.since(&before);
    let figures = figures
        .in_time(flow.done(), last - before.at)
        .with_latency("", &done.latency)
        .with_memory(&ground.memory()?);
    Ok(figures.with(ERRORS, as_f64(done.failures())))
}

/// A backlog of all clients.
pub(super) async fn backlog(ground: &Ground) -> Result<Figures> {
    drain(ground, ground.to_count(), ground.size.backlog).await
}

/// A backlog that analytics finds when it starts; from the last moment at which
/// nothing of it was counted.
pub(super) async fn drain(ground: &Ground, target: Target, events: u64) -> Result<Figures> {
    let total = ground.total().await?;
    ground.halt_analytics().await?;
    ground.fill(target, events).await?;
    ground.settle().await?;
    let flow = Flow::default();
    let before = Moment::of(&flow, &ground.sessions())?;
    let (launched, began) = tokio::join!(ground.launch_analytics(), first_counted(ground));
    launched?;
    let began = began?;
    let last = ground.until_counted(events).await?;
    flow.add(events);
    let figures = Moment::of(&flow, &ground.sessions())?.since(&before);
    let counted = ground.total().await? - total;
    ensure!(counted == events, "de {events} eventos se contaron {counted}");
    Ok(figures.in_time(events, last - began).with_memory(&ground.memory()?))
}

/// Waits for the first counted event; the last moment without any.
async fn first_counted(ground: &Ground) -> Result<Instant> {
    let deadline = Instant::now() + FIRST_LIMIT;
    let mut none_yet = Instant::now();
    loop {
        let asked = Instant::now();
        // Nobody listens yet: nothing is counted either.
        match ground.counted().await.unwrap_or_default() {
            0 => none_yet = asked,
            _ => return Ok(none_yet),
        }
        ensure!(asked < deadline, "analiticas no empieza a contar");
        sleep(FIRST_EVERY).await;
    }
}

/// What was counted before a load.
pub(super) struct Counting {
    since_start: u64,
    total: u64,
}

impl Counting {
    pub(super) async fn begin(ground: &Ground) -> Result<Self> {
        Ok(Self { since_start: ground.counted().await?, total: ground.total().await? })
    }

    /// Waits until all that was confirmed is counted; when that was.
    ///
    /// # Errors
    /// When something else than that is counted.
    pub(super) async fn end(self, ground: &Ground, confirmed: u64) -> Result<Instant> {
        ensure!(confirmed > 0, "nada se confirmó");
        let last = ground.until_counted(self.since_start + confirmed).await?;
        let counted = ground.total().await? - self.total;
        ensure!(counted == confirmed, "{confirmed} confirmados y {counted} contados");
        Ok(last)
    }
}
