//! What goes when its time is over.
//!
//! - `rules`: what an administrator says of that.
//! - `remove`: rows, a few in a transaction.
//! - `size`: how much there is of it.
//! - `partitions`: whole months, on PostgreSQL.

mod partitions;
mod remove;
mod rules;
mod size;

use sqlx::{Any, Transaction};

use super::{Store, StoreError};

pub use remove::{Candidates, Expired, Removed};

/// Any number that nothing else here locks. One instance removes at a time.
const LOCK: &str = "SELECT pg_try_advisory_xact_lock(4711005)";

impl Store {
    /// Whether this transaction is the only one that removes; in SQLite it is anyway.
    async fn is_keeper(&self, tx: &mut Transaction<'_, Any>) -> Result<bool, StoreError> {
        if !self.is_partitioned() {
            return Ok(true);
        }
        Ok(sqlx::query_scalar(LOCK).fetch_one(&mut **tx).await?)
    }
}
