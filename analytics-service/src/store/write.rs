//! Counting: one transaction a batch, on disk before it returns.

use std::collections::HashSet;

use broker::Mistake;
use jiff::Timestamp;
use messages::names::OTHERS;
use serde::Serialize;
use serde_json::json;
use sqlx::{Any, AnyConnection, Connection, Row, Transaction};
use uuid::Uuid;

use super::{
    Store, StoreError,
    read::LATEST,
    statements::{ADD_SUMMARY, FORGET, FORGOTTEN, TRIM_LATEST},
};
use crate::{
    judge::Event,
    tally::{Known, Tally},
};

/// What became of the events of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    /// For each event, in order: whether it was counted now. Else it had been
    /// counted before, or earlier in the batch.
    pub is_new: Vec<bool>,
}

impl Recorded {
    /// How many were counted now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.is_new.iter().filter(|is_new| **is_new).count()
    }
}

/// Rows of each table before a batch.
struct Rows {
    clients: i64,
    events: i64,
    seen: i64,
}

impl Store {
    /// Counts those of `events` that have not been counted before, each once,
    /// and returns which ones that were. An id counts within its client only.
    ///
    /// # Errors
    /// Nothing of the batch has been counted then.
    pub async fn record(&self, events: &[Event], now: Timestamp) -> Result<Recorded, StoreError> {
        if events.is_empty() {
            return Ok(Recorded::default());
        }
        self.write(async |connection| self.try_record(connection, events, now).await).await
    }

    /// Forgets up to `at_most` messages remembered before `before`; returns how
    /// many that were.
    ///
    /// # Errors
    /// Nothing has been forgotten then.
    pub async fn forget(&self, before: Timestamp, at_most: i64) -> Result<u64, StoreError> {
        self.write(async |connection| self.try_forget(connection, before, at_most).await).await
    }

    /// After an error nobody keeps a connection: all of a process share SQLite's
    /// memory of the WAL, and while one of them has it since the folder was
    /// write-protected, it stays so for new ones too.
    async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.writer.run(work).await;
        if done.is_err() {
            self.readers.drop_idle();
        }
        done
    }

    async fn try_record(
        &self,
        connection: &mut AnyConnection,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let mut tx = connection.begin_with(self.dialect.begin_write).await?;
        let rows = self.lock(&mut tx).await?;
        let room = self.limits.seen - rows.seen;
        if i64::try_from(events.len()).is_ok_and(|count| count > room) {
            return Err(StoreError::Full(rows.seen));
        }
        let recorded = self.remember(&mut tx, events, now).await?;
        let marked = events.iter().zip(&recorded.is_new);
        let new: Vec<_> = marked.filter_map(|(event, is_new)| is_new.then_some(event)).collect();
        if !new.is_empty() {
            self.add(&mut tx, &new, rows, now).await?;
        }
        tx.commit().await?;
        Ok(recorded)
    }

    async fn try_forget(
        &self,
        connection: &mut AnyConnection,
        before: Timestamp,
        at_most: i64,
    ) -> Result<u64, StoreError> {
        let mut tx = connection.begin_with(self.dialect.begin_write).await?;
        self.lock(&mut tx).await?;
        let deleted = sqlx::query(FORGET)
            .bind(before.as_second())
            .bind(at_most)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        sqlx::query(FORGOTTEN).bind(count(deleted)).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(deleted)
    }

    async fn lock(&self, tx: &mut Transaction<'_, Any>) -> Result<Rows, StoreError> {
        let row = sqlx::query(self.dialect.lock_summary).fetch_one(&mut **tx).await?;
        Ok(Rows { clients: row.try_get(0)?, events: row.try_get(1)?, seen: row.try_get(2)? })
    }

    /// Remembers the ids of `events`; tells which were not known, each once.
    async fn remember(
        &self,
        tx: &mut Transaction<'_, Any>,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let ids = rows(events.iter().map(|event| (event.id.as_uuid(), &event.click.cliente)));
        let inserted = sqlx::query(self.dialect.remember)
            .bind(ids)
            .bind(now.as_second())
            .fetch_all(&mut **tx)
            .await?;
        if Mistake::NoDedup.is_made() {
            return Ok(Recorded { is_new: vec![true; events.len()] });
        }
        let mut new = HashSet::with_capacity(inserted.len());
        for row in inserted {
            let (id, client): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            new.insert((parse_id(&id)?, client));
        }
        Ok(Recorded { is_new: events.iter().map(|event| new.remove(&key(event))).collect() })
    }

    async fn add(
        &self,
        tx: &mut Transaction<'_, Any>,
        new: &[&Event],
        rows_before: Rows,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known = self.known(tx, new, &rows_before).await?;
        let tally = Tally::of(new.iter().copied(), &known, self.limits.names);
        self.add_counts(tx, &tally).await?;
        self.add_latest(tx, new, now).await?;
        let new_clients =
            tally.clients.keys().filter(|name| !known.clients.contains(*name)).count();
        let new_events = tally.events.keys().filter(|name| !known.events.contains(*name)).count();
        sqlx::query(ADD_SUMMARY)
            .bind(tally.all.count)
            .bind(count(new_clients))
            .bind(count(new_events))
            .bind(count(new.len()))
            .bind(tally.all.first.map(Timestamp::as_microsecond))
            .bind(tally.all.last.map(Timestamp::as_microsecond))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn known(
        &self,
        tx: &mut Transaction<'_, Any>,
        new: &[&Event],
        rows: &Rows,
    ) -> Result<Known, StoreError> {
        let clients = new.iter().map(|event| event.click.cliente.as_str());
        let events = new.iter().map(|event| event.click.evento.as_str());
        Ok(Known {
            clients: names(tx, self.dialect.known_clients, clients).await?,
            events: names(tx, self.dialect.known_events, events).await?,
            client_rows: usize::try_from(rows.clients).unwrap_or_default(),
            event_rows: usize::try_from(rows.events).unwrap_or_default(),
        })
    }

    async fn add_counts(
        &self,
        tx: &mut Transaction<'_, Any>,
        tally: &Tally,
    ) -> Result<(), StoreError> {
        let clients = rows(tally.clients.iter().map(|(name, delta)| {
            let micros = |at: Option<Timestamp>| at.map(Timestamp::as_microsecond);
            (name, delta.count, micros(delta.first), micros(delta.last))
        }));
        let counts =
            rows(tally.counts.iter().map(|((client, event), count)| (client, event, count)));
        for (statement, list) in [
            (self.dialect.add_clients, clients),
            (self.dialect.add_events, rows(tally.events.iter())),
            (self.dialect.add_counts, counts),
        ] {
            sqlx::query(statement).bind(list).execute(&mut **tx).await?;
        }
        Ok(())
    }

    async fn add_latest(
        &self,
        tx: &mut Transaction<'_, Any>,
        new: &[&Event],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let last = &new[new.len().saturating_sub(LATEST)..];
        let latest = rows(last.iter().map(|Event { id, click }| {
            let happened = click.timestamp.as_microsecond();
            (id.as_uuid(), &click.cliente, &click.evento, happened, &click.message)
        }));
        sqlx::query(self.dialect.add_latest)
            .bind(latest)
            .bind(now.as_microsecond())
            .execute(&mut **tx)
            .await?;
        sqlx::query(TRIM_LATEST).bind(count(LATEST)).execute(&mut **tx).await?;
        Ok(())
    }
}

async fn names<'a>(
    tx: &mut Transaction<'_, Any>,
    statement: &'static str,
    asked: impl Iterator<Item = &'a str>,
) -> Result<HashSet<String>, StoreError> {
    let distinct: HashSet<_> = asked.chain([OTHERS]).collect();
    let found = sqlx::query_scalar(statement)
        .bind(json!(distinct).to_string())
        .fetch_all(&mut **tx)
        .await?;
    Ok(found.into_iter().collect())
}

fn key(event: &Event) -> (Uuid, String) {
    (event.id.as_uuid(), event.click.cliente.to_string())
}

/// Rows as `$1` takes them.
pub(super) fn rows<T: Serialize>(rows: impl Iterator<Item = T>) -> String {
    json!(rows.collect::<Vec<_>>()).to_string()
}

pub(super) fn parse_id(text: &str) -> Result<Uuid, StoreError> {
    text.parse().map_err(|_| StoreError::Foreign(format!("the id {text:?}")))
}

/// A number of rows; SQL has no unsigned ones.
fn count<T: TryInto<i64>>(rows: T) -> i64 {
    rows.try_into().unwrap_or(i64::MAX)
}
