//! What a caller is told of each outcome: only a confirmed one is a success.

use std::time::Duration;

use actix_web::http::StatusCode;
use broker::{NotSent, NotUsable, Outcome};
use messages::names;
use service_kit::Problem;

/// When a caller may try again after a fault of the broker.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The problem of an outcome, or none where the message is confirmed.
pub(super) fn problem(outcome: &Outcome, routing_key: &str) -> Option<Problem> {
    let kind = match outcome {
        Outcome::Confirmed => return None,
        Outcome::Unroutable => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let detail = sentence(outcome, routing_key);
            return Some(Problem::new(
                status,
                "sin-ruta",
                "Ninguna cola recibe este evento",
                detail,
            ));
        }
        Outcome::Refused => "rechazado",
        Outcome::Unknown => "desconocido",
        Outcome::NotSent(NotSent::TooLarge) => {
            return Some(Problem::unacceptable(sentence(outcome, routing_key)));
        }
        Outcome::NotSent(NotSent::Overloaded) => "saturado",
        Outcome::NotSent(NotSent::Link(NotUsable::Blocked(_))) => "bloqueado",
        Outcome::NotSent(NotSent::Link(NotUsable::Disconnected(_))) => "sin-conexion",
    };
    Some(Problem::unavailable(kind, sentence(outcome, routing_key), RETRY_AFTER))
}

/// One word for an outcome, in the answer to a batch.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Confirmed => "confirmado",
        Outcome::Unroutable => "sin_ruta",
        Outcome::Refused => "rechazado",
        Outcome::NotSent(_) => "no_enviado",
        Outcome::Unknown => "desconocido",
    }
}

/// What happened, and what to do.
pub(super) fn sentence(outcome: &Outcome, routing_key: &str) -> String {
    let exchange = names::EXCHANGE;
    match outcome {
        Outcome::Confirmed => "RabbitMQ confirmó el evento.".to_owned(),
        Outcome::Unroutable => format!(
            "RabbitMQ devolvió el evento: ninguna cola está enlazada al exchange «{exchange}» con \
             la clave «{routing_key}». Use «{}», o enlace antes una cola con esa clave.",
            names::CLICK
        ),
        Outcome::Refused => "RabbitMQ rechazó el evento: la cola está llena. Reintente más tarde, \
                             cuando el consumidor avance."
            .to_owned(),
        Outcome::NotSent(NotSent::Overloaded) => {
            "Hay demasiados eventos en vuelo: este no se envió. Reintente.".to_owned()
        }
        Outcome::NotSent(NotSent::TooLarge) => {
            "Las cabeceras del evento no caben en una trama de RabbitMQ: no se envió.".to_owned()
        }
        Outcome::NotSent(NotSent::Link(reason)) => {
            format!("El evento no se envió, {reason}. Reintente.")
        }
        Outcome::Unknown => {
            "RabbitMQ no confirmó a tiempo: el evento puede estar en la cola o no. \
                             Reintente con la misma Idempotency-Key y no se contará dos veces."
                .to_owned()
        }
    }
}
