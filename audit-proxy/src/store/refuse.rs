//! What was not admitted, and why: kept beside the others, as far as it says who it is.

use std::collections::HashSet;

use broker::Incoming;
use jiff::Timestamp;
use messages::excerpt::{MAX_REASON, excerpt};
use sqlx::{Any, Row, Transaction};

use super::{
    Key, Store, StoreError,
    receive::{Fingerprint, fingerprint},
    rows::bytes,
    tally::{Counted, Tally},
};
use crate::{admit, lifecycle::REFUSED};

/// Refused messages among which one that is delivered again is looked for: more than
/// can be under way to one consumer.
const LOOKED_AT: i64 = 2000;

/// Bytes kept of a payload: it may have been refused for its size.
const KEPT: usize = 64 * 1024;

const LATELY: &str = "SELECT digest FROM messages WHERE state = $1 ORDER BY key DESC LIMIT $2";

const INSERT: &str = "INSERT INTO messages (key, id, source, destination, kind, created,
        correlation, content_type, size, digest, state, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

const INSERT_PAYLOAD: &str = "INSERT INTO payloads (key, payload, properties) VALUES ($1, $2, $3)";

/// A message that is not admitted.
#[derive(Clone, Debug)]
pub struct Refused<'a> {
    /// As it was delivered.
    pub message: &'a Incoming,
    /// Why, in Spanish.
    pub reason: String,
}

impl Store {
    /// Keeps what was not admitted. What was kept already and is delivered again is not
    /// kept twice.
    ///
    /// # Errors
    /// Nothing of the batch has been kept then.
    pub async fn refuse(&self, refused: &[Refused<'_>], now: Timestamp) -> Result<(), StoreError> {
        if refused.is_empty() {
            return Ok(());
        }
        self.database
            .write(async |tx| {
                let lately = lately(tx, refused).await?;
                let mut tally = Tally::default();
                for (refused, key) in refused.iter().zip(self.keys.take(refused.len(), now)) {
                    let digest = digest(refused);
                    if !(refused.message.redelivered && lately.contains(&digest[..])) {
                        insert(tx, key, refused, digest).await?;
                        tally.enter(&counted(key, refused.message), REFUSED);
                    }
                }
                tally.write(tx, self.keys.process()).await
            })
            .await
    }
}

/// Digests of what was refused lately, where any of a batch may be among that.
async fn lately(
    tx: &mut Transaction<'_, Any>,
    refused: &[Refused<'_>],
) -> Result<HashSet<Vec<u8>>, StoreError> {
    if !refused.iter().any(|refused| refused.message.redelivered) {
        return Ok(HashSet::new());
    }
    let rows = sqlx::query(LATELY).bind(REFUSED).bind(LOOKED_AT).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn insert(
    tx: &mut Transaction<'_, Any>,
    key: Key,
    Refused { message, reason }: &Refused<'_>,
    digest: Fingerprint,
) -> Result<(), StoreError> {
    sqlx::query(INSERT)
        .bind(key.as_i64())
        .bind(admit::id(message).ok().map(bytes))
        .bind(message.producer().map(storable))
        .bind(storable(message.routing_key()))
        .bind(message.kind().map(storable))
        .bind(admit::created(message).ok().map(Timestamp::as_microsecond))
        .bind(message.correlation_id().map(storable))
        .bind(message.content_type().map(storable))
        .bind(i64::try_from(message.body.len()).unwrap_or(i64::MAX))
        .bind(digest.to_vec())
        .bind(REFUSED)
        .bind(storable(&excerpt(reason, MAX_REASON)))
        .execute(&mut **tx)
        .await?;
    let kept = &message.body[..message.body.len().min(KEPT)];
    let properties = message.properties().encode();
    let query = sqlx::query(INSERT_PAYLOAD).bind(key.as_i64()).bind(kept).bind(properties);
    query.execute(&mut **tx).await?;
    Ok(())
}

fn counted(key: Key, message: &Incoming) -> Counted {
    let text = |text: Option<&str>| storable(text.unwrap_or_default());
    let (source, kind) = (text(message.producer()), text(message.kind()));
    Counted::new(key, &source, &storable(message.routing_key()), &kind)
}

/// A text of whoever published, without the NUL that PostgreSQL cannot store.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn digest(Refused { message, reason }: &Refused<'_>) -> Fingerprint {
    let texts = [
        message.id().unwrap_or_default(),
        message.producer().unwrap_or_default(),
        message.routing_key(),
        message.kind().unwrap_or_default(),
        reason,
    ];
    fingerprint(&texts, &message.body)
}
