//! What waits to be forwarded, and what was.

use std::collections::HashMap;

use jiff::Timestamp;
use messages::{StandardMessage, SystemName};
use sqlx::{Any, AnyConnection, Row, Transaction, any::AnyRow};

use super::{
    Key, Store, StoreError,
    months::Months,
    rows::{Filled, execute, fetch, id, listed, once, optional, or_rollback, text, time},
    tally::{Counted, Tally, sampled},
};
use crate::{
    lifecycle::{FORWARDED, RECEIVED},
    statistics::Stage,
};

/// A message that waits to be forwarded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// What it is known by.
    pub key: Key,
    /// The message itself.
    pub message: StandardMessage,
    /// Which further attempt it is, from 2 on; none where it is the first.
    pub attempt: Option<i64>,
}

/// A message that its destination's queue has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forwarded {
    /// What it is known by.
    pub key: Key,
    /// When the broker confirmed that.
    pub at: Timestamp,
}

/// Without the `+`, SQLite would rather walk all keys below than the index of the few that
/// wait.
const DESTINATIONS: &str = "SELECT destination FROM messages
        WHERE forwarded IS NULL AND reason IS NULL AND +key < $1
    UNION SELECT attempts.destination
        FROM attempts JOIN payloads ON payloads.key = attempts.key
        WHERE forwarded IS NULL AND asked < $2";

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
                let asked = before.received().as_microsecond();
                let query = sqlx::query(DESTINATIONS).bind(before.as_i64()).bind(asked);
                let rows = query.fetch_all(link).await?;
                rows.iter().map(|row| text(row.try_get(0)?)).collect()
            })
            .await
    }

    /// The oldest messages, at most so that wait for `destination` for the first
    /// time; oldest first.
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
                let mut messages = Vec::with_capacity(rows.len());
                for row in &rows {
                    if let Some(payload) = payloads.remove(&row.try_get(0)?) {
                        messages.push(waiting(row, destination, payload, None)?);
                    }
                }
                Ok(messages)
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
        let fill = |query: Filled, Forwarded { key, at }: &Forwarded| {
            query.bind(key.as_i64()).bind(at.as_microsecond())
        };
        self.database
            .write(async |tx| {
                let tally = self.tally(tx, months, forwarded).await?;
                let or_rollback = or_rollback(tx);
                let update = |places: &str| {
                    format!(
                        "UPDATE {or_rollback} messages SET forwarded = column2,
                             state = CASE WHEN state = '{RECEIVED}' THEN '{FORWARDED}'
                                 ELSE state END
                         FROM (VALUES {places}) AS done
                         WHERE messages.key = column1 AND forwarded IS NULL AND {}",
                        Months::CONDITION
                    )
                };
                execute(tx, &months.ends(), forwarded, 2, update, fill).await?;
                tally.write(tx, self.keys.process()).await
            })
            .await
    }

    /// What is counted of messages that are about to be written down as forwarded.
    async fn tally(
        &self,
        tx: &mut Transaction<'_, Any>,
        months: Months,
        forwarded: &[Forwarded],
    ) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        self.tally_states(tx, months, forwarded, &mut tally).await?;
        tally_durations(tx, months, forwarded, &mut tally).await?;
        Ok(tally)
    }

    /// Counted by the database: to fetch each row takes longer than to write it.
    async fn tally_states(
        &self,
        tx: &mut Transaction<'_, Any>,
        months: Months,
        forwarded: &[Forwarded],
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        // In the order in which everybody locks them, as far as they are given in it.
        let lock = if self.is_partitioned() { "ORDER BY key FOR UPDATE" } else { "" };
        let select = |places: &str| {
            format!(
                "SELECT MIN(key), source, destination, kind,
                     COUNT(*) FILTER (WHERE state = '{RECEIVED}')
                 FROM (SELECT source, destination, kind, state, key, key / {} AS day
                     FROM messages WHERE {} AND key IN (VALUES {places})
                         AND forwarded IS NULL {lock}) AS waiting
                 GROUP BY source, destination, kind, day",
                Key::A_DAY,
                Months::CONDITION
            )
        };
        let fill = |query: Filled, one: &Forwarded| query.bind(one.key.as_i64());
        for row in fetch(tx, &months.ends(), forwarded, 1, select, fill).await? {
            tally.change(&counted(&row)?, RECEIVED, FORWARDED, row.try_get(4)?);
        }
        Ok(())
    }
}

async fn tally_durations(
    tx: &mut Transaction<'_, Any>,
    months: Months,
    forwarded: &[Forwarded],
    tally: &mut Tally,
) -> Result<(), StoreError> {
    let sample: Vec<_> = sampled(forwarded).collect();
    let select = |places: &str| {
        format!(
            "SELECT key, source, destination, kind FROM messages
             WHERE {} AND key IN (VALUES {places}) AND forwarded IS NULL",
            Months::CONDITION
        )
    };
    let fill = |query: Filled, (one, _): &(&Forwarded, i64)| query.bind(one.key.as_i64());
    let rows = fetch(tx, &months.ends(), &sample, 1, select, fill).await?;
    let sample: HashMap<_, _> = sample.into_iter().map(|one| (one.0.key, one)).collect();
    for row in &rows {
        let key = Key::from(row.try_get::<i64, _>(0)?);
        if let Some((Forwarded { at, .. }, messages)) = sample.get(&key) {
            tally.took(&counted(row)?, Stage::Proxy, (key.received(), *at), *messages);
        }
    }
    Ok(())
}

/// Of a row that begins with the key, source, destination and kind.
fn counted(row: &AnyRow) -> Result<Counted, StoreError> {
    let key = row.try_get::<i64, _>(0)?.into();
    Ok(Counted::new(key, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
}

/// What a message carries, and what it said of itself beside that.
pub(super) type Content = (Vec<u8>, Option<Vec<u8>>);

/// What messages carry, by key. Apart from them, and between the first and the last key:
/// PostgreSQL opens no other months.
async fn payloads(
    link: &mut AnyConnection,
    messages: &[AnyRow],
) -> Result<HashMap<i64, Content>, StoreError> {
    let keys = messages.iter().map(|row| Ok(row.try_get(0)?));
    let keys: Vec<i64> = keys.collect::<Result<_, StoreError>>()?;
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(HashMap::new()) };
    let statement = format!(
        "SELECT key, payload, properties FROM payloads
             WHERE key BETWEEN $1 AND $2 AND key IN ({})",
        listed(3, keys.len())
    );
    let mut query = once(&statement).bind(*first).bind(*last);
    for key in &keys {
        query = query.bind(*key);
    }
    let rows = query.fetch_all(link).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?)))).collect()
}

/// Of columns in the order of [`WAITING`], and the content.
pub(super) fn waiting(
    row: &AnyRow,
    destination: &SystemName,
    (payload, properties): Content,
    attempt: Option<i64>,
) -> Result<Waiting, StoreError> {
    let message = StandardMessage {
        id: id(row.try_get(1)?)?,
        source: text(row.try_get(2)?)?,
        destination: destination.clone(),
        kind: text(row.try_get(3)?)?,
        created: time(row.try_get(4)?)?,
        correlation: optional(row.try_get(5)?)?,
        content_type: text(row.try_get(6)?)?,
        payload,
        properties,
    };
    Ok(Waiting { key: row.try_get::<i64, _>(0)?.into(), message, attempt })
}

#[cfg(test)]
mod tests {
    use database::DatabaseUrl;
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn what_waits_is_found_without_looking_at_all_messages() {
        let folder = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}/a.db", folder.path().display());
        let store = Store::new(&url.parse::<DatabaseUrl>().expect("a url")).expect("a store");
        store.prepare().await.expect("tables");
        for statement in [DESTINATIONS, WAITING] {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let plan: Result<Vec<String>, StoreError> = store
                .database
                .read(async |link| {
                    let rows = once(&explain).bind(0_i64).bind(0_i64).fetch_all(link).await?;
                    rows.iter().map(|row| Ok(row.try_get(3)?)).collect()
                })
                .await;
            let plan = plan.expect("a plan");
            assert!(plan.iter().any(|step| step.contains("messages_waiting")), "{plan:?}");
        }
    }
}
