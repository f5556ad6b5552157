//! `/fallos`: the switches of a laboratory, and what becomes of messages while
//! they are on.

use messages::names::QUEUE;
use reqwest::Response;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use super::{
    process::Process,
    running::{Http, World},
};

/// Messages that a crash meets.
const MESSAGES: u64 = 20;

impl Http {
    /// Sets the switches, which are answered as they were given.
    pub(super) async fn set_faults(&self, switches: Value) {
        let answer = self.put("/fallos", &switches.to_string()).await;
        assert_eq!(answer.status(), 200, "{switches}");
        assert_eq!(answer.json::<Value>().await.expect("JSON"), switches);
    }

    async fn put(&self, path: &str, body: &str) -> Response {
        let request = self.client.put(format!("{}{path}", self.address));
        let request = request.header("content-type", "application/json").body(body.to_owned());
        request.send().await.expect("an answer")
    }
}

fn switches(pausa: bool, lento_ms: u64, muere: Option<&str>) -> Value {
    json!({ "pausa": pausa, "lento_ms": lento_ms, "muere": muere })
}

#[tokio::test]
async fn without_lab_faults_there_are_no_switches() {
    let world = World::new().await;
    let running = world.running().await;
    assert_eq!(running.get("/fallos").await.expect("an answer").status(), 404);
    let refused = running.put("/fallos", &switches(true, 0, None).to_string()).await;
    assert_eq!(refused.status(), 404);
    let openapi = running.json("/openapi.json").await.expect("a document");
    assert!(openapi["paths"]["/estado"].is_object() && openapi["paths"]["/fallos"].is_null());
    assert_eq!(running.json("/estado").await.expect("a state")["consumo"], "activo");
    running.stopped().await;
}

#[tokio::test]
async fn switches_are_set_all_at_once_and_what_makes_no_sense_changes_nothing() {
    let world = World::new().await;
    let running = world.running_with(&["--lab-faults=1"]).await;
    let openapi = running.json("/openapi.json").await.expect("a document");
    assert!(openapi["paths"]["/fallos"]["put"].is_object());
    assert_eq!(running.json("/fallos").await.expect("switches"), switches(false, 0, None));
    running.set_faults(switches(false, 10_000, None)).await;
    let long = " ".repeat(5000);
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("{}", 422),
        ("[false,0,null]", 422),
        (r#"{"pausa":false,"lento_ms":0}"#, 422),
        (r#"{"pausa":false,"muere":null}"#, 422),
        (r#"{"lento_ms":0,"muere":null}"#, 422),
        (r#"{"pausa":false,"lento_ms":0,"muere":null,"otro":1}"#, 422),
        (r#"{"pausa":false,"lento_ms":10001,"muere":null}"#, 422),
        (r#"{"pausa":false,"lento_ms":-1,"muere":null}"#, 422),
        (r#"{"pausa":false,"lento_ms":0.5,"muere":null}"#, 422),
        (r#"{"pausa":"no","lento_ms":0,"muere":null}"#, 422),
        (r#"{"pausa":false,"lento_ms":0,"muere":"ya"}"#, 422),
        (&long, 413),
    ] {
        let refused = running.put("/fallos", body).await;
        assert_eq!(refused.status(), status, "{body}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
    }
    let plain = running.client.put(format!("{}/fallos", running.address));
    let plain = plain.body(switches(true, 0, None).to_string()).send().await.expect("an answer");
    assert_eq!(plain.status(), 415, "as a form of another page would send it");
    assert_eq!(running.json("/fallos").await.expect("switches"), switches(false, 10_000, None));
    running.stopped().await;
}

#[tokio::test]
async fn a_slow_consumer_has_its_batch_delivered_and_not_counted_until_it_may() {
    let world = World::new().await;
    let running = world.running_with(&["--lab-faults=1"]).await;
    running.set_faults(switches(false, 10_000, None)).await;
    world.send("ana", Uuid::now_v7()).await;
    world.vhost.wait_for_queue(QUEUE, 0, 1).await;
    assert_eq!(running.json("/estado").await.expect("a state")["contados"], 0);
    running.set_faults(switches(false, 0, None)).await;
    running.counts(1).await;
    running.stopped().await;
}

/// A process that pauses, gets messages, and dies as `death` says; its log.
async fn crashed(world: &World, death: &str) -> String {
    let mut process = Process::start(&[
        ("AMQP_URL", &world.vhost.url()),
        ("DATABASE_URL", &world.database_url),
        ("LAB_FAULTS", "1"),
    ]);
    process.http.becomes(200).await;
    process.http.set_faults(switches(true, 0, None)).await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
    for _ in 0..MESSAGES {
        world.send("ana", Uuid::now_v7()).await;
    }
    process.http.set_faults(switches(false, 0, Some(death))).await;
    assert_eq!(process.exit_code().await, Some(70));
    eventually("the log says why", || async {
        let log = process.log();
        if log.contains("mistake made on purpose") { Ok(log) } else { Err(log) }
    })
    .await
}

#[tokio::test]
async fn a_crash_before_the_ack_loses_nothing_and_nothing_counts_twice() {
    let world = World::new().await;
    crashed(&world, "antes-del-acuse").await;
    let running = world.running().await;
    let handled = |state: &Value| {
        let counts = ["contados", "repetidos"].map(|name| state[name].as_u64());
        counts[0].zip(counts[1]).map(|(new, again)| new + again) == Some(MESSAGES)
    };
    let state = running.state("all came again", handled).await;
    assert!(state["repetidos"].as_u64() >= Some(1), "a batch had been stored: {state}");
    assert!(state["reentregados"].as_u64() >= state["repetidos"].as_u64(), "{state}");
    let report = running.counts(MESSAGES).await;
    assert_eq!(report["clientes"], json!({ "ana": MESSAGES }));
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_crash_after_an_ack_that_came_too_early_loses_the_batch_for_good() {
    let world = World::new().await;
    let log = crashed(&world, "tras-acuse-prematuro").await;
    assert!(log.lines().any(|line| line.contains("ERROR") && line.contains("is lost")), "{log}");
    let running = world.running().await;
    // What comes last is counted last: by then all that was left is.
    let last = Uuid::now_v7();
    world.send("eva", last).await;
    eventually("the last one is counted", || async {
        let story = running.get(&format!("/mensajes/{last}")).await?;
        if story.status() == 200 { Ok(()) } else { Err(story.status().to_string()) }
    })
    .await;
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
    let running = world.running().await;
    let total = running.json("/reporte").await.expect("a report")["total"].as_u64();
    assert!(total.is_some_and(|total| (1..=MESSAGES).contains(&total)), "{total:?} of 21");
    running.stopped().await;
}
