//! What is forwarded once more, and messages that were made of others.

use std::collections::HashSet;

use jiff::Timestamp;
use messages::{MessageId, StandardMessage, SystemName};
use sqlx::{AnyConnection, Row};

use super::{
    Key, Receipt, Store, StoreError, Waiting,
    forward::{Content, waiting},
    rows::{Filled, execute, id, lock, once, places, text, time},
};

const WAITING: &str = "SELECT messages.key, id, source, kind, created, correlation,
        content_type, payload, properties, number, attempts.destination
    FROM attempts JOIN messages ON messages.key = attempts.key
        JOIN payloads ON payloads.key = attempts.key";

const ATTEMPTS: &str = "SELECT number, account, asked, forwarded FROM attempts
    WHERE key = $1 ORDER BY number LIMIT $2";

const LINKS: &str = "SELECT new_key, old_key, account, made, messages.id
    FROM links JOIN messages ON messages.key = CASE new_key WHEN $1 THEN old_key ELSE new_key END
    WHERE new_key = $1 OR old_key = $1 ORDER BY new_key LIMIT $2";

const LINK: &str = "INSERT INTO links (new_key, old_key, account, made)
    VALUES ($1, $2, $3, $4) ON CONFLICT (new_key) DO NOTHING";

/// Attempts and links that are told of one message, at most.
const AT_MOST: i64 = 100;

/// A message that its destination's queue has once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reforwarded {
    /// What it is known by.
    pub key: Key,
    /// Which attempt it was, from 2 on.
    pub number: i64,
    /// When the broker confirmed that.
    pub at: Timestamp,
}

/// A further attempt to forward a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// From 2 on.
    pub number: i64,
    /// Who asked for it.
    pub account: String,
    /// When.
    pub asked: Timestamp,
    /// When the destination's queue had it once more.
    pub forwarded: Option<Timestamp>,
}

/// That one message was made of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The one that was made.
    pub new: Key,
    /// The one that it was made of.
    pub old: Key,
    /// Who made it.
    pub account: String,
    /// When.
    pub made: Timestamp,
    /// The id of the other of the two.
    pub other: Option<MessageId>,
}

/// What was done with a message after the first attempt.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Again {
    /// In their order.
    pub attempts: Vec<Attempt>,
    /// The oldest first.
    pub links: Vec<Link>,
}

impl Store {
    /// Lets messages be forwarded once more: those that were forwarded, whose payload is
    /// still kept, and for which no attempt waits already. Returns which.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn attempt(
        &self,
        keys: &[Key],
        account: &str,
        now: Timestamp,
    ) -> Result<Vec<Key>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let statement = format!(
            "INSERT INTO attempts (key, number, destination, account, asked)
             SELECT key, 1 + COALESCE(
                     (SELECT MAX(number) FROM attempts WHERE attempts.key = messages.key), 1),
                 destination, $1, $2
             FROM messages WHERE key IN {} AND forwarded IS NOT NULL AND reason IS NULL
                 AND EXISTS (SELECT 1 FROM payloads WHERE payloads.key = messages.key)
                 AND NOT EXISTS (SELECT 1 FROM attempts
                     WHERE attempts.key = messages.key AND attempts.forwarded IS NULL)
             RETURNING key",
            places(3, 1, keys.len())
        );
        self.database
            .write(async |tx| {
                lock(tx, keys.iter()).await?;
                let query = once(&statement).bind(account).bind(now.as_microsecond());
                let query = keys.iter().fold(query, |query, key| query.bind(key.as_i64()));
                let rows = query.fetch_all(&mut **tx).await?;
                rows.iter().map(|row| Ok(row.try_get::<i64, _>(0)?.into())).collect()
            })
            .await
    }

    /// The messages, at most so that wait to be forwarded once more to
    /// `destination`; in the order in which that was asked for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting_again(
        &self,
        destination: &SystemName,
        at_most: i64,
    ) -> Result<Vec<Waiting>, StoreError> {
        let statement = format!(
            "{WAITING} WHERE attempts.destination = $1 AND attempts.forwarded IS NULL
             ORDER BY asked, attempts.key LIMIT $2"
        );
        self.database
            .read(async |link| {
                let query = once(&statement).bind(destination.as_str()).bind(at_most);
                let rows = query.fetch_all(link).await?;
                rows.iter()
                    .map(|row| waiting(row, destination, content(row)?, row.try_get(9)?))
                    .collect()
            })
            .await
    }

    /// Of these messages, those that wait to be forwarded once more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting_again_of(&self, keys: &[Key]) -> Result<Vec<Waiting>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let statement = format!(
            "{WAITING} WHERE attempts.key IN {} AND attempts.forwarded IS NULL
             ORDER BY attempts.key",
            places(1, 1, keys.len())
        );
        self.database
            .read(async |link| {
                let query =
                    keys.iter().fold(once(&statement), |query, key| query.bind(key.as_i64()));
                let rows = query.fetch_all(link).await?;
                rows.iter()
                    .map(|row| {
                        waiting(row, &text(row.try_get(10)?)?, content(row)?, row.try_get(9)?)
                    })
                    .collect()
            })
            .await
    }

    /// Of these messages, which wait to be forwarded once more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting_again_among(&self, keys: &[Key]) -> Result<HashSet<Key>, StoreError> {
        self.among("SELECT key FROM attempts WHERE forwarded IS NULL AND key IN", keys).await
    }

    /// Of these messages, those whose payload is kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn kept(&self, keys: &[Key]) -> Result<HashSet<Key>, StoreError> {
        self.among("SELECT key FROM payloads WHERE key IN", keys).await
    }

    async fn among(&self, select: &str, keys: &[Key]) -> Result<HashSet<Key>, StoreError> {
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let statement = format!("{select} {}", places(1, 1, keys.len()));
        self.database
            .read(async |link| {
                let query =
                    keys.iter().fold(once(&statement), |query, key| query.bind(key.as_i64()));
                let rows = query.fetch_all(link).await?;
                rows.iter().map(|row| Ok(row.try_get::<i64, _>(0)?.into())).collect()
            })
            .await
    }

    /// Writes down what was forwarded once more. The message's state stays as it is: what
    /// its destination said of it is still what it said last.
    ///
    /// # Errors
    /// Nothing has been written down then.
    pub async fn reforwarded(&self, forwarded: &[Reforwarded]) -> Result<(), StoreError> {
        if forwarded.is_empty() {
            return Ok(());
        }
        let update = |places: &str| {
            format!(
                "UPDATE attempts SET forwarded = column3 FROM (VALUES {places}) AS done
                 WHERE attempts.key = column1 AND number = column2 AND forwarded IS NULL"
            )
        };
        let fill = |query: Filled, Reforwarded { key, number, at }: &Reforwarded| {
            query.bind(key.as_i64()).bind(*number).bind(at.as_microsecond())
        };
        self.database
            .write(async |tx| {
                execute(tx, &[], forwarded, 3, update, fill).await?;
                Ok(())
            })
            .await
    }

    /// Stores a message that `account` made of another one; to be forwarded as any.
    ///
    /// # Errors
    /// Nothing has been stored then.
    pub async fn receive_made(
        &self,
        message: &StandardMessage,
        old: Key,
        account: &str,
        now: Timestamp,
    ) -> Result<Receipt, StoreError> {
        self.database
            .write(async |tx| {
                let receipts = self.receive_in(tx, &[message], now).await?;
                let receipt = receipts.first().copied().unwrap_or(Receipt::Repeated);
                if let Receipt::ToForward(key) = receipt {
                    let query = sqlx::query(LINK).bind(key.as_i64()).bind(old.as_i64());
                    let query = query.bind(account).bind(now.as_microsecond());
                    query.execute(&mut **tx).await?;
                }
                Ok(receipt)
            })
            .await
    }
}

/// Of columns in the order of [`WAITING`].
fn content(row: &sqlx::any::AnyRow) -> Result<Content, StoreError> {
    Ok((row.try_get(7)?, row.try_get(8)?))
}

/// What was done with a message after the first attempt.
pub(super) async fn again(link: &mut AnyConnection, key: Key) -> Result<Again, StoreError> {
    let query = sqlx::query(ATTEMPTS).bind(key.as_i64()).bind(AT_MOST);
    let rows = query.fetch_all(&mut *link).await?;
    let attempts = rows.iter().map(attempt).collect::<Result<_, _>>()?;
    let query = sqlx::query(LINKS).bind(key.as_i64()).bind(AT_MOST);
    let rows = query.fetch_all(&mut *link).await?;
    let links = rows.iter().map(self::link).collect::<Result<_, _>>()?;
    Ok(Again { attempts, links })
}

fn attempt(row: &sqlx::any::AnyRow) -> Result<Attempt, StoreError> {
    Ok(Attempt {
        number: row.try_get(0)?,
        account: row.try_get(1)?,
        asked: time(row.try_get(2)?)?,
        forwarded: row.try_get::<Option<i64>, _>(3)?.map(time).transpose()?,
    })
}

fn link(row: &sqlx::any::AnyRow) -> Result<Link, StoreError> {
    let other: Option<Vec<u8>> = row.try_get(4)?;
    Ok(Link {
        new: row.try_get::<i64, _>(0)?.into(),
        old: row.try_get::<i64, _>(1)?.into(),
        account: row.try_get(2)?,
        made: time(row.try_get(3)?)?,
        other: other.as_deref().map(id).transpose()?,
    })
}
