//! A page's main part as server-sent events, as it changes.

use std::time::Duration;

use actix_web::{
    HttpRequest, Responder,
    web::{Data, Path},
};
use actix_web_lab::sse::{Data as EventData, Event, Sse};
use futures_util::{Stream, StreamExt, stream};
use tokio::{sync::watch, time::sleep};

use super::{Panel, pages::Page};
use crate::{knowledge::Knowledge, lang::Lang};

/// Shortest time between two events of one stream. With the time between two
/// questions to a service it stays under a second from a count to the eye.
const GAP: Duration = Duration::from_millis(250);

/// How often a sign of life is sent, below the idle timeouts of proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When a browser that lost the stream asks again.
const RETRY: Duration = Duration::from_secs(1);

/// La parte principal de una página cada vez que cambia. Cada evento es el estado
/// entero: quien vuelve tras un corte (`Last-Event-ID`) recibe al momento el de ahora.
#[utoipa::path(
    get,
    path = "/flujo/{pagina}",
    params(("pagina" = String, Path, description = "camino, romper o prueba")),
    responses((status = 200, description = "Eventos `parte`", content_type = "text/event-stream", body = String))
)]
pub(super) async fn stream(
    panel: Data<Panel>,
    page: Path<Page>,
    request: HttpRequest,
) -> impl Responder {
    let parts = parts(panel.known.clone(), page.into_inner(), Lang::of(&request));
    let parts = parts.take_until(panel.shutdown.raised());
    Sse::from_infallible_stream(parts).with_keep_alive(KEEP_ALIVE).with_retry_duration(RETRY)
}

/// What is known now, then each change; a slow reader misses some.
fn parts(
    mut known: watch::Receiver<Knowledge>,
    page: Page,
    lang: Lang,
) -> impl Stream<Item = Event> {
    known.mark_changed();
    stream::unfold((known, 0_u64), move |(mut known, number)| async move {
        if number > 0 {
            sleep(GAP).await;
        }
        known.changed().await.ok()?;
        let html = page.main_part(&known.borrow_and_update(), lang);
        let html = html.inspect_err(|error| log::error!("a page cannot be drawn: {error}")).ok()?;
        let data = EventData::new(html).event("parte").id(number.to_string());
        Some((Event::Data(data), (known, number + 1)))
    })
}
