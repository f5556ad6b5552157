//! `GET /reporte/stream`: the report as server-sent events, as it changes.

use std::time::Duration;

use actix_web::{Responder, web::Data};
use actix_web_lab::sse::{Data as EventData, Event, Sse};
use futures_util::StreamExt;
use service_kit::Shutdown;

use crate::live::{LiveReport, LiveWatch};

/// How often a sign of life is sent, below the idle timeouts of proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When a browser that lost the stream asks again.
const RETRY: Duration = Duration::from_secs(1);

/// Where the reports come from, and when streams end.
pub(super) struct Reports {
    pub(super) live: LiveWatch,
    pub(super) shutdown: Shutdown,
}

/// El informe (los 100 primeros clientes) cada vez que cambia, como eventos `reporte`.
#[utoipa::path(
    get,
    path = "/reporte/stream",
    responses((status = 200, description = "Eventos `reporte`.", body = String, content_type = "text/event-stream"))
)]
pub(super) async fn stream(reports: Data<Reports>) -> impl Responder {
    let events =
        reports.live.reports().map(|report| event(&report)).take_until(reports.shutdown.raised());
    Sse::from_infallible_stream(events).with_keep_alive(KEEP_ALIVE).with_retry_duration(RETRY)
}

fn event(report: &LiveReport) -> Event {
    let data = EventData::new(report.json.as_ref()).event("reporte").id(report.total.to_string());
    Event::Data(data)
}
