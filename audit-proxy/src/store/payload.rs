//! What messages carry, and what of it nobody is shown.

use std::collections::HashMap;

use sqlx::Row;

use super::{
    Key, Store, StoreError,
    rows::{once, places},
};

impl Store {
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
