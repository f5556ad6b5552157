//! Connections that are used again only after they did well.
//!
//! sqlx's own pool takes back whatever answers a ping. That is not enough here:
//! an SQLite file that was write-protected when it was opened stays so for that
//! connection, and one to PostgreSQL whose line went silent does not answer at
//! all, so that it would keep its place for as long as TCP hopes.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sqlx::{AnyConnection, ConnectOptions, any::AnyConnectOptions, migrate::Migrator};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{Error, MIGRATION_LIMIT, PATIENCE, in_time};

/// A bounded number of connections to one database, opened when needed.
pub(crate) struct Connections {
    options: AnyConnectOptions,
    session: &'static [&'static str],
    upkeep: Option<Upkeep>,
    slots: Semaphore,
    idle: Mutex<Vec<AnyConnection>>,
}

/// What a new connection that writes sees to first. It is done for each, so
/// that a database that was replaced by an empty one works too.
pub(crate) struct Upkeep {
    /// The folder that has to be there.
    pub(crate) folder: Option<PathBuf>,
    /// The tables to bring up to date.
    pub(crate) migrations: Migrator,
}

impl Connections {
    /// At most `count` connections, each of which begins with the statements of
    /// `session`.
    pub(crate) fn new(
        options: AnyConnectOptions,
        session: &'static [&'static str],
        upkeep: Option<Upkeep>,
        count: usize,
    ) -> Self {
        let (slots, idle) = (Semaphore::new(count), Mutex::default());
        Self { options, session, upkeep, slots, idle }
    }

    /// Does `work` on a connection, within the limits of time. After an error
    /// the connection is dropped, which undoes what it has not committed, and
    /// so are those that wait: what broke one has often broken all.
    ///
    /// SQLite works on a thread of its own, so a statement that waits for a lock
    /// outlives its connection. At worst a commit comes late: then all of its work
    /// is there at once, and the next attempt finds it.
    pub(crate) async fn run<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let _slot = self.slot().await?;
        let mut connection = self.connection().await?;
        let done = in_time(work(&mut connection)).await;
        match done {
            Ok(_) => self.idle().push(connection),
            Err(_) => self.drop_idle(),
        }
        done
    }

    /// Drops the connections that wait.
    pub(crate) fn drop_idle(&self) {
        self.idle().clear();
    }

    async fn slot(&self) -> Result<SemaphorePermit<'_>, Error> {
        match timeout(PATIENCE, self.slots.acquire()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(Error::Busy),
        }
    }

    async fn connection(&self) -> Result<AnyConnection, Error> {
        let idle = self.idle().pop();
        match idle {
            Some(connection) => Ok(connection),
            None => self.open().await,
        }
    }

    async fn open(&self) -> Result<AnyConnection, Error> {
        let Some(Upkeep { folder, migrations }) = &self.upkeep else {
            return in_time(self.begin_session()).await;
        };
        if let Some(folder) = folder {
            let found = tokio::fs::metadata(folder).await;
            if !found.is_ok_and(|found| found.is_dir()) {
                return Err(Error::Folder(folder.clone()));
            }
        }
        let mut connection = in_time(self.begin_session()).await?;
        let migrating = migrations.run_direct(None, &mut connection, false);
        timeout(MIGRATION_LIMIT, migrating).await.map_err(|_| Error::Timeout)??;
        Ok(connection)
    }

    async fn begin_session(&self) -> Result<AnyConnection, Error> {
        let mut connection = self.options.connect().await?;
        for statement in self.session {
            sqlx::query(*statement).execute(&mut connection).await?;
        }
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<AnyConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tempfile::TempDir;
    use tokio::sync::Notify;

    use super::*;

    fn one_connection(folder: &TempDir) -> Connections {
        sqlx::any::install_default_drivers();
        let url = format!("sqlite://{}/a.db?mode=rwc", folder.path().display());
        Connections::new(url.parse().expect("a url"), &[], None, 1)
    }

    async fn execute(connection: &mut AnyConnection, statement: &'static str) -> Result<(), Error> {
        sqlx::query(statement).execute(connection).await?;
        Ok(())
    }

    /// As if the file had been write-protected when the connection was opened:
    /// it will never write.
    async fn spoil(connection: &mut AnyConnection) -> Result<(), Error> {
        execute(connection, "PRAGMA query_only = ON").await
    }

    async fn write(connections: &Connections) -> Result<(), Error> {
        connections.run(async |connection| execute(connection, "CREATE TABLE a (b)").await).await
    }

    #[tokio::test]
    async fn a_connection_that_did_well_is_used_again() {
        let folder = TempDir::new().expect("a folder");
        let connections = one_connection(&folder);
        connections.run(spoil).await.expect("spoiled");
        let error = write(&connections).await.expect_err("the same connection");
        assert_eq!(error.to_string(), "attempt to write a readonly database (code 8)");
    }

    #[tokio::test]
    async fn one_on_which_something_failed_is_not_used_again() {
        let folder = TempDir::new().expect("a folder");
        let connections = one_connection(&folder);
        connections.run(spoil).await.expect("spoiled");
        write(&connections).await.expect_err("the same connection");
        write(&connections).await.expect("another connection");
    }

    #[tokio::test]
    async fn one_that_was_left_in_the_middle_is_not_used_again_and_its_place_is_free() {
        let folder = TempDir::new().expect("a folder");
        let (connections, spoiled) = (one_connection(&folder), Notify::new());
        let left = connections.run(async |connection| {
            spoil(connection).await?;
            spoiled.notify_one();
            pending::<Result<(), Error>>().await
        });
        tokio::select! {
            done = left => done.expect("never"),
            () = spoiled.notified() => {}
        }
        write(&connections).await.expect("another connection");
    }

    #[tokio::test]
    async fn while_others_have_all_connections_it_says_so() {
        let folder = TempDir::new().expect("a folder");
        let (connections, begun) = (one_connection(&folder), Notify::new());
        let holder = connections.run(async |_| {
            begun.notify_one();
            pending::<Result<(), Error>>().await
        });
        let waits = async {
            begun.notified().await;
            write(&connections).await
        };
        tokio::select! {
            done = holder => done.expect("never"),
            refused = waits => assert!(matches!(refused, Err(Error::Busy)), "{refused:?}"),
        }
    }
}
