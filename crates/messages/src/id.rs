//! The identity of a message: fixed before the first attempt, kept on every
//! retry, and the same for every retry with the same `Idempotency-Key`.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use uuid::Uuid;

use crate::ClientName;

/// Namespace of ids made from an idempotency key (a UUID of our own, RFC 9562 §6.5).
const KEY_NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_5a0e_3a1b_4b8e_9d57_0c1f_2e7a_9b44);

/// Longest idempotency key, in characters.
pub const MAX_KEY_LENGTH: usize = 255;

/// A message's UUID, in the AMQP property `message_id`.
///
/// Version 7 where the sender chose it, version 5 where it comes from an
/// [`IdempotencyKey`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MessageId(Uuid);

impl MessageId {
    /// The id of what `client` sends under `key`: always the same, and
    /// another one for every other client.
    #[must_use]
    pub fn from_key(client: &ClientName, key: &IdempotencyKey) -> Self {
        let name = format!("{client}\0{}", key.0);
        Self(Uuid::new_v5(&KEY_NAMESPACE, name.as_bytes()))
    }

    /// The id of the event at `index` (from 0) of a batch sent under `key`.
    #[must_use]
    pub fn from_batch_key(client: &ClientName, key: &IdempotencyKey, index: usize) -> Self {
        let name = format!("{client}\0{}\0{index}", key.0);
        Self(Uuid::new_v5(&KEY_NAMESPACE, name.as_bytes()))
    }

    /// When the id was made, to the millisecond, where it says so (version 7).
    #[must_use]
    pub fn created_at(self) -> Option<Timestamp> {
        if self.0.get_version_num() != 7 {
            return None;
        }
        let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
        Timestamp::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?).ok()
    }

    /// The id as it is stored: 16 bytes, in order of time for version 7.
    #[must_use]
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for MessageId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for MessageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uuid = Uuid::try_parse(text).map_err(|_| InvalidId::NotAUuid)?;
        Ok(Self(uuid))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The value of the header `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdempotencyKey(String);

impl FromStr for IdempotencyKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=MAX_KEY_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Key)
        }
    }
}

/// Why a text is not an identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidId {
    /// `message_id` is missing its form.
    #[error("el identificador no es un UUID")]
    NotAUuid,
    /// `Idempotency-Key` is empty, too long, or has spaces or other characters.
    #[error("Idempotency-Key admite de 1 a 255 caracteres ASCII visibles, sin espacios")]
    Key,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> ClientName {
        name.parse().expect("a valid name")
    }

    fn key(text: &str) -> IdempotencyKey {
        text.parse().expect("a valid key")
    }

    #[test]
    fn a_key_gives_the_same_id_every_time_within_one_client_only() {
        let first = MessageId::from_key(&client("ana"), &key("k1"));
        assert_eq!(first, MessageId::from_key(&client("ana"), &key("k1")));
        assert_ne!(first, MessageId::from_key(&client("eva"), &key("k1")));
        assert_ne!(first, MessageId::from_key(&client("ana"), &key("k2")));
    }

    #[test]
    fn events_of_a_batch_under_one_key_differ() {
        let ids: Vec<_> = (0..3)
            .map(|index| MessageId::from_batch_key(&client("ana"), &key("k1"), index))
            .collect();
        assert_ne!(ids[0], ids[1]);
        assert_ne!(ids[1], ids[2]);
    }

    #[test]
    fn only_version_7_tells_its_time() {
        let made: MessageId = "0195e2a0-1234-7000-8000-000000000000".parse().expect("a uuid");
        assert_eq!(made.created_at().expect("a time").as_millisecond(), 0x0195_e2a0_1234);
        assert_eq!(MessageId::from_key(&client("ana"), &key("k")).created_at(), None);
    }

    #[test]
    fn keys_outside_their_form_are_refused() {
        for text in ["", "a b", "ñ", &"x".repeat(256), "a\nb"] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(InvalidId::Key), "{text:?}");
        }
    }
}
