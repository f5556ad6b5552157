//! What every store of log events must do; each test runs on both databases.

use audit_proxy::store::{
    KeptLogEvent, Key, LogBatch, LogPage, LogQuery, LogStore, Loss, LossReason, TellableLoss,
};
use jiff::Timestamp;
use messages::LogLevel;

use super::{Backend, Database, running::name};

contract!(
    events_are_found_by_what_they_are_newest_first_and_page_by_page,
    any_text_comes_back_as_it_was_and_is_found_by_any_part,
    over_the_cap_the_oldest_go,
    a_batch_that_is_tried_again_is_stored_and_counted_once,
    losses_are_added_up_and_told_with_the_time_that_they_are_of,
    when_the_queue_was_seen_not_to_be_full_is_remembered,
);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn event(second: i64, system: &str, level: LogLevel, text: &str) -> KeptLogEvent {
    KeptLogEvent {
        key: Key::first_at(at(second)),
        system: name(system),
        level,
        time: at(second - 1),
        text: text.to_owned(),
        fields: None,
    }
}

fn loss(second: i64, reason: LossReason, events: Option<u64>) -> Loss {
    let system = Some(name("redmine"));
    Loss { system, reason, since: at(second), until: at(second + 60), events }
}

async fn keep(store: &LogStore, events: Vec<KeptLogEvent>, losses: Vec<Loss>) {
    let batch = LogBatch { events, losses, seen: None };
    store.keep(&batch, 1000).await.expect("stored");
}

fn all() -> LogQuery {
    LogQuery {
        system: None,
        level: LogLevel::Trace,
        since: None,
        until: None,
        text: None,
        before: None,
        limit: 100,
    }
}

async fn page(store: &LogStore, query: &LogQuery) -> LogPage {
    store.search(query).await.expect("an answer")
}

async fn texts(store: &LogStore, query: LogQuery) -> Vec<String> {
    page(store, &query).await.events.into_iter().map(|event| event.text).collect()
}

async fn events_are_found_by_what_they_are_newest_first_and_page_by_page(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.log_store();
    let events = vec![
        event(1, "redmine", LogLevel::Trace, "uno"),
        event(2, "servicedesk", LogLevel::Info, "dos"),
        event(3, "redmine", LogLevel::Warning, "tres"),
        event(4, "redmine", LogLevel::Error, "cuatro"),
    ];
    keep(&store, events.clone(), Vec::new()).await;
    let found = page(&store, &all()).await;
    assert_eq!(found.events, events.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(found.next, None);

    let redmine = || LogQuery { system: Some(name("redmine")), ..all() };
    assert_eq!(texts(&store, redmine()).await, ["cuatro", "tres", "uno"]);
    for (level, wanted) in [
        (LogLevel::Debug, &["cuatro", "tres", "dos"][..]),
        (LogLevel::Warning, &["cuatro", "tres"]),
        (LogLevel::Error, &["cuatro"]),
    ] {
        assert_eq!(texts(&store, LogQuery { level, ..all() }).await, wanted);
    }
    let between = LogQuery { since: Some(at(2)), until: Some(at(4)), ..all() };
    assert_eq!(texts(&store, between).await, ["tres", "dos"]);
    let text = Some("r".to_owned());
    assert_eq!(texts(&store, LogQuery { text, ..redmine() }).await, ["cuatro", "tres"]);

    let first = page(&store, &LogQuery { limit: 2, ..redmine() }).await;
    assert_eq!(first.next, Some(first.events[1].key));
    let second = page(&store, &LogQuery { limit: 2, before: first.next, ..redmine() }).await;
    assert_eq!((second.events.len(), second.next), (1, None));
    assert_eq!(second.events[0].text, "uno");
}

async fn any_text_comes_back_as_it_was_and_is_found_by_any_part(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.log_store();
    let odd = "100 % de «ñ»; DROP_TABLE x\\y'";
    let fields = Some(r#"{"a":"\u0000"}"#.to_owned());
    let event = KeptLogEvent { fields, ..event(1, "redmine", LogLevel::Info, odd) };
    keep(&store, vec![event.clone()], Vec::new()).await;
    assert_eq!(page(&store, &all()).await.events, [event]);
    for (part, count) in [
        ("drop_", 1),
        ("0 %", 1),
        ("ñ", 1),
        ("Ñ»", 1),
        ("n\u{303}", 1),
        ("x\\Y'", 1),
        ("d%x", 0),
        ("dropxtable", 0),
    ] {
        let text = Some(part.to_owned());
        assert_eq!(texts(&store, LogQuery { text, ..all() }).await.len(), count, "{part}");
    }
}

async fn over_the_cap_the_oldest_go(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.log_store();
    for round in 0..5 {
        let second = |number: i64| round * 10 + number;
        let events = (0..10).map(|number| {
            event(second(number), "redmine", LogLevel::Info, &second(number).to_string())
        });
        let batch = LogBatch { events: events.collect(), ..LogBatch::default() };
        store.keep(&batch, 25).await.expect("stored");
    }
    let kept = texts(&store, all()).await;
    assert_eq!(kept, (25..50).rev().map(|number| number.to_string()).collect::<Vec<_>>());
    store.keep(&LogBatch::default(), 3).await.expect("stored");
    assert_eq!(texts(&store, all()).await, ["49", "48", "47"], "another cap");
}

async fn a_batch_that_is_tried_again_is_stored_and_counted_once(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.log_store();
    let events = (0..3).map(|second| event(second, "redmine", LogLevel::Info, "a"));
    let losses = vec![loss(0, LossReason::Overflow, Some(5))];
    let batch = LogBatch { events: events.collect(), losses, seen: None };
    for _ in 0..3 {
        store.keep(&batch, 4).await.expect("stored");
    }
    let found = page(&store, &all()).await;
    assert_eq!((found.events.len(), found.losses[0].events), (3, Some(5)));
    keep(&store, vec![event(9, "redmine", LogLevel::Info, "b")], Vec::new()).await;
    store.keep(&LogBatch::default(), 4).await.expect("stored");
    assert_eq!(texts(&store, all()).await.len(), 4, "they are counted as four");
}

async fn losses_are_added_up_and_told_with_the_time_that_they_are_of(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.log_store();
    let unknown = Loss {
        system: None,
        since: Timestamp::UNIX_EPOCH,
        ..loss(600, LossReason::QueueFull, None)
    };
    for _ in 0..2 {
        let first = loss(0, LossReason::Overflow, Some(500));
        keep(&store, Vec::new(), vec![first, unknown.clone()]).await;
    }
    keep(&store, Vec::new(), vec![loss(120, LossReason::Malformed, Some(1))]).await;
    let told = |second, reason: &str, events| TellableLoss {
        since: Some(at(second)),
        until: at(second + 60),
        system: Some(name("redmine")),
        reason: reason.to_owned(),
        events,
    };
    let queue = TellableLoss {
        since: None,
        until: at(660),
        system: None,
        reason: "cola_llena".to_owned(),
        events: None,
    };
    let (first, second) = (told(0, "desbordado", Some(1000)), told(120, "malformado", Some(1)));
    let losses = async |query| page(&store, &query).await.losses;
    assert_eq!(losses(all()).await, [queue.clone(), second.clone(), first.clone()]);
    let other = LogQuery { system: Some(name("servicedesk")), ..all() };
    assert_eq!(losses(other).await, std::slice::from_ref(&queue), "nobody knows whose");
    let early = LogQuery { until: Some(at(100)), ..all() };
    assert_eq!(losses(early).await, [queue.clone(), first]);
    let late = LogQuery { since: Some(at(100)), ..all() };
    assert_eq!(losses(late).await, [queue, second]);
    store.forget_losses(at(40 * 86_400)).await.expect("forgotten");
    assert!(losses(all()).await.is_empty());
}

async fn when_the_queue_was_seen_not_to_be_full_is_remembered(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.log_store();
    assert_eq!(store.open().await.expect("opened"), None);
    for seen in [Some(at(5)), Some(at(3)), None] {
        store.keep(&LogBatch { seen, ..LogBatch::default() }, 1).await.expect("stored");
    }
    assert_eq!(database.log_store().open().await.expect("opened"), Some(at(5)));
}
