//! Whether a delivered message keeps to the standard, and is from and for systems that
//! may exchange messages. Pure: message and register in, message or reason out.

use broker::{Incoming, Properties, Unreadable};
use jiff::Timestamp;
use messages::{
    InvalidText, MediaType, MessageId, MessageKind, StandardMessage, SystemName, names,
};

use crate::register::{Register, Standing};

/// Headers by which a publisher chooses further routing keys (RabbitMQ, "Sender-selected
/// Distribution"). It takes the second away on delivery; it is named here all the same.
const FURTHER_KEYS: [&str; 2] = ["CC", "BCC"];

/// Bytes of properties and headers that can be forwarded: with 20 more of its own a content
/// header fills a frame (RabbitMQ's `frame_max`; it takes some more from a publisher).
pub const MAX_PROPERTIES: usize = 131_072 - 20;

/// Why a message is not forwarded, and never will be. `Display` is a Spanish sentence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// A part of it that nobody can read: what it says is not known.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// No `message_id`.
    #[error("no lleva message_id")]
    NoId,
    /// A `message_id` that is no UUID.
    #[error("su message_id no es un UUID")]
    InvalidId,
    /// No `app_id`.
    #[error("no lleva app_id, que dice de qué sistema viene")]
    NoSource,
    /// An `app_id` that no system can have.
    #[error("su app_id no puede ser el nombre de un sistema")]
    InvalidSource,
    /// No `user_id`, so that nobody has checked where it is from.
    #[error("no lleva user_id, y sin él RabbitMQ no comprueba quién lo publica")]
    NoUser,
    /// From a system that nobody registered.
    #[error("viene de «{0}», que no está en el registro")]
    UnknownSource(SystemName),
    /// From a system that may not send.
    #[error("viene de «{0}», que está {word}", word = .1.as_str())]
    SourceNotActive(SystemName, Standing),
    /// Published by a user that is not the system it says to be from.
    #[error("dice venir de «{0}», y quien lo publica es otro usuario")]
    ForeignUser(SystemName),
    /// A routing key that no system can have.
    #[error("su clave de enrutamiento no puede ser el nombre de un sistema")]
    InvalidDestination,
    /// Headers that have RabbitMQ bring it to others as well, if it is forwarded.
    #[error(
        "lleva la cabecera {0}, que elige más destinos: un mensaje va a un solo sistema, y a \
         otro, otro mensaje"
    )]
    FurtherDestinations(&'static str),
    /// For a system that nobody registered.
    #[error("va a «{0}», que no está en el registro")]
    UnknownDestination(SystemName),
    /// For a system that may not receive.
    #[error("va a «{0}», que está {word}", word = .1.as_str())]
    DestinationNotActive(SystemName, Standing),
    /// No `type`.
    #[error("no lleva type, que dice qué clase de mensaje es")]
    NoKind,
    /// Not of the standard's form.
    #[error("{0} no es aceptable: {1}")]
    Property(&'static str, InvalidText),
    /// No `timestamp`.
    #[error("no lleva timestamp, que dice cuándo se creó")]
    NoTime,
    /// A `timestamp` that no time has: it is in seconds.
    #[error("su timestamp es {0}, que no es una hora: son segundos desde 1970, y no milisegundos")]
    TimeOutOfRange(u64),
    /// A header `creado` that is no time, or no text.
    #[error("su cabecera «creado» no es una hora (RFC 3339)")]
    InvalidTime,
    /// No `content_type`.
    #[error("no lleva content_type, que dice qué es su carga")]
    NoContentType,
    /// More bytes than allowed.
    #[error("su carga tiene {size} bytes, y el límite es {limit}")]
    TooLarge {
        /// Bytes of the payload.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More properties and headers than fit into one frame.
    #[error("sus propiedades y cabeceras tienen {size} bytes, y el límite es {MAX_PROPERTIES}")]
    TooMuchBeside {
        /// Bytes of the properties, headers included.
        size: usize,
    },
    /// Another message has this id already, from the same system.
    #[error("su message_id ya es el de otro mensaje del mismo sistema")]
    OtherMessageOfThisId,
}

impl Refusal {
    /// Whether it may be for a register that is some seconds old: another process may
    /// have registered a system, or given it a user, whose messages are here already.
    #[must_use]
    pub fn may_be_outdated(&self) -> bool {
        matches!(
            self,
            Self::UnknownSource(_)
                | Self::SourceNotActive(..)
                | Self::ForeignUser(_)
                | Self::UnknownDestination(_)
                | Self::DestinationNotActive(..)
        )
    }
}

/// What a message was before its systems were suspended or retired, where it is refused for
/// that alone and has been delivered before: it may be stored.
#[must_use]
pub fn admitted_before(
    message: &Incoming,
    refusal: &Refusal,
    register: &Register,
    max_payload: usize,
) -> Option<StandardMessage> {
    let is_for_standing =
        matches!(refusal, Refusal::SourceNotActive(..) | Refusal::DestinationNotActive(..));
    let may_be = message.redelivered && is_for_standing;
    may_be.then(|| admit(message, &register.all_active(), max_payload).ok()).flatten()
}

/// Reads a message of one system for another.
///
/// # Errors
/// Why it is not forwarded.
pub fn admit(
    message: &Incoming,
    register: &Register,
    max_payload: usize,
) -> Result<StandardMessage, Refusal> {
    readable(message)?;
    let id = id(message)?;
    let source = source(message, register)?;
    let properties = forwardable(message.properties())?;
    let destination = destination(message, register)?;
    let (created, kind, content_type) = (created(message)?, kind(message)?, content_type(message)?);
    let correlation = optional("correlation_id", message.correlation_id())?;
    let size = message.body.len();
    if size > max_payload {
        return Err(Refusal::TooLarge { size, limit: max_payload });
    }
    let payload = message.body.clone();
    Ok(StandardMessage {
        id,
        source,
        destination,
        kind,
        created,
        correlation,
        content_type,
        payload,
        properties: Some(properties),
    })
}

/// Nothing of a message is looked at before this: what nobody can read shows as something else.
///
/// # Errors
/// Which part of it that is.
pub fn readable(message: &Incoming) -> Result<(), Refusal> {
    message.unreadable().map_or(Ok(()), |part| Err(part.into()))
}

/// The message's id.
///
/// # Errors
/// It has none, or another than a UUID.
pub fn id(message: &Incoming) -> Result<MessageId, Refusal> {
    let id = message.id().ok_or(Refusal::NoId)?;
    id.parse().map_err(|_| Refusal::InvalidId)
}

/// The system that a message is from: it may send, and who published it was that
/// system.
///
/// # Errors
/// Why the message counts for nothing.
pub fn source(message: &Incoming, register: &Register) -> Result<SystemName, Refusal> {
    let source = message.producer().ok_or(Refusal::NoSource)?;
    let source: SystemName = source.parse().map_err(|_| Refusal::InvalidSource)?;
    let user = message.user().ok_or(Refusal::NoUser)?;
    let Some(system) = register.get(&source) else { return Err(Refusal::UnknownSource(source)) };
    if !system.users.contains(user) {
        return Err(Refusal::ForeignUser(source));
    }
    match system.standing {
        Standing::Active => Ok(source),
        standing => Err(Refusal::SourceNotActive(source, standing)),
    }
}

/// When the message was made: what its header says, else its timestamp.
///
/// # Errors
/// It does not say.
pub fn created(message: &Incoming) -> Result<Timestamp, Refusal> {
    if message.properties().has_header(names::CREATED_HEADER) {
        let text = message.header(names::CREATED_HEADER).ok_or(Refusal::InvalidTime)?;
        return text.parse().map_err(|_| Refusal::InvalidTime);
    }
    let told = message.timestamp().ok_or(Refusal::NoTime)?;
    let created = told.try_into().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    created.ok_or(Refusal::TimeOutOfRange(told))
}

/// What a message says of itself, as it goes along when it is forwarded (an AMQP property
/// list).
///
/// # Errors
/// Nobody can read it, it would come to others as well, or it does not fit into a frame: then
/// whatever is for the same destination would wait behind it for ever.
pub fn forwardable(properties: &Properties) -> Result<Vec<u8>, Refusal> {
    properties.unreadable().map_or(Ok(()), |part| Err(Refusal::from(part)))?;
    let chosen = FURTHER_KEYS.into_iter().find(|header| properties.has_header(header));
    chosen.map_or(Ok(()), |header| Err(Refusal::FurtherDestinations(header)))?;
    let octets = properties.encode();
    if octets.len() > MAX_PROPERTIES {
        return Err(Refusal::TooMuchBeside { size: octets.len() });
    }
    Ok(octets)
}

fn destination(message: &Incoming, register: &Register) -> Result<SystemName, Refusal> {
    let destination = message.routing_key();
    let destination: SystemName = destination.parse().map_err(|_| Refusal::InvalidDestination)?;
    match register.get(&destination).map(|system| system.standing) {
        Some(Standing::Active) => Ok(destination),
        Some(standing) => Err(Refusal::DestinationNotActive(destination, standing)),
        None => Err(Refusal::UnknownDestination(destination)),
    }
}

fn kind(message: &Incoming) -> Result<MessageKind, Refusal> {
    optional("type", message.kind())?.ok_or(Refusal::NoKind)
}

fn content_type(message: &Incoming) -> Result<MediaType, Refusal> {
    optional("content_type", message.content_type())?.ok_or(Refusal::NoContentType)
}

fn optional<T: TryFrom<String, Error = InvalidText>>(
    property: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, Refusal> {
    let parsed = text.map(|text| text.to_owned().try_into()).transpose();
    parsed.map_err(|error| Refusal::Property(property, error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use broker::Outgoing;

    use super::*;
    use crate::register::System;

    const ID: &str = "0195e2a0-1234-7000-8000-000000000000";
    const LIMIT: usize = 10;

    fn register() -> Register {
        let system = |name: &str, standing| {
            let users = BTreeSet::from([format!("{name}-1")]);
            (name.parse().expect("a name"), System { standing, users, states: BTreeSet::new() })
        };
        Register::from_iter([
            system("redmine", Standing::Active),
            system("servicedesk", Standing::Active),
            system("durmiente", Standing::Suspended),
            system("antiguo", Standing::Retired),
        ])
    }

    fn good() -> Outgoing {
        Outgoing {
            id: ID.parse().expect("a uuid"),
            producer: "servicedesk".to_owned(),
            user: Some("servicedesk-1".to_owned()),
            kind: "ticket.asignado".into(),
            routing_key: "redmine".to_owned(),
            timestamp: 1_800_000_000,
            correlation_id: Some("ticket 4711".to_owned()),
            content_type: "application/json".into(),
            headers: Vec::new(),
            body: b"{\"a\":1}".to_vec(),
        }
    }

    fn refused(message: Outgoing) -> String {
        let refusal = admit(&message.into(), &register(), LIMIT).expect_err("refused");
        refusal.to_string()
    }

    #[test]
    fn a_message_of_the_standard_is_read_whole() {
        let message = admit(&good().into(), &register(), LIMIT).expect("admitted");
        assert_eq!(message.id.to_string(), ID);
        assert_eq!(message.source.as_str(), "servicedesk");
        assert_eq!(message.destination.as_str(), "redmine");
        assert_eq!(message.kind.as_str(), "ticket.asignado");
        assert_eq!(message.created.as_second(), 1_800_000_000);
        assert_eq!(message.correlation.expect("one").as_str(), "ticket 4711");
        assert_eq!(message.content_type.as_str(), "application/json");
        assert_eq!(message.payload, b"{\"a\":1}");
    }

    #[test]
    fn the_header_tells_the_time_finer_than_the_timestamp() {
        let created = (names::CREATED_HEADER, "2026-11-22T10:00:00.123456Z".to_owned());
        let message = Outgoing { headers: vec![created], ..good() };
        let message = admit(&message.into(), &register(), LIMIT).expect("admitted");
        assert_eq!(message.created.to_string(), "2026-11-22T10:00:00.123456Z");
        let created = (names::CREATED_HEADER, "ayer".to_owned());
        assert!(refused(Outgoing { headers: vec![created], ..good() }).contains("«creado»"));
    }

    #[test]
    fn what_is_outside_the_standard_is_refused_with_its_reason() {
        let text = str::to_owned;
        for (message, reason) in [
            (Outgoing { producer: text("<b>"), ..good() }, "su app_id no puede"),
            (Outgoing { producer: text("nadie"), ..good() }, "«nadie», que no está en el registro"),
            (Outgoing { user: None, ..good() }, "no lleva user_id"),
            (Outgoing { user: Some(text("redmine-1")), ..good() }, "es otro usuario"),
            (Outgoing { routing_key: text("a/b"), ..good() }, "clave de enrutamiento"),
            (Outgoing { routing_key: text("nadie"), ..good() }, "va a «nadie», que no está"),
            (Outgoing { routing_key: text("durmiente"), ..good() }, "que está suspendido"),
            (Outgoing { routing_key: text("antiguo"), ..good() }, "que está retirado"),
            (Outgoing { kind: "a b".into(), ..good() }, "type no es aceptable"),
            (Outgoing { content_type: "json".into(), ..good() }, "content_type no es aceptable"),
            (Outgoing { correlation_id: Some(text("a\0")), ..good() }, "correlation_id no es"),
            (Outgoing { timestamp: 1_800_000_000_000, ..good() }, "es 1800000000000, que no es"),
            (Outgoing { timestamp: u64::MAX, ..good() }, "que no es una hora"),
            (Outgoing { body: vec![0; LIMIT + 1], ..good() }, "tiene 11 bytes, y el límite es 10"),
            (
                Outgoing { producer: text("durmiente"), user: Some(text("durmiente-1")), ..good() },
                "viene de «durmiente», que está suspendido",
            ),
        ] {
            let refusal = refused(message);
            assert!(refusal.contains(reason), "{refusal}");
        }
    }

    #[test]
    fn what_chooses_further_destinations_is_refused() {
        for name in ["CC", "BCC"] {
            let message = Outgoing { headers: vec![(name, "otro".to_owned())], ..good() };
            assert!(refused(message).contains(&format!("la cabecera {name}")));
        }
        let other = vec![("cc", "otro".to_owned())];
        assert!(admit(&Outgoing { headers: other, ..good() }.into(), &register(), LIMIT).is_ok());
    }

    #[test]
    fn what_says_nothing_of_itself_is_refused() {
        let refused = |id| {
            let bare = Incoming::new(id, None, Vec::new());
            admit(&bare, &register(), LIMIT).expect_err("refused")
        };
        assert_eq!(refused(None), Refusal::NoId);
        assert_eq!(refused(Some("x")), Refusal::InvalidId);
        assert_eq!(refused(Some(ID)), Refusal::NoSource);
    }
}
