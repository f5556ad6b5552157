//! `POST /send` as a user types it.

use messages::names::{EXCHANGE, QUEUE};
use serde_json::{Value, json};
use test_support::Vhost;

use super::{Running, prepare, problem};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_confirmed_event_is_answered_202_and_lies_in_the_queue() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [JSON, ("x-request-id", "peticion-7"), ("traceparent", trace)];
    let answer = running.post("/send", &headers, r#"{"message": "mensaje de prueba"}"#).await;

    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["x-request-id"], "peticion-7");
    let event: Value = answer.json().await.expect("JSON");
    assert_eq!(event["cliente"], "cliente_x");
    assert_eq!(event["evento"], "click");
    assert_eq!(event["message"], "mensaje de prueba");

    let taken = vhost.take(QUEUE, 10).await;
    assert_eq!(taken.len(), 1);
    let properties = &taken[0]["properties"];
    assert_eq!(properties["message_id"], event["id"]);
    assert_eq!(properties["app_id"], "cliente_x");
    assert_eq!(properties["type"], "evento_cliente.v1");
    assert_eq!(properties["delivery_mode"], 2);
    assert_eq!(properties["correlation_id"], "peticion-7");
    assert_eq!(properties["headers"]["cliente"], "cliente_x");
    assert_eq!(properties["headers"]["traceparent"], trace);
    let wanted = format!(
        r#"{{"cliente":"cliente_x","evento":"click","timestamp":{},"message":"mensaje de prueba"}}"#,
        event["timestamp"]
    );
    assert_eq!(taken[0]["payload"], wanted);
}

#[tokio::test]
async fn everything_may_be_left_out() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    for (headers, body) in [(vec![], ""), (vec![JSON], ""), (vec![JSON], "{}")] {
        let answer = running.post("/send", &headers, body).await;
        assert_eq!(answer.status(), 202, "{headers:?} {body}");
        let event: Value = answer.json().await.expect("JSON");
        assert!(event.get("message").is_none(), "{event}");
    }
    vhost.wait_for_queue(QUEUE, 3, 0).await;
}

#[tokio::test]
async fn the_client_is_the_bodys_then_the_headers_then_the_senders() {
    let vhost = Vhost::create().await;
    prepare(&vhost).await;
    let running = Running::start(&vhost.url(), &["--sender-name", "cliente_dos"]);
    running.becomes(200).await;
    let client = async |headers: &[(&str, &str)], body: &'static str| {
        let answer = running.post("/send", headers, body).await;
        answer.json::<Value>().await.expect("JSON")["cliente"].clone()
    };
    assert_eq!(client(&[], "").await, "cliente_dos");
    assert_eq!(client(&[("x-client-name", "ana")], "").await, "ana");
    assert_eq!(client(&[JSON, ("x-client-name", "ana")], r#"{"cliente":"eva"}"#).await, "eva");
    let taken = vhost.take(QUEUE, 3).await;
    let headers: Vec<_> =
        taken.iter().map(|one| &one["properties"]["headers"]["cliente"]).collect();
    assert_eq!(headers, ["cliente_dos", "ana", "eva"]);
}

#[tokio::test]
async fn an_event_that_no_queue_is_bound_for_is_never_a_success() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let answer = running.post_json("/send", &json!({ "evento": "compra" })).await;
    let body = problem(answer, 422, "sin-ruta").await;
    let detail = body["detail"].as_str().expect("text");
    assert!(detail.contains("compra") && detail.contains(EXCHANGE), "{detail}");

    vhost.bind(EXCHANGE, QUEUE, "compra").await;
    let answer = running.post_json("/send", &json!({ "evento": "compra" })).await;
    assert_eq!(answer.status(), 202);
}

#[tokio::test]
async fn a_key_fixes_the_id_within_one_client_only() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let id = async |client: &str, key: &str| {
        let headers = [("x-client-name", client), ("idempotency-key", key)];
        let answer = running.post("/send", &headers, "").await;
        answer.json::<Value>().await.expect("JSON")["id"].clone()
    };
    let first = id("ana", "k1").await;
    assert_eq!(id("ana", "k1").await, first);
    assert_ne!(id("eva", "k1").await, first);
    assert_ne!(id("ana", "k2").await, first);
}

#[tokio::test]
async fn with_an_interval_it_emits_by_itself() {
    let vhost = Vhost::create().await;
    prepare(&vhost).await;
    let running = Running::start(&vhost.url(), &["--emit-every", "20ms"]);
    test_support::eventually("three events came by themselves", || async {
        match vhost.queue(QUEUE).await? {
            queue if queue.ready >= 3 => Ok(()),
            queue => Err(format!("{queue:?}")),
        }
    })
    .await;
    running.stopped().await;
}

#[tokio::test]
async fn the_kits_pages_are_there_and_load_nothing_from_elsewhere() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    running.post("/send", &[], "").await;
    assert_eq!(running.get("/healthz").await.status(), 200);
    let metrics = running.get("/metrics").await.text().await.expect("text");
    assert!(metrics.contains(r#"broker_published_total{result="confirmed"}"#), "{metrics}");
    assert!(metrics.contains(r#"route="/send""#), "{metrics}");
    let openapi: Value = running.get("/openapi.json").await.json().await.expect("JSON");
    assert!(openapi["paths"]["/send"]["post"].is_object(), "{openapi}");
    assert!(openapi["paths"]["/send/batch"]["post"].is_object(), "{openapi}");
    let page = running.get("/docs/").await.text().await.expect("text");
    let initializer = running.get("/docs/swagger-initializer.js").await.text().await.expect("text");
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(initializer.contains("/openapi.json"), "{initializer}");
    for text in [page, initializer] {
        assert!(!text.contains("https://"), "{text}");
    }
}
