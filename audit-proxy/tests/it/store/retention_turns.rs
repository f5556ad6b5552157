//! Whether a payload goes or is sent once more, where two instances are asked for the one
//! and the other at the same time: on PostgreSQL, where they write at once.

use audit_proxy::{
    retention::Part,
    store::{Expired, Key, Store, StoreError},
};
use sqlx::{Connection, PgConnection};
use test_support::eventually;
use tokio::task::JoinHandle;

use super::retention_contract::{day, forwarded};
use crate::{Backend, Database};

/// A message whose payload is to go, and is asked to be sent once more.
struct Contest {
    database: Database,
    /// Of an instance each.
    keeper: Store,
    sender: Store,
    expired: Vec<Expired>,
}

impl Contest {
    async fn new() -> Self {
        let database = Database::create(Backend::Postgres).await;
        let (keeper, sender) = (database.store(), database.store());
        forwarded(&keeper, "alta", day("01-05")).await;
        let (from, until) = (Key::first_at(day("01-01")), Key::first_at(day("02-01")));
        let found = keeper.candidates(Part::Payloads, None, from, until).await.expect("read");
        Self { database, keeper, sender, expired: found.expired }
    }

    fn key(&self) -> Key {
        self.expired[0].key
    }

    /// Whoever comes to `table` waits there, until this is committed.
    async fn barrier(&self, table: &str) -> PgConnection {
        let mut link = PgConnection::connect(&self.database.text).await.expect("connected");
        let lock = format!("LOCK TABLE {table} IN SHARE MODE");
        for statement in ["BEGIN", &lock] {
            let statement = sqlx::AssertSqlSafe(statement.to_owned());
            sqlx::query(statement).execute(&mut link).await.expect("locked");
        }
        link
    }

    fn removes(&self) -> JoinHandle<u64> {
        let (store, expired) = (self.keeper.clone(), self.expired.clone());
        tokio::spawn(async move {
            let removed = store.remove(Part::Payloads, &expired).await.expect("an answer");
            removed.expect("nobody else removes").payloads
        })
    }

    fn asks(&self) -> JoinHandle<Result<Vec<Key>, StoreError>> {
        let (store, key) = (self.sender.clone(), self.key());
        tokio::spawn(async move { store.attempt(&[key], "olga", day("01-06")).await })
    }

    /// Waits until `task` has come to its end, or so many wait for each other.
    async fn stands<T>(&self, task: &JoinHandle<T>, waiting: i64) {
        eventually("it waits or has ended", || async {
            let mut link = PgConnection::connect(&self.database.text).await.expect("connected");
            let count = "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
                WHERE NOT granted AND datname = current_database()";
            let count = sqlx::query_scalar(count).fetch_one(&mut link).await;
            let count: i64 = count.expect("told");
            if task.is_finished() || count == waiting { Ok(()) } else { Err(count.to_string()) }
        })
        .await;
    }
}

async fn goes_on(mut barrier: PgConnection) {
    sqlx::query("COMMIT").execute(&mut barrier).await.expect("unlocked");
}

#[tokio::test]
async fn what_is_being_removed_is_not_sent_once_more() {
    let contest = Contest::new().await;
    let barrier = contest.barrier("payloads").await;
    let removing = contest.removes();
    contest.stands(&removing, 1).await;
    let asking = contest.asks();
    contest.stands(&asking, 2).await;
    goes_on(barrier).await;
    assert_eq!(removing.await.expect("no panic"), 1);
    assert_eq!(asking.await.expect("no panic").expect("an answer"), []);
}

#[tokio::test]
async fn what_is_being_asked_for_once_more_is_not_removed() {
    let contest = Contest::new().await;
    let barrier = contest.barrier("attempts").await;
    let asking = contest.asks();
    contest.stands(&asking, 1).await;
    let removing = contest.removes();
    contest.stands(&removing, 2).await;
    goes_on(barrier).await;
    assert_eq!(asking.await.expect("no panic").expect("an answer"), [contest.key()]);
    assert_eq!(removing.await.expect("no panic"), 0);
}
