//! `POST /evento`: the older way, without a queue.

use messages::MessageId;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::running::{Running, World};

fn post(running: &Running) -> RequestBuilder {
    running.client.post(format!("{}/evento", running.address))
}

async fn answer(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

async fn json_of(request: RequestBuilder, status: u16) -> Value {
    let answer = answer(request).await;
    assert_eq!(answer.status(), status);
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn an_event_sent_directly_is_counted_at_once_and_shows_up_everywhere() {
    let world = World::new().await;
    let running = world.running().await;
    let plain = json_of(post(&running).header("x-client-name", "ana"), 201).await;
    assert_eq!((&plain["cliente"], &plain["evento"]), (&json!("ana"), &json!("click")));
    assert_eq!(plain.as_object().map(serde_json::Map::len), Some(4), "{plain}");
    let body = json!({ "evento": "compra", "timestamp": "2025-04-13T12:00:00Z", "message": "ñ" });
    let full = json_of(post(&running).header("x-client-name", "eva").json(&body), 201).await;
    let id = full["id"].clone();
    let wanted = json!({
        "id": id, "cliente": "eva", "evento": "compra", "timestamp": "2025-04-13T12:00:00Z",
        "message": "ñ",
    });
    assert_eq!(full, wanted);

    let report = running.json("/reporte").await.expect("a report");
    assert_eq!(report["clientes"], json!({ "ana": 1, "eva": 1 }));
    assert_eq!(report["eventos"], json!({ "click": 1, "compra": 1 }));
    let latest = running.json("/eventos?limite=1").await.expect("events");
    assert_eq!((&latest["eventos"][0]["id"], &latest["eventos"][0]["message"]), (&id, &json!("ñ")));
    let ledger = running.json("/contados").await.expect("a page");
    assert_eq!(ledger["contados"].as_array().map(Vec::len), Some(2));
    let metrics = running.get("/metrics").await.expect("an answer").text().await.expect("text");
    assert!(metrics.contains(r#"analytics_direct_total{result="counted"}"#), "{metrics}");
    running.stopped().await;
}

#[tokio::test]
async fn a_retry_under_its_key_is_counted_once_whichever_way_it_comes() {
    let world = World::new().await;
    let running = world.running().await;
    let keyed = |client: &str, key: &str| {
        post(&running).header("x-client-name", client).header("idempotency-key", key)
    };
    let first = json_of(keyed("ana", "k1"), 201).await;
    let again = json_of(keyed("ana", "k1"), 200).await;
    assert_eq!(first["id"], again["id"]);
    let other = json_of(keyed("eva", "k1"), 201).await;
    assert_ne!(first["id"], other["id"]);

    let (client, key) = ("ana".parse().expect("a name"), "k2".parse().expect("a key"));
    let id = MessageId::from_key(&client, &key);
    world.send("ana", id.as_uuid()).await;
    running.counts(3).await;
    assert_eq!(json_of(keyed("ana", "k2"), 200).await["id"], id.to_string());
    assert_eq!(running.json("/reporte").await.expect("a report")["total"], 3);
    running.stopped().await;
}

#[tokio::test]
async fn what_cannot_be_counted_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let running = world.running().await;
    let large = format!(r#"{{"message":"{}"}}"#, " ".repeat(64 * 1024));
    let note = json!({ "message": "x".repeat(4097) }).to_string();
    for (body, status) in [
        ("{", 400),
        ("hola", 400),
        ("[]", 422),
        (r#"["click",null,null]"#, 422),
        ("null", 422),
        (r#"{"cliente":"eva"}"#, 422),
        (r#"{"evento":"a b"}"#, 422),
        (r#"{"timestamp":"ayer"}"#, 422),
        (note.as_str(), 422),
        (large.as_str(), 413),
    ] {
        let request = post(&running).header("x-client-name", "ana");
        let request = request.header("content-type", "application/json").body(body.to_owned());
        refused(request, status, &body[..body.len().min(40)]).await;
    }
    let text = post(&running).header("x-client-name", "ana").header("content-type", "text/plain");
    refused(text.body("{}"), 415, "text").await;
    let no_client = refused(post(&running), 422, "no client").await;
    let detail = no_client["detail"].as_str().expect("a sentence");
    assert!(detail.contains("Falta la cabecera X-Client-Name"), "{detail}");
    for (name, value) in [("x-client-name", "a b"), ("x-client-name", "(otros)")] {
        refused(post(&running).header(name, value), 422, value).await;
    }
    let key = post(&running).header("x-client-name", "ana").header("idempotency-key", "a b");
    refused(key, 422, "key").await;
    assert_eq!(running.get("/evento").await.expect("an answer").status(), 405);
    assert_eq!(running.json("/reporte").await.expect("a report")["total"], 0);
    running.stopped().await;
}

async fn refused(request: RequestBuilder, status: u16, what: &str) -> Value {
    let answer = answer(request).await;
    assert_eq!(answer.status(), status, "{what}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{what}");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn both_ways_at_once_count_everything() {
    let world = World::new().await;
    let running = world.running().await;
    for _ in 0..20 {
        let queued = world.send("ana", Uuid::now_v7());
        let direct = json_of(post(&running).header("x-client-name", "eva"), 201);
        tokio::join!(queued, direct);
    }
    let report = running.counts(40).await;
    assert_eq!(report["clientes"], json!({ "ana": 20, "eva": 20 }));
    running.stopped().await;
}

#[tokio::test]
async fn without_a_database_the_event_is_refused_with_503_and_retry_after() {
    let broker = "amqp://guest:guest@127.0.0.1:1/%2f";
    let running = Running::start(broker, "sqlite:///dev/null/counts.db");
    let refused = answer(post(&running).header("x-client-name", "ana")).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"2".parse().expect("a value"))
    );
    let problem: Value = refused.json().await.expect("JSON");
    assert_eq!(problem["type"], "urn:relevo:problema:sin-base-de-datos");
    running.stopped().await;
}
