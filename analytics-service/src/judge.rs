//! Whether a delivered message can be counted. Pure: message and clock in,
//! event or reason out.

use std::time::Duration;

use broker::Incoming;
use jiff::Timestamp;
use messages::{
    ClickEvent, MessageId,
    excerpt::{MAX_QUOTED, excerpt},
    names,
};

/// Longest body that a sender publishes, in bytes; its own limit is the same.
const MAX_BODY: usize = 64 * 1024;

/// How far a publisher's clock may be ahead of ours.
pub const CLOCK_TOLERANCE: Duration = Duration::from_hours(24);

/// An event that can be counted, with the identity it is counted under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The message's id.
    pub id: MessageId,
    /// The event itself.
    pub click: ClickEvent,
}

/// Reads a message; what it refuses can never be counted.
///
/// # Errors
/// Why not, in Spanish, for the log and for whoever asks for the message: nobody can read a part
/// of it, no usable id, another version, not an event, from the future, or older than `window`,
/// so that nobody remembers whether it was counted.
pub fn judge(message: &Incoming, now: Timestamp, window: Duration) -> Result<Event, String> {
    if let Some(unreadable) = message.unreadable() {
        return Err(unreadable.to_string());
    }
    let id = message.id().ok_or("no lleva message_id")?;
    let id: MessageId = id.parse().map_err(|_| "su message_id no es un UUID")?;
    if let Some(kind) = message.kind().filter(|kind| *kind != names::CLICK_EVENT_TYPE) {
        let kind = excerpt(kind, MAX_QUOTED);
        return Err(format!("su tipo es {kind:?} y no {}", names::CLICK_EVENT_TYPE));
    }
    if message.body.len() > MAX_BODY {
        return Err(format!("su cuerpo tiene {} bytes", message.body.len()));
    }
    check_age(made_at(id, message), now, window)?;
    let click = ClickEvent::decode(&message.body).map_err(|error| chain(&error))?;
    Ok(Event { id, click })
}

/// When the message was made: what its id says, else what its publisher says.
fn made_at(id: MessageId, message: &Incoming) -> Option<Timestamp> {
    let published = || Timestamp::from_second(message.timestamp()?.try_into().ok()?).ok();
    id.created_at().or_else(published)
}

/// Ids are remembered for [`CLOCK_TOLERANCE`] longer than `window`, so that a
/// message that is young enough here has not been forgotten, by any clock that
/// is not further off.
fn check_age(made_at: Option<Timestamp>, now: Timestamp, window: Duration) -> Result<(), String> {
    let Some(made_at) = made_at else { return Ok(()) };
    let age = now.duration_since(made_at);
    if Duration::try_from(age).is_ok_and(|age| age > window) {
        return Err("es más antiguo que la ventana de deduplicación".to_owned());
    }
    if Duration::try_from(-age).is_ok_and(|ahead| ahead > CLOCK_TOLERANCE) {
        return Err("viene de más de un día en el futuro".to_owned());
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use broker::{JSON, Outgoing};

    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const BODY: &str = r#"{"cliente":"ana","evento":"click","timestamp":"2025-04-13T12:00:00Z"}"#;
    /// Version 7, made at 2025-03-29T19:23:11.668Z.
    const ID: &str = "0195e2a0-1234-7000-8000-000000000000";

    fn message(id: Option<&str>, kind: Option<&str>, body: &str) -> Incoming {
        Incoming::new(id, kind, body.as_bytes().to_vec())
    }

    fn soon_after() -> Timestamp {
        let id: MessageId = ID.parse().expect("a uuid");
        id.created_at()
            .expect("version 7")
            .saturating_add(jiff::SignedDuration::from_hours(1))
            .expect("in range")
    }

    #[test]
    fn an_event_with_an_id_is_counted_with_or_without_a_type() {
        for kind in [None, Some(names::CLICK_EVENT_TYPE)] {
            let event = judge(&message(Some(ID), kind, BODY), soon_after(), DAY).expect("counted");
            assert_eq!(event.click.cliente.as_str(), "ana");
        }
    }

    #[test]
    fn poison_is_refused_with_its_reason() {
        let large = " ".repeat(MAX_BODY + 1);
        for (id, kind, body, reason) in [
            (None, None, BODY, "no lleva message_id"),
            (Some("x"), None, BODY, "no es un UUID"),
            (Some(ID), Some("evento_cliente.v2"), BODY, "v2"),
            (Some(ID), None, "hola", "no es un evento"),
            (Some(ID), None, "{}", "falta «cliente»"),
            (Some(ID), None, large.as_str(), "65537 bytes"),
        ] {
            let refused = judge(&message(id, kind, body), soon_after(), DAY).expect_err(reason);
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn older_than_the_window_is_refused_and_a_clock_behind_is_not() {
        let message = message(Some(ID), None, BODY);
        let hours = |hours| {
            soon_after().saturating_add(jiff::SignedDuration::from_hours(hours)).expect("in range")
        };
        assert!(judge(&message, hours(22), DAY).is_ok());
        assert!(judge(&message, hours(24), DAY).is_err());
        assert!(judge(&message, hours(-23), DAY).is_ok());
        assert!(judge(&message, hours(-26), DAY).is_err());
    }

    #[test]
    fn where_the_id_tells_no_time_the_publishers_counts() {
        let keyed = "6ba7b810-9dad-51d1-80b4-00c04fd430c8";
        let published = |timestamp| {
            Incoming::from(Outgoing {
                id: keyed.parse().expect("a uuid"),
                producer: "cliente_x".to_owned(),
                user: None,
                kind: names::CLICK_EVENT_TYPE.into(),
                routing_key: names::CLICK.to_owned(),
                timestamp,
                correlation_id: None,
                content_type: JSON.into(),
                headers: Vec::new(),
                body: BODY.as_bytes().to_vec(),
            })
        };
        assert!(judge(&message(Some(keyed), None, BODY), soon_after(), DAY).is_ok());
        let now = u64::try_from(soon_after().as_second()).expect("after 1970");
        assert!(judge(&published(now), soon_after(), DAY).is_ok());
        assert!(judge(&published(1), soon_after(), DAY).is_err());
    }
}
