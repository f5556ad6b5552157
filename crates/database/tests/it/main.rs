//! What a transaction promises, on a real SQLite file and on a real PostgreSQL.

use database::{Database, Error};
use sqlx::{
    Any, AnyConnection, Connection, SqlSafeStr, SqliteConnection, Transaction,
    migrate::{Migration, MigrationType, Migrator},
};
use tempfile::TempDir;
use test_support::TestDatabase;

/// What may happen to who keeps notes.
#[derive(Debug)]
enum NoteError {
    Unwelcome,
    Database(Error),
}

impl From<Error> for NoteError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<sqlx::Error> for NoteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Databases of a test's own, without tables.
struct Places {
    databases: [Database; 2],
    _folder: TempDir,
}

impl Places {
    async fn create() -> Self {
        let folder = TempDir::new().expect("a folder");
        let sqlite = format!("sqlite://{}/notes.db", folder.path().display());
        let postgres = TestDatabase::create().await.url().to_owned();
        Self { databases: [database(&sqlite), database(&postgres)], _folder: folder }
    }
}

fn database(url: &str) -> Database {
    let sql = "CREATE TABLE notes (note TEXT NOT NULL)".into_sql_str();
    let notes = Migration::new(1, "notes".into(), MigrationType::Simple, sql, false);
    let url = url.parse().expect("a url");
    Database::new(&url, Migrator::with_migrations(vec![notes])).expect("a database")
}

async fn note(transaction: &mut Transaction<'_, Any>) -> Result<(), NoteError> {
    sqlx::query("INSERT INTO notes (note) VALUES ('a')").execute(&mut **transaction).await?;
    Ok(())
}

async fn count(connection: &mut AnyConnection) -> Result<i64, NoteError> {
    let count = sqlx::query_scalar("SELECT count(*) FROM notes");
    Ok(count.fetch_one(connection).await?)
}

async fn notes(database: &Database) -> Result<i64, NoteError> {
    database.read(count).await
}

#[tokio::test]
async fn the_first_write_makes_the_tables_and_until_then_reading_fails() {
    for database in &Places::create().await.databases {
        let early = notes(database).await;
        assert!(matches!(early, Err(NoteError::Database(Error::Database(_)))), "{early:?}");
        database.write(note).await.expect("written");
        assert_eq!(notes(database).await.expect("read"), 1);
        assert_eq!(notes(&database.clone()).await.expect("read"), 1);
    }
}

#[tokio::test]
async fn what_is_not_committed_yet_nobody_reads() {
    for database in &Places::create().await.databases {
        database.write(note).await.expect("written");
        let meanwhile = database.write(async |transaction| {
            note(transaction).await?;
            notes(database).await
        });
        assert_eq!(meanwhile.await.expect("written and read"), 1);
        assert_eq!(notes(database).await.expect("read"), 2);
    }
}

#[tokio::test]
async fn a_snapshot_stays_as_it_was_and_the_next_one_sees_what_was_written() {
    for database in &Places::create().await.databases {
        database.write(note).await.expect("written");
        let seen = database.snapshot(async |connection| {
            let before = count(connection).await?;
            database.write(note).await?;
            Ok::<_, NoteError>((before, count(connection).await?))
        });
        assert_eq!(seen.await.expect("read"), (1, 1));
        assert_eq!(database.snapshot(count).await.expect("read"), 2);
    }
}

#[tokio::test]
async fn work_that_fails_changes_nothing_and_its_own_error_comes_back() {
    for database in &Places::create().await.databases {
        database.write(note).await.expect("written");
        let refused = database.write(async |transaction| {
            note(transaction).await?;
            Err::<(), _>(NoteError::Unwelcome)
        });
        assert!(matches!(refused.await, Err(NoteError::Unwelcome)));
        assert_eq!(notes(database).await.expect("read"), 1);
    }
}

/// As sqlx, without a word of ours, makes one.
async fn existing_file(path: &std::path::Path) {
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut link = SqliteConnection::connect(&url).await.expect("a file");
    for statement in ["PRAGMA journal_mode = WAL", "CREATE TABLE older (a TEXT)"] {
        sqlx::query(statement).execute(&mut link).await.expect("done");
    }
    link.close().await.expect("closed");
}

async fn auto_vacuum(database: &Database) -> i64 {
    let asked = database.read(async |connection| {
        let mode = sqlx::query_scalar("PRAGMA auto_vacuum");
        Ok::<i64, Error>(mode.fetch_one(connection).await?)
    });
    asked.await.expect("read")
}

#[tokio::test]
async fn free_pages_of_a_new_file_can_be_given_back_and_a_file_that_there_is_stays_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let existing = folder.path().join("existing.db");
    existing_file(&existing).await;
    for (path, mode) in [(folder.path().join("new.db"), 2), (existing, 0)] {
        let database = database(&format!("sqlite://{}", path.display()));
        for _ in 0..2 {
            database.write(note).await.expect("written");
        }
        assert_eq!(notes(&database).await.expect("read"), 2);
        assert_eq!(auto_vacuum(&database).await, mode, "{}", path.display());
    }
}

#[tokio::test]
async fn a_file_lies_in_a_folder_of_any_name_which_is_not_made() {
    let place = TempDir::new().expect("a folder");
    let folder = place.path().join("ñ #1 50% ?&;'\"$x");
    let escaped = "%C3%B1%20%231%2050%25%20%3F%26%3B%27%22%24x";
    let database = database(&format!("sqlite://{}/{escaped}/a.db", place.path().display()));
    let error = database.write(note).await.expect_err("no folder");
    assert!(
        matches!(error, NoteError::Database(Error::Folder(_))) && !folder.exists(),
        "{error:?}"
    );
    std::fs::create_dir(&folder).expect("made");
    database.write(note).await.expect("written");
    assert_eq!(notes(&database).await.expect("read"), 1);
    assert!(folder.join("a.db").is_file());
}
