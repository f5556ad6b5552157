//! How much is kept: counted as it comes and goes, and only where there is a limit.

use jiff::{SignedDuration, Timestamp};
use sqlx::{Any, Row, Transaction};

use crate::{
    retention::{Kept, Part, SizeLimits},
    store::{Key, Store, StoreError, rows::once},
};

/// Messages that are counted together.
const AT_ONCE: i64 = 10_000;

/// What is younger is not counted yet: it may still be committed behind what is.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

const LIMITS: &str =
    "SELECT max_payload_bytes, max_bytes, upto, messages, payload_bytes FROM retention_size";

const SET: &str = "INSERT INTO retention_size
        (id, max_payload_bytes, max_bytes, upto, messages, payload_bytes)
    VALUES (1, $1, $2, 0, 0, 0)
    ON CONFLICT (id) DO UPDATE SET max_payload_bytes = $1, max_bytes = $2";

const UNSET: &str = "DELETE FROM retention_size";

const UPTO: &str = "SELECT upto FROM retention_size";

const MORE: &str = "SELECT count(*), CAST(COALESCE(sum(bytes), 0) AS BIGINT), max(key) FROM (
    SELECT key, (SELECT length(payload) + COALESCE(length(properties), 0)
        FROM payloads WHERE payloads.key = messages.key) AS bytes
    FROM messages WHERE key > $1 AND key < $2 ORDER BY key LIMIT $3) AS more";

const ADD: &str = "UPDATE retention_size
    SET upto = $1, messages = messages + $2, payload_bytes = payload_bytes + $3";

impl Store {
    /// The limits of size, and how much is kept as far as it is counted; `None` where
    /// there is no limit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn size_limits(&self) -> Result<Option<(SizeLimits, Kept)>, StoreError> {
        self.database
            .read(async |link| {
                let Some(row) = sqlx::query(LIMITS).fetch_optional(link).await? else {
                    return Ok(None);
                };
                let limits = SizeLimits { payload_bytes: row.try_get(0)?, bytes: row.try_get(1)? };
                let kept = Kept { messages: row.try_get(3)?, payload_bytes: row.try_get(4)? };
                Ok(Some((limits, kept)))
            })
            .await
    }

    /// Sets the limits of size; without any, nothing is counted any more.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn set_size_limits(&self, limits: SizeLimits) -> Result<(), StoreError> {
        let query = if limits == SizeLimits::default() {
            sqlx::query(UNSET)
        } else {
            sqlx::query(SET).bind(limits.payload_bytes).bind(limits.bytes)
        };
        self.database
            .write(async |tx| {
                query.execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }

    /// Counts a few of the messages that are not counted yet; true while there are more.
    ///
    /// # Errors
    /// Nothing has been counted then.
    pub async fn count_more(&self, now: Timestamp) -> Result<bool, StoreError> {
        let until = Key::first_at(now.checked_sub(SETTLED).unwrap_or(Timestamp::MIN));
        self.database
            .write(async |tx| {
                if !self.is_keeper(tx).await? {
                    return Ok(false);
                }
                let upto: Option<i64> = sqlx::query_scalar(UPTO).fetch_optional(&mut **tx).await?;
                let Some(upto) = upto else { return Ok(false) };
                let more = sqlx::query(MORE).bind(upto).bind(until.as_i64()).bind(AT_ONCE);
                let more = more.fetch_one(&mut **tx).await?;
                let (messages, bytes): (i64, i64) = (more.try_get(0)?, more.try_get(1)?);
                let upto = more.try_get::<Option<i64>, _>(2)?.unwrap_or(upto);
                let add = sqlx::query(ADD).bind(upto).bind(messages).bind(bytes);
                add.execute(&mut **tx).await?;
                Ok(messages == AT_ONCE)
            })
            .await
    }
}

/// Takes what is about to be removed off what is counted; `keys` is a condition on them.
pub(super) async fn uncount(
    tx: &mut Transaction<'_, Any>,
    part: Part,
    keys: &str,
) -> Result<(), StoreError> {
    let messages = match part {
        Part::Payloads => String::new(),
        Part::Messages => format!(
            ", messages = messages - (SELECT count(*) FROM messages WHERE {keys} AND key <= upto)"
        ),
    };
    let statement = format!(
        "UPDATE retention_size SET payload_bytes = payload_bytes - (
             SELECT CAST(COALESCE(sum(length(payload) + COALESCE(length(properties), 0)), 0)
                 AS BIGINT)
             FROM payloads WHERE {keys} AND key <= upto){messages}"
    );
    once(&statement).execute(&mut **tx).await?;
    Ok(())
}
