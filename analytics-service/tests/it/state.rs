//! `GET /estado`: what the service is doing, and what the broker says of its
//! queues.

use std::time::Duration;

use analytics_service::store::{Limits, Store};
use messages::names::{DEAD_LETTER_QUEUE, EXCHANGE, QUEUE};
use reqwest::Client;
use serde_json::{Value, json};
use service_kit::clock;
use test_support::eventually;
use uuid::Uuid;

use super::{
    Backend, Database, event,
    outage::Intruder,
    process::Process,
    running::{Running, World},
};

/// A password that needs its escapes, and what stands in a URL for it.
const PASSWORD: (&str, &str) = ("p@ss/s3cret", "p%40ss%2Fs3cret");

/// Where the management API is, `host:port`.
fn management() -> String {
    let url = std::env::var("RELEVO_TEST_MANAGEMENT").expect("run by `cargo lab test`");
    url.trim_start_matches("http://").to_owned()
}

/// The URL of a user who may look, and nothing else: as the laboratory's `monitor`.
pub(super) async fn monitor_of(world: &World) -> String {
    let user = world.vhost.create_user(PASSWORD.0).await;
    world.vhost.permit(&user, "^$", "^$", "^$").await;
    let body = json!({ "password": PASSWORD.0, "tags": "management" });
    let made = Client::new()
        .put(format!("http://{}/api/users/{user}", management()))
        .basic_auth("guest", Some("guest"))
        .json(&body);
    let made = made.send().await.expect("an answer");
    assert!(made.status().is_success(), "{}", made.status());
    format!("http://{user}:{}@{}", PASSWORD.1, management())
}

fn queue(state: &Value, field: &str) -> Option<u64> {
    state["broker"]["cola"][field].as_u64()
}

#[tokio::test]
async fn whoever_asks_sees_messages_wait_be_delivered_and_be_counted() {
    let world = World::new().await;
    let running = world.running_with(&["--management-url", &monitor_of(&world).await]).await;
    let state = running.state("the queue", |state| queue(state, "consumidores") == Some(1)).await;
    assert_eq!((&state["consumo"], &state["motivo"]), (&json!("activo"), &Value::Null));
    assert_eq!((&state["guarda"], &state["lote"]), (&Value::Null, &Value::Null));
    assert_eq!((&state["prefetch"], &state["total"]), (&json!(1000), &json!(0)));
    let broker = &state["broker"];
    assert_eq!((&broker["responde"], &broker["motivo"]), (&json!(true), &Value::Null));
    assert_eq!(broker["enlaces"], json!(["click"]));
    assert_eq!(broker["muertas"], json!({ "nombre": DEAD_LETTER_QUEUE, "mensajes": 0 }));
    assert_eq!(
        (&broker["cola"]["nombre"], queue(&state, "limite")),
        (&json!(QUEUE), Some(5_000_000))
    );

    let intruder = Intruder::locks(&world.database_url);
    for _ in 0..3 {
        world.send("ana", Uuid::now_v7()).await;
    }
    let state =
        running.state("what is unacked", |state| queue(state, "sin_acuse") == Some(3)).await;
    assert_eq!(queue(&state, "listos"), Some(0));
    let state = running.state("why", |state| state["guarda"].is_string()).await;
    assert!(state["guarda"].as_str().expect("text").contains("locked"), "{state}");
    assert_eq!(state["contados"], 0);
    intruder.leaves();
    let state = running.state("it is done", |state| queue(state, "sin_acuse") == Some(0)).await;
    assert_eq!((&state["contados"], &state["total"]), (&json!(3), &json!(3)));
    running.stopped().await;
}

#[tokio::test]
async fn a_paused_consumer_lets_messages_wait_and_then_drains_them() {
    let world = World::new().await;
    let monitor = monitor_of(&world).await;
    let running = world.running_with(&["--lab-faults=1", "--management-url", &monitor]).await;
    running.set_faults(json!({ "pausa": true, "lento_ms": 0, "muere": null })).await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
    for _ in 0..5 {
        world.send("ana", Uuid::now_v7()).await;
    }
    let waiting = |state: &Value| queue(state, "listos") == Some(5);
    let state = running.state("what waits", waiting).await;
    assert_eq!((&state["consumo"], &state["contados"]), (&json!("en-pausa"), &json!(0)));
    assert_eq!(queue(&state, "sin_acuse"), Some(0));
    running.state("no consumer", |state| queue(state, "consumidores") == Some(0)).await;
    running.becomes(200).await;

    running.set_faults(json!({ "pausa": false, "lento_ms": 0, "muere": null })).await;
    running.counts(5).await;
    let drained = |state: &Value| queue(state, "listos") == Some(0);
    let state = running.state("that nothing waits", drained).await;
    assert_eq!((&state["consumo"], &state["contados"]), (&json!("activo"), &json!(5)));
    running.stopped().await;
}

#[tokio::test]
async fn counts_since_the_start_are_exact_and_what_was_rejected_lies_with_the_dead() {
    let world = World::new().await;
    let monitor = monitor_of(&world).await;
    let running = world.running_with(&["--management-url", &monitor]).await;
    let id = Uuid::now_v7();
    for _ in 0..3 {
        world.send("ana", id).await;
    }
    world.send("eva", Uuid::now_v7()).await;
    world.send_raw(json!({ "message_id": Uuid::now_v7() }), "veneno").await;
    world.send_raw(json!({}), "veneno sin id").await;
    world.vhost.bind(EXCHANGE, QUEUE, "compra").await;
    let dead = |state: &Value| state["broker"]["muertas"]["mensajes"] == 2;
    let state = running.state("the dead", dead).await;
    let counts = ["contados", "repetidos", "rechazados", "reentregados"].map(|name| &state[name]);
    assert_eq!(counts, [2, 2, 2, 0], "{state}");
    assert!(state["lote"]["mensajes"].as_u64().is_some_and(|size| size > 0), "{state}");
    let bound = |state: &Value| state["broker"]["enlaces"] == json!(["click", "compra"]);
    running.state("both bindings", bound).await;
    running.stopped().await;

    let again = world.running().await;
    let restarted = again.json("/estado").await.expect("a state");
    assert_ne!(restarted["proceso"], state["proceso"]);
    assert_eq!((&restarted["contados"], &restarted["total"]), (&json!(0), &json!(2)));
    again.stopped().await;
}

/// Whose the messages in the ledger are, oldest first.
async fn ledger(running: &Running) -> Result<Vec<String>, String> {
    let page = running.json("/contados").await?;
    let rows = page["contados"].as_array().ok_or(page.to_string())?;
    Ok(rows.iter().map(|row| row["cliente"].as_str().unwrap_or_default().to_owned()).collect())
}

#[tokio::test]
async fn what_was_counted_since_the_moment_it_names_is_remembered_and_long_before_forgotten() {
    let world = World::new().await;
    let url = world.database_url.parse().expect("a database");
    let store = Store::new(&url, Limits::default()).expect("a store");
    let hours_ago = |hours| clock::ago(Duration::from_hours(hours));
    for (client, hours) in [("antigua", 27), ("dudosa", 25), ("reciente", 1)] {
        let counted = store.record(&[event(client, "click", 1)], hours_ago(hours)).await;
        counted.expect("recorded");
    }
    let running = world.running_with(&["--dedup-window=2h"]).await;
    let before = hours_ago(2);
    let state = running.json("/estado").await.expect("a state");
    let since = state["recuerda_desde"].as_str().and_then(|text| text.parse().ok());
    assert!(since.is_some_and(|since| (before..=hours_ago(2)).contains(&since)), "{state}");
    eventually("what is older than the window and a day is forgotten", || async {
        match ledger(&running).await? {
            clients if clients == ["dudosa", "reciente"] => Ok(()),
            clients => Err(format!("{clients:?}")),
        }
    })
    .await;
    let state = running.json("/estado").await.expect("a state");
    assert_eq!(state["total"], 3, "forgotten, and still in the total");
    let openapi = running.json("/openapi.json").await.expect("a document");
    let schema = &openapi["components"]["schemas"]["Estado"];
    let documented = |part: &Value| part["properties"]["recuerda_desde"]["format"] == "date-time";
    assert!(
        schema["allOf"].as_array().is_some_and(|parts| parts.iter().any(documented)),
        "{schema}"
    );
    running.stopped().await;
}

#[tokio::test]
async fn without_a_management_url_it_says_so_and_counts_all_the_same() {
    let world = World::new().await;
    let running = world.running().await;
    let broker = running.json("/estado").await.expect("a state")["broker"].clone();
    let reason = broker["motivo"].as_str().expect("a reason");
    assert!(reason.contains("MANAGEMENT_URL"), "{reason}");
    let wanted = json!({
        "responde": false, "a_las": null, "hace_ms": null, "motivo": reason, "cola": null,
        "muertas": null, "enlaces": [],
    });
    assert_eq!(broker, wanted);
    world.send("ana", Uuid::now_v7()).await;
    running.counts(1).await;
    running.stopped().await;
}

/// What the service says of a management API at `url`, in its answers and its log.
async fn told(url: &str, expected: &str) -> String {
    let world = World::new().await;
    let process = Process::start(&[
        ("AMQP_URL", &world.vhost.url()),
        ("DATABASE_URL", &world.database_url),
        ("MANAGEMENT_URL", url),
    ]);
    process.http.becomes(200).await;
    let refused = |state: &Value| {
        let reason = state["broker"]["motivo"].as_str().unwrap_or_default();
        state["broker"]["responde"] == false && reason.contains(expected)
    };
    let state = process.http.state(expected, refused).await;
    assert_eq!((&state["consumo"], &state["broker"]["cola"]), (&json!("activo"), &Value::Null));
    format!("{state}\n{}", process.log())
}

#[tokio::test]
async fn a_management_api_that_is_not_there_or_refuses_us_is_told_of_without_the_password() {
    let address = management();
    for (url, expected) in [
        ("http://monitor:s3cret@127.0.0.1:1".to_owned(), "no está al alcance"),
        (format!("http://guest:s3cret@{address}"), "401"),
        (format!("http://guest:s3cret@{address}/nowhere"), "404"),
    ] {
        let text = told(&url, expected).await;
        assert!(text.contains("the management API gives no answer"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("czNjcmV0"), "{text}");
    }
}

#[tokio::test]
async fn when_the_broker_is_away_the_last_numbers_stay_with_their_time() {
    let world = World::new().await;
    let line = test_support::CutProxy::to(management()).await.expect("a free port");
    let url = format!("http://guest:guest@{}", line.address());
    let running = world.running_with(&["--management-url", &url]).await;
    let known = running.state("the queue", |state| queue(state, "consumidores") == Some(1)).await;
    line.cut();
    let away = running.state("it is away", |state| state["broker"]["responde"] == false).await;
    assert_eq!(away["broker"]["cola"], known["broker"]["cola"]);
    assert!(away["broker"]["motivo"].is_string(), "{away}");
    let time = |state: &Value| -> jiff::Timestamp {
        state["broker"]["a_las"].as_str().and_then(|text| text.parse().ok()).expect("a time")
    };
    let stopped_at = time(&away);
    line.restore();
    let back = running.state("it is back", |state| state["broker"]["responde"] == true).await;
    assert!(time(&back) > stopped_at, "{back}");
    running.stopped().await;
}

#[tokio::test]
async fn without_a_broker_it_says_that_it_is_not_connected() {
    let database = Database::create(Backend::Sqlite).await;
    let broker = "amqp://guest:s3cret@127.0.0.1:1/%2f";
    let running = Running::start(broker, &database.exposed());
    let state = running.state("no connection", |state| state["consumo"] == "sin-conexion").await;
    let reason = state["motivo"].as_str().expect("a reason");
    assert!(reason.contains("sin conexión con RabbitMQ"), "{reason}");
    assert!(!state.to_string().contains("s3cret"), "{state}");
    running.stopped().await;
}
