//! Where messages and what became of them are kept: SQLite in a file, or PostgreSQL
//! for several instances that share the work.
//!
//! - `months`: months of keys, and the partitions that they lie in.
//! - `key`: what a message is known by here.
//! - `receive`: copies of messages, each stored once.
//! - `refuse`: what was not admitted, and why.
//! - `forward`: what waits to be forwarded, and what was.
//! - `tally`: what is counted of them.
//! - `again`: what is forwarded once more, and what was made of what.
//! - `notify`: what destinations tell, and the states that follow.
//! - `retention`: what goes when its time is over.
//! - `systems`: who may exchange messages.
//! - `credentials`: the users of the broker that they are.
//! - `queueing`: how many are before a message, and behind it.
//! - `log_events`: what applications say of their own work, apart from the rest.
//! - `read`: one message with all that happened to it.
//! - `search`: those that are asked for.
//! - `payload`: what they carry.
//! - `rules`: what of that nobody is shown.
//! - `lookups`, `searches`: who was shown what, and who looked for which text.
//! - `accounts`, `sessions`, `tokens`: who may ask, and who does.
//!
//! SQL lives in this folder only.

mod accounts;
mod again;
mod credentials;
mod forward;
mod key;
mod log_events;
mod lookups;
mod months;
mod notify;
mod payload;
mod queueing;
mod read;
mod receive;
mod refuse;
mod retention;
mod rows;
mod rules;
mod search;
mod searches;
mod sessions;
mod systems;
mod tally;
mod tokens;

use std::sync::Arc;

use database::{Database, DatabaseUrl};
use uuid::Uuid;

pub use accounts::{AccountChange, KeptAccount};
pub use again::{Again, Attempt, Link, Reforwarded};
pub use credentials::{AT_A_TIME, Credential, Issued, Phase};
pub use database::Error as StoreError;
pub use forward::{Forwarded, Waiting};
pub use key::Key;
pub use log_events::{
    KeptLogEvent, LogBatch, LogPage, LogQuery, LogStore, Loss, LossReason, TellableLoss,
};
pub use lookups::{Lookup, Seen};
pub use notify::Notice;
pub use queueing::COUNTED;
pub use read::{Entry, KeptNotice, Record, Records};
pub use receive::Receipt;
pub use refuse::Refused;
pub use retention::{Candidates, Expired, Removed};
pub use rules::RuleSet;
pub use search::{Found, Stretch, WALK};
pub use searches::{Purpose, Searched, TextSearch};
pub use sessions::Bearer;
pub use systems::{Change, Profile, Registered};
pub use tally::{Census, Counts};
pub use tokens::KeptToken;

use key::Keys;

/// Where the two databases want to be asked in other words.
#[derive(Clone, Copy, Debug)]
enum Dialect {
    Sqlite,
    Postgres,
}

/// The messages. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    database: Database,
    dialect: Dialect,
    keys: Arc<Keys>,
}

impl Store {
    /// The store at `url`. Nothing is opened yet: the first write makes the database
    /// and its tables, where they are missing, in a folder that there is.
    ///
    /// # Errors
    /// When the driver does not understand `url`.
    pub fn new(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let (dialect, migrations) = match url {
            DatabaseUrl::Sqlite(_) => (Dialect::Sqlite, sqlx::migrate!("migrations/sqlite")),
            DatabaseUrl::Postgres(_) => (Dialect::Postgres, sqlx::migrate!("migrations/postgres")),
        };
        let database = Database::new(url, migrations)?;
        Ok(Self { database, dialect, keys: Arc::new(Keys::new(Uuid::now_v7().as_u128())) })
    }

    /// Whether messages lie in partitions, by month.
    fn is_partitioned(&self) -> bool {
        matches!(self.dialect, Dialect::Postgres)
    }

    /// Makes the database and its tables, where they are missing.
    ///
    /// # Errors
    /// When that is not possible now.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.database.write(async |_| Ok(())).await
    }
}
