//! Rows that go, a few in a transaction: what is to be forwarded does not wait long.

use std::{collections::HashSet, ops::AddAssign};

use jiff::Timestamp;
use messages::{MessageId, MessageKind};
use sqlx::{Any, Row, Transaction, any::AnyRow};

use super::size::uncount;
use crate::{
    retention::Part,
    store::{
        Key, Store, StoreError,
        rows::{Filled, bytes, execute, id, listed, lock, once},
    },
};

/// Messages that are looked at, and removed, together.
const AT_ONCE: i64 = 500;

/// Pages of SQLite's file that are given back to the disk together: 8 MiB.
const PAGES_AT_ONCE: i64 = 2000;

/// Twice the same condition: meanwhile one may have found its message.
const ORPHANS: &str = "DELETE FROM notifications
    WHERE effect = 'sin_mensaje' AND arrived < $1 AND (id, teller) IN (
        SELECT id, teller FROM notifications
        WHERE effect = 'sin_mensaje' AND arrived < $1 LIMIT $2)";

/// Messages among which some are to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidates {
    /// In the order of their keys.
    pub expired: Vec<Expired>,
    /// Where to look on; none where there are no more.
    pub next: Option<Key>,
}

/// A message that may go: nobody waits for it to be forwarded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expired {
    /// What it is known by.
    pub key: Key,
    /// What kind of message it is; none where it came without, or with an impossible one.
    pub kind: Option<MessageKind>,
    /// Bytes that it carried when it came.
    pub size: i64,
    id: Option<MessageId>,
    source: Option<String>,
}

/// What was removed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Removed {
    /// What messages carried.
    pub payloads: u64,
    /// Messages.
    pub messages: u64,
    /// What destinations told of them.
    pub notifications: u64,
}

impl AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.payloads += other.payloads;
        self.messages += other.messages;
        self.notifications += other.notifications;
    }
}

impl Store {
    /// A few of the messages with `part` that were received from `from` on and before
    /// `until`, of one kind or of any: those that do not wait to be forwarded.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn candidates(
        &self,
        part: Part,
        kind: Option<&MessageKind>,
        from: Key,
        until: Key,
    ) -> Result<Candidates, StoreError> {
        let statement = format!(
            "SELECT messages.key, kind, id, source, size FROM messages {}
             WHERE messages.key >= $1 AND messages.key < $2
                 AND NOT (forwarded IS NULL AND reason IS NULL) {}
             ORDER BY messages.key LIMIT $3",
            match part {
                Part::Payloads => {
                    "JOIN payloads ON payloads.key = messages.key
                         AND payloads.key >= $1 AND payloads.key < $2"
                }
                Part::Messages => "",
            },
            if kind.is_some() { "AND kind = $4" } else { "" },
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(&*statement));
        query = query.bind(from.as_i64()).bind(until.as_i64()).bind(AT_ONCE);
        if let Some(kind) = kind {
            query = query.bind(kind.as_str());
        }
        let rows =
            self.database.read::<_, StoreError>(async |link| Ok(query.fetch_all(link).await?));
        let expired: Vec<_> = rows.await?.iter().map(expired).collect::<Result<_, _>>()?;
        let is_full = i64::try_from(expired.len()) == Ok(AT_ONCE);
        let next = expired.last().filter(|_| is_full).map(|last| last.key.next());
        Ok(Candidates { expired, next })
    }

    /// Removes a part of messages, but of those that wait to be forwarded by now. With a
    /// message goes all that is known of it, its id included. `None` where another
    /// instance is at it.
    ///
    /// # Errors
    /// Nothing has been removed then.
    pub async fn remove(
        &self,
        part: Part,
        expired: &[Expired],
    ) -> Result<Option<Removed>, StoreError> {
        if expired.is_empty() {
            return Ok(Some(Removed::default()));
        }
        self.database
            .write(async |tx| {
                if !self.is_keeper(tx).await? {
                    return Ok(None);
                }
                let going = still_going(tx, expired).await?;
                if going.is_empty() {
                    return Ok(Some(Removed::default()));
                }
                let keys: Vec<_> = going.iter().map(|one| one.key.as_i64().to_string()).collect();
                uncount(tx, part, &format!("key IN ({})", keys.join(","))).await?;
                let payloads = delete(tx, "payloads", &going).await?;
                if part == Part::Payloads {
                    return Ok(Some(Removed { payloads, ..Removed::default() }));
                }
                let notifications = forget(tx, &going).await?;
                let messages = delete(tx, "messages", &going).await?;
                Ok(Some(Removed { payloads, messages, notifications }))
            })
            .await
    }

    /// Removes notifications that came before `before` and never found a message.
    ///
    /// # Errors
    /// Nothing has been removed then.
    pub async fn remove_orphans(&self, before: Timestamp) -> Result<Removed, StoreError> {
        self.database
            .write(async |tx| {
                let query = sqlx::query(ORPHANS).bind(before.as_microsecond()).bind(AT_ONCE);
                let notifications = query.execute(&mut **tx).await?.rows_affected();
                Ok(Removed { notifications, ..Removed::default() })
            })
            .await
    }

    /// Gives free pages of SQLite's file back to the disk, a few at a time; true while
    /// there are more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_back(&self) -> Result<bool, StoreError> {
        if self.is_partitioned() {
            return Ok(false);
        }
        let (before, after) = self
            .database
            .write(async |tx| {
                let free = "PRAGMA freelist_count";
                let before: i64 = sqlx::query_scalar(free).fetch_one(&mut **tx).await?;
                let vacuum = format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})");
                once(&vacuum).execute(&mut **tx).await?;
                let after: i64 = sqlx::query_scalar(free).fetch_one(&mut **tx).await?;
                Ok::<_, StoreError>((before, after))
            })
            .await?;
        if after < before {
            self.shorten().await?;
        }
        Ok(0 < after && after < before)
    }

    /// A file becomes shorter when what was written is moved into it from the WAL.
    async fn shorten(&self) -> Result<(), StoreError> {
        self.database
            .read(async |link| {
                sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_all(link).await?;
                Ok(())
            })
            .await
    }
}

/// Those of `expired` that nobody waits for, and nobody can make wait until the end of the
/// transaction.
async fn still_going<'a>(
    tx: &mut Transaction<'_, Any>,
    expired: &'a [Expired],
) -> Result<Vec<&'a Expired>, StoreError> {
    lock(tx, expired.iter().map(|one| &one.key)).await?;
    let statement = format!(
        "SELECT key FROM messages WHERE key IN ({})
             AND NOT (forwarded IS NULL AND reason IS NULL)
             AND NOT EXISTS (SELECT 1 FROM attempts
                 WHERE attempts.key = messages.key AND attempts.forwarded IS NULL)",
        listed(1, expired.len()),
    );
    let query = expired.iter().fold(once(&statement), |query, one| query.bind(one.key.as_i64()));
    let mut keys = HashSet::new();
    for row in query.fetch_all(&mut **tx).await? {
        keys.insert(Key::from(row.try_get::<i64, _>(0)?));
    }
    Ok(expired.iter().filter(|one| keys.contains(&one.key)).collect())
}

fn expired(row: &AnyRow) -> Result<Expired, StoreError> {
    let kind: Option<String> = row.try_get(1)?;
    let stored: Option<Vec<u8>> = row.try_get(2)?;
    Ok(Expired {
        key: row.try_get::<i64, _>(0)?.into(),
        kind: kind.and_then(|kind| kind.try_into().ok()),
        id: stored.as_deref().map(id).transpose()?,
        source: row.try_get(3)?,
        size: row.try_get(4)?,
    })
}

async fn delete(
    tx: &mut Transaction<'_, Any>,
    table: &str,
    going: &[&Expired],
) -> Result<u64, StoreError> {
    let statement = format!("DELETE FROM {table} WHERE key IN ({})", listed(1, going.len()));
    let mut query = once(&statement);
    for one in going {
        query = query.bind(one.key.as_i64());
    }
    Ok(query.execute(&mut **tx).await?.rows_affected())
}

/// Removes what is known of messages elsewhere: what was told of them, that their ids were
/// used, and what was done with them after the first attempt. Who looked at what they
/// carried stays known. Returns how many notifications that were.
pub(super) async fn forget(
    tx: &mut Transaction<'_, Any>,
    going: &[&Expired],
) -> Result<u64, StoreError> {
    if !going.is_empty() {
        forget_again(tx, going).await?;
    }
    let identities: Vec<_> = going
        .iter()
        .filter_map(|one| Some((one.id?, one.source.as_deref()?, one.key.as_i64())))
        .collect();
    if identities.is_empty() {
        return Ok(0);
    }
    let mut removed = [0, 0];
    for (removed, statement) in removed.iter_mut().zip([
        "DELETE FROM notifications WHERE (id, teller) IN (
             SELECT notifications.id, teller FROM gone CROSS JOIN notifications
             WHERE message = column1 AND notifications.source = column2 AND key = column3)",
        "DELETE FROM ids WHERE (id, source) IN (
             SELECT ids.id, ids.source FROM gone CROSS JOIN ids
             WHERE ids.id = column1 AND ids.source = column2 AND key = column3)",
    ]) {
        let delete = |places: &str| format!("WITH gone AS (VALUES {places}) {statement}");
        let fill = |query: Filled, (id, source, key): &(MessageId, &str, i64)| {
            query.bind(bytes(*id)).bind(*source).bind(*key)
        };
        *removed = execute(tx, &[], &identities, 3, delete, fill).await?;
    }
    Ok(removed[0])
}

async fn forget_again(tx: &mut Transaction<'_, Any>, going: &[&Expired]) -> Result<(), StoreError> {
    let keys = listed(1, going.len());
    for statement in [
        format!("DELETE FROM attempts WHERE key IN ({keys})"),
        format!("DELETE FROM links WHERE new_key IN ({keys}) OR old_key IN ({keys})"),
    ] {
        let mut query = once(&statement);
        for one in going {
            query = query.bind(one.key.as_i64());
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
