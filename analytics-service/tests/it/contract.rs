//! What every store must do; each test runs on both databases.

use analytics_service::{
    store::{LATEST, Limits, Order, Report, ReportQuery, Store, StoreError},
    tally::NameLimits,
};
use jiff::Timestamp;
use messages::Note;
use uuid::Uuid;

use super::{ALL, Backend, Database, event, event_with_id};

contract!(
    an_empty_store_reports_nothing,
    a_batch_is_counted_once_however_often_it_comes,
    duplicates_within_a_batch_are_counted_once,
    one_id_counts_once_for_each_client,
    counts_survive_a_reopening,
    pages_go_by_name_and_the_ranking_by_count,
    a_walk_by_key_meets_each_client_once_while_counts_move,
    one_client_can_be_asked_for,
    over_the_limit_clients_are_counted_together,
    the_latest_events_are_kept_with_their_notes,
    when_full_nothing_is_counted_and_nothing_forgotten,
    what_is_forgotten_may_be_counted_again,
    hostile_text_is_only_text,
    concurrent_writers_count_each_id_once,
    ten_thousand_in_one_batch,
);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

async fn total(store: &Store) -> i64 {
    let report = store.report(&ALL).await.expect("a report");
    assert_eq!(report.clientes.iter().map(|(_, total)| total).sum::<i64>(), report.total);
    assert_eq!(report.eventos.iter().map(|(_, total)| total).sum::<i64>(), report.total);
    report.total
}

async fn an_empty_store_reports_nothing(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    assert_eq!(store.record(&[], now()).await.expect("recorded").count(), 0);
    let report = store.report(&ALL).await.expect("a report");
    let json = serde_json::to_string(&report).expect("JSON");
    assert_eq!(
        json,
        r#"{"total":0,"clientes":{},"eventos":{},"primero":null,"ultimo":null,"pagina":1,"paginas":1}"#
    );
    assert!(store.latest(10).await.expect("events").is_empty());
}

async fn a_batch_is_counted_once_however_often_it_comes(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let batch = [event("ana", "click", 5), event("eva", "compra", 3), event("ana", "click", 9)];
    assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 3);
    assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 0);
    let mixed = [batch[1].clone(), event("leo", "click", 4)];
    assert_eq!(store.record(&mixed, now()).await.expect("recorded").is_new, [false, true]);

    let report = store.report(&ALL).await.expect("a report");
    let json = serde_json::to_string(&report).expect("JSON");
    assert_eq!(
        json,
        r#"{"total":4,"clientes":{"ana":2,"eva":1,"leo":1},"eventos":{"click":3,"compra":1},"primero":"1970-01-01T00:00:03Z","ultimo":"1970-01-01T00:00:09Z","pagina":1,"paginas":1}"#
    );
}

async fn duplicates_within_a_batch_are_counted_once(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let one = event("ana", "click", 1);
    let recorded = store.record(&[one.clone(), one.clone(), one], now()).await;
    assert_eq!(recorded.expect("recorded").is_new, [true, false, false]);
    assert_eq!(total(&store).await, 1);
}

async fn one_id_counts_once_for_each_client(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let id = Uuid::now_v7();
    let batch = [event_with_id(id, "ana", "click", 1), event_with_id(id, "eva", "click", 1)];
    assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 2);
    assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 0);
}

async fn counts_survive_a_reopening(backend: Backend) {
    let database = Database::create(backend).await;
    let batch = [event("ana", "click", 1)];
    let store = database.open(Limits::default()).await;
    store.record(&batch, now()).await.expect("recorded");
    drop(store);
    let store = database.open(Limits::default()).await;
    assert_eq!(total(&store).await, 1);
    assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 0);
}

fn names(report: Report) -> Vec<String> {
    report.clientes.into_iter().map(|(name, _)| name).collect()
}

async fn pages_go_by_name_and_the_ranking_by_count(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let clients = ["b", "c", "a", "Z", "c", "_", "c", "a"];
    store.record(&clients.map(|name| event(name, "click", 1)), now()).await.expect("recorded");
    let mut seen = Vec::new();
    for (page, next) in [(1, Some("_")), (2, Some("b")), (3, None), (4, None)] {
        let report = store.report(&ReportQuery { limit: 2, page, ..ALL }).await.expect("a report");
        assert_eq!((report.total, report.pagina, report.paginas), (8, page, 3));
        assert_eq!(report.siguiente.as_deref(), next, "page {page}");
        seen.extend(names(report));
    }
    assert_eq!(seen, ["Z", "_", "a", "b", "c"]);
    let all = store.report(&ReportQuery { limit: i64::MAX, ..ALL }).await.expect("a report");
    assert_eq!((names(all.clone()), all.paginas, all.siguiente), (seen, 1, None));
    let ranking = ReportQuery { limit: 3, order: Order::Count, ..ALL };
    let ranking = store.report(&ranking).await.expect("a report");
    assert_eq!(
        (ranking.siguiente.clone(), names(ranking)),
        (None, ["c", "a", "Z"].map(String::from).to_vec())
    );
}

/// Whoever was just reported is overtaken, and new clients come before and after.
async fn a_walk_by_key_meets_each_client_once_while_counts_move(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let clients: Vec<String> = (0..60).map(|i| format!("c{i:02}")).collect();
    let batch: Vec<_> = clients.iter().map(|name| event(name, "click", 1)).collect();
    store.record(&batch, now()).await.expect("recorded");
    let (mut seen, mut after) = (Vec::new(), None);
    for turn in 0.. {
        let query = ReportQuery { limit: 7, after, ..ALL };
        let report = store.report(&query).await.expect("a report");
        after = report.siguiente.clone();
        seen.extend(names(report));
        if after.is_none() {
            break;
        }
        let moved = clients.iter().rev().step_by(turn + 2).map(String::as_str);
        let moved: Vec<_> = moved.chain(["a"]).map(|name| event(name, "click", 2)).collect();
        store.record(&moved, now()).await.expect("recorded");
    }
    assert_eq!(seen, clients);
}

async fn one_client_can_be_asked_for(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let batch = [event("ana", "click", 5), event("ana", "compra", 3), event("eva", "click", 1)];
    store.record(&batch, now()).await.expect("recorded");
    let ask = async |client: &str| {
        let query = ReportQuery { client: Some(client.to_owned()), ..ALL };
        store.report(&query).await.expect("a report")
    };
    let ana = ask("ana").await;
    assert_eq!((ana.total, ana.clientes), (2, vec![("ana".to_owned(), 2)]));
    assert_eq!(ana.eventos, [("click".to_owned(), 1), ("compra".to_owned(), 1)]);
    assert_eq!(ana.primero.expect("a time").as_second(), 3);
    let nobody = ask("'; DROP TABLE clients;--").await;
    assert_eq!((nobody.total, nobody.clientes.len(), nobody.paginas), (0, 0, 1));
}

async fn over_the_limit_clients_are_counted_together(backend: Backend) {
    let database = Database::create(backend).await;
    let names = NameLimits { clients: 3, events: 2 };
    let store = database.open(Limits { names, ..Limits::default() }).await;
    for round in 0..3 {
        let batch: Vec<_> =
            (0..10).map(|i| event(&format!("c{i}"), &format!("e{}", i % 4), round)).collect();
        assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 10);
    }
    assert_eq!(total(&store).await, 30);
    let report = store.report(&ALL).await.expect("a report");
    let others = ("(otros)".to_owned(), 21);
    assert_eq!(report.clientes[0], others);
    assert_eq!(report.clientes.len(), 4);
    assert_eq!(report.eventos.len(), 3);
    assert_eq!(report.paginas, 1);
}

async fn the_latest_events_are_kept_with_their_notes(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    for turn in 0..3 {
        let batch: Vec<_> = (0..40).map(|i| event("ana", "click", turn * 40 + i)).collect();
        store.record(&batch, now()).await.expect("recorded");
    }
    let mut last = event("eva", "compra", 7);
    last.click.message = Some(Note::try_from("<b>ñ</b>\n".to_owned()).expect("a note"));
    store.record(&[last.clone()], now()).await.expect("recorded");

    let latest = store.latest(1000).await.expect("events");
    assert_eq!(latest.len(), LATEST);
    assert_eq!(latest[0].id, last.id.as_uuid());
    assert_eq!(latest[0].message.as_deref(), Some("<b>ñ</b>\n"));
    assert_eq!(latest[0].contado, now());
    assert_eq!(latest[1].timestamp.as_second(), 119);
    assert_eq!(latest[1].message, None);
    assert_eq!(store.latest(2).await.expect("events").len(), 2);
}

async fn when_full_nothing_is_counted_and_nothing_forgotten(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits { seen: 2, ..Limits::default() }).await;
    let two = [event("ana", "click", 1), event("ana", "click", 2)];
    store.record(&two, now()).await.expect("recorded");
    let refused = store.record(&[event("eva", "click", 3)], now()).await;
    assert!(matches!(refused, Err(StoreError::Full(2))), "{refused:?}");
    assert_eq!(total(&store).await, 2);

    let later = now().saturating_add(jiff::SignedDuration::from_secs(1)).expect("in range");
    assert_eq!(store.forget(later, 100).await.expect("forgotten"), 2);
    assert_eq!(
        store.record(&[event("eva", "click", 3)], later).await.expect("recorded").count(),
        1
    );
}

async fn what_is_forgotten_may_be_counted_again(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let batch = [event("ana", "click", 1), event("ana", "click", 1), event("ana", "click", 1)];
    store.record(&batch, now()).await.expect("recorded");
    assert_eq!(store.forget(now(), 100).await.expect("forgotten"), 0);
    assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 0);
    let later = now().saturating_add(jiff::SignedDuration::from_secs(1)).expect("in range");
    assert_eq!(store.forget(later, 2).await.expect("forgotten"), 2);
    assert_eq!(store.forget(later, 2).await.expect("forgotten"), 1);
    assert_eq!(store.record(&batch, later).await.expect("recorded").count(), 3);
}

async fn hostile_text_is_only_text(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let mut hostile = event("ana", "click", 1);
    let text = "'); DROP TABLE clients;-- \"}] $1 ?1 \\u0041 \u{202e} 🦀";
    hostile.click.message = Some(Note::try_from(text.to_owned()).expect("a note"));
    store.record(&[hostile], now()).await.expect("recorded");
    assert_eq!(store.latest(1).await.expect("events")[0].message.as_deref(), Some(text));
}

async fn concurrent_writers_count_each_id_once(backend: Backend) {
    let database = Database::create(backend).await;
    let batch: Vec<_> = (0..200).map(|i| event(&format!("c{}", i % 9), "click", i)).collect();
    let mut writers = Vec::new();
    for turn in 0..4usize {
        let store = database.open(Limits::default()).await;
        let mut mine = batch.clone();
        mine.rotate_left(turn * 50);
        writers.push(tokio::spawn(async move {
            let mut recorded = 0;
            for chunk in mine.chunks(20) {
                recorded += store.record(chunk, now()).await.expect("recorded").count();
            }
            recorded
        }));
    }
    let mut recorded = 0;
    for writer in writers {
        recorded += writer.await.expect("no panic");
    }
    assert_eq!(recorded, 200);
    assert_eq!(total(&database.open(Limits::default()).await).await, 200);
}

async fn ten_thousand_in_one_batch(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let batch: Vec<_> = (0..10_000).map(|i| event(&format!("c{}", i % 900), "click", i)).collect();
    assert_eq!(store.record(&batch, now()).await.expect("recorded").count(), 10_000);
    assert_eq!(total(&store).await, 10_000);
}

/// The limit as it is delivered, with as many names as that takes.
#[tokio::test]
async fn from_the_hundred_thousandth_name_on_clients_are_counted_together() {
    let database = Database::create(Backend::Sqlite).await;
    let store = database.open(Limits::default()).await;
    let names: Vec<_> = (0..100_020).map(|i| event(&format!("c{i}"), "click", i)).collect();
    for batch in names.chunks(10_000) {
        store.record(batch, now()).await.expect("recorded");
    }
    let all = ReportQuery { limit: i64::MAX, ..ALL };
    let report = store.report(&all).await.expect("a report");
    assert_eq!(report.total, 100_020);
    assert_eq!(report.clientes[0], ("(otros)".to_owned(), 20));
    assert_eq!(report.clientes.len(), 100_001);
}
