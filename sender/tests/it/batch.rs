//! `POST /send/batch`: one outcome per event, and nothing sent from a bad batch.

use messages::names::QUEUE;
use serde_json::{Value, json};
use test_support::Vhost;

use super::{Running, problem};

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

#[tokio::test]
async fn an_array_of_ten_thousand_is_confirmed_one_by_one() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let events: Vec<_> = (0..10_000).map(|i| json!({ "cliente": format!("c{}", i % 7) })).collect();
    let answer = running.post_json("/send/batch", &json!(events)).await;
    assert_eq!(answer.status(), 202);
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["confirmados"], 10_000);
    let results = body["resultados"].as_array().expect("an array");
    assert_eq!(results.len(), 10_000);
    assert_eq!(results[8]["cliente"], "c1");
    assert_eq!(results[8]["indice"], 8);
    assert_eq!(results[8]["estado"], "confirmado");
    vhost.wait_for_queue(QUEUE, 10_000, 0).await;
}

#[tokio::test]
async fn lines_are_taken_as_well() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let answer = running.post("/send/batch", &[NDJSON], "{}\n\n{\"cliente\":\"ana\"}\n").await;
    assert_eq!(answer.status(), 202);
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["resultados"][1]["cliente"], "ana");
    vhost.wait_for_queue(QUEUE, 2, 0).await;
}

#[tokio::test]
async fn a_mixed_batch_says_of_each_event_what_became_of_it() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let events = json!([{}, { "evento": "compra" }, {}]);
    let answer = running.post_json("/send/batch", &events).await;
    assert_eq!(answer.status(), 207);
    let body: Value = answer.json().await.expect("JSON");
    let states: Vec<_> =
        (0..3).map(|i| body["resultados"][i]["estado"].as_str().expect("a word")).collect();
    assert_eq!(states, ["confirmado", "sin_ruta", "confirmado"]);
    assert!(body["resultados"][1]["detalle"].as_str().is_some_and(|text| text.contains("compra")));

    let none = running.post_json("/send/batch", &json!([{ "evento": "compra" }])).await;
    assert_eq!(none.status(), 422);
    vhost.wait_for_queue(QUEUE, 2, 0).await;
}

#[tokio::test]
async fn one_bad_event_refuses_the_batch_and_nothing_is_sent() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let events = json!([{}, { "cliente": "<b>" }, { "otro": 1 }]);
    let body = problem(running.post_json("/send/batch", &events).await, 422, "no-aceptable").await;
    let places: Vec<_> =
        body["errores"].as_array().expect("a list").iter().map(|e| e["donde"].clone()).collect();
    assert_eq!(places, ["1", "2"]);

    let broken = running.post("/send/batch", &[NDJSON], "{}\n{oops\n").await;
    assert_eq!(problem(broken, 400, "malformada").await["errores"][0]["donde"], "1");
    for count in [0, 10_001] {
        let events: Vec<_> = (0..count).map(|_| json!({})).collect();
        problem(running.post_json("/send/batch", &json!(events)).await, 422, "no-aceptable").await;
    }
    problem(running.post("/send/batch", &[], "[{}]").await, 415, "tipo-no-admitido").await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_batch_under_a_key_keeps_its_ids() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "lote-1")];
    let ids = async || {
        let answer = running.post("/send/batch", &headers, "[{},{}]").await;
        let body: Value = answer.json().await.expect("JSON");
        [body["resultados"][0]["id"].clone(), body["resultados"][1]["id"].clone()]
    };
    let first = ids().await;
    assert_ne!(first[0], first[1]);
    assert_eq!(ids().await, first);
}
