//! Whether a message that is kept can be sent once more, and as what. Pure.

use broker::Properties;
use jiff::Timestamp;
use messages::{InvalidText, MediaType, MessageId, StandardMessage, SystemName, names};

use crate::{
    admit::{Refusal, forwardable},
    register::{Register, Standing},
    store::Entry,
};

/// Why a message is not sent once more. `Display` is a Spanish sentence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAgain {
    /// It has not been forwarded for the first time yet.
    #[error("aún espera su primer reenvío, que llegará solo")]
    Waiting,
    /// An attempt waits already.
    #[error("ya espera otro reenvío")]
    WaitingAgain,
    /// It was not admitted, and has been since.
    #[error("ya se admitió después")]
    Admitted,
    /// Of its payload nothing is kept, or not all.
    #[error("su carga ya no se conserva entera")]
    NoPayload,
    /// It was never known who published it: nobody can vouch for it here.
    #[error("no se admitió porque nadie comprobó quién lo publicaba, y eso no se arregla aquí")]
    Unproven,
    /// It does not say what a message of the standard says.
    #[error("le falta, o no es aceptable, {0}: que su origen lo publique bien")]
    Incomplete(&'static str),
    /// It would not be admitted now.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// What an operator puts in place of what there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// The id of the message that is made.
    pub id: MessageId,
    /// When it is made.
    pub created: Timestamp,
    /// What it carries.
    pub payload: Vec<u8>,
    /// Its media type, where that is another.
    pub content_type: Option<MediaType>,
}

/// How a message is sent once more as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Under its id, as a further attempt.
    Attempt,
    /// It was not admitted, and is to be now.
    Admission,
}

/// How a message that is kept is sent once more as it is.
///
/// # Errors
/// Why it is not.
pub fn way(entry: &Entry, register: &Register) -> Result<Way, NotAgain> {
    if entry.reason.is_some() {
        return Ok(Way::Admission);
    }
    if entry.forwarded.is_none() {
        return Err(NotAgain::Waiting);
    }
    destination(entry, register)?;
    Ok(Way::Attempt)
}

/// A message that was not admitted, as it came, if it would be admitted now.
///
/// # Errors
/// Why it is not sent once more.
pub fn admitted(
    entry: &Entry,
    payload: Vec<u8>,
    properties: Option<&Properties>,
    register: &Register,
    max_payload: usize,
) -> Result<StandardMessage, NotAgain> {
    if i64::try_from(payload.len()) != Ok(entry.size) {
        return Err(NotAgain::NoPayload);
    }
    let id = entry.id.ok_or(NotAgain::Incomplete("message_id"))?;
    let created = entry.created.ok_or(NotAgain::Incomplete("timestamp"))?;
    let content_type = parsed("content_type", entry.content_type.clone())?;
    let edit = Edit { id, created, payload, content_type: Some(content_type) };
    let properties = properties.map(forwardable).transpose()?;
    let message = standard(entry, edit, register, max_payload)?;
    Ok(StandardMessage { properties, ..message })
}

/// A message with what an operator put into it, if it would be admitted. Of what it said of
/// itself all is kept but its id, when it was made, and how its payload was encoded: an
/// operator types it as it is.
///
/// # Errors
/// Why it is not sent.
pub fn edited(
    entry: &Entry,
    edit: Edit,
    properties: Option<&Properties>,
    register: &Register,
    max_payload: usize,
) -> Result<StandardMessage, NotAgain> {
    let message = standard(entry, edit, register, max_payload)?;
    let made = properties.map(|properties| of_edited(&message, properties));
    let properties = made.as_ref().map(forwardable).transpose()?;
    Ok(StandardMessage { properties, ..message })
}

fn of_edited(message: &StandardMessage, properties: &Properties) -> Properties {
    let seconds = message.created.as_second().try_into().unwrap_or_default();
    let made = properties.of_another(message.id, seconds, message.content_type.as_str());
    made.with_header(names::CREATED_HEADER, &message.created.to_string())
}

fn standard(
    entry: &Entry,
    edit: Edit,
    register: &Register,
    max_payload: usize,
) -> Result<StandardMessage, NotAgain> {
    let source = source(entry, register)?;
    let destination = destination(entry, register)?;
    let Edit { id, created, payload, content_type } = edit;
    if payload.len() > max_payload {
        return Err(Refusal::TooLarge { size: payload.len(), limit: max_payload }.into());
    }
    let content_type = match content_type {
        Some(given) => given,
        None => parsed("content_type", entry.content_type.clone())?,
    };
    let correlation = entry.correlation.clone().map(TryInto::try_into).transpose();
    Ok(StandardMessage {
        id,
        source,
        destination,
        kind: parsed("type", entry.kind.clone())?,
        created,
        correlation: correlation.map_err(|_| NotAgain::Incomplete("correlation_id"))?,
        content_type,
        payload,
        properties: None,
    })
}

fn source(entry: &Entry, register: &Register) -> Result<SystemName, NotAgain> {
    let source: SystemName = parsed("app_id", entry.source.clone())?;
    if is_unproven(entry, &source) {
        return Err(NotAgain::Unproven);
    }
    match register.get(&source).map(|system| system.standing) {
        Some(Standing::Active) => Ok(source),
        Some(standing) => Err(Refusal::SourceNotActive(source, standing).into()),
        None => Err(Refusal::UnknownSource(source).into()),
    }
}

fn destination(entry: &Entry, register: &Register) -> Result<SystemName, NotAgain> {
    let destination: SystemName = parsed("el destino", entry.destination.clone())?;
    match register.get(&destination).map(|system| system.standing) {
        Some(Standing::Active) => Ok(destination),
        Some(standing) => Err(Refusal::DestinationNotActive(destination, standing).into()),
        None => Err(Refusal::UnknownDestination(destination).into()),
    }
}

/// Of who published a message only the verdict is kept. The source of one that was
/// refused before that was looked at is as unproven: its reason comes first in [`admit`].
///
/// [`admit`]: crate::admit::admit
fn is_unproven(entry: &Entry, source: &SystemName) -> bool {
    let Some(reason) = &entry.reason else { return false };
    let unproven = [
        Refusal::NoUser,
        Refusal::ForeignUser(source.clone()),
        Refusal::UnknownSource(source.clone()),
        Refusal::NoId,
        Refusal::InvalidId,
    ];
    unproven.iter().any(|refusal| refusal.to_string() == *reason)
}

fn parsed<T: TryFrom<String, Error = InvalidText>>(
    property: &'static str,
    text: Option<String>,
) -> Result<T, NotAgain> {
    text.and_then(|text| text.try_into().ok()).ok_or(NotAgain::Incomplete(property))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{register::System, store::Key};

    fn register(redmine: Standing) -> Register {
        let system = |name: &str, standing| {
            let (users, states) = (BTreeSet::new(), BTreeSet::new());
            (name.parse().expect("a name"), System { standing, users, states })
        };
        Register::from_iter([system("servicedesk", Standing::Active), system("redmine", redmine)])
    }

    fn entry(reason: Option<&str>) -> Entry {
        Entry {
            key: Key::from(5),
            id: Some("0195e2a0-1234-7000-8000-000000000000".parse().expect("a uuid")),
            source: Some("servicedesk".to_owned()),
            destination: Some("redmine".to_owned()),
            kind: Some("alta".to_owned()),
            created: Timestamp::from_second(1_800_000_000).ok(),
            correlation: None,
            content_type: Some("application/json".to_owned()),
            size: 2,
            state: "error".to_owned(),
            forwarded: reason.is_none().then_some(Timestamp::UNIX_EPOCH),
            settled: None,
            notified: None,
            reason: reason.map(str::to_owned),
            has_payload: true,
        }
    }

    fn again(entry: &Entry, standing: Standing) -> Result<StandardMessage, String> {
        let admitted = admitted(entry, b"{}".to_vec(), None, &register(standing), 10);
        admitted.map_err(|reason| reason.to_string())
    }

    #[test]
    fn what_was_forwarded_goes_as_an_attempt_unless_its_destination_may_not_receive() {
        let active = register(Standing::Active);
        assert_eq!(way(&entry(None), &active), Ok(Way::Attempt));
        let waiting = Entry { forwarded: None, ..entry(None) };
        assert_eq!(way(&waiting, &active), Err(NotAgain::Waiting));
        let refused = way(&entry(None), &register(Standing::Suspended)).expect_err("suspended");
        assert!(refused.to_string().contains("está suspendido"), "{refused}");
    }

    #[test]
    fn what_was_refused_goes_once_its_reason_has_gone() {
        let refused = entry(Some("va a «redmine», que está suspendido"));
        assert_eq!(way(&refused, &register(Standing::Active)), Ok(Way::Admission));
        assert_eq!(again(&refused, Standing::Active).expect("admitted").payload, b"{}");
        assert!(again(&refused, Standing::Suspended).expect_err("not").contains("suspendido"));
        let cut = Entry { size: 3, ..refused.clone() };
        assert!(again(&cut, Standing::Active).expect_err("cut").contains("entera"));
        let bare = Entry { kind: None, ..refused };
        assert!(again(&bare, Standing::Active).expect_err("bare").contains("type"));
    }

    #[test]
    fn what_nobody_vouched_for_is_not_sent_not_even_edited() {
        for reason in [
            "no lleva user_id, y sin él RabbitMQ no comprueba quién lo publica",
            "dice venir de «servicedesk», y quien lo publica es otro usuario",
            "viene de «servicedesk», que no está en el registro",
        ] {
            let entry = entry(Some(reason));
            assert!(again(&entry, Standing::Active).expect_err(reason).contains("comprobó"));
        }
    }

    #[test]
    fn an_edited_message_keeps_all_but_what_was_edited() {
        let edit = Edit {
            id: MessageId::from(uuid::Uuid::nil()),
            created: Timestamp::UNIX_EPOCH,
            payload: b"[]".to_vec(),
            content_type: None,
        };
        let made = |edit| edited(&entry(None), edit, None, &register(Standing::Active), 10);
        let message = made(edit.clone()).expect("made");
        assert_eq!((message.id, &message.payload[..]), (edit.id, &b"[]"[..]));
        assert_eq!(
            (message.kind.as_str(), message.content_type.as_str()),
            ("alta", "application/json")
        );
        let large = Edit { payload: vec![0; 11], ..edit };
        assert!(matches!(made(large), Err(NotAgain::Refused(Refusal::TooLarge { .. }))));
    }
}
