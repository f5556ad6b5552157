//! Where the counts are kept: SQLite in a file, or PostgreSQL for several
//! instances that share the work.
//!
//! There is one implementation, over sqlx's `Any` driver: the two databases
//! differ in `statements.rs`, and in what the crate `database` knows of them.
//! Everything that goes in is one JSON text a statement, so that a batch costs
//! as many statements as a single message.
//!
//! SQL lives in this folder only.

mod ledger;
mod read;
mod statements;
mod write;

use database::{Database, DatabaseUrl};

use crate::tally::NameLimits;
use statements::Dialect;

pub use ledger::{Counted, Cursor, Ledger, LedgerQuery};
pub use read::{LATEST, LatestEvent, Order, Report, ReportQuery};
pub use write::Recorded;

/// Why the store did not do what was asked; nothing has been changed. `Display`
/// is the whole reason, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// As many messages are remembered as may be: to forget one early would
    /// risk to count it twice.
    #[error("{0} messages are remembered, and none is old enough to be forgotten")]
    Full(i64),
    /// The database did not do it. After [`database::Error::Timeout`] a batch may
    /// have been counted all the same: that shows when it comes again.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Distinct names counted.
    pub names: NameLimits,
    /// Messages remembered at most. A row takes some 50 bytes.
    pub seen: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { names: NameLimits::default(), seen: 100_000_000 }
    }
}

/// The counts, and the messages that made them. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    dialect: &'static Dialect,
    limits: Limits,
    database: Database,
}

impl Store {
    /// The store at `url`. Nothing is opened yet: the first write makes the
    /// database and its tables, where they are missing, in a folder that there is, and until
    /// then reading fails. So does everything while the database is away; then
    /// the next attempt may do better.
    ///
    /// # Errors
    /// When the driver does not understand `url`.
    pub fn new(url: &DatabaseUrl, limits: Limits) -> Result<Self, StoreError> {
        let (dialect, migrations) = match url {
            DatabaseUrl::Sqlite(_) => (&statements::SQLITE, sqlx::migrate!("migrations/sqlite")),
            DatabaseUrl::Postgres(_) => {
                (&statements::POSTGRES, sqlx::migrate!("migrations/postgres"))
            }
        };
        Ok(Self { dialect, limits, database: Database::new(url, migrations)? })
    }
}
