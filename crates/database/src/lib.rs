//! A service's own database: SQLite in a file, or PostgreSQL for several
//! instances that share the work.
//!
//! - [`DatabaseUrl`]: which of the two, and where.
//! - [`Database`]: transactions that write one after another, and reading beside
//!   them, all of it bounded in time. It may be away at the start as later.
//! - [`Error`]: why nothing came of it.
//!
//! What services keep, and the SQL for it, is theirs; here is what every database
//! of ours is told, so that what is committed is on disk before it counts.

mod connections;
mod error;
mod session;
mod url;

use std::{sync::Arc, time::Duration};

use sqlx::{Any, AnyConnection, Connection, Transaction, migrate::Migrator};

use connections::{Connections, Upkeep};
use session::Sessions;

pub use error::Error;
pub use url::DatabaseUrl;

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

/// A database, over sqlx's `Any` driver. Clones share the connections.
#[derive(Clone)]
pub struct Database {
    begin_write: &'static str,
    begin_snapshot: &'static str,
    writer: Arc<Connections>,
    readers: Arc<Connections>,
}

impl Database {
    /// The database at `url`, with the tables that `migrations` make. Nothing is
    /// opened yet: the first write makes the database and its tables, where they are
    /// missing, in a folder that there is, and until then reading fails. So does everything
    /// while the database is away; then the next attempt may do better.
    ///
    /// # Errors
    /// When the driver does not understand `url`.
    pub fn new(url: &DatabaseUrl, mut migrations: Migrator) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        // PostgreSQL's lock belongs to the session: that of a line that went silent
        // would keep everybody out. Of two that migrate at once, one fails as a
        // whole and finds it done at its next attempt. SQLite has no such lock.
        migrations.set_locking(false);
        let Sessions { writer, reader, begin_write, begin_snapshot } = Sessions::with(url);
        let upkeep = Upkeep { folder: url.folder(), migrations };
        let writer = Connections::new(
            url.options("rwc")?,
            writer,
            Some(upkeep),
            1, // SQLite has one writer; in PostgreSQL they would wait for a lock.
        );
        let readers = Connections::new(url.options("rw")?, reader, None, READERS);
        let (writer, readers) = (Arc::new(writer), Arc::new(readers));
        Ok(Self { begin_write, begin_snapshot, writer, readers })
    }

    /// Does `work` in a transaction, which is committed, on disk, when this returns
    /// `Ok`. No other write of this process goes on meanwhile. SQLite keeps those
    /// of other processes out as well; in PostgreSQL `work` takes a lock for that.
    ///
    /// After an error nobody keeps a connection: all of a process share SQLite's
    /// memory of the WAL, and while one of them has it since the folder was
    /// write-protected, it stays so for new ones too.
    ///
    /// # Errors
    /// `work`'s own, or what kept it from being done. Nothing has been changed then,
    /// unless only the answer to the commit was lost: after [`Error::Timeout`], or
    /// where the line broke.
    pub async fn write<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction<'_, Any>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = async |connection: &mut AnyConnection| {
            let begun = connection.begin_with(self.begin_write).await;
            let mut transaction = begun.map_err(Error::from)?;
            let done = work(&mut transaction).await?;
            transaction.commit().await.map_err(Error::from)?;
            Ok(done)
        };
        let done = self.writer.run(transaction).await;
        if done.is_err() {
            self.readers.drop_idle();
        }
        done
    }

    /// Does `work`, which only reads. Each of its statements sees one state of the
    /// database, whatever is being written.
    ///
    /// # Errors
    /// `work`'s own, or what kept it from being done.
    pub async fn read<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.readers.run(work).await
    }

    /// Does `work`, which only reads. All of its statements see one and the same state of
    /// the database, whatever is being written.
    ///
    /// # Errors
    /// `work`'s own, or what kept it from being done.
    pub async fn snapshot<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = async |connection: &mut AnyConnection| {
            let begun = connection.begin_with(self.begin_snapshot).await;
            let mut transaction = begun.map_err(Error::from)?;
            let done = work(&mut transaction).await?;
            transaction.commit().await.map_err(Error::from)?;
            Ok(done)
        };
        self.readers.run(transaction).await
    }
}

/// Bounds what is done with the database.
async fn in_time<T, E: From<Error>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| Err(Error::Timeout.into()))
}
