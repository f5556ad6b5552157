//! What waits to be forwarded, and what was.

use std::collections::HashMap;

use jiff::Timestamp;
use messages::{StandardMessage, SystemName};
use sqlx::{AnyConnection, Row, any::AnyRow};

use super::{
    Key, Store, StoreError,
    months::Months,
    rows::{id, listed, once, optional, places, text, time},
};
use crate::lifecycle::{FORWARDED, RECEIVED};

/// A message that waits to be forwarded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// What it is known by.
    pub key: Key,
    /// The message itself.
    pub message: StandardMessage,
}

/// A message that its destination's queue has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forwarded {
    /// What it is known by.
    pub key: Key,
    /// When the broker confirmed that.
    pub at: Timestamp,
}

const DESTINATIONS: &str = "SELECT DISTINCT destination FROM messages
    WHERE forwarded IS NULL AND reason IS NULL AND key < $1";

const WAITING: &str = "SELECT key, id, source, kind, created, correlation, content_type
    FROM messages WHERE forwarded IS NULL AND reason IS NULL AND destination = $1
    ORDER BY key LIMIT $2";

impl Store {
    /// The systems for which messages wait that were received before `before`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn destinations_waited_for(
        &self,
        before: Key,
    ) -> Result<Vec<SystemName>, StoreError> {
        self.database
            .read(async |link| {
                let query = sqlx::query(DESTINATIONS).bind(before.as_i64());
                let rows = query.fetch_all(link).await?;
                rows.iter().map(|row| text(row.try_get(0)?)).collect()
            })
            .await
    }

    /// The oldest messages, at most so many, that wait for `destination`; oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting(
        &self,
        destination: &SystemName,
        at_most: i64,
    ) -> Result<Vec<Waiting>, StoreError> {
        self.database
            .read(async |link| {
                let query = sqlx::query(WAITING).bind(destination.as_str()).bind(at_most);
                let rows = query.fetch_all(&mut *link).await?;
                let mut payloads = payloads(link, &rows).await?;
                let waiting = rows.iter().map(|row| waiting(row, destination, &mut payloads));
                Ok(waiting.collect::<Result<Vec<_>, StoreError>>()?.into_iter().flatten().collect())
            })
            .await
    }

    /// Writes down what was forwarded. A final state that came before stays.
    ///
    /// # Errors
    /// Nothing has been written down then.
    pub async fn forwarded(&self, forwarded: &[Forwarded]) -> Result<(), StoreError> {
        let Some(months) = Months::of(forwarded.iter().map(|one| &one.key)) else {
            return Ok(());
        };
        let statement = format!(
            "UPDATE messages SET forwarded = column2,
                 state = CASE WHEN state = '{RECEIVED}' THEN '{FORWARDED}' ELSE state END
             FROM (VALUES {}) AS done
             WHERE messages.key = column1 AND forwarded IS NULL AND {}",
            places(3, forwarded.len(), 2),
            Months::CONDITION
        );
        self.database
            .write(async |tx| {
                let mut query = months.bind(once(&statement));
                for Forwarded { key, at } in forwarded {
                    query = query.bind(key.as_i64()).bind(at.as_microsecond());
                }
                query.execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }
}

/// What messages carry, by key. Apart from them, and between the first and the last key:
/// PostgreSQL opens no other months.
async fn payloads(
    link: &mut AnyConnection,
    messages: &[AnyRow],
) -> Result<HashMap<i64, Vec<u8>>, StoreError> {
    let keys = messages.iter().map(|row| Ok(row.try_get(0)?));
    let keys: Vec<i64> = keys.collect::<Result<_, StoreError>>()?;
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(HashMap::new()) };
    let statement = format!(
        "SELECT key, payload FROM payloads WHERE key BETWEEN $1 AND $2 AND key IN ({})",
        listed(3, keys.len())
    );
    let mut query = once(&statement).bind(*first).bind(*last);
    for key in &keys {
        query = query.bind(*key);
    }
    let rows = query.fetch_all(link).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// None where the payload is not there.
fn waiting(
    row: &AnyRow,
    destination: &SystemName,
    payloads: &mut HashMap<i64, Vec<u8>>,
) -> Result<Option<Waiting>, StoreError> {
    let key: i64 = row.try_get(0)?;
    let Some(payload) = payloads.remove(&key) else { return Ok(None) };
    let message = StandardMessage {
        id: id(row.try_get(1)?)?,
        source: text(row.try_get(2)?)?,
        destination: destination.clone(),
        kind: text(row.try_get(3)?)?,
        created: time(row.try_get(4)?)?,
        correlation: optional(row.try_get(5)?)?,
        content_type: text(row.try_get(6)?)?,
        payload,
    };
    Ok(Some(Waiting { key: key.into(), message }))
}
