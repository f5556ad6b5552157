//! What is told of a system.

use std::collections::BTreeMap;

use jiff::Timestamp;
use management::Queue;
use messages::names;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    register::Standing,
    store::{Credential, Phase, Registered},
};

/// A system.
#[derive(Serialize, ToSchema)]
pub(super) struct Sistema {
    /// Its name: the routing key of what is for it.
    nombre: String,
    /// What it may do.
    situacion: Standing,
    /// What people are told of it.
    descripcion: String,
    /// Final states that it may assign beside `procesado`, `rechazado` and `error`.
    estados: Vec<String>,
    /// Since when it is registered.
    #[schema(value_type = String, format = DateTime)]
    creado: Timestamp,
    /// Its users of RabbitMQ, oldest first: two at most.
    credenciales: Vec<Credencial>,
    /// The queue that it reads.
    buzon: Buzon,
}

/// A user of RabbitMQ.
#[derive(Serialize, ToSchema)]
struct Credencial {
    /// Its name.
    usuario: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    creado: Timestamp,
}

/// The queue that a system reads, as RabbitMQ told up to ten seconds ago.
#[derive(Serialize, ToSchema)]
struct Buzon {
    /// Its name.
    cola: String,
    /// `existe`, `falta`, or `desconocido` where RabbitMQ does not answer.
    estado: &'static str,
    /// Messages that wait in it; none where that is not known.
    listos: Option<u64>,
    /// Messages that were delivered and are not acknowledged.
    sin_confirmar: Option<u64>,
    /// Who reads it.
    consumidores: Option<u64>,
}

/// Tells of a system, with what RabbitMQ says of all mailboxes; none where it says nothing.
pub(super) fn sistema(system: Registered, mailboxes: Option<&BTreeMap<String, Queue>>) -> Sistema {
    let Registered { name, profile, created, credentials } = system;
    let credenciales = credentials.into_iter().filter(|one| one.phase == Phase::Made);
    Sistema {
        situacion: profile.standing,
        descripcion: profile.description,
        estados: profile.states.into_iter().map(String::from).collect(),
        creado: created,
        credenciales: credenciales
            .map(|Credential { user, created, .. }| Credencial { usuario: user, creado: created })
            .collect(),
        buzon: buzon(names::mailbox(&name), mailboxes),
        nombre: name.into(),
    }
}

fn buzon(cola: String, mailboxes: Option<&BTreeMap<String, Queue>>) -> Buzon {
    let queue = mailboxes.map(|mailboxes| mailboxes.get(&cola));
    let numbers = queue.flatten().and_then(|queue| queue.numbers);
    let estado = match queue {
        None => "desconocido",
        Some(None) => "falta",
        Some(Some(_)) => "existe",
    };
    Buzon {
        cola,
        estado,
        listos: numbers.map(|numbers| numbers.ready),
        sin_confirmar: numbers.map(|numbers| numbers.unacknowledged),
        consumidores: numbers.map(|numbers| numbers.consumers),
    }
}
