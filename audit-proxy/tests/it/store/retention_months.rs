//! Months, which messages and payloads lie in on PostgreSQL.

use audit_proxy::{
    keep::Keeper,
    store::{Key, Removed},
};
use sqlx::{Connection, PgConnection};

use super::retention_contract::{day, forwarded, message, round, set, state, stored};
use crate::{Backend, Database, contract::name};

/// The partition that a message lies in, and how many there are of its table.
async fn partition(database: &Database, key: Key) -> (String, i64) {
    let mut link = PgConnection::connect(&database.text).await.expect("connected");
    let name = "SELECT tableoid::regclass::TEXT FROM messages WHERE key = $1";
    let name = sqlx::query_scalar(name).bind(key.as_i64()).fetch_one(&mut link).await;
    let count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'messages'::regclass";
    let count = sqlx::query_scalar(count).fetch_one(&mut link).await;
    (name.expect("told"), count.expect("told"))
}

#[tokio::test]
async fn months_are_made_ahead_and_what_found_none_is_moved_when_its_month_is_made() {
    let database = Database::create(Backend::Postgres).await;
    let store = database.store();
    round(&store, day("01-05")).await;
    let ahead = message("alta");
    let ahead = stored(&store, &ahead, day("03-20")).await;
    assert_eq!(partition(&database, ahead).await, ("messages_2031_03".to_owned(), 4));
    let (far, farther) = (message("alta"), message("alta"));
    let keys =
        [stored(&store, &far, day("04-20")).await, stored(&store, &farther, day("09-20")).await];
    for key in keys {
        assert_eq!(partition(&database, key).await, ("messages_rest".to_owned(), 4), "the net");
    }
    round(&store, day("02-05")).await;
    round(&store, day("02-06")).await;
    assert_eq!(partition(&database, keys[0]).await, ("messages_2031_04".to_owned(), 5));
    assert_eq!(partition(&database, keys[1]).await, ("messages_rest".to_owned(), 5));
    let waiting = store.waiting(&name("redmine"), 9).await.expect("an answer");
    assert_eq!(waiting.len(), 3, "with their payloads");
    assert_eq!(state(&store, far.id).await, "whole");
}

#[tokio::test]
async fn a_month_is_dropped_as_a_whole_once_nobody_keeps_anything_of_it() {
    let database = Database::create(Backend::Postgres).await;
    let store = database.store();
    let mut keeper = Keeper::new(store.clone());
    keeper.round(day("01-05")).await.expect("done");
    for (kind, received) in [("alta", day("01-05")), ("baja", day("01-06")), ("alta", day("02-05"))]
    {
        forwarded(&store, kind, received).await;
    }
    set(&store, None, 0, 30).await;
    set(&store, Some("baja"), 0, 90).await;
    let mut months = async |now| {
        let removed = keeper.round(now).await.expect("done");
        let mut link = PgConnection::connect(&database.text).await.expect("connected");
        let names = "SELECT inhrelid::regclass::TEXT FROM pg_inherits
            WHERE inhparent = 'messages'::regclass ORDER BY 1 LIMIT 1";
        let first: String = sqlx::query_scalar(names).fetch_one(&mut link).await.expect("told");
        (removed.messages, first)
    };
    let first = |month: &str| format!("messages_2031_{month}");
    assert_eq!(months(day("03-02")).await, (1, first("01")), "one kind keeps January");
    assert_eq!(months(day("03-30")).await, (1, first("01")), "alta of February");
    assert_eq!(months(day("05-30")).await, (1, first("05")), "and all that is empty");
}

#[tokio::test]
async fn while_another_instance_removes_nothing_is_removed_twice() {
    let database = Database::create(Backend::Postgres).await;
    let store = database.store();
    let id = forwarded(&store, "alta", day("01-05")).await;
    set(&store, None, 0, 1).await;
    let mut other = PgConnection::connect(&database.text).await.expect("connected");
    for statement in ["BEGIN", "SELECT pg_advisory_xact_lock(4711005)"] {
        sqlx::query(statement).execute(&mut other).await.expect("locked");
    }
    let mut keeper = Keeper::new(store.clone());
    assert_eq!(keeper.round(day("06-01")).await.expect("done"), Removed::default());
    sqlx::query("COMMIT").execute(&mut other).await.expect("unlocked");
    assert_eq!(keeper.round(day("06-01")).await.expect("done").messages, 1);
    assert_eq!(state(&store, id).await, "gone");
}
