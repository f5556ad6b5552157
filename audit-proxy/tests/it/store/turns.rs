//! Two instances that come to the same message at the same time: on PostgreSQL, where they
//! write at once.

use audit_proxy::{
    keep::Keeper,
    retention::Part,
    store::{Expired, Key, Notice, Store, StoreError},
};
use messages::StandardMessage;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use test_support::eventually;
use tokio::task::JoinHandle;

use super::retention_contract::{day, message, set, stored};
use crate::{
    Backend, Database,
    contract::{at, forward, notice, notices, only, register},
};

/// Two instances, and a message of January that was forwarded.
struct Contest {
    database: Database,
    one: Store,
    other: Store,
    message: StandardMessage,
    key: Key,
}

impl Contest {
    async fn new() -> Self {
        let database = Database::create(Backend::Postgres).await;
        let (one, other) = (database.store(), database.store());
        Keeper::new(one.clone()).round(day("01-02")).await.expect("months");
        other.prepare().await.expect("connected");
        let message = message("alta");
        let key = stored(&one, &message, day("01-05")).await;
        forward(&one, key).await;
        Self { database, one, other, message, key }
    }

    async fn link(&self) -> PgConnection {
        PgConnection::connect(&self.database.text).await.expect("connected")
    }

    /// What `statement` locks stays locked until this is committed.
    async fn barrier(&self, statement: &str) -> PgConnection {
        let mut link = self.link().await;
        for statement in ["BEGIN", statement] {
            let query = sqlx::query(AssertSqlSafe(statement.to_owned()));
            query.execute(&mut link).await.expect("locked");
        }
        link
    }

    /// Waits until `task` has come to its end, or so many wait for each other.
    async fn stands<T>(&self, task: &JoinHandle<T>, waiting: i64) {
        eventually("it waits or has ended", || async {
            let count = "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
                WHERE NOT granted AND datname = current_database()";
            let count = sqlx::query_scalar(count).fetch_one(&mut self.link().await).await;
            let count: i64 = count.expect("told");
            if task.is_finished() || count == waiting { Ok(()) } else { Err(count.to_string()) }
        })
        .await;
    }

    async fn candidates(&self) -> Vec<Expired> {
        let (from, until) = (Key::first_at(day("01-01")), Key::first_at(day("02-01")));
        let found = self.one.candidates(Part::Payloads, None, from, until).await;
        found.expect("read").expired
    }

    /// One instance removes its payload.
    async fn removes(&self) -> JoinHandle<u64> {
        let (store, expired) = (self.one.clone(), self.candidates().await);
        tokio::spawn(async move {
            let removed = store.remove(Part::Payloads, &expired).await.expect("an answer");
            removed.expect("nobody else removes").payloads
        })
    }

    /// The other is asked to send it once more.
    fn asks(&self) -> JoinHandle<Result<Vec<Key>, StoreError>> {
        let (store, key) = (self.other.clone(), self.key);
        tokio::spawn(async move { store.attempt(&[key], "olga", day("01-06")).await })
    }
}

fn told(store: &Store, notice: Notice) -> JoinHandle<Result<(), StoreError>> {
    let store = store.clone();
    tokio::spawn(async move { store.notify(&[notice], &register(), at(9)).await })
}

async fn goes_on(mut barrier: PgConnection) {
    sqlx::query("COMMIT").execute(&mut barrier).await.expect("unlocked");
}

#[tokio::test]
async fn what_is_being_removed_is_not_sent_once_more() {
    let contest = Contest::new().await;
    let barrier = contest.barrier("LOCK TABLE payloads IN SHARE MODE").await;
    let removing = contest.removes().await;
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
    let barrier = contest.barrier("LOCK TABLE attempts IN SHARE MODE").await;
    let asking = contest.asks();
    contest.stands(&asking, 1).await;
    let removing = contest.removes().await;
    contest.stands(&removing, 2).await;
    goes_on(barrier).await;
    assert_eq!(asking.await.expect("no panic").expect("an answer"), [contest.key]);
    assert_eq!(removing.await.expect("no panic"), 0);
}

#[tokio::test]
async fn a_month_with_a_message_that_is_being_asked_for_once_more_is_not_dropped() {
    let contest = Contest::new().await;
    set(&contest.one, None, 1, 0).await;
    let barrier = contest.barrier("SELECT 1 FROM messages_2031_01 FOR UPDATE").await;
    let mut keeper = Keeper::new(contest.one.clone());
    // It gives up waiting, and tries again the next time.
    let refused = keeper.round(day("06-01")).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(contest.candidates().await.len(), 1, "its payload is there");
    goes_on(barrier).await;
    assert_eq!(keeper.round(day("06-01")).await.expect("done").payloads, 1);
}

#[tokio::test]
async fn of_two_who_are_told_of_one_message_the_second_judges_by_the_first() {
    let contest = Contest::new().await;
    let barrier = contest.barrier("LOCK TABLE notifications IN SHARE MODE").await;
    let later = told(&contest.one, notice(&contest.message, "procesado", 8));
    contest.stands(&later, 1).await;
    let earlier = told(&contest.other, notice(&contest.message, "error", 7));
    contest.stands(&earlier, 2).await;
    goes_on(barrier).await;
    for telling in [later, earlier] {
        telling.await.expect("no panic").expect("kept");
    }
    let entry = only(&contest.one, contest.message.id).await;
    assert_eq!((entry.state.as_str(), entry.settled), ("procesado", Some(at(8))));
    let kept = notices(&contest.one, contest.message.id).await;
    assert_eq!(kept.len(), 2, "both are kept");
}

#[tokio::test]
async fn a_notification_that_finds_its_message_is_judged_by_one_of_two() {
    let contest = Contest::new().await;
    let message = message("alta");
    let telling = told(&contest.one, notice(&message, "procesado", 7));
    telling.await.expect("no panic").expect("kept");
    let key = stored(&contest.one, &message, day("01-05")).await;
    forward(&contest.one, key).await;
    let reunites = |store: &Store| {
        let store = store.clone();
        tokio::spawn(async move { store.reunite(&register(), at(9)).await })
    };
    let barrier = contest.barrier("LOCK TABLE notifications IN SHARE MODE").await;
    let one = reunites(&contest.one);
    contest.stands(&one, 1).await;
    let other = reunites(&contest.other);
    contest.stands(&other, 2).await;
    goes_on(barrier).await;
    assert_eq!(one.await.expect("no panic").expect("done"), 1);
    assert_eq!(other.await.expect("no panic").expect("done"), 0);
    let kept = notices(&contest.one, message.id).await.remove(0);
    assert_eq!((&*kept.effect, kept.before.as_deref()), ("aplicada", Some("reenviado")));
}
