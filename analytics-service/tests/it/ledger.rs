//! `GET /contados`: every message that was counted, by id, once.

use std::collections::BTreeSet;

use analytics_service::{
    judge::Event,
    store::{Counted, Cursor, Ledger, LedgerQuery, Limits, Store},
};
use jiff::Timestamp;
use reqwest::Response;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use super::{
    Backend, Database, event, event_with_id,
    running::{Running, World},
};

contract!(
    pages_cover_each_message_exactly_once_oldest_first,
    the_ledger_begins_at_the_second_asked_for,
    an_id_under_two_clients_is_two_rows,
    what_is_forgotten_is_not_in_the_ledger,
    a_message_is_found_by_its_id_under_the_client_that_was_first,
    what_was_not_counted_is_missing_under_its_own_client,
);

/// When everything here is counted, plus so many seconds.
fn second(offset: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + offset).expect("in range")
}

/// An id that tells no time, as those made from a key.
fn random() -> Uuid {
    Uuid::new_v5(&Uuid::now_v7(), b"")
}

fn identity(event: &Event) -> (Uuid, String) {
    (event.id.as_uuid(), event.click.cliente.to_string())
}

async fn page(
    store: &Store,
    since: Option<Timestamp>,
    after: Option<Cursor>,
    limit: i64,
) -> Ledger {
    store.ledger(&LedgerQuery { since, after, limit }).await.expect("a page")
}

/// All pages of `limit`, one after the other.
async fn pages(store: &Store, since: Option<Timestamp>, limit: i64) -> Vec<Counted> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = page(store, since, after, limit).await;
        all.extend(page.contados);
        assert!(all.len() < 1000, "the pages do not end");
        match page.siguiente {
            Some(cursor) => after = Some(cursor),
            None => return all,
        }
    }
}

async fn pages_cover_each_message_exactly_once_oldest_first(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    assert!(pages(&store, None, 10).await.is_empty());
    let mut wanted = BTreeSet::new();
    for turn in 0..6 {
        let batch: Vec<_> =
            (0..40).map(|i| event_with_id(random(), &format!("c{}", i % 3), "click", i)).collect();
        wanted.extend(batch.iter().map(identity));
        store.record(&batch, second(turn / 3)).await.expect("recorded");
        store.record(&batch, second(9)).await.expect("recorded");
    }
    for limit in [1, 7, 40, 240, 1000] {
        let got = pages(&store, None, limit).await;
        assert_eq!(got.len(), 240, "pages of {limit}");
        let ids: BTreeSet<_> = got.iter().map(|one| (one.id, one.cliente.clone())).collect();
        assert_eq!(ids, wanted, "pages of {limit}");
        assert!(got.is_sorted_by_key(|one| (one.contado, one.id, one.cliente.clone())));
    }
}

async fn the_ledger_begins_at_the_second_asked_for(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    for turn in 0..3 {
        store.record(&[event("ana", "click", turn)], second(turn)).await.expect("recorded");
    }
    for (since, wanted) in [(-1, 3), (0, 3), (1, 2), (2, 1), (3, 0)] {
        assert_eq!(pages(&store, Some(second(since)), 1).await.len(), wanted, "since {since}");
    }
    let within = second(1).saturating_add(jiff::SignedDuration::from_millis(900));
    assert_eq!(pages(&store, Some(within.expect("in range")), 9).await.len(), 2);
}

async fn an_id_under_two_clients_is_two_rows(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let id = Uuid::now_v7();
    let batch = ["eva", "ana"].map(|client| event_with_id(id, client, "click", 1));
    store.record(&batch, second(0)).await.expect("recorded");
    let first = page(&store, None, None, 1).await;
    let rest = page(&store, None, first.siguiente, 2).await;
    let row = |client: &str| Counted { id, cliente: client.to_owned(), contado: second(0) };
    assert_eq!((first.contados, rest.contados), (vec![row("ana")], vec![row("eva")]));
    assert_eq!(rest.siguiente, None);
}

async fn what_is_forgotten_is_not_in_the_ledger(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    for turn in 0..2 {
        store.record(&[event("ana", "click", turn)], second(turn)).await.expect("recorded");
    }
    store.forget(second(1), 100).await.expect("forgotten");
    let left = pages(&store, None, 10).await;
    assert_eq!(left.iter().map(|one| one.contado).collect::<Vec<_>>(), [second(1)]);
}

async fn a_message_is_found_by_its_id_under_the_client_that_was_first(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let id = Uuid::now_v7();
    let found = async |id: Uuid| store.counted(id.into()).await.expect("an answer");
    assert_eq!(found(id).await, None);
    for (turn, client) in [(0, "eva"), (1, "ana")] {
        let batch = [event_with_id(id, client, "click", 1), event("leo", "click", 1)];
        store.record(&batch, second(turn)).await.expect("recorded");
    }
    let row =
        |client: &str, turn| Counted { id, cliente: client.to_owned(), contado: second(turn) };
    assert_eq!(found(id).await, Some(row("eva", 0)));
    assert_eq!(found(Uuid::now_v7()).await, None);
    store.forget(second(1), 100).await.expect("forgotten");
    assert_eq!(found(id).await, Some(row("ana", 1)));
}

async fn what_was_not_counted_is_missing_under_its_own_client(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.open(Limits::default()).await;
    let (counted, never) = (Uuid::now_v7(), Uuid::now_v7());
    store.record(&[event_with_id(counted, "ana", "click", 1)], second(0)).await.expect("recorded");
    let name = |client: &str| client.parse().expect("a name");
    let asked = [(counted, name("ana")), (counted, name("eva")), (never, name("ana"))];
    let missing = store.missing(&asked).await.expect("an answer");
    assert_eq!(missing, [(counted, "eva".to_owned()), (never, "ana".to_owned())]);
    assert!(store.missing(&[]).await.expect("an answer").is_empty());
}

async fn ask(running: &Running, body: String) -> Response {
    let url = format!("{}/contados/faltan", running.address);
    let request = running.client.post(url).header("content-type", "application/json");
    request.body(body).send().await.expect("an answer")
}

#[tokio::test]
async fn what_is_missing_is_told_over_http_with_what_was_rejected() {
    let world = World::new().await;
    let running = world.running().await;
    let ids: [Uuid; 3] = std::array::from_fn(|_| Uuid::now_v7());
    world.send("ana", ids[0]).await;
    world.send_raw(json!({ "message_id": ids[1] }), "veneno").await;
    running.counts(1).await;
    let asked = json!({ "mensajes": ids.map(|id| json!([id, "ana"])) });
    let wanted = json!({ "faltan": [
        { "id": ids[1], "cliente": "ana", "rechazado": true },
        { "id": ids[2], "cliente": "ana", "rechazado": false },
    ] });
    eventually("two are missing", || async {
        let answer = ask(&running, asked.to_string()).await;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        if answer == wanted { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
    let many = json!({ "mensajes": vec![json!([ids[0], "ana"]); 10_001] }).to_string();
    for (body, status) in [
        ("{", 400),
        ("{}", 422),
        ("[[]]", 422),
        (r#"{"mensajes":[["x","ana"]]}"#, 422),
        (&many, 422),
    ] {
        assert_eq!(ask(&running, body.to_owned()).await.status(), status);
    }
    let untyped = running.client.post(format!("{}/contados/faltan", running.address));
    let untyped = untyped.body(asked.to_string()).send().await.expect("an answer");
    assert_eq!(untyped.status(), 415);
    running.stopped().await;
}

#[tokio::test]
async fn the_ledger_is_read_over_http_page_by_page() {
    let world = World::new().await;
    let running = world.running().await;
    let ids: BTreeSet<_> = (0..5).map(|_| Uuid::now_v7().to_string()).collect();
    for id in &ids {
        world.send("a.n-a_1", id.parse().expect("a uuid")).await;
    }
    running.counts(5).await;
    let mut path = "/contados?limite=2&desde=2025-04-13T12:00:00Z".to_owned();
    let (mut got, mut sizes) = (BTreeSet::new(), Vec::new());
    loop {
        let page = running.json(&path).await.expect("a page");
        let rows = page["contados"].as_array().expect("rows");
        sizes.push(rows.len());
        for row in rows {
            assert_eq!(row["cliente"], "a.n-a_1");
            row["contado"].as_str().expect("a time").parse::<Timestamp>().expect("RFC 3339");
            assert!(got.insert(row["id"].as_str().expect("an id").to_owned()), "{row} twice");
        }
        let Some(cursor) = page["siguiente"].as_str() else { break };
        path = format!("/contados?limite=2&tras={cursor}");
    }
    assert_eq!((got, sizes), (ids, vec![2, 2, 1]));
    let nothing = running.json("/contados?desde=2999-01-01T00:00:00Z").await.expect("a page");
    assert_eq!(nothing, json!({ "contados": [], "siguiente": null }));
}

#[tokio::test]
async fn a_ledger_that_cannot_be_asked_for_is_refused() {
    let world = World::new().await;
    let running = world.running().await;
    for (query, status) in [
        ("limite=0", 422),
        ("limite=10001", 422),
        ("limite=x", 400),
        ("desde=ayer", 400),
        ("desde=2025-04-13", 400),
        ("tras=", 400),
        ("tras=1.2.ana", 400),
        ("tras=1.0195e2a012347000800000000000000.<b>", 400),
        ("despues=1", 400),
    ] {
        let answer = running.get(&format!("/contados?{query}")).await.expect("an answer");
        assert_eq!(answer.status(), status, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn without_a_database_the_ledger_answers_503_with_retry_after() {
    let broker = "amqp://guest:guest@127.0.0.1:1/%2f";
    let running = super::running::Running::start(broker, "sqlite:///dev/null/counts.db");
    eventually("the ledger answers 503", || async {
        let answer = running.get("/contados").await?;
        let is_so = answer.status() == 503 && answer.headers().contains_key("retry-after");
        if is_so { Ok(()) } else { Err(answer.status().to_string()) }
    })
    .await;
    running.stopped().await;
}
