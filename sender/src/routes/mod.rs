//! What a sender answers, and what the routes that publish share.

mod answer;
mod batch;
mod faults;
mod send;
mod state;

use actix_web::{
    HttpRequest,
    http::header::HeaderName,
    web::{self, Data, ServiceConfig},
};
use broker::{JSON, Mistake, Outgoing, TRACEPARENT};
use messages::{ClientName, IdempotencyKey, MessageId, names};
use service_kit::{Problem, clock, header, request_id::RequestId};
use utoipa::OpenApi;
use uuid::Uuid;

use crate::{
    desk::{Desk, Parcel},
    draft::{Defaults, Event},
};

static CLIENT_HEADER: HeaderName = HeaderName::from_static("x-client-name");
static KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
static TRACE_HEADER: HeaderName = HeaderName::from_static(TRACEPARENT);

#[derive(OpenApi)]
#[openapi(
    info(title = "Relevo: sender", description = "Recibe eventos y los publica en RabbitMQ."),
    paths(send::send, batch::send_batch, state::state, state::story, state::confirmed)
)]
struct Api;

/// What is there only where `LAB_FAULTS` says so.
#[derive(OpenApi)]
#[openapi(paths(faults::faults, faults::set_faults, faults::poison))]
struct FaultsApi;

/// The document behind `/openapi.json`.
pub(crate) fn openapi(lab_faults: bool) -> utoipa::openapi::OpenApi {
    let mut openapi = Api::openapi();
    if lab_faults {
        openapi.merge(FaultsApi::openapi());
    }
    openapi
}

/// What the handlers need.
struct Sender {
    desk: Desk,
    name: ClientName,
    /// This process: another one at each start.
    process: Uuid,
}

/// The sender's routes; those that break it only with `lab_faults`.
pub(crate) fn routes(
    desk: Desk,
    name: ClientName,
    lab_faults: bool,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let sender = Data::new(Sender { desk, name, process: Uuid::now_v7() });
    move |routes| {
        routes
            .app_data(sender.clone())
            .service(web::resource("/send").route(web::post().to(send::send)))
            .service(web::resource("/send/batch").route(web::post().to(batch::send_batch)))
            .service(web::resource("/estado").route(web::get().to(state::state)))
            .service(web::resource("/confirmados").route(web::get().to(state::confirmed)))
            .service(web::resource("/mensajes/{id}").route(web::get().to(state::story)));
        if lab_faults {
            fault_routes(routes);
        }
    }
}

fn fault_routes(routes: &mut ServiceConfig) {
    routes
        .service(
            web::resource("/fallos")
                .route(web::get().to(faults::faults))
                .route(web::put().to(faults::set_faults)),
        )
        .service(web::resource("/fallos/veneno").route(web::post().to(faults::poison)));
}

/// An event as it leaves.
pub(crate) fn parcel(event: &Event, producer: &ClientName) -> Parcel {
    Parcel {
        client: event.event.cliente.clone(),
        is_event: true,
        message: outgoing(event, producer),
    }
}

/// The message that carries an event.
fn outgoing(event: &Event, producer: &ClientName) -> Outgoing {
    Outgoing {
        id: MessageId::from(event.id),
        producer: producer.to_string(),
        user: None,
        kind: names::CLICK_EVENT_TYPE.into(),
        routing_key: event.event.evento.to_string(),
        timestamp: clock::now().as_second().try_into().unwrap_or_default(),
        correlation_id: None,
        content_type: JSON.into(),
        headers: vec![(names::CLIENT_HEADER, event.event.cliente.to_string())],
        body: event.event.encode(),
    }
}

/// An event of a request as it leaves: with the request's traces.
fn of_request(request: &HttpRequest, event: &Event, producer: &ClientName) -> Parcel {
    let mut parcel = parcel(event, producer);
    trace(&mut parcel.message, request);
    parcel
}

/// Lets a message tell which request it comes from.
fn trace(message: &mut Outgoing, request: &HttpRequest) {
    message.correlation_id = Some(RequestId::of(request).into());
    message.headers.extend(traceparent(request).map(|trace| (TRACEPARENT, trace)));
}

fn defaults(request: &HttpRequest, sender: &Sender) -> Result<Defaults, Problem> {
    let client = header::parsed(request, &CLIENT_HEADER)?.unwrap_or_else(|| sender.name.clone());
    let key: Option<IdempotencyKey> = header::parsed(request, &KEY_HEADER)?;
    Ok(Defaults { client, now: clock::now(), key: key.filter(|_| !Mistake::FreshId.is_made()) })
}

/// A trace context of the version that exists, else none (W3C Trace Context §3.2).
fn traceparent(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get(&TRACE_HEADER)?.to_str().ok()?;
    let is_hex =
        |part: &&str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let parts: Vec<_> = text.split('-').filter(is_hex).map(str::len).collect();
    (text.starts_with("00-") && parts == [2, 32, 16, 2]).then(|| text.to_owned())
}
