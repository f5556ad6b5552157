//! Which database, without showing its password.

use std::{fmt, path::PathBuf, str::FromStr};

use sqlx::postgres::PgConnectOptions;

/// Value of `DATABASE_URL`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://path`: a file, made where there is none.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`, as it is.
    Postgres(String),
}

impl DatabaseUrl {
    /// The URL with everything in it, for the driver alone.
    pub(super) fn expose(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}?mode=rwc", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sqlite = text.strip_prefix("sqlite://").filter(|path| !path.is_empty());
        if let Some(path) = sqlite.filter(|path| !path.contains(['?', '%', '#'])) {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_postgres && text.parse::<PgConnectOptions>().is_ok() {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err("expected sqlite://path or postgres://user:password@host/database".to_owned())
    }
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
        for bad in [
            "",
            "sqlite://",
            "mysql://s3cret@x",
            "a.db",
            "sqlite://x?mode=ro",
            "postgres://s3cret:x:y",
        ] {
            let error = bad.parse::<DatabaseUrl>().expect_err(bad);
            assert!(!error.contains("s3cret"));
        }
    }
}
