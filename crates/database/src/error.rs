//! Why nothing came of it.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

use super::{LIMIT, PATIENCE};

/// Why the database did not do what was asked. `Display` is the whole reason, in
/// one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others had the database all the time.
    #[error("the database was busy for {} s", PATIENCE.as_secs())]
    Busy,
    /// It was not done in time. A transaction may have been committed all the
    /// same: who does it again must be able to tell.
    #[error("the database did not answer within {} s", LIMIT.as_secs())]
    Timeout,
    /// The folder of the database is not there. It is not made: it may be that of a disk
    /// that is missing.
    #[error("there is no folder {}", .0.display())]
    Folder(PathBuf),
    /// The tables cannot be brought up to date.
    #[error("{}", not_migrated(.0))]
    Migration(Box<MigrateError>),
    /// The database, in its own words.
    #[error("{}", words(.0))]
    Database(sqlx::Error),
    /// Something else is in the database than its service ever wrote.
    #[error("the database holds {0}")]
    Foreign(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<MigrateError> for Error {
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

/// Where the tables are not what these migrations make, sqlx tells of its own ledger; who
/// named a database that another service has wants to know whose it is not.
fn not_migrated(error: &MigrateError) -> String {
    let whose = match error {
        MigrateError::VersionMismatch(_) => "belongs to another service",
        MigrateError::VersionMissing(_) => "is of another service or of a newer version",
        other => return format!("migrations: {other}"),
    };
    format!("the database {whose}: each service needs its own (migrations: {error})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_another_service_is_told_as_such() {
        for (error, whose) in [
            (MigrateError::VersionMismatch(1), "the database belongs to another service: each"),
            (MigrateError::VersionMissing(9), "is of another service or of a newer version: each"),
            (MigrateError::Dirty(3), "migrations: migration 3 is partially applied"),
        ] {
            let said = Error::from(error).to_string();
            assert!(said.contains(whose), "{said}");
        }
    }
}
