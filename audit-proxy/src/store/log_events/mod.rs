//! Log events, and what of them was lost: apart from the messages, so that no message
//! waits for a log event to be written. On SQLite they have a file of their own, on
//! PostgreSQL tables and a connection.

mod search;

use std::path::Path;

use database::{Database, DatabaseUrl};
use jiff::Timestamp;
use messages::{LogLevel, SystemName};
use sqlx::{Any, Row, Transaction};
use uuid::Uuid;

use super::{
    Key, StoreError,
    key::Keys,
    rows::{Filled, execute, time},
};

pub use search::{LogPage, LogQuery, TellableLoss};

use crate::folding::folded;

/// Events that are removed with a batch at most: more than come with one.
const REMOVED_AT_ONCE: i64 = 2000;

/// How long losses are told of.
const LOSSES_DAYS: i64 = 31;

const SEEN: &str = "SELECT seen FROM log_state";

const COUNT: &str = "UPDATE log_state
    SET events = events + $1, seen = CASE WHEN seen < $2 THEN $2 ELSE seen END
    RETURNING events";

const REMOVE: &str = "DELETE FROM log_events
    WHERE key IN (SELECT key FROM log_events ORDER BY key LIMIT $1)";

const COUNT_REMOVED: &str = "UPDATE log_state SET events = events - $1";

const FORGET_LOSSES: &str = "DELETE FROM log_losses WHERE until < $1 AND since < $1";

/// Where log events are. Clones share the connections.
#[derive(Clone)]
pub struct LogStore {
    database: Database,
    keys: std::sync::Arc<Keys>,
}

/// A log event as it is to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptLogEvent {
    /// What it is known by; also when it was received.
    pub key: Key,
    /// The system that says it.
    pub system: SystemName,
    /// How much it matters.
    pub level: LogLevel,
    /// When it happened, by the clock of that system.
    pub time: Timestamp,
    /// What happened.
    pub text: String,
    /// What there is to add: a JSON object.
    pub fields: Option<String>,
}

/// Why log events were lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LossReason {
    /// More came than could be stored: the oldest gave way.
    Overflow,
    /// Nobody could say which system they are from, or it may not send.
    Stranger,
    /// They were not of the form of a log event.
    Malformed,
    /// They were too long.
    TooLarge,
    /// The broker's queue was full: it drops its oldest, and does not count them.
    QueueFull,
}

impl LossReason {
    /// The word for it on the wire and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overflow => "desbordado",
            Self::Stranger => "no_admitido",
            Self::Malformed => "malformado",
            Self::TooLarge => "demasiado_grande",
            Self::QueueFull => "cola_llena",
        }
    }
}

/// Log events that were lost between two moments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// The system that they were from; none where nobody can say.
    pub system: Option<SystemName>,
    /// Why.
    pub reason: LossReason,
    /// Since when. 1970 where nobody can say.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How many; none where nobody can say, and it may have been none at all.
    pub events: Option<u64>,
}

/// What is stored together.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct LogBatch {
    /// Events, oldest first; at most 500.
    pub events: Vec<KeptLogEvent>,
    /// What was lost since the batch before.
    pub losses: Vec<Loss>,
    /// When the queue was last known not to be full.
    pub seen: Option<Timestamp>,
}

impl LogStore {
    /// The log events that go with the messages at `url`. Nothing is opened yet.
    ///
    /// # Errors
    /// When the driver does not understand `url`.
    pub fn new(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let database = match url {
            DatabaseUrl::Sqlite(path) => {
                let own = DatabaseUrl::Sqlite(beside(path));
                Database::new(&own, sqlx::migrate!("migrations/sqlite-eventos"))?
            }
            DatabaseUrl::Postgres(_) => Database::new(url, sqlx::migrate!("migrations/postgres"))?,
        };
        Ok(Self { database, keys: std::sync::Arc::new(Keys::new(Uuid::now_v7().as_u128())) })
    }

    /// Keys for so many events that were received `now`.
    pub(crate) fn keys(&self, count: usize, now: Timestamp) -> impl Iterator<Item = Key> + use<> {
        self.keys.take(count, now)
    }

    /// Makes the tables where they are missing; returns when the queue was last known not
    /// to be full, if it ever was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(&self) -> Result<Option<Timestamp>, StoreError> {
        self.database
            .write(async |tx| {
                let seen: i64 = sqlx::query_scalar(SEEN).fetch_one(&mut **tx).await?;
                (seen != 0).then(|| time(seen)).transpose()
            })
            .await
    }

    /// Stores a batch, and removes the oldest events over `at_most`. A batch whose events
    /// are stored already changes nothing, so that it may be tried again after an error.
    ///
    /// # Errors
    /// Nothing of it has been stored then, unless only the answer was lost.
    pub async fn keep(&self, batch: &LogBatch, at_most: i64) -> Result<(), StoreError> {
        self.database
            .write(async |tx| {
                let added = add_events(tx, &batch.events).await?;
                if added == 0 && !batch.events.is_empty() {
                    return Ok(());
                }
                for loss in &batch.losses {
                    add_loss(tx, loss).await?;
                }
                let events = count(tx, added, batch.seen).await?;
                remove_oldest(tx, (events - at_most).min(REMOVED_AT_ONCE)).await
            })
            .await
    }

    /// Forgets losses of long ago.
    ///
    /// # Errors
    /// Nothing has been forgotten then.
    pub async fn forget_losses(&self, now: Timestamp) -> Result<(), StoreError> {
        let before = now.as_microsecond() - LOSSES_DAYS * 86_400_000_000;
        self.database
            .write(async |tx| {
                sqlx::query(FORGET_LOSSES).bind(before).execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }
}

/// `auditoria.db` has `auditoria-eventos.db` beside it.
fn beside(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push("-eventos");
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

async fn add_events(
    tx: &mut Transaction<'_, Any>,
    events: &[KeptLogEvent],
) -> Result<i64, StoreError> {
    let insert = |places: &str| {
        format!(
            "INSERT INTO log_events (key, system, level, time, text, fields, folded) VALUES {places}
             ON CONFLICT (key) DO NOTHING"
        )
    };
    let fill = |query: Filled, event: &KeptLogEvent| {
        let KeptLogEvent { key, system, level, time, text, fields } = event;
        query
            .bind(key.as_i64())
            .bind(system.as_str())
            .bind(rank(*level))
            .bind(time.as_microsecond())
            .bind(text)
            .bind(fields.as_deref())
            // Small letters of ASCII the databases make themselves.
            .bind((!text.is_ascii()).then(|| folded(text).into_owned()))
    };
    let added = execute(tx, &[], events, 7, insert, fill).await?;
    Ok(i64::try_from(added).unwrap_or(i64::MAX))
}

async fn add_loss(tx: &mut Transaction<'_, Any>, loss: &Loss) -> Result<(), StoreError> {
    const ADD: &str = "INSERT INTO log_losses (since, system, reason, until, events)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (since, system, reason) DO UPDATE SET
            until = CASE WHEN log_losses.until < $4 THEN $4 ELSE log_losses.until END,
            events = log_losses.events + $5";
    let events = loss.events.map(|events| i64::try_from(events).unwrap_or(i64::MAX));
    sqlx::query(ADD)
        .bind(loss.since.as_microsecond())
        .bind(loss.system.as_ref().map_or("", SystemName::as_str))
        .bind(loss.reason.as_str())
        .bind(loss.until.as_microsecond())
        .bind(events)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Returns how many events there are now.
async fn count(
    tx: &mut Transaction<'_, Any>,
    added: i64,
    seen: Option<Timestamp>,
) -> Result<i64, StoreError> {
    let seen = seen.map_or(0, Timestamp::as_microsecond);
    Ok(sqlx::query(COUNT).bind(added).bind(seen).fetch_one(&mut **tx).await?.try_get(0)?)
}

async fn remove_oldest(tx: &mut Transaction<'_, Any>, count: i64) -> Result<(), StoreError> {
    if count <= 0 {
        return Ok(());
    }
    let removed = sqlx::query(REMOVE).bind(count).execute(&mut **tx).await?.rows_affected();
    let removed = i64::try_from(removed).unwrap_or(i64::MAX);
    sqlx::query(COUNT_REMOVED).bind(removed).execute(&mut **tx).await?;
    Ok(())
}

/// A level as it is stored: its place among all, from the least.
fn rank(level: LogLevel) -> i64 {
    let place = LogLevel::ALL.iter().position(|other| *other == level);
    place.and_then(|place| i64::try_from(place).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_log_events_lies_beside_that_of_messages() {
        for (messages, events) in
            [("/a/b.db", "/a/b-eventos.db"), ("b", "b-eventos"), ("a.b/c", "a.b/c-eventos")]
        {
            assert_eq!(beside(Path::new(messages)), Path::new(events));
        }
    }
}
