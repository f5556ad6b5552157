//! Copies of messages, on disk before anything else is done with them.

use std::collections::HashMap;

use jiff::Timestamp;
use messages::{Correlation, StandardMessage};
use sha2::{Digest, Sha256};
use sqlx::{Any, Row, Transaction};

use super::{
    Key, Store, StoreError,
    months::Months,
    rows::{Filled, Identity, bytes, execute, keys_of, listed, once, or_rollback},
    tally::{Counted, Tally, sampled},
};
use crate::{lifecycle::RECEIVED, statistics::Stage};

/// What the store has of a message that was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Receipt {
    /// It is to be forwarded: it is new, or was stored before and has not been forwarded.
    ToForward(Key),
    /// It was forwarded before, or is the same as one before it in the batch.
    Repeated,
    /// Another message of this source has the same id.
    OtherMessage,
}

/// The first half of a SHA-256: tells contents apart.
pub(super) type Fingerprint = [u8; 16];

/// A message as it is known already.
struct Known {
    key: Key,
    digest: Vec<u8>,
    is_seen_to: bool,
}

/// A message that is not stored yet.
struct New<'a> {
    key: Key,
    message: &'a StandardMessage,
    digest: Fingerprint,
}

impl Store {
    /// Stores a copy of each message of which there is none. What one message is to
    /// another of the same id is told in the order given.
    ///
    /// # Errors
    /// Nothing of the batch has been stored then.
    pub async fn receive(
        &self,
        messages: &[&StandardMessage],
        now: Timestamp,
    ) -> Result<Vec<Receipt>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        self.database.write(async |tx| self.receive_in(tx, messages, now).await).await
    }

    /// Of each message, whether it is stored, with the same contents.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has(&self, messages: &[&StandardMessage]) -> Result<Vec<bool>, StoreError> {
        let known = self.database.write(async |tx| known(tx, messages).await).await?;
        let is_known = |message: &&StandardMessage| {
            let known = known.get(&(message.id, message.source.clone()));
            known.is_some_and(|known| known.digest == digest(message))
        };
        Ok(messages.iter().map(is_known).collect())
    }

    pub(super) async fn receive_in(
        &self,
        tx: &mut Transaction<'_, Any>,
        messages: &[&StandardMessage],
        now: Timestamp,
    ) -> Result<Vec<Receipt>, StoreError> {
        let mut known = known(tx, messages).await?;
        let mut new = Vec::with_capacity(messages.len());
        let keys = self.keys.take(messages.len(), now);
        let receipts = messages
            .iter()
            .zip(keys)
            .map(|(message, key)| {
                let digest = digest(message);
                let identity = (message.id, message.source.clone());
                if let Some(known) = known.get_mut(&identity) {
                    return known.receipt(digest);
                }
                known.insert(identity, Known { key, digest: digest.to_vec(), is_seen_to: true });
                new.push(New { key, message, digest });
                Receipt::ToForward(key)
            })
            .collect();
        if !new.is_empty() {
            insert(tx, &new).await?;
            tally(&new).write(tx, self.keys.process()).await?;
        }
        Ok(receipts)
    }
}

impl Known {
    /// What a message of this identity is; the next one need not be forwarded.
    fn receipt(&mut self, digest: Fingerprint) -> Receipt {
        if self.digest != digest {
            Receipt::OtherMessage
        } else if std::mem::replace(&mut self.is_seen_to, true) {
            Receipt::Repeated
        } else {
            Receipt::ToForward(self.key)
        }
    }
}

/// Those of `messages` that are stored. Most often none is: then no month of messages is
/// opened.
async fn known(
    tx: &mut Transaction<'_, Any>,
    messages: &[&StandardMessage],
) -> Result<HashMap<Identity, Known>, StoreError> {
    let identities: Vec<_> = messages.iter().map(|message| (message.id, &message.source)).collect();
    let keys = keys_of(tx, &identities).await?;
    let mut known = HashMap::new();
    let Some(months) = Months::of(keys.keys()) else { return Ok(known) };
    let statement = format!(
        "SELECT key, digest, forwarded FROM messages WHERE {} AND key IN ({})",
        Months::CONDITION,
        listed(3, keys.len())
    );
    let mut query = months.bind(once(&statement));
    for key in keys.keys() {
        query = query.bind(key.as_i64());
    }
    for row in query.fetch_all(&mut **tx).await? {
        let key = Key::from(row.try_get::<i64, _>(0)?);
        let is_seen_to = row.try_get::<Option<i64>, _>(2)?.is_some();
        if let Some(identity) = keys.get(&key) {
            known.insert(identity.clone(), Known { key, digest: row.try_get(1)?, is_seen_to });
        }
    }
    Ok(known)
}

fn tally(new: &[New<'_>]) -> Tally {
    let mut tally = Tally::default();
    for one in new {
        tally.enter(&one.counted(), RECEIVED);
    }
    for (one, messages) in sampled(new) {
        let times = (one.message.created, one.key.received());
        tally.took(&one.counted(), Stage::Arrival, times, messages);
    }
    tally
}

impl New<'_> {
    fn counted(&self) -> Counted {
        let StandardMessage { source, destination, kind, .. } = self.message;
        Counted::new(self.key, source.as_str(), destination.as_str(), kind.as_str())
    }
}

async fn insert(tx: &mut Transaction<'_, Any>, new: &[New<'_>]) -> Result<(), StoreError> {
    insert_ids(tx, new).await?;
    insert_messages(tx, new).await?;
    let or_rollback = or_rollback(tx);
    let insert = |places: &str| {
        format!("INSERT {or_rollback} INTO payloads (key, payload, properties) VALUES {places}")
    };
    let fill = |query: Filled, New { key, message, .. }: &New<'_>| {
        query.bind(key.as_i64()).bind(&message.payload[..]).bind(message.properties.as_deref())
    };
    execute(tx, &[], new, 3, insert, fill).await?;
    Ok(())
}

async fn insert_ids(tx: &mut Transaction<'_, Any>, new: &[New<'_>]) -> Result<(), StoreError> {
    let or_rollback = or_rollback(tx);
    let insert =
        |places: &str| format!("INSERT {or_rollback} INTO ids (id, source, key) VALUES {places}");
    let fill = |query: Filled, New { key, message, .. }: &New<'_>| {
        query.bind(bytes(message.id)).bind(message.source.as_str()).bind(key.as_i64())
    };
    execute(tx, &[], new, 3, insert, fill).await?;
    Ok(())
}

async fn insert_messages(tx: &mut Transaction<'_, Any>, new: &[New<'_>]) -> Result<(), StoreError> {
    let or_rollback = or_rollback(tx);
    let insert = |places: &str| {
        format!(
            "INSERT {or_rollback} INTO messages (key, id, source, destination, kind, created, correlation,
                                   content_type, size, digest, state) VALUES {places}"
        )
    };
    let fill = |query: Filled, New { key, message, digest }: &New<'_>| {
        query
            .bind(key.as_i64())
            .bind(bytes(message.id))
            .bind(message.source.as_str())
            .bind(message.destination.as_str())
            .bind(message.kind.as_str())
            .bind(message.created.as_microsecond())
            .bind(message.correlation.as_ref().map(Correlation::as_str))
            .bind(message.content_type.as_str())
            .bind(i64::try_from(message.payload.len()).unwrap_or(i64::MAX))
            .bind(digest.to_vec())
            .bind(RECEIVED)
    };
    execute(tx, &[], new, 11, insert, fill).await?;
    Ok(())
}

/// What makes a message another one, though its id is the same.
fn digest(message: &StandardMessage) -> Fingerprint {
    let StandardMessage { destination, kind, content_type, payload, .. } = message;
    fingerprint(&[destination.as_str(), kind.as_str(), content_type.as_str()], payload)
}

/// Of texts, none of which holds a NUL, and the bytes behind them.
pub(super) fn fingerprint(texts: &[&str], bytes: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.update(bytes);
    let hash: [u8; 32] = hash.finalize().into();
    *hash.first_chunk().expect("half of it")
}
