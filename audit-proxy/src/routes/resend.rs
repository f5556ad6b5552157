//! `POST /mensajes/{id}/reenvios` and `POST /reenvios`: sending once more, for operators.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path, Payload, ServiceConfig},
};
use jiff::Timestamp;
use messages::{MediaType, MessageId};
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::{
    access::Operator,
    chosen::{self, Choice, Name},
    search::faulty,
    searches::SearchGate,
    unavailable,
};
use crate::{
    again::{Fault, Outcomes, Resender, Sent},
    find::{Results, find},
    redact::HIDDEN,
    resend::{Edit, NotAgain},
    search::{Filter, Order, Page, Parameters, page, page::cursor},
    store::{Entry, Key, Purpose, Store, TextSearch},
};

/// Messages that are sent at most where nothing is asked, and at all.
const DEFAULT_LIMIT: usize = 1000;
const MAX_LIMIT: usize = 10_000;

/// Messages that are sent together.
const AT_ONCE: usize = 500;

/// Messages that are named in an answer for why they were not sent.
const NAMED: usize = 100;

/// Bytes of the body of a selection: each of its messages takes less than 400.
const MAX_SELECTION: usize = MAX_LIMIT * 400;

/// Bytes of a body beside the payload in it, in which each byte may take six.
const AROUND_PAYLOAD: usize = 4096;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(one, many))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .service(web::resource("/mensajes/{id}/reenvios").route(web::post().to(one)))
        .service(web::resource("/reenvios").route(web::post().to(many)));
}

/// Body of `/mensajes/{id}/reenvios`.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reenvio {
    /// The source, where several have a message of this id.
    origen: Option<String>,
    /// The message's key, where there still are several.
    clave: Option<String>,
    /// Another payload, as text: then a new message is made, with an id of its own.
    contenido: Option<String>,
    /// The new payload's media type, where that is another.
    tipo_contenido: Option<String>,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
struct EnviadoDeNuevo {
    /// The UUID of what was sent.
    #[schema(value_type = Option<String>)]
    id: Option<Uuid>,
    /// What it is known by here.
    clave: String,
    /// The key of the message that it was made of, where it was made.
    hecho_de: Option<String>,
    /// Whether the destination's queue has it; else it waits, and goes by itself.
    reenviado: bool,
}

/// Body of `/reenvios`: `mensajes` or `busqueda`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reenvios {
    /// These messages.
    mensajes: Option<Vec<Elegido>>,
    /// All that this search finds: the parameters of `GET /mensajes` but `limite`.
    busqueda: Option<BTreeMap<String, String>>,
    /// So many at most, by default 1,000; at most 10,000.
    limite: Option<usize>,
    /// Only say how many there would be.
    #[serde(default)]
    simular: bool,
}

/// A message that was chosen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Elegido {
    /// Its UUID; may be left out where its key is given.
    #[schema(value_type = Option<String>)]
    id: Option<Uuid>,
    /// The system that it is from, where several have a message of this id.
    origen: Option<String>,
    /// Its key, where there still are several, or it has no UUID.
    clave: Option<String>,
}

/// What became of them.
#[derive(Default, Serialize, ToSchema)]
struct Recuento {
    /// Whether nothing was sent.
    simulado: bool,
    /// Messages that were meant.
    encontrados: usize,
    /// Those that were sent, or would be.
    reenviables: usize,
    /// Of these, those that the destination's queue has by now.
    reenviados: usize,
    /// Those that wait for their destination, and go by themselves.
    en_espera: usize,
    /// Those that were not sent, in all.
    rechazados: usize,
    /// The first hundred of them.
    motivos: Vec<Rechazo>,
    /// Where there are more than the limit: what to give as `pagina` of the search.
    siguiente: Option<String>,
}

/// Why a message was not sent.
#[derive(Serialize, ToSchema)]
struct Rechazo {
    /// Its UUID.
    #[schema(value_type = Option<String>)]
    id: Option<Uuid>,
    /// What it is known by here.
    clave: String,
    /// Why.
    motivo: String,
}

/// Reenvía un mensaje. Sin `contenido`, el mismo y con su UUID, como un intento más que queda en su
/// historia; si no se admitió, pasa de nuevo por la admisión. Con `contenido`, uno nuevo enlazado con
/// este. Queda escrito antes de enviarse: tras una caída sale al menos una vez, y puede salir dos.
#[utoipa::path(
    post,
    path = "/mensajes/{id}/reenvios",
    params(("id" = String, Path, description = "El UUID del mensaje, o su `clave`.")),
    request_body = Reenvio,
    responses(
        (status = 200, description = "La cola del destino lo tiene.", body = EnviadoDeNuevo),
        (status = 202, description = "Espera a su destino, y saldrá solo.", body = EnviadoDeNuevo),
        (status = 404, description = "No hay tal mensaje.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Hay varios, o este no se puede reenviar ahora.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "El contenido no es aceptable.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn one(
    Operator(account): Operator,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    store: Data<Store>,
    resender: Data<Resender>,
) -> Result<HttpResponse, Problem> {
    let name = chosen::name(&id)?;
    let limit = resender.max_payload * 6 + AROUND_PAYLOAD;
    let body: Reenvio = body::json_object_or_default(&request, payload, limit).await?;
    let choice = Choice { name, source: body.origen, key: body.clave };
    let entry = choice.entry(&store, &request).await?;
    let edit = edit(body.contenido, body.tipo_contenido)?;
    let edited_id = edit.as_ref().map(|edit| edit.id);
    let old = entry.key;
    let outcome = match edit {
        Some(edit) => {
            let rules = resender.rules().await.map_err(|error| unavailable(&request, &error))?;
            if rules.is_as_shown(entry.kind.as_deref(), &edit.payload) {
                return Err(copied());
            }
            resender.send_edited(&entry, edit, &account.name).await
        }
        None => resender.send(vec![entry.clone()], &account.name).await.map(|mut outcomes| {
            outcomes.pop().map_or(Err(NotAgain::WaitingAgain), |(_, outcome)| outcome)
        }),
    };
    let sent =
        outcome.map_err(|fault| not_now(&request, &fault))?.map_err(|why| not_again(&why))?;
    let id = edited_id.or(entry.id);
    Ok(answer(id, old, sent))
}

fn answer(id: Option<MessageId>, old: Key, sent: Sent) -> HttpResponse {
    let body = EnviadoDeNuevo {
        id: id.map(MessageId::as_uuid),
        clave: sent.key.to_string(),
        hecho_de: (sent.key != old).then(|| old.to_string()),
        reenviado: sent.forwarded,
    };
    let status = if sent.forwarded { StatusCode::OK } else { StatusCode::ACCEPTED };
    HttpResponse::build(status).json(body)
}

/// Reenvía una selección, o todo lo que encuentra una búsqueda, cada uno como está. Con `simular`
/// solo cuenta. Los que no se pueden reenviar se nombran con su motivo, y los demás salen.
#[utoipa::path(
    post,
    path = "/reenvios",
    request_body = Reenvios,
    responses(
        (status = 200, description = "Qué fue de ellos.", body = Recuento),
        (status = 400, description = "Una búsqueda no válida; `errores` nombra sus parámetros.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No hay uno de los elegidos: no se reenvía ninguno.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Ni selección ni búsqueda, o demasiados.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Demasiadas búsquedas de texto; `Retry-After` dice cuándo.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos dejó de responder: los anteriores pueden haber salido, y sus historias lo dicen.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn many(
    Operator(account): Operator,
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
    gate: Data<SearchGate>,
    resender: Data<Resender>,
) -> Result<HttpResponse, Problem> {
    let Reenvios { mensajes, busqueda, limite, simular } =
        body::json_object(&request, payload, MAX_SELECTION).await?;
    let limit = limite.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("«limite» debe estar entre 1 y {MAX_LIMIT}.");
        return Err(Problem::unacceptable(detail));
    }
    let (entries, siguiente) = match (mensajes, busqueda) {
        (Some(chosen), None) => (selected(chosen, limit, &store, &request).await?, None),
        (None, Some(search)) => {
            let search = Search::read(search)?;
            if let Some(text) = &search.filter.text {
                let search = TextSearch { account: &account.name, text, purpose: Purpose::Resend };
                gate.pass(search, &store, &request).await?;
            }
            found(search, limit, &store, &request).await?
        }
        _ => return Err(Problem::unacceptable("Dé «mensajes» o «busqueda», y no las dos.")),
    };
    let mut recuento = Recuento { simulado: simular, siguiente, ..Recuento::default() };
    let mut entries = entries.into_iter();
    loop {
        let together: Vec<_> = entries.by_ref().take(AT_ONCE).collect();
        if together.is_empty() {
            return Ok(HttpResponse::Ok().json(recuento));
        }
        let outcomes = if simular {
            resender.would_send(together).await
        } else {
            resender.send(together, &account.name).await
        };
        recuento.add(outcomes.map_err(|fault| not_now(&request, &fault))?);
    }
}

impl Recuento {
    fn add(&mut self, outcomes: Outcomes) {
        for (entry, outcome) in outcomes {
            self.encontrados += 1;
            match outcome {
                Ok(sent) => {
                    self.reenviables += 1;
                    self.reenviados += usize::from(sent.forwarded);
                    self.en_espera += usize::from(!sent.forwarded && !self.simulado);
                }
                Err(why) => {
                    self.rechazados += 1;
                    if self.motivos.len() < NAMED {
                        let id = entry.id.map(MessageId::as_uuid);
                        let (clave, motivo) = (entry.key.to_string(), why.to_string());
                        self.motivos.push(Rechazo { id, clave, motivo });
                    }
                }
            }
        }
    }
}

/// Each message once.
async fn selected(
    elegidos: Vec<Elegido>,
    limit: usize,
    store: &Store,
    request: &HttpRequest,
) -> Result<Vec<Entry>, Problem> {
    if elegidos.len() > limit {
        let detail = format!("Son {} mensajes, y el límite es {limit}.", elegidos.len());
        return Err(Problem::unacceptable(detail));
    }
    let mut entries = BTreeMap::new();
    for Elegido { id, origen, clave } in elegidos {
        let by_key = || clave.as_deref().and_then(chosen::key).map(Name::Key);
        let name = id.map(|id| Name::Id(id.into())).or_else(by_key);
        let name =
            name.ok_or_else(|| Problem::unacceptable("Dé de cada mensaje «id» o «clave»."))?;
        let choice = Choice { name, source: origen, key: clave };
        let entry = choice.entry(store, request).await?;
        entries.insert(entry.key, entry);
    }
    Ok(entries.into_values().collect())
}

/// What a search finds by now, and where it goes on.
async fn found(
    Search { filter, page }: Search,
    limit: usize,
    store: &Store,
    request: &HttpRequest,
) -> Result<(Vec<Entry>, Option<String>), Problem> {
    let Page { order, mut after, .. } = page;
    let now = Timestamp::now();
    let until = Some(filter.until.map_or(now, |until| until.min(now)));
    let by_now = Filter { until, ..filter.clone() };
    let mut all = Vec::new();
    loop {
        let page = Page { order, limit: (limit - all.len()).min(AT_ONCE), after };
        let found = find(store, &by_now, &page).await;
        let Results { entries, next, .. } = found.map_err(|error| unavailable(request, &error))?;
        all.extend(entries);
        after = next;
        if after.is_none() || all.len() == limit {
            return Ok((all, after.map(|key| cursor(key, &filter, order))));
        }
    }
}

/// Which messages are meant.
struct Search {
    filter: Filter,
    page: Page,
}

impl Search {
    fn read(given: BTreeMap<String, String>) -> Result<Self, Problem> {
        let mut parameters = Parameters::new(given);
        let filter = Filter::take(&mut parameters);
        let page = page_of(&mut parameters, &filter);
        parameters.done().map_err(faulty)?;
        Ok(Self { filter, page })
    }
}

/// Without a limit, which is that of the whole.
fn page_of(parameters: &mut Parameters, filter: &Filter) -> Page {
    let order: Order = parameters.take("orden", page::order).unwrap_or_default();
    let after = page::after(parameters, filter, order);
    Page { order, limit: AT_ONCE, after }
}

fn edit(payload: Option<String>, media_type: Option<String>) -> Result<Option<Edit>, Problem> {
    let unacceptable =
        |error| Problem::unacceptable(format!("«tipo_contenido» no es aceptable: {error}."));
    let content_type = media_type.map(MediaType::try_from).transpose().map_err(unacceptable)?;
    let Some(payload) = payload else {
        return match content_type {
            Some(_) => Err(Problem::unacceptable("«tipo_contenido» solo va con «contenido».")),
            None => Ok(None),
        };
    };
    let id = MessageId::from(Uuid::now_v7());
    Ok(Some(Edit { id, created: Timestamp::now(), payload: payload.into_bytes(), content_type }))
}

fn copied() -> Problem {
    Problem::unacceptable(format!(
        "El contenido lleva «{HIDDEN}» donde una regla oculta un valor: se copió lo que se muestra, y \
         no lo que había. Ponga el valor verdadero."
    ))
}

fn not_again(why: &NotAgain) -> Problem {
    let detail = format!("El mensaje no se reenvía: {why}.");
    Problem::new(StatusCode::CONFLICT, "no-reenviable", "No se puede reenviar", detail)
}

fn not_now(request: &HttpRequest, fault: &Fault) -> Problem {
    match fault {
        Fault::Store(error) => unavailable(request, error),
        Fault::Register(unread) => {
            Problem::unavailable("sin-registro", format!("{unread}."), super::RETRY_AFTER)
        }
    }
}
