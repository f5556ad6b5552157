//! Analytics, store by store and as a whole, against a real RabbitMQ, real
//! SQLite files and a real PostgreSQL.

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

mod contract;
mod direct;
mod laboratory;
mod ledger;
mod outage;
mod partitions;
mod process;
mod running;
mod service;
mod sharing;
mod state;
mod story;

use analytics_service::{
    judge::Event,
    store::{Limits, Order, ReportQuery, Store},
};
use database::DatabaseUrl;
use messages::{ClickEvent, MessageId};
use tempfile::TempDir;
use test_support::TestDatabase;
use uuid::Uuid;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug)]
enum Backend {
    Sqlite,
    Postgres,
}

/// A database of a test's own.
struct Database {
    text: String,
    _folder: TempDir,
}

impl Database {
    async fn create(backend: Backend) -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = match backend {
            Backend::Sqlite => format!("sqlite://{}/counts.db", folder.path().display()),
            Backend::Postgres => TestDatabase::create().await.url().to_owned(),
        };
        Self { text: url, _folder: folder }
    }

    fn exposed(&self) -> String {
        self.text.clone()
    }

    /// The store, opened: the first write does that.
    async fn open(&self, limits: Limits) -> Store {
        let store = store(&self.text, limits);
        store.forget(jiff::Timestamp::MIN, 1).await.expect("the store opens");
        store
    }
}

fn store(url: &str, limits: Limits) -> Store {
    let url: DatabaseUrl = url.parse().expect("a url");
    Store::new(&url, limits).expect("a url that the driver understands")
}

const ALL: ReportQuery =
    ReportQuery { client: None, order: Order::Name, limit: 1000, page: 1, after: None };

fn event(client: &str, kind: &str, second: i64) -> Event {
    event_with_id(Uuid::now_v7(), client, kind, second)
}

fn event_with_id(id: Uuid, client: &str, kind: &str, second: i64) -> Event {
    Event {
        id: MessageId::from(id),
        click: ClickEvent {
            cliente: client.parse().expect("a name"),
            evento: kind.parse().expect("a name"),
            timestamp: jiff::Timestamp::from_second(second).expect("in range"),
            message: None,
        },
    }
}
