//! What messages carry, and what of it nobody is shown.

use std::collections::HashMap;

use sqlx::{AnyConnection, Row};

use super::{
    Key, Store, StoreError,
    rows::{once, places},
};

/// For the story of one message and for what is made of one.
const PROPERTIES: &str = "SELECT properties FROM payloads WHERE key = $1";

impl Store {
    /// What a message said of itself beside its payload (an AMQP property list), where that
    /// is still kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn properties(&self, key: Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.read(async |link| properties(link, key).await).await
    }

    /// The payloads of messages, those that are still kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn payloads(&self, keys: &[Key]) -> Result<HashMap<Key, Vec<u8>>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let statement =
            format!("SELECT key, payload FROM payloads WHERE key IN {}", places(1, 1, keys.len()));
        self.database
            .read(async |link| {
                let query =
                    keys.iter().fold(once(&statement), |query, key| query.bind(key.as_i64()));
                let rows = query.fetch_all(link).await?;
                rows.iter()
                    .map(|row| Ok((row.try_get::<i64, _>(0)?.into(), row.try_get(1)?)))
                    .collect()
            })
            .await
    }
}

pub(super) async fn properties(
    link: &mut AnyConnection,
    key: Key,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query(PROPERTIES).bind(key.as_i64()).fetch_optional(link).await?;
    row.map_or(Ok(None), |row| Ok(row.try_get(0)?))
}
