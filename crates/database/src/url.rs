//! Which database, without showing its password.

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sqlx::{any::AnyConnectOptions, postgres::PgConnectOptions};

/// What is escaped in a path: all but RFC 3986's unreserved characters, and what parts
/// folders.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Value of `DATABASE_URL`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://path`, percent-encoded: a file, made where there is none, in a folder that
    /// there is.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`, as it is.
    Postgres(String),
}

impl DatabaseUrl {
    /// What the driver is told, the password included. SQLite's `mode` is `rwc`
    /// to make the file where there is none, else `rw`.
    pub(crate) fn options(&self, mode: &str) -> sqlx::Result<AnyConnectOptions> {
        match self {
            Self::Sqlite(path) => {
                let path = path.to_string_lossy();
                format!("sqlite://{}?mode={mode}", utf8_percent_encode(&path, ESCAPED)).parse()
            }
            Self::Postgres(url) => url.parse(),
        }
    }

    /// The folder that the file is in, unless it is the current one.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        let Self::Sqlite(path) = self else { return None };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.map(PathBuf::from)
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = sqlite(text).or_else(|| postgres(text));
        url.filter(|url| url.options("rw").is_ok()).ok_or_else(|| {
            "expected sqlite://path or postgres://user:password@host/database".to_owned()
        })
    }
}

fn sqlite(text: &str) -> Option<DatabaseUrl> {
    let path = text.strip_prefix("sqlite://").filter(|path| !path.is_empty())?;
    let path = (!path.contains(['?', '#'])).then(|| percent_decode_str(path).decode_utf8())?;
    Some(DatabaseUrl::Sqlite(PathBuf::from(path.ok()?.into_owned())))
}

fn postgres(text: &str) -> Option<DatabaseUrl> {
    let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let is_whole = is_postgres && text.parse::<PgConnectOptions>().is_ok();
    is_whole.then(|| DatabaseUrl::Postgres(text.to_owned()))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => {
                let address = url.rsplit_once('@').map_or("…", |(_, address)| address);
                write!(f, "postgres://…@{}", address.split('?').next().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_are_known_and_the_password_is_not_shown() {
        let url: DatabaseUrl = "postgres://ana:s3cret@db:5432/counts".parse().expect("a url");
        assert_eq!(format!("{url:?}"), "postgres://…@db:5432/counts");
        let url: DatabaseUrl = "sqlite://a/b.db".parse().expect("a url");
        assert_eq!(url, DatabaseUrl::Sqlite(PathBuf::from("a/b.db")));
        let url: DatabaseUrl = "sqlite:///a%20b/50%25%231.db".parse().expect("a url");
        assert_eq!(url, DatabaseUrl::Sqlite(PathBuf::from("/a b/50%#1.db")));
        for bad in [
            "",
            "sqlite://",
            "mysql://s3cret@x",
            "a.db",
            "sqlite://x?mode=ro",
            "sqlite://x#1",
            "sqlite://%F1.db",
            "postgres://s3cret:x:y",
        ] {
            let error = bad.parse::<DatabaseUrl>().expect_err(bad);
            assert!(!error.contains("s3cret"));
        }
    }
}
