//! `GET /mensajes/{id}`: the story of one message, or of all that have an id.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path, ServiceConfig},
};
use broker::Properties;
use messages::{MessageId, names};
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::{
    access::Reader,
    chosen::{self, Name},
    unavailable,
};
use crate::{
    inquiry::Inquiry,
    redact::Rules,
    store::{Record, Records, Store, StoreError},
    story::{Historia, Paso, tell, tell_on, tell_properties, told},
};

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(story))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/mensajes/{id}").route(web::get().to(story)));
}

/// Body of `/mensajes/{id}`.
#[derive(Serialize, ToSchema)]
struct Historias {
    /// The UUID asked for; of a key that of its message, if it has one.
    #[schema(value_type = Option<String>)]
    id: Option<Uuid>,
    /// The messages of this id, in the order in which they came: each system may have
    /// one, and what was not admitted is here as well.
    mensajes: Vec<Historia>,
    /// What was told of this id before there was such a message.
    sin_mensaje: Vec<Paso>,
    /// Whether there is more that is older: of all notifications, and of all messages that
    /// were not admitted, the last hundred are here.
    hay_anteriores: bool,
}

/// La historia de un mensaje: cada paso con su hora, cuánto duró cada etapa, y por qué no
/// se ha procesado si es que no.
#[utoipa::path(
    get,
    path = "/mensajes/{id}",
    params(("id" = String, Path, description = "El UUID del mensaje; o la `clave` de uno, aunque no lleve UUID o haya varios con el mismo.")),
    responses(
        (status = 200, description = "Lo que se sabe de él.", body = Historias),
        (status = 400, description = "No es un UUID ni una clave.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No se sabe nada de él.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn story(
    _: Reader,
    request: HttpRequest,
    id: Path<String>,
    store: Data<Store>,
    inquiry: Data<Inquiry>,
) -> Result<HttpResponse, Problem> {
    let name = chosen::name(&id)?;
    let stories =
        stories(name, &store, &inquiry).await.map_err(|error| unavailable(&request, &error))?;
    if stories.mensajes.is_empty() && stories.sin_mensaje.is_empty() {
        return Err(match name {
            Name::Id(_) => unknown(inquiry.waiting_at_the_entry().await),
            Name::Key(_) => chosen::unknown(),
        });
    }
    Ok(HttpResponse::Ok().json(stories))
}

async fn stories(name: Name, store: &Store, inquiry: &Inquiry) -> Result<Historias, StoreError> {
    let (id, records) = match name {
        Name::Id(id) => (Some(id), store.records(id).await?),
        Name::Key(key) => {
            let records = store.record_of(key).await?;
            (records.messages.first().and_then(|record| record.entry.id), records)
        }
    };
    let Records { messages, without_message, has_older } = records;
    let why = inquiry.why(&messages).await?;
    let rules = store.rules().await?;
    let mensajes = messages.into_iter().zip(why);
    let mensajes =
        mensajes.map(|(record, por_que)| Historia { por_que, ..history(record, &rules) });
    let mensajes = mensajes.collect();
    let sin_mensaje = without_message.into_iter().map(told).collect();
    Ok(Historias {
        id: id.map(MessageId::as_uuid),
        mensajes,
        sin_mensaje,
        hay_anteriores: has_older,
    })
}

fn history(record: Record, rules: &Rules) -> Historia {
    let Record { entry, notices, again, properties } = record;
    let (key, kind) = (entry.key, entry.kind.clone());
    let story = tell_on(tell(entry, notices), key, again);
    let decoded = properties.as_deref().map(Properties::decode).transpose();
    let decoded = decoded.inspect_err(|error| log::error!("message {key}: {error}"));
    let Ok(Some(properties)) = decoded else { return story };
    let is_hidden = |name: &str, value: &str| rules.hides(kind.as_deref(), name, value);
    tell_properties(story, properties.listed(), is_hidden)
}

fn unknown(waiting: Option<u64>) -> Problem {
    let entry = match waiting {
        Some(count) => format!(
            "Si acaba de publicarse, puede ser uno de los {count} que esperaban en «{}» hace hasta \
             10 s.",
            names::AUDIT_QUEUE
        ),
        None => format!(
            "Si acaba de publicarse, puede estar en «{}»: no se pudo preguntar a RabbitMQ.",
            names::AUDIT_QUEUE
        ),
    };
    let detail = format!("Aquí no se sabe nada de ese mensaje: no ha llegado al proxy. {entry}");
    Problem::new(StatusCode::NOT_FOUND, "mensaje-desconocido", "Mensaje desconocido", detail)
}
