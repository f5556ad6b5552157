//! How many messages are before one, and behind it, at the same destination.

use messages::SystemName;
use sqlx::Row;

use super::{Key, Store, StoreError};

/// Messages that are counted at most.
pub const COUNTED: i64 = 10_000;

const AHEAD: &str = "SELECT COUNT(*) FROM (
        SELECT 1 FROM messages
        WHERE forwarded IS NULL AND reason IS NULL AND destination = $1 AND key < $2 LIMIT $3
    ) AS ahead";

/// The inner part is bounded whatever the rows are.
const BEHIND: &str = "SELECT COUNT(*) FROM (
        SELECT forwarded FROM messages WHERE destination = $1 AND key > $2 ORDER BY key LIMIT $3
    ) AS behind WHERE forwarded IS NOT NULL";

impl Store {
    /// How many messages wait to be forwarded to `destination` and were received before
    /// the one of this key; at most [`COUNTED`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting_before(
        &self,
        destination: &SystemName,
        key: Key,
    ) -> Result<u64, StoreError> {
        self.count(AHEAD, destination, key).await
    }

    /// How many messages were forwarded to `destination` and were received after the
    /// one of this key, of the next [`COUNTED`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forwarded_after(
        &self,
        destination: &SystemName,
        key: Key,
    ) -> Result<u64, StoreError> {
        self.count(BEHIND, destination, key).await
    }

    async fn count(
        &self,
        statement: &'static str,
        destination: &SystemName,
        key: Key,
    ) -> Result<u64, StoreError> {
        self.database
            .read(async |link| {
                let query = sqlx::query(statement).bind(destination.as_str());
                let row = query.bind(key.as_i64()).bind(COUNTED).fetch_one(link).await?;
                Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default())
            })
            .await
    }
}
