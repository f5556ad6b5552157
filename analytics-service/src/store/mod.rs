//! Where the counts are kept: SQLite in a file, or PostgreSQL for several
//! instances that share the work.
//!
//! There is one implementation, over sqlx's `Any` driver; the two databases
//! differ in `statements.rs` and in how a session begins. Everything that goes
//! in is one JSON text a statement, so that a batch costs as many statements
//! as a single message.
//!
//! SQL lives in this folder only.

mod read;
mod statements;
mod url;
mod write;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use sqlx::{AnyPool, any::AnyPoolOptions, migrate::Migrator};

use crate::tally::NameLimits;
use statements::Dialect;

pub use read::{LATEST, LatestEvent, Report, ReportQuery};
pub use url::DatabaseUrl;

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long anything may take, connection included. A line to PostgreSQL that
/// went silent would otherwise be waited for as long as TCP hopes.
const LIMIT: Duration = Duration::from_secs(5);

/// Connections that read, beside the one that writes.
const READERS: u32 = 4;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Why the store did not do what was asked; nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// As many messages are remembered as may be: to forget one early would
    /// risk to count it twice.
    #[error("{0} messages are remembered, and none is old enough to be forgotten")]
    Full(i64),
    /// It was not done in time. A batch may have been counted all the same:
    /// that shows when it comes again.
    #[error("the database did not answer within {} s", LIMIT.as_secs())]
    Timeout,
    /// The database.
    #[error("database")]
    Database(#[from] sqlx::Error),
    /// Something else is in the database than this service ever wrote.
    #[error("the database holds {0}")]
    Foreign(String),
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
    writer: AnyPool,
    readers: AnyPool,
}

impl Store {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// When it cannot be reached, created or migrated.
    pub async fn open(url: &DatabaseUrl, limits: Limits) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let (dialect, migrations) = match url {
            DatabaseUrl::Sqlite(path) => {
                create_folder(path).await?;
                (&statements::SQLITE, &SQLITE_MIGRATIONS)
            }
            DatabaseUrl::Postgres(_) => (&statements::POSTGRES, &POSTGRES_MIGRATIONS),
        };
        let writer = connect(url, 1, dialect.writer_session).await?;
        migrations.run(&writer).await.context("migrations")?;
        let readers = connect(url, READERS, dialect.reader_session).await?;
        Ok(Self { dialect, limits, writer, readers })
    }
}

/// Bounds an operation of the store.
async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(LIMIT, work).await.unwrap_or(Err(StoreError::Timeout))
}

/// A pool whose every connection begins with the statements of `session`.
async fn connect(
    url: &DatabaseUrl,
    connections: u32,
    session: &'static [&'static str],
) -> anyhow::Result<AnyPool> {
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for statement in session {
                    sqlx::query(*statement).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .connect(&url.expose())
        .await;
    pool.with_context(|| format!("cannot open DATABASE_URL={url}"))
}

async fn create_folder(file: &std::path::Path) -> anyhow::Result<()> {
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    tokio::fs::create_dir_all(&folder)
        .await
        .with_context(|| format!("cannot make {}", folder.display()))
}
