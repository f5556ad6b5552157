//! A page's main part as server-sent events, as it changes.

use std::time::Duration;

use actix_web::{
    HttpRequest, Responder,
    web::{Data, Path},
};
use actix_web_lab::sse::{Data as EventData, Event, Sse};
use futures_util::{Stream, StreamExt, stream};
use tokio::{sync::watch, time::timeout};

use super::{Panel, drawing::Drawing, pages::Page};
use crate::lang::Lang;

/// How long a stream may be silent. `panel.js` takes four times that for the
/// end of the panel, so it is told even that nothing has changed.
const SILENCE: Duration = Duration::from_secs(1);

/// When a browser that lost the stream asks again by itself; `panel.js` has a
/// pace of its own.
const RETRY: Duration = Duration::from_secs(1);

/// La parte principal de una página cada vez que cambia, o cada segundo que sigue viva
/// sin cambios. Cada evento `parte` es el estado entero: quien vuelve tras un corte
/// (`Last-Event-ID`) recibe al momento el de ahora.
#[utoipa::path(
    get,
    path = "/flujo/{pagina}",
    params(("pagina" = String, Path, description = "camino, romper o prueba")),
    responses((status = 200, description = "Eventos `parte` y `vivo`", content_type = "text/event-stream", body = String))
)]
pub(super) async fn stream(
    panel: Data<Panel>,
    page: Path<Page>,
    request: HttpRequest,
) -> impl Responder {
    let drawing = panel.drawings.look_at(page.into_inner(), Lang::of(&request));
    let events = events(drawing).take_until(panel.shutdown.raised());
    Sse::from_infallible_stream(events).with_retry_duration(RETRY)
}

/// What is drawn now, then each change; a slow reader misses some.
fn events(drawing: watch::Receiver<Drawing>) -> impl Stream<Item = Event> {
    let reader = Reader { drawing, sent: None, number: 0 };
    stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((event, reader))
    })
}

/// Whoever reads a stream.
struct Reader {
    drawing: watch::Receiver<Drawing>,
    /// What was sent last.
    sent: Drawing,
    /// Of the next part.
    number: u64,
}

impl Reader {
    /// None once the page is not drawn any more.
    async fn next(&mut self) -> Option<Event> {
        match timeout(SILENCE, self.change()).await {
            Ok(html) => Some(self.part(&html?)),
            Err(_) => Some(sign_of_life()),
        }
    }

    /// The page once it is another than was sent last; none when it ends.
    async fn change(&mut self) -> Drawing {
        let Self { drawing, sent, .. } = self;
        let other = drawing.wait_for(|drawing| drawing != sent).await.ok()?;
        sent.clone_from(&other);
        sent.clone()
    }

    fn part(&mut self, html: &str) -> Event {
        let number = self.number.to_string();
        self.number += 1;
        Event::Data(EventData::new(html).event("parte").id(number))
    }
}

/// An event, as scripts do not see comments; of some data, as they do not see
/// an event without.
fn sign_of_life() -> Event {
    Event::Data(EventData::new("sin cambios").event("vivo"))
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use actix_web::{
        App,
        body::{self, MessageBody},
        test::{TestRequest, call_service, init_service},
    };
    use futures_util::{
        FutureExt,
        future::{join_all, poll_fn},
    };
    use service_kit::Shutdown;
    use test_support::PATIENCE;

    use super::*;
    use crate::{
        faults::Services,
        knowledge::Knowledge,
        neighbour::Neighbour,
        routes::{configure, drawing::Drawings},
    };

    fn part(number: u64, html: &str) -> String {
        format!("id: {number}\nevent: parte\ndata: {html}\n\n")
    }

    /// With data: a browser tells no script of an event without.
    const ALIVE: &str = "event: vivo\ndata: sin cambios\n\n";

    /// The next event, as it goes to the browser; nothing at the end.
    async fn next(events: &mut (impl Stream<Item = Event> + Unpin)) -> String {
        let event = timeout(PATIENCE, events.next()).await.expect("an event in time");
        let event = Sse::from_infallible_stream(stream::iter(event));
        let bytes = body::to_bytes(event).await.expect("an event in order");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn a_new_stream_brings_the_whole_at_once_and_then_each_change() {
        let (tell, drawing) = watch::channel(Some("alfa".into()));
        let mut events = pin!(events(drawing));
        let first = next(&mut events).now_or_never().expect("at once");
        assert_eq!(first, part(0, "alfa"));
        tell.send_replace(Some("beta".into()));
        assert_eq!(next(&mut events).await, part(1, "beta"));
    }

    #[tokio::test]
    async fn without_a_change_a_stream_only_says_that_it_lives() {
        let (tell, drawing) = watch::channel(Some("alfa".into()));
        let mut events = pin!(events(drawing));
        assert_eq!(next(&mut events).await, part(0, "alfa"));
        for _ in 0..2 {
            // There and back between two looks.
            tell.send_replace(Some("beta".into()));
            tell.send_replace(Some("alfa".into()));
            assert_eq!(next(&mut events).await, ALIVE);
        }
        tell.send_replace(Some("beta".into()));
        assert_eq!(next(&mut events).await, part(1, "beta"));
    }

    #[tokio::test]
    async fn a_stream_lives_before_the_first_drawing() {
        let (tell, drawing) = watch::channel(None);
        let mut events = pin!(events(drawing));
        assert_eq!(next(&mut events).await, ALIVE);
        tell.send_replace(Some("alfa".into()));
        assert_eq!(next(&mut events).await, part(0, "alfa"));
    }

    #[tokio::test]
    async fn a_slow_reader_misses_what_was_between() {
        let (tell, drawing) = watch::channel(Some("alfa".into()));
        let mut events = pin!(events(drawing));
        assert_eq!(next(&mut events).await, part(0, "alfa"));
        for html in ["beta", "gama", "delta"] {
            tell.send_replace(Some(html.into()));
        }
        assert_eq!(next(&mut events).await, part(1, "delta"));
    }

    #[tokio::test]
    async fn a_stream_ends_where_nobody_draws_any_more() {
        let (tell, drawing) = watch::channel(Some("alfa".into()));
        let mut events = pin!(events(drawing));
        drop(tell);
        assert_eq!(next(&mut events).await, part(0, "alfa"));
        assert_eq!(next(&mut events).await, "");
    }

    /// A panel that counts what it draws.
    fn counting(drawn: &Arc<AtomicUsize>) -> (watch::Sender<Knowledge>, Panel) {
        let (tell, known) = watch::channel(Knowledge::default());
        let drawn = drawn.clone();
        let drawings = Drawings::new(known.clone(), move |page, known, lang| {
            drawn.fetch_add(1, Ordering::SeqCst);
            page.main_part(known, lang)
        });
        let analytics = "http://127.0.0.1:9".parse().expect("a URL");
        let analytics = Neighbour::at(analytics).expect("a neighbour");
        let services = Services::new(analytics, Vec::new());
        (tell, Panel { drawings, ..Panel::new(known, services, Shutdown::default()) })
    }

    #[actix_web::test]
    async fn fifty_streams_of_a_page_are_drawn_once() {
        let drawn = Arc::default();
        let (_tell, panel) = counting(&drawn);
        let app = App::new().configure(|routes| configure(routes, panel));
        let app = init_service(app).await;
        let open = || call_service(&app, TestRequest::with_uri("/flujo/camino").to_request());
        let streams = join_all((0..50).map(|_| open())).await;
        for stream in streams {
            let mut stream = pin!(stream.into_body());
            let mut seen = String::new();
            while !seen.contains("<main") {
                let chunk = poll_fn(|context| stream.as_mut().poll_next(context));
                let chunk = timeout(PATIENCE, chunk).await.expect("a part in time");
                let chunk = chunk.expect("not the end").expect("bytes");
                seen.push_str(&String::from_utf8_lossy(&chunk));
            }
        }
        assert_eq!(drawn.load(Ordering::SeqCst), 1);
    }
}
