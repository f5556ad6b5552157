//! Where messages and what became of them are kept: SQLite in a file, or PostgreSQL
//! for several instances that share the work.
//!
//! - `months`: months of keys, and the partitions that they lie in.
//! - `key`: what a message is known by here.
//! - `receive`: copies of messages, each stored once.
//! - `refuse`: what was not admitted, and why.
//! - `forward`: what waits to be forwarded, and what was.
//! - `notify`: what destinations tell, and the states that follow.
//! - `retention`: what goes when its time is over.
//! - `systems`: who may exchange messages.
//! - `log_events`: what applications say of their own work, apart from the rest.
//! - `read`: one message with all that happened to it.
//! - `accounts`, `sessions`, `tokens`: who may ask, and who does.
//!
//! SQL lives in this folder only.

mod accounts;
mod forward;
mod key;
mod log_events;
mod months;
mod notify;
mod read;
mod receive;
mod refuse;
mod retention;
mod rows;
mod sessions;
mod systems;
mod tokens;

use std::sync::Arc;

use database::{Database, DatabaseUrl};
use uuid::Uuid;

pub use accounts::{AccountChange, KeptAccount};
pub use database::Error as StoreError;
pub use forward::{Forwarded, Waiting};
pub use key::Key;
pub use log_events::{
    KeptLogEvent, LogBatch, LogPage, LogQuery, LogStore, Loss, LossReason, TellableLoss,
};
pub use notify::Notice;
pub use read::{Entry, KeptNotice};
pub use receive::Receipt;
pub use refuse::Refused;
pub use retention::{Candidates, Expired, Removed};
pub use sessions::Bearer;
pub use systems::{Credential, Profile, Registered};
pub use tokens::KeptToken;

use key::Keys;

/// The messages. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    database: Database,
    keys: Arc<Keys>,
    /// Whether messages lie in partitions: on PostgreSQL.
    partitioned: bool,
}

impl Store {
    /// The store at `url`. Nothing is opened yet: the first write makes the database,
    /// its folder and its tables, where they are missing.
    ///
    /// # Errors
    /// When the driver does not understand `url`.
    pub fn new(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let migrations = match url {
            DatabaseUrl::Sqlite(_) => sqlx::migrate!("migrations/sqlite"),
            DatabaseUrl::Postgres(_) => sqlx::migrate!("migrations/postgres"),
        };
        let database = Database::new(url, migrations)?;
        let keys = Arc::new(Keys::new(Uuid::now_v7().as_u128()));
        Ok(Self { database, keys, partitioned: matches!(url, DatabaseUrl::Postgres(_)) })
    }

    /// Makes the database, its folder and its tables, where they are missing.
    ///
    /// # Errors
    /// When that is not possible now.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.database.write(async |_| Ok(())).await
    }
}
