//! Counting: one transaction a batch, on disk before it returns.

use std::collections::HashSet;

use broker::Mistake;
use database::Error;
use jiff::Timestamp;
use messages::{names::OTHERS, text::MAX_NAME_LENGTH};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use sqlx::{Any, Row, Transaction};
use uuid::Uuid;

use super::{
    Store, StoreError,
    read::LATEST,
    statements::{ADD_SUMMARY, FORGET, FORGOTTEN, TRIM_LATEST},
};
use crate::{
    judge::Event,
    tally::{Delta, NewNames, Tally},
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
        self.database.write(async |tx| self.try_record(tx, events, now).await).await
    }

    /// Forgets up to `at_most` messages remembered before `before`; returns how
    /// many that were.
    ///
    /// # Errors
    /// Nothing has been forgotten then.
    pub async fn forget(&self, before: Timestamp, at_most: i64) -> Result<u64, StoreError> {
        self.database.write(async |tx| self.try_forget(tx, before, at_most).await).await
    }

    async fn try_record(
        &self,
        tx: &mut Transaction<'_, Any>,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let rows = self.lock(tx).await?;
        let room = self.limits.seen - rows.seen;
        if i64::try_from(events.len()).is_ok_and(|count| count > room) {
            return Err(StoreError::Full(rows.seen));
        }
        let known = self.known(tx, events, &rows).await?;
        let is_new = known.are_new(events);
        let marked = events.iter().zip(&is_new);
        let new: Vec<_> = marked.filter_map(|(event, is_new)| is_new.then_some(event)).collect();
        if !new.is_empty() {
            self.remember(tx, &new, now).await?;
        }
        let (counted, is_new) = if Mistake::NoDedup.is_made() {
            (events.iter().collect(), vec![true; events.len()])
        } else {
            (new, is_new)
        };
        if !counted.is_empty() {
            self.add(tx, &counted, &known.names, now).await?;
        }
        Ok(Recorded { is_new })
    }

    async fn try_forget(
        &self,
        tx: &mut Transaction<'_, Any>,
        before: Timestamp,
        at_most: i64,
    ) -> Result<u64, StoreError> {
        self.lock(tx).await?;
        let deleted = sqlx::query(FORGET)
            .bind(before.as_second())
            .bind(at_most)
            .execute(&mut **tx)
            .await?
            .rows_affected();
        sqlx::query(FORGOTTEN).bind(count(deleted)).execute(&mut **tx).await?;
        Ok(deleted)
    }

    async fn lock(&self, tx: &mut Transaction<'_, Any>) -> Result<Rows, StoreError> {
        let row = sqlx::query(self.dialect.lock_summary).fetch_one(&mut **tx).await?;
        Ok(Rows { clients: row.try_get(0)?, events: row.try_get(1)?, seen: row.try_get(2)? })
    }

    /// What the database knows of `events` already.
    async fn known(
        &self,
        tx: &mut Transaction<'_, Any>,
        events: &[Event],
        rows: &Rows,
    ) -> Result<Known, StoreError> {
        let clients = events.iter().map(|event| event.click.cliente.as_str());
        let kinds = events.iter().map(|event| event.click.evento.as_str());
        let found = sqlx::query(self.dialect.known)
            .bind(texts(events.iter().map(seen)))
            .bind(texts(distinct(clients)))
            .bind(texts(distinct(kinds)))
            .fetch_one(&mut **tx)
            .await?;
        let names = NewNames {
            clients: list(found.try_get(1)?)?,
            events: list(found.try_get(2)?)?,
            client_rows: usize::try_from(rows.clients).unwrap_or_default(),
            event_rows: usize::try_from(rows.events).unwrap_or_default(),
        };
        Ok(Known { seen: list(found.try_get(0)?)?, names })
    }

    /// Remembers events that are not remembered.
    async fn remember(
        &self,
        tx: &mut Transaction<'_, Any>,
        new: &[&Event],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(self.dialect.remember)
            .bind(texts(new.iter().copied().map(seen)))
            .bind(now.as_second())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn add(
        &self,
        tx: &mut Transaction<'_, Any>,
        new: &[&Event],
        names: &NewNames,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let tally = Tally::of(new.iter().copied(), names, self.limits.names);
        self.add_counts(tx, &tally).await?;
        self.add_latest(tx, new, now).await?;
        let new_clients =
            tally.clients.keys().filter(|name| names.clients.contains(**name)).count();
        let new_events = tally.events.keys().filter(|name| names.events.contains(**name)).count();
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

    async fn add_counts(
        &self,
        tx: &mut Transaction<'_, Any>,
        tally: &Tally<'_>,
    ) -> Result<(), StoreError> {
        let micros = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_microsecond);
        let clients = tally.clients.iter().map(|(name, Delta { count, first, last })| {
            format!("{count:010}{:019}{:019}{name}", micros(*first), micros(*last))
        });
        let events = tally.events.iter().map(|(name, count)| format!("{count:010}{name}"));
        let counts = tally.counts.iter().map(|((client, event), count)| {
            format!("{count:010}{:02}{client}{event}", client.len())
        });
        for (statement, rows) in [
            (self.dialect.add_clients, texts(clients)),
            (self.dialect.add_events, texts(events)),
            (self.dialect.add_counts, texts(counts)),
        ] {
            sqlx::query(statement).bind(rows).execute(&mut **tx).await?;
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

// Two digits tell how long a client's name is.
const _: () = assert!(MAX_NAME_LENGTH < 100, "a name's length has two digits");

/// What the database knows of a batch.
struct Known {
    /// Those of its events that are remembered, as [`seen`].
    seen: HashSet<String>,
    names: NewNames,
}

impl Known {
    /// For each event, in order: whether it is neither remembered nor among those
    /// before it.
    fn are_new(&self, events: &[Event]) -> Vec<bool> {
        let mut before = HashSet::with_capacity(events.len());
        events
            .iter()
            .map(|event| {
                let is_first = before.insert((event.id, &event.click.cliente));
                is_first && (self.seen.is_empty() || !self.seen.contains(&seen(event)))
            })
            .collect()
    }
}

/// An event as it is remembered, in columns of fixed width: its id and, behind
/// the 32 digits, its client.
fn seen(event: &Event) -> String {
    let mut row = String::with_capacity(32 + MAX_NAME_LENGTH);
    row.push_str(event.id.as_uuid().simple().encode_lower(&mut Uuid::encode_buffer()));
    row.push_str(event.click.cliente.as_str());
    row
}

/// Names to ask for, and the one under which the others are counted.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    names.chain([OTHERS]).collect::<HashSet<_>>().into_iter()
}

/// A list as the database tells it: JSON in one column.
pub(super) fn list<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|_| Error::Foreign(format!("the list {json:?}")))
}

/// Texts as a statement takes them.
fn texts<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let mut json = String::from("[");
    for text in texts {
        // Names are letters, digits and a few marks, none of which JSON escapes.
        json.push_str(if json.len() == 1 { "\"" } else { ",\"" });
        json.push_str(text.as_ref());
        json.push('"');
    }
    json.push(']');
    json
}

/// Rows as `$1` takes them.
pub(super) fn rows<T: Serialize>(rows: impl Iterator<Item = T>) -> String {
    json!(rows.collect::<Vec<_>>()).to_string()
}

pub(super) fn parse_id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::Foreign(format!("the id {text:?}")))
}

/// A number of rows; SQL has no unsigned ones.
fn count<T: TryInto<i64>>(rows: T) -> i64 {
    rows.try_into().unwrap_or(i64::MAX)
}
