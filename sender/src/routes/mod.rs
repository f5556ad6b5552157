//! What a sender answers, and what both of its routes share.

mod answer;
mod batch;
mod send;

use actix_web::{
    HttpRequest,
    web::{self, Data, ServiceConfig},
};
use broker::{Mistake, Outgoing, Publisher};
use jiff::Timestamp;
use messages::{ClientName, IdempotencyKey, MessageId, names};
use service_kit::{Problem, header, request_id::RequestId};
use utoipa::OpenApi;

use crate::draft::{Defaults, Event};

const CLIENT_HEADER: &str = "x-client-name";
const KEY_HEADER: &str = "idempotency-key";
const TRACE_HEADER: &str = "traceparent";

#[derive(OpenApi)]
#[openapi(
    info(title = "Relevo: sender", description = "Recibe eventos y los publica en RabbitMQ."),
    paths(send::send, batch::send_batch)
)]
struct Api;

/// The document behind `/openapi.json`.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// What the handlers need.
struct Sender {
    publisher: Publisher,
    name: ClientName,
}

/// The sender's routes.
pub(crate) fn routes(
    publisher: Publisher,
    name: ClientName,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let sender = Data::new(Sender { publisher, name });
    move |routes| {
        routes
            .app_data(sender.clone())
            .service(web::resource("/send").route(web::post().to(send::send)))
            .service(web::resource("/send/batch").route(web::post().to(batch::send_batch)));
    }
}

/// The present, to the millisecond: as fine as an id tells the time.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The message that carries an event.
pub(crate) fn outgoing(event: &Event, producer: &str) -> Outgoing {
    Outgoing {
        id: MessageId::from(event.id),
        producer: producer.to_owned(),
        kind: names::CLICK_EVENT_TYPE,
        routing_key: event.event.evento.to_string(),
        timestamp: now().as_second().try_into().unwrap_or_default(),
        correlation_id: None,
        traceparent: None,
        body: event.event.encode(),
    }
}

/// The message that carries an event of a request: with the request's traces.
fn of_request(request: &HttpRequest, event: &Event, producer: &str) -> Outgoing {
    Outgoing {
        correlation_id: Some(RequestId::of(request).to_string()),
        traceparent: traceparent(request),
        ..outgoing(event, producer)
    }
}

fn defaults(request: &HttpRequest, sender: &Sender) -> Result<Defaults, Problem> {
    let client = header::parsed(request, CLIENT_HEADER)?.unwrap_or_else(|| sender.name.clone());
    let key: Option<IdempotencyKey> = header::parsed(request, KEY_HEADER)?;
    Ok(Defaults { client, now: now(), key: key.filter(|_| !Mistake::FreshId.is_made()) })
}

/// A trace context of the version that exists, else none (W3C Trace Context §3.2).
fn traceparent(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get(TRACE_HEADER)?.to_str().ok()?;
    let is_hex =
        |part: &&str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let parts: Vec<_> = text.split('-').filter(is_hex).map(str::len).collect();
    (text.starts_with("00-") && parts == [2, 32, 16, 2]).then(|| text.to_owned())
}
