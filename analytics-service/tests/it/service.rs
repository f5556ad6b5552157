//! The whole service: from a message in the queue to the report.

use futures_util::StreamExt;
use messages::names::{CLICK, CLICK_EVENT_TYPE as TYPE, DEAD_LETTER_QUEUE, EXCHANGE, QUEUE};
use serde_json::json;
use service_kit::Failure;
use test_support::{CutProxy, RawProperties, Vhost, raw::LATIN_1};
use uuid::Uuid;

use super::{
    Backend, Database,
    running::{Running, World},
};

#[tokio::test]
async fn what_is_sent_is_counted_once_and_reported_in_every_form() {
    let world = World::new().await;
    let running = world.running().await;
    let id = Uuid::now_v7();
    for client in ["ana", "ana", "eva"] {
        world.send(client, Uuid::now_v7()).await;
        world.send(client, id).await;
    }
    // Three of their own, and one for each of two clients under a shared id.
    let report = running.counts(5).await;
    assert_eq!(report["clientes"], json!({ "ana": 3, "eva": 2 }));
    assert_eq!(report["eventos"], json!({ "click": 5 }));

    for (query, csv) in [
        ("", "cliente,eventos\nana,3\neva,2\n"),
        ("?cliente=eva", "cliente,eventos\neva,2\n"),
        ("?cliente=nadie", "cliente,eventos\n"),
        ("?limite=1", "cliente,eventos\nana,3\n"),
        ("?tras=ana", "cliente,eventos\neva,2\n"),
    ] {
        let url = format!("{}/reporte{query}", running.address);
        let asked = running.client.get(url).header("accept", "Text/CSV").send().await;
        assert_eq!(asked.expect("an answer").text().await.expect("text"), csv, "{query}");
    }
    let marked = running.client.get(format!("{}/reporte?bom=si", running.address));
    let marked = marked.header("accept", "text/csv").send().await.expect("an answer");
    let marked = marked.bytes().await.expect("bytes");
    assert_eq!(marked, "\u{feff}cliente,eventos\nana,3\neva,2\n".as_bytes());
    let one = running.json("/reporte?cliente=eva").await.expect("a report");
    assert_eq!((&one["total"], &one["clientes"]), (&json!(2), &json!({ "eva": 2 })));
    let page = running.json("/reporte?limite=1&pagina=2").await.expect("a report");
    assert_eq!((&page["clientes"], &page["paginas"]), (&json!({ "eva": 2 }), &json!(2)));
    let latest = running.json("/eventos?limite=2").await.expect("events");
    assert_eq!(latest["eventos"].as_array().map(Vec::len), Some(2));

    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let running = world.running().await;
    for (query, status) in [
        ("limite=0", 422),
        ("limite=10001", 422),
        ("pagina=0", 422),
        ("limite=x", 400),
        ("orden=azar", 400),
        ("orden=eventos&pagina=2", 422),
        ("orden=eventos&tras=ana", 422),
        ("tras=ana&pagina=2", 422),
        ("limit=5", 400),
        ("pagina=99999999999999999999", 400),
    ] {
        let answer = running.get(&format!("/reporte?{query}")).await.expect("an answer");
        assert_eq!(answer.status(), status, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(running.get("/eventos?limite=51").await.expect("an answer").status(), 422);
    let unescaped = running.get("/contados?desde=2026-11-22T10:00:00+01:00").await;
    let unescaped = unescaped.expect("an answer");
    assert_eq!(unescaped.status(), 400);
    let told = unescaped.text().await.expect("text");
    assert!(told.contains("2026-11-22T10:00:00%2B01:00"), "{told}");
}

#[tokio::test]
async fn poison_goes_to_the_dead_letter_queue_and_its_neighbours_are_counted() {
    let world = World::new().await;
    let running = world.running().await;
    let good = json!({ "message_id": Uuid::now_v7() });
    let body = json!({ "cliente": "ana", "evento": CLICK, "timestamp": "2025-04-13T12:00:00Z" })
        .to_string();
    let old = "01000000-0000-7000-8000-000000000000";
    world.send_raw(good.clone(), "no es JSON").await;
    world.send_raw(json!({ "message_id": Uuid::now_v7() }), r#"{"otro": 1}"#).await;
    world.send_raw(json!({}), &body).await;
    world
        .send_raw(json!({ "message_id": Uuid::now_v7(), "type": "evento_cliente.v9" }), &body)
        .await;
    world.send_raw(json!({ "message_id": old }), &body).await;
    world.send_raw(good, &body).await;
    running.counts(1).await;
    world.vhost.wait_for_queue(DEAD_LETTER_QUEUE, 5, 0).await;
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

/// What a sender says of an event, in octets.
fn raw_event() -> RawProperties {
    let id = Uuid::now_v7().to_string();
    RawProperties::default().text("message_id", id.as_bytes()).text("type", TYPE.as_bytes())
}

#[tokio::test]
async fn with_messages_in_the_queue_that_nobody_can_read_it_starts_and_counts_the_others() {
    let world = World::new().await;
    world.running().await.stopped().await;
    let body = json!({ "cliente": "ana", "evento": CLICK, "timestamp": "2025-04-13T12:00:00Z" });
    let body = body.to_string();
    let mut raw = world.vhost.raw_publisher().await;
    let unreadable = raw_event().unreadable();
    for (_, properties) in &unreadable {
        raw.publish(EXCHANGE, CLICK.as_bytes(), properties, body.as_bytes()).await;
        world.send("ana", Uuid::now_v7()).await;
    }
    // By the header `CC` it comes where its own key does not lead.
    let copied = raw_event().headers(b"\x02CCA\x00\x00\x00\x0aS\x00\x00\x00\x05click");
    raw.publish(EXCHANGE, LATIN_1, &copied, body.as_bytes()).await;
    let strange = raw_event().strange();
    for (_, properties) in &strange {
        // The same event: it counts once.
        raw.publish(EXCHANGE, CLICK.as_bytes(), properties, body.as_bytes()).await;
    }

    let running = world.running().await;
    running.counts(unreadable.len() as u64 + 1).await;
    let dead = u32::try_from(unreadable.len() + 1).expect("few");
    world.vhost.wait_for_queue(DEAD_LETTER_QUEUE, dead, 0).await;
    let state = running.state("all", |state| state["repetidos"] == strange.len() as u64 - 1).await;
    assert_eq!((&state["rechazados"], &state["reentregados"]), (&json!(dead), &json!(0)));
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn what_waits_while_it_is_stopped_is_counted_afterwards_and_counts_stay() {
    let world = World::new().await;
    let running = world.running().await;
    world.send("ana", Uuid::now_v7()).await;
    running.counts(1).await;
    running.stopped().await;

    for _ in 0..50 {
        world.send("ana", Uuid::now_v7()).await;
    }
    world.vhost.wait_for_queue(QUEUE, 50, 0).await;
    let running = world.running().await;
    running.counts(51).await;
    running.stopped().await;
}

#[tokio::test]
async fn the_stream_sends_the_report_at_once_and_at_every_change_and_ends_in_order() {
    let world = World::new().await;
    let running = world.running().await;
    let answer = running.get("/reporte/stream").await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut chunks = answer.bytes_stream();
    let mut text = String::new();
    let mut until = async |wanted: &str| {
        while !text.contains(wanted) {
            let chunk = tokio::time::timeout(test_support::PATIENCE, chunks.next()).await;
            match chunk.expect("an event in time") {
                Some(chunk) => text.push_str(&String::from_utf8_lossy(&chunk.expect("bytes"))),
                None => break,
            }
        }
        text.clone()
    };
    let first = until(r#"data: {"total":0"#).await;
    assert!(first.contains("event: reporte"), "{first}");
    world.send("ana", Uuid::now_v7()).await;
    let changed = until(r#"{"total":1,"clientes":{"ana":1}"#).await;
    assert!(changed.contains("id: 1"), "{changed}");
    running.shutdown.raise();
    until("never sent").await;
    running.task.await.expect("no panic").expect("an orderly end");
}

#[tokio::test]
async fn without_a_broker_it_is_alive_reports_and_is_not_ready() {
    let database = Database::create(Backend::Sqlite).await;
    let running = Running::start("amqp://guest:guest@127.0.0.1:1/%2f", &database.exposed());
    running.counts(0).await;
    running.becomes(503).await;
    assert_eq!(running.get("/healthz").await.expect("an answer").status(), 200);
    running.stopped().await;
}

#[tokio::test]
async fn after_a_cut_line_it_consumes_again_and_nothing_is_counted_twice() {
    let world = World::new().await;
    let line = CutProxy::to(world.vhost.broker_address()).await.expect("a free port");
    let running = Running::start(&world.vhost.url_through(line.address()), &world.database_url);
    running.becomes(200).await;
    for turn in 1..=3u64 {
        for _ in 0..20 {
            world.send("ana", Uuid::now_v7()).await;
        }
        line.cut();
        running.becomes(503).await;
        line.restore();
        running.becomes(200).await;
        running.counts(turn * 20).await;
    }
    running.stopped().await;
    // What was counted and delivered once more as it stopped is in the queue again. One
    // more event is behind all of that.
    let again = Running::start(&world.vhost.url(), &world.database_url);
    again.becomes(200).await;
    world.send("ana", Uuid::now_v7()).await;
    again.counts(61).await;
    again.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_ends_the_service_with_the_reason() {
    let world = World::new().await;
    world.vhost.declare_queue(QUEUE, json!({ "x-queue-type": "quorum" })).await;
    let running = Running::start(&world.vhost.url(), &world.database_url);
    match running.task.await.expect("no panic") {
        Err(Failure::Configuration(error)) => {
            let text = format!("{error:#}");
            assert!(text.contains(QUEUE) && text.contains("inequivalent arg"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_whole_service_runs_on_postgres() {
    let vhost = Vhost::create().await;
    let database = Database::create(Backend::Postgres).await;
    let url = database.exposed();
    let running = Running::start(&vhost.url(), &url);
    running.becomes(200).await;
    let body = json!({ "cliente": "ana", "evento": CLICK, "timestamp": "2025-04-13T12:00:00Z" });
    vhost
        .publish(EXCHANGE, CLICK, json!({ "message_id": Uuid::now_v7() }), &body.to_string())
        .await;
    running.counts(1).await;
    running.stopped().await;
}
