//! `/fallos`: switches that break consuming on purpose, for a class. They are
//! there only where `LAB_FAULTS` says so, and end with the process.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use broker::{ConsumerFault, ConsumerFaults, Crash};
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, problem::ProblemBody};
use utoipa::ToSchema;

/// Longest body, in bytes: the switches take a hundred.
const MAX_BODY: usize = 4096;

/// Longest wait before a batch, in milliseconds.
const MAX_DELAY: u64 = 10_000;

/// The switches; all of them are set at once.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "pausa": false, "lento_ms": 0, "muere": null }))]
pub(super) struct Fallos {
    /// Consumes nothing: messages wait in the queue.
    pausa: bool,
    /// Waits so long before each batch is stored.
    #[schema(maximum = 10_000)]
    lento_ms: u64,
    /// How the process ends at the next batch.
    // Without a word, serde would take a missing field for null.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>, example = "antes-del-acuse")]
    muere: Option<Death>,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Death {
    /// After storing a batch, before acknowledging it: nothing is lost.
    #[serde(rename = "antes-del-acuse")]
    BeforeAck,
    /// After acknowledging a batch, before storing it: the batch is lost.
    #[serde(rename = "tras-acuse-prematuro")]
    AfterEarlyAck,
}

impl From<ConsumerFault> for Fallos {
    fn from(fault: ConsumerFault) -> Self {
        let muere = fault.crash.map(|crash| match crash {
            Crash::BeforeAck => Death::BeforeAck,
            Crash::AfterEarlyAck => Death::AfterEarlyAck,
        });
        let lento_ms = u64::try_from(fault.delay.as_millis()).unwrap_or(u64::MAX);
        Self { pausa: fault.paused, lento_ms, muere }
    }
}

impl From<Fallos> for ConsumerFault {
    fn from(switches: Fallos) -> Self {
        let crash = switches.muere.map(|death| match death {
            Death::BeforeAck => Crash::BeforeAck,
            Death::AfterEarlyAck => Crash::AfterEarlyAck,
        });
        Self { paused: switches.pausa, delay: Duration::from_millis(switches.lento_ms), crash }
    }
}

/// Los fallos provocados que hay ahora. Solo existe con `LAB_FAULTS=1`.
#[utoipa::path(
    get,
    path = "/fallos",
    responses((status = 200, description = "Los interruptores.", body = Fallos))
)]
pub(super) async fn faults(faults: Data<ConsumerFaults>) -> HttpResponse {
    HttpResponse::Ok().json(Fallos::from(faults.get()))
}

/// Provoca fallos, o los quita: se fijan todos a la vez. Solo existe con `LAB_FAULTS=1`, y un
/// reinicio los olvida. `muere` vale `antes-del-acuse` (guarda el lote y muere sin acusarlo: vuelve,
/// y no se cuenta dos veces) o `tras-acuse-prematuro` (acusa el lote y muere sin guardarlo: se pierde).
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
pub(super) async fn set_faults(
    request: HttpRequest,
    payload: Payload,
    faults: Data<ConsumerFaults>,
) -> Result<HttpResponse, Problem> {
    let switches: Fallos = body::json_object(&request, payload, MAX_BODY).await?;
    check(&switches)?;
    faults.set(switches.into());
    Ok(HttpResponse::Ok().json(Fallos::from(faults.get())))
}

fn check(switches: &Fallos) -> Result<(), Problem> {
    if switches.lento_ms > MAX_DELAY {
        let given = switches.lento_ms;
        return Err(Problem::unacceptable(format!(
            "«lento_ms» debe estar entre 0 y {MAX_DELAY}; se recibió {given}."
        )));
    }
    Ok(())
}
