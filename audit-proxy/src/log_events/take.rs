//! From the queue into memory. Nothing here waits, and nothing is dead-lettered: what
//! cannot be kept is counted.

use broker::{Handler, HandlerError, Incoming, Verdict, Verdicts};
use jiff::Timestamp;
use messages::{LogEvent, SystemName};

use super::Shared;
use crate::{
    admit,
    register::Register,
    registry::Registry,
    store::{KeptLogEvent, Key, LogStore, LossReason},
};

/// Longest body of a log event, in bytes.
const MAX_BODY: usize = 32 * 1024;

/// Takes log events.
pub(super) struct Taking {
    pub(super) registry: Registry,
    pub(super) store: LogStore,
    pub(super) shared: Shared,
}

impl Handler for Taking {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let register = self.registry.current()?;
        let keys = self.store.keys(batch.len(), Timestamp::now());
        let mut buffer = self.shared.lock();
        for (message, key) in batch.iter().zip(keys) {
            match read(message, &register, key) {
                Ok(event) => buffer.push(event),
                Err((system, reason)) => buffer.lose(system, reason, key.received()),
            }
        }
        drop(buffer);
        self.shared.filled.notify_one();
        metrics::counter!("log_events_received_total").increment(batch.len() as u64);
        Ok(vec![Verdict::Done; batch.len()].into())
    }
}

/// A system is blamed only for what it was seen to publish.
type Refused = (Option<SystemName>, LossReason);

fn read(message: &Incoming, register: &Register, key: Key) -> Result<KeptLogEvent, Refused> {
    let stranger = |_| (None, LossReason::Stranger);
    let system = admit::source(message, register).map_err(stranger)?;
    if admit::readable(message).is_err() {
        return Err((Some(system), LossReason::Malformed));
    }
    if message.body.len() > MAX_BODY {
        return Err((Some(system), LossReason::TooLarge));
    }
    let Ok(LogEvent { nivel, texto, hora, campos }) = LogEvent::decode(&message.body) else {
        return Err((Some(system), LossReason::Malformed));
    };
    let time = hora.or_else(|| admit::created(message).ok()).unwrap_or_else(|| key.received());
    Ok(KeptLogEvent {
        key,
        system,
        level: nivel,
        time,
        // PostgreSQL cannot store a NUL.
        text: texto.replace('\0', "\u{fffd}"),
        fields: campos.map(|fields| fields.get().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use broker::{JSON, Outgoing};
    use uuid::Uuid;

    use super::*;
    use crate::register::{Standing, System};

    const GOOD: &str = r#"{"nivel":"aviso","texto":"a\u0000b","campos":{"b":1.10,"a":[2]}}"#;

    fn outgoing(body: &str) -> Outgoing {
        Outgoing {
            id: Uuid::nil().into(),
            producer: "redmine".to_owned(),
            user: Some("redmine-1".to_owned()),
            kind: "evento_log.v1".into(),
            routing_key: String::new(),
            timestamp: 1_744_545_600,
            correlation_id: None,
            content_type: JSON.into(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn taken(outgoing: Outgoing) -> Result<KeptLogEvent, Refused> {
        let (standing, states) = (Standing::Active, BTreeSet::new());
        let users = BTreeSet::from(["redmine-1".to_owned()]);
        let system = System { standing, users, states };
        let register = Register::from_iter([("redmine".parse().expect("a name"), system)]);
        read(&outgoing.into(), &register, Key::first_at(Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn an_event_is_its_system_s_at_the_time_that_it_says() {
        let event = taken(outgoing(GOOD)).expect("an event");
        assert_eq!((event.system.as_str(), event.text.as_str()), ("redmine", "a\u{fffd}b"));
        assert_eq!(event.time.as_second(), 1_744_545_600, "of the message, as it has none");
        assert_eq!(event.fields.as_deref(), Some(r#"{"b":1.10,"a":[2]}"#), "as it came");
        let own = GOOD.replace("\"texto\"", "\"hora\":\"1970-01-01T00:00:07Z\",\"texto\"");
        assert_eq!(taken(outgoing(&own)).expect("an event").time.as_second(), 7);
    }

    #[test]
    fn what_is_no_event_is_blamed_on_a_system_only_where_that_published_it() {
        let system = || Some("redmine".parse().expect("a name"));
        let foreign = Outgoing { user: Some("otro".to_owned()), ..outgoing(GOOD) };
        let unchecked = Outgoing { user: None, ..outgoing(GOOD) };
        let large = GOOD.replace("\"b\":1.10", &format!("\"b\":{:?}", "x".repeat(MAX_BODY)));
        for (message, refused) in [
            (foreign, (None, LossReason::Stranger)),
            (unchecked, (None, LossReason::Stranger)),
            (outgoing("hola"), (system(), LossReason::Malformed)),
            (outgoing(&large), (system(), LossReason::TooLarge)),
        ] {
            assert_eq!(taken(message), Err(refused));
        }
    }
}
