//! What expires and what stays; each test runs on both databases, at times of its own.

use audit_proxy::{
    keep::Keeper,
    register::Register,
    retention::{Rule, SizeLimits},
    store::{Forwarded, Key, Receipt, Reforwarded, Removed, Store},
};
use jiff::{Timestamp, ToSpan};
use messages::{MessageId, MessageKind, StandardMessage};
use sqlx::{AnyConnection, Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::{
    Backend, Database,
    contract::{self, name},
};

contract!(
    without_rules_nothing_goes,
    payloads_go_before_their_messages_each_kind_by_its_rule,
    what_waits_is_kept_until_it_was_forwarded,
    what_waits_to_be_sent_once_more_is_kept_and_then_goes_whole,
    with_a_message_go_its_notifications_and_its_id_and_with_no_other,
    notifications_without_a_message_go_by_the_general_rule,
    rules_that_change_hold_for_what_was_looked_at_before,
    space_returns_to_the_disk,
    over_a_limit_of_size_the_oldest_payloads_go_and_then_the_oldest_messages,
    what_goes_by_age_is_no_more_counted,
    many_rows_go_in_several_rounds_of_few,
);

/// A time of a fixed year.
pub(super) fn day(text: &str) -> Timestamp {
    format!("2031-{text}T12:00:00Z").parse().expect("a time")
}

pub(super) fn message(kind: &str) -> StandardMessage {
    StandardMessage { kind: name(kind), ..contract::message() }
}

/// Stores a message that was forwarded.
pub(super) async fn forwarded(store: &Store, kind: &str, received: Timestamp) -> MessageId {
    let message = message(kind);
    let key = stored(store, &message, received).await;
    store.forwarded(&[Forwarded { key, at: received }]).await.expect("written down");
    message.id
}

pub(super) async fn stored(store: &Store, message: &StandardMessage, received: Timestamp) -> Key {
    match store.receive(&[message], received).await.expect("received")[0] {
        Receipt::ToForward(key) => key,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn set(store: &Store, kind: Option<&str>, payload: i64, message: i64) {
    let days = |days: i64| (days > 0).then_some(days);
    let rule = Rule::new(days(payload), days(message)).expect("a rule");
    let kind: Option<MessageKind> = kind.map(name);
    store.set_retention(kind.as_ref(), rule).await.expect("set");
}

pub(super) async fn round(store: &Store, now: Timestamp) -> Removed {
    Keeper::new(store.clone()).round(now).await.expect("done")
}

/// Whether there is a message, and whether it has its payload.
pub(super) async fn state(store: &Store, id: MessageId) -> &'static str {
    match store.messages(id).await.expect("an answer").as_slice() {
        [] => "gone",
        [one] if one.has_payload => "whole",
        _ => "without payload",
    }
}

async fn without_rules_nothing_goes(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let id = forwarded(&store, "alta", day("01-01")).await;
    let century = day("01-01").checked_add(876_000.hours()).expect("a time");
    assert_eq!(round(&store, century).await, Removed::default());
    assert_eq!(state(&store, id).await, "whole");
}

async fn attempts(database: &Database) -> i64 {
    let mut link = AnyConnection::connect(&database.text).await.expect("connected");
    let count = sqlx::query_scalar("SELECT count(*) FROM attempts").fetch_one(&mut link).await;
    count.expect("told")
}

async fn what_waits_to_be_sent_once_more_is_kept_and_then_goes_whole(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    set(&store, None, 10, 40).await;
    let id = forwarded(&store, "alta", day("01-01")).await;
    let key = store.messages(id).await.expect("an answer")[0].key;
    assert_eq!(store.attempt(&[key], "ana", day("01-02")).await.expect("asked"), [key]);
    assert_eq!(attempts(&database).await, 1);
    assert_eq!(round(&store, day("12-01")).await, Removed::default());
    assert_eq!(state(&store, id).await, "whole");
    let done = Reforwarded { key, number: 2, at: day("01-03") };
    store.reforwarded(&[done]).await.expect("written down");
    // What waited is looked at again after a day.
    assert_eq!(round(&store, day("12-03")).await.messages, 1);
    assert_eq!(state(&store, id).await, "gone");
    assert_eq!(attempts(&database).await, 0);
}

async fn payloads_go_before_their_messages_each_kind_by_its_rule(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    set(&store, None, 10, 40).await;
    set(&store, Some("alta"), 0, 20).await;
    set(&store, Some("baja"), 50, 0).await;
    let mut ids = [const { Vec::new() }; 3];
    // In the order of time: keys only grow.
    for received in [day("01-05"), day("01-25"), day("03-01")] {
        for (kind, ids) in ["alta", "baja", "otra"].into_iter().zip(&mut ids) {
            ids.push(forwarded(&store, kind, received).await);
        }
    }
    for (now, [alta, baja, otra]) in [
        (day("01-10"), [["whole"; 3], ["whole"; 3], ["whole"; 3]]),
        (
            day("01-26"),
            [["gone", "whole", "whole"], ["whole"; 3], ["without payload", "whole", "whole"]],
        ),
        (
            day("03-02"),
            [
                ["gone", "gone", "whole"],
                ["without payload", "whole", "whole"],
                ["gone", "without payload", "whole"],
            ],
        ),
        (day("12-31"), [["gone"; 3], ["without payload"; 3], ["gone"; 3]]),
    ] {
        round(&store, now).await;
        let wanted = [alta, baja, otra].concat();
        let mut states = Vec::new();
        for id in ids.iter().flatten() {
            states.push(state(&store, *id).await);
        }
        assert_eq!(states, wanted, "{now}");
    }
}

async fn what_waits_is_kept_until_it_was_forwarded(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    set(&store, None, 1, 2).await;
    let waiting = message("alta");
    let key = stored(&store, &waiting, day("01-05")).await;
    let neighbour = forwarded(&store, "alta", day("01-05")).await;
    let mut keeper = Keeper::new(store.clone());
    keeper.round(day("06-01")).await.expect("done");
    assert_eq!(
        (state(&store, waiting.id).await, state(&store, neighbour).await),
        ("whole", "gone")
    );
    let found = store.waiting(&name("redmine"), 9).await.expect("an answer");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, waiting);
    store.forwarded(&[Forwarded { key, at: day("06-01") }]).await.expect("written down");
    round(&store, day("06-01")).await;
    assert_eq!(state(&store, waiting.id).await, "gone");
}

async fn with_a_message_go_its_notifications_and_its_id_and_with_no_other(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    set(&store, None, 0, 30).await;
    let (old, young) = (message("alta"), message("alta"));
    for (message, received) in [(&old, day("01-05")), (&young, day("02-20"))] {
        let key = stored(&store, message, received).await;
        store.forwarded(&[Forwarded { key, at: received }]).await.expect("written down");
        let notice = contract::notice(message, "procesado", 3);
        let told = store.notify(&[notice], &contract::register(), received).await;
        told.expect("kept");
    }
    let removed = round(&store, day("03-01")).await;
    assert_eq!(removed, Removed { payloads: 1, messages: 1, notifications: 1 });
    assert!(contract::notices(&store, old.id).await.is_empty());
    assert_eq!(contract::notices(&store, young.id).await.len(), 1);
    let again = store.receive(&[&old, &young], day("03-01")).await.expect("received");
    assert!(matches!(again[0], Receipt::ToForward(_)), "its id is forgotten");
    assert_eq!(again[1], Receipt::Repeated);
}

async fn notifications_without_a_message_go_by_the_general_rule(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let unknown = message("alta");
    let notice = contract::notice(&unknown, "procesado", 3);
    store.notify(&[notice], &Register::default(), day("01-05")).await.expect("kept");
    set(&store, Some("alta"), 0, 1).await;
    assert_eq!(round(&store, day("06-01")).await, Removed::default());
    set(&store, None, 0, 30).await;
    assert_eq!(round(&store, day("01-20")).await, Removed::default());
    assert_eq!(round(&store, day("06-01")).await.notifications, 1);
}

async fn rules_that_change_hold_for_what_was_looked_at_before(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let mut keeper = Keeper::new(store.clone());
    let id = forwarded(&store, "alta", day("01-05")).await;
    set(&store, None, 5, 0).await;
    set(&store, Some("alta"), 300, 0).await;
    keeper.round(day("02-01")).await.expect("done");
    assert_eq!(state(&store, id).await, "whole");
    assert!(store.remove_retention(Some(&name("alta"))).await.expect("removed"));
    assert!(!store.remove_retention(Some(&name("alta"))).await.expect("not removed"));
    keeper.round(day("02-01")).await.expect("done");
    assert_eq!(state(&store, id).await, "without payload");
    assert!(store.remove_retention(None).await.expect("removed"));
}

async fn many_rows_go_in_several_rounds_of_few(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let batch: Vec<_> = (0..1300).map(|number| message(["alta", "baja"][number % 2])).collect();
    for some in batch.chunks(500) {
        let receipts = store.receive(&some.iter().collect::<Vec<_>>(), day("01-05")).await;
        let keys = receipts.expect("received").into_iter().filter_map(|receipt| match receipt {
            Receipt::ToForward(key) => Some(Forwarded { key, at: day("01-05") }),
            _ => None,
        });
        store.forwarded(&keys.collect::<Vec<_>>()).await.expect("written down");
    }
    set(&store, Some("alta"), 0, 200).await;
    set(&store, None, 0, 5).await;
    let removed = round(&store, day("01-20")).await;
    assert_eq!((removed.messages, removed.payloads), (650, 650));
    assert_eq!(state(&store, batch[0].id).await, "whole");
    assert_eq!(state(&store, batch[1299].id).await, "gone");
}

/// Bytes on disk of what is kept.
async fn size(backend: Backend, database: &Database) -> i64 {
    match backend {
        Backend::Sqlite => {
            let mut link = SqliteConnection::connect(&database.text).await.expect("the file");
            let mode: i64 =
                sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&mut link).await.expect("told");
            assert_eq!(mode, 2, "incremental");
            let path = database.text.trim_start_matches("sqlite://");
            i64::try_from(std::fs::metadata(path).expect("a file").len()).expect("small")
        }
        Backend::Postgres => {
            let mut link = PgConnection::connect(&database.text).await.expect("connected");
            let sum = "SELECT sum(pg_total_relation_size(inhrelid))::BIGINT FROM pg_inherits
                WHERE inhparent IN ('messages'::regclass, 'payloads'::regclass)";
            sqlx::query_scalar(sum).fetch_one(&mut link).await.expect("told")
        }
    }
}

async fn space_returns_to_the_disk(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    round(&store, day("01-05")).await;
    for received in [day("01-05"), day("02-05")] {
        for _ in 0..200 {
            // Hardly to be compressed.
            let payload = (0..500).flat_map(|_| *Uuid::now_v7().as_bytes()).collect();
            let message = StandardMessage { payload, ..message("alta") };
            let key = stored(&store, &message, received).await;
            store.forwarded(&[Forwarded { key, at: received }]).await.expect("written down");
        }
    }
    if let Backend::Sqlite = backend {
        // What is in the WAL is not in the file yet.
        let mut link = SqliteConnection::connect(&database.text).await.expect("the file");
        let moved = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_all(&mut link).await;
        moved.expect("moved");
    }
    set(&store, None, 0, 365).await;
    round(&store, day("02-06")).await;
    let full = size(backend, &database).await;
    set(&store, None, 20, 365).await;
    let removed = round(&store, day("03-01")).await;
    assert_eq!((removed.payloads, removed.messages), (400, 0));
    let without_payloads = size(backend, &database).await;
    set(&store, None, 20, 30).await;
    assert_eq!(round(&store, day("06-01")).await.messages, 400);
    let empty = size(backend, &database).await;
    assert!(
        without_payloads < full / 2 && empty < without_payloads,
        "{full} {without_payloads} {empty}"
    );
}

async fn limit(store: &Store, payload_bytes: Option<i64>, bytes: Option<i64>) {
    store.set_size_limits(SizeLimits { payload_bytes, bytes }).await.expect("set");
}

async fn kept(store: &Store) -> (i64, i64) {
    let (_, kept) = store.size_limits().await.expect("an answer").expect("a limit");
    (kept.messages, kept.payload_bytes)
}

/// Ten of 100 bytes each, a day apart; the first waits.
async fn ten(store: &Store) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for number in 0..10 {
        let received = day(&format!("01-{:02}", number + 10));
        let message = StandardMessage { payload: vec![b'x'; 100], ..message("alta") };
        let key = stored(store, &message, received).await;
        if number > 0 {
            store.forwarded(&[Forwarded { key, at: received }]).await.expect("written down");
        }
        ids.push(message.id);
    }
    ids
}

async fn over_a_limit_of_size_the_oldest_payloads_go_and_then_the_oldest_messages(
    backend: Backend,
) {
    let database = Database::create(backend).await;
    let store = database.store();
    let ids = ten(&store).await;
    let now = day("01-30");
    limit(&store, Some(1000), Some(10 * 1124)).await;
    assert_eq!(round(&store, now).await, Removed::default());
    assert_eq!(kept(&store).await, (10, 1000));
    limit(&store, Some(701), None).await;
    assert_eq!(round(&store, now).await, Removed { payloads: 3, ..Removed::default() });
    assert_eq!(kept(&store).await, (10, 700));
    for (number, wanted) in
        [(0, "whole"), (1, "without payload"), (3, "without payload"), (4, "whole")]
    {
        assert_eq!(state(&store, ids[number]).await, wanted, "{number}");
    }
    limit(&store, None, Some(8 * 1024 + 150)).await;
    let removed = round(&store, now).await;
    assert_eq!((removed.payloads, removed.messages), (6, 2), "all payloads but the first");
    assert_eq!(kept(&store).await, (8, 100));
    assert_eq!(state(&store, ids[0]).await, "whole", "it waits");
    assert_eq!(
        (state(&store, ids[2]).await, state(&store, ids[3]).await),
        ("gone", "without payload")
    );
    limit(&store, None, None).await;
    assert_eq!(store.size_limits().await.expect("an answer"), None);
}

async fn what_goes_by_age_is_no_more_counted(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    round(&store, day("01-01")).await;
    ten(&store).await;
    limit(&store, Some(1_000_000), None).await;
    round(&store, day("01-30")).await;
    set(&store, None, 15, 30).await;
    round(&store, day("01-30")).await;
    assert_eq!(kept(&store).await, (10, 600), "of five the payload is gone, but one waits");
    let key = store.waiting(&name("redmine"), 1).await.expect("an answer")[0].key;
    store.forwarded(&[Forwarded { key, at: day("01-30") }]).await.expect("written down");
    round(&store, day("06-01")).await;
    assert_eq!(kept(&store).await, (0, 0), "also where a month goes as a whole");
}
