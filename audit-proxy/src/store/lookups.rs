//! Who was shown which payload, and when.

use jiff::Timestamp;
use messages::MessageId;
use sqlx::{Row, any::AnyRow};

use super::{
    Key, Store, StoreError,
    rows::{bytes, id, once},
};
use crate::store::Entry;

const RECORD: &str = "INSERT INTO lookups
    (key, account, message_key, message, source, kind, first_byte, bytes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A payload, or a part of it, that somebody is about to be shown.
#[derive(Clone, Debug)]
pub struct Lookup<'a> {
    /// Who asks.
    pub account: &'a str,
    /// Whose payload it is.
    pub message: &'a Entry,
    /// The first byte that is shown, from 0.
    pub first_byte: i64,
    /// How many are.
    pub bytes: i64,
}

/// A lookup that was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// What it is known by; also when it was.
    pub key: Key,
    /// Who asked.
    pub account: String,
    /// The key of the message.
    pub message_key: Key,
    /// Its id.
    pub message: Option<MessageId>,
    /// The system that it is from.
    pub source: Option<String>,
    /// What kind of message it is.
    pub kind: Option<String>,
    /// The first byte that was shown.
    pub first_byte: i64,
    /// How many were.
    pub bytes: i64,
}

impl Store {
    /// Writes down that somebody is shown a payload.
    ///
    /// # Errors
    /// It has not been written down then, and must not be shown.
    pub async fn record(&self, lookup: &Lookup<'_>, now: Timestamp) -> Result<(), StoreError> {
        let Lookup { account, message, first_byte, bytes: count } = lookup;
        let key = self.keys.take(1, now).next().map(Key::as_i64);
        self.database
            .write(async |tx| {
                let query = sqlx::query(RECORD)
                    .bind(key)
                    .bind(*account)
                    .bind(message.key.as_i64())
                    .bind(message.id.map(bytes))
                    .bind(message.source.as_deref())
                    .bind(message.kind.as_deref())
                    .bind(*first_byte)
                    .bind(*count);
                query.execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }

    /// What was shown to `account`, or of `message`, where these are given; the latest
    /// first, those before the key `before`, at most so many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn seen(
        &self,
        account: Option<&str>,
        message: Option<Key>,
        before: Option<Key>,
        limit: i64,
    ) -> Result<Vec<Seen>, StoreError> {
        let (mut conditions, mut place) = (vec!["key < $1"], 1);
        let mut next = |first, second| {
            place += 1;
            if place == 2 { first } else { second }
        };
        if account.is_some() {
            conditions.push(next("account = $2", "account = $3"));
        }
        if message.is_some() {
            conditions.push(next("message_key = $2", "message_key = $3"));
        }
        let statement = format!(
            "SELECT key, account, message_key, message, source, kind, first_byte, bytes
             FROM lookups WHERE {} ORDER BY key DESC LIMIT {limit}",
            conditions.join(" AND ")
        );
        self.database
            .read(async |link| {
                let mut query = once(&statement).bind(before.map_or(i64::MAX, Key::as_i64));
                if let Some(account) = account {
                    query = query.bind(account);
                }
                if let Some(message) = message {
                    query = query.bind(message.as_i64());
                }
                query.fetch_all(link).await?.iter().map(seen).collect()
            })
            .await
    }
}

fn seen(row: &AnyRow) -> Result<Seen, StoreError> {
    let message: Option<Vec<u8>> = row.try_get(3)?;
    Ok(Seen {
        key: row.try_get::<i64, _>(0)?.into(),
        account: row.try_get(1)?,
        message_key: row.try_get::<i64, _>(2)?.into(),
        message: message.as_deref().map(id).transpose()?,
        source: row.try_get(4)?,
        kind: row.try_get(5)?,
        first_byte: row.try_get(6)?,
        bytes: row.try_get(7)?,
    })
}
