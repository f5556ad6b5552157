//! Where the counts are kept: SQLite in a file, or PostgreSQL for several
//! instances that share the work.
//!
//! There is one implementation, over sqlx's `Any` driver; the two databases
//! differ in `statements.rs` and in how a session begins. Everything that goes
//! in is one JSON text a statement, so that a batch costs as many statements
//! as a single message.
//!
//! SQL lives in this folder only.

mod connections;
mod ledger;
mod read;
mod statements;
mod url;
mod write;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use sqlx::migrate::{MigrateError, Migrator};

use crate::tally::NameLimits;
use connections::{Connections, Upkeep};
use statements::Dialect;

pub use ledger::{Counted, Cursor, Ledger, LedgerQuery};
pub use read::{LATEST, LatestEvent, Report, ReportQuery};
pub use url::DatabaseUrl;
pub use write::Recorded;

/// How long to wait for one's turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long opening a connection may take, and anything that is done on it. A
/// line to PostgreSQL that went silent would otherwise be waited for as long as
/// TCP hopes.
const LIMIT: Duration = Duration::from_secs(5);

/// How long new tables and indexes may take to make, on a full database.
const MIGRATION_LIMIT: Duration = Duration::from_mins(10);

/// Connections that read, beside the one that writes.
const READERS: usize = 4;

/// Why the store did not do what was asked; nothing has been changed. `Display`
/// is the whole reason, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// As many messages are remembered as may be: to forget one early would
    /// risk to count it twice.
    #[error("{0} messages are remembered, and none is old enough to be forgotten")]
    Full(i64),
    /// Others had the database all the time.
    #[error("the database was busy for {} s", PATIENCE.as_secs())]
    Busy,
    /// It was not done in time. A batch may have been counted all the same:
    /// that shows when it comes again.
    #[error("the database did not answer within {} s", LIMIT.as_secs())]
    Timeout,
    /// The folder of the database cannot be made.
    #[error("cannot make the folder {path}: {error}", path = .0.display(), error = .1)]
    Folder(PathBuf, io::Error),
    /// The tables cannot be brought up to date.
    #[error("migrations: {0}")]
    Migration(Box<MigrateError>),
    /// The database, in its own words.
    #[error("{}", words(.0))]
    Database(sqlx::Error),
    /// Something else is in the database than this service ever wrote.
    #[error("the database holds {0}")]
    Foreign(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::Database(error)
            }
            other => Self::Migration(Box::new(other)),
        }
    }
}

/// What the database says and its code for that, without sqlx's preface.
fn words(error: &sqlx::Error) -> String {
    let Some(error) = error.as_database_error() else { return error.to_string() };
    format!("{} (code {})", error.message(), error.code().unwrap_or_default())
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
    writer: Arc<Connections>,
    readers: Arc<Connections>,
}

impl Store {
    /// The store at `url`. Nothing is opened yet: the first write makes the
    /// database, its folder and its tables, where they are missing, and until
    /// then reading fails. So does everything while the database is away; then
    /// the next attempt may do better.
    ///
    /// # Errors
    /// When the driver does not understand `url`.
    pub fn new(url: &DatabaseUrl, limits: Limits) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (dialect, migrations) = of_database(url);
        let upkeep = Upkeep { folder: url.folder(), migrations };
        let writer = Connections::new(
            url.options("rwc")?,
            dialect.writer_session,
            Some(upkeep),
            1, // SQLite has one writer; in PostgreSQL they would wait for a lock.
        );
        let readers = Connections::new(url.options("rw")?, dialect.reader_session, None, READERS);
        Ok(Self { dialect, limits, writer: Arc::new(writer), readers: Arc::new(readers) })
    }
}

fn of_database(url: &DatabaseUrl) -> (&'static Dialect, Migrator) {
    match url {
        DatabaseUrl::Sqlite(_) => (&statements::SQLITE, sqlx::migrate!("migrations/sqlite")),
        DatabaseUrl::Postgres(_) => {
            let mut migrations = sqlx::migrate!("migrations/postgres");
            // Its lock belongs to the session: that of a line that went silent
            // would keep everybody out. Of two that migrate at once, one fails
            // as a whole and finds it done at its next attempt.
            migrations.set_locking(false);
            (&statements::POSTGRES, migrations)
        }
    }
}

/// Bounds an operation of the store.
async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(LIMIT, work).await.unwrap_or(Err(StoreError::Timeout))
}
