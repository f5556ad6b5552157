//! The audit proxy, its store and the whole, against a real RabbitMQ, real SQLite files
//! and a real PostgreSQL.

/// Makes of each function a test on SQLite and one on PostgreSQL.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Backend::Sqlite).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Backend::Postgres).await;
            })+
        }
    };
}

mod access;
mod asking;
mod bounds;
mod bypass;
mod caller;
mod contract;
mod contract_access;
mod contract_shown;
mod contract_story;
mod crashes;
mod credentials;
mod fidelity;
mod flow;
mod log_contract;
mod outage;
mod payload;
mod pilot;
mod process;
mod register;
mod resend;
mod retention;
mod running;
mod search;
/// What has to be looked at in the database itself.
mod store {
    mod log_events;
    mod properties;
    mod reasons;
    mod retention_contract;
    mod retention_months;
    mod turns;
}
mod systems;
mod unreadable;
mod why;

use audit_proxy::store::{LogStore, Store};
use database::DatabaseUrl;
use tempfile::TempDir;
use test_support::TestDatabase;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug)]
enum Backend {
    Sqlite,
    Postgres,
}

/// A database of a test's own.
struct Database {
    text: String,
    folder: TempDir,
}

impl Database {
    async fn create(backend: Backend) -> Self {
        let folder = TempDir::new().expect("a folder");
        let text = match backend {
            Backend::Sqlite => format!("sqlite://{}/audit.db", folder.path().display()),
            Backend::Postgres => TestDatabase::create().await.url().to_owned(),
        };
        Self { text, folder }
    }

    fn store(&self) -> Store {
        let url: DatabaseUrl = self.text.parse().expect("a url");
        Store::new(&url).expect("a url that the driver understands")
    }

    fn log_store(&self) -> LogStore {
        let url: DatabaseUrl = self.text.parse().expect("a url");
        LogStore::new(&url).expect("a url that the driver understands")
    }

    /// All that is in the files of SQLite.
    fn files(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder");
        let files = files.map(|file| std::fs::read(file.expect("a file").path()).expect("bytes"));
        files.collect::<Vec<_>>().concat()
    }
}
