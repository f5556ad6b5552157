//! `/fallos`: switches that break the proxy on purpose, for a class. They are there only
//! where `LAB_FAULTS` says so, and end with the process.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Payload, ServiceConfig},
};
use broker::{ConsumerFault, ConsumerFaults};
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use crate::crash::{Crash, Point};

/// Longest body, in bytes: the switches take a hundred.
const MAX_BODY: usize = 4096;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(faults, set_faults))]
pub(super) struct Api;

/// What can be broken. Clones are the same switches.
#[derive(Clone, Default)]
pub(crate) struct Switches {
    /// Of what systems publish, notifications included.
    pub(crate) consumers: ConsumerFaults,
    pub(crate) crash: Crash,
}

/// The switches; all of them are set at once.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "pausa": false, "muere": "guardado" }))]
struct Fallos {
    /// Takes nothing: messages and notifications wait in their queues.
    pausa: bool,
    /// Where the process ends.
    // Without a word, serde would take a missing field for null.
    #[serde(deserialize_with = "Option::deserialize")]
    muere: Option<Point>,
}

impl Switches {
    fn told(&self) -> HttpResponse {
        let (pausa, muere) = (self.consumers.get().paused, self.crash.get());
        HttpResponse::Ok().json(Fallos { pausa, muere })
    }
}

pub(super) fn routes(routes: &mut ServiceConfig, switches: &Switches) {
    let resource =
        web::resource("/fallos").route(web::get().to(faults)).route(web::put().to(set_faults));
    routes.app_data(Data::new(switches.clone())).service(resource);
}

/// Los fallos provocados que hay ahora. Solo existe con `LAB_FAULTS=1`.
#[utoipa::path(
    get,
    path = "/fallos",
    responses((status = 200, description = "Los interruptores.", body = Fallos))
)]
async fn faults(switches: Data<Switches>) -> HttpResponse {
    switches.told()
}

/// Provoca fallos, o los quita: se fijan todos a la vez. Solo existe con `LAB_FAULTS=1`, y un
/// reinicio los olvida. `muere` dice en qué punto del camino de un mensaje acaba el proceso: en
/// ninguno se pierde nada.
#[utoipa::path(
    put,
    path = "/fallos",
    request_body(content = Fallos, content_type = "application/json"),
    responses(
        (status = 200, description = "Los interruptores, como quedan.", body = Fallos),
        (status = 400, description = "Mal formado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn set_faults(
    request: HttpRequest,
    payload: Payload,
    switches: Data<Switches>,
) -> Result<HttpResponse, Problem> {
    let Fallos { pausa, muere } = body::json_object(&request, payload, MAX_BODY).await?;
    switches.consumers.set(ConsumerFault { paused: pausa, ..ConsumerFault::default() });
    switches.crash.set(muere);
    Ok(switches.told())
}
