//! `GET /mensajes/{id}`: what became of one message.

use jiff::Timestamp;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use super::{
    outage::Intruder,
    running::{Http, Running, World},
};

/// Waits until the story of `id` has `deliveries` of them.
async fn story(running: &Http, id: Uuid, deliveries: usize) -> Value {
    eventually(&format!("{deliveries} deliveries of {id}"), || async {
        let story = running.json(&format!("/mensajes/{id}")).await?;
        let told = story["entregas"].as_array().map(Vec::len);
        if told == Some(deliveries) { Ok(story) } else { Err(story.to_string()) }
    })
    .await
}

fn outcomes(story: &Value) -> Vec<&str> {
    let deliveries = story["entregas"].as_array().expect("deliveries").iter();
    deliveries.map(|delivery| delivery["resultado"].as_str().expect("an outcome")).collect()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).expect("RFC 3339")
}

#[tokio::test]
async fn a_message_is_told_of_from_its_first_delivery_to_its_last() {
    let world = World::new().await;
    let running = world.running().await;
    let id = Uuid::now_v7();
    world.send("ana", id).await;
    let first = story(&running, id, 1).await;
    let delivery = &first["entregas"][0];
    let wanted = json!({
        "a_las": delivery["a_las"], "reentregado": false, "resultado": "contado",
        "cliente": "ana", "motivo": null,
    });
    assert_eq!((&first["id"], delivery), (&json!(id), &wanted));
    assert_eq!(first["contado"]["cliente"], "ana");
    let counted = time(&first["contado"]["a_las"]);
    assert!((counted.as_second() - time(&delivery["a_las"]).as_second()).abs() <= 5, "{first}");

    world.send("ana", id).await;
    let again = story(&running, id, 2).await;
    assert_eq!(outcomes(&again), ["contado", "repetido"]);
    assert_eq!(again["contado"], first["contado"]);
    running.stopped().await;

    let restarted = world.running().await;
    let left = story(&restarted, id, 0).await;
    assert_eq!(left["contado"], first["contado"]);
    restarted.stopped().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_counted_tells_why() {
    let world = World::new().await;
    let running = world.running().await;
    let id = Uuid::now_v7();
    let long = "x".repeat(1000);
    world.send_raw(json!({ "message_id": id }), &format!(r#"{{"<b>{long}":1}}"#)).await;
    let story = story(&running, id, 1).await;
    assert_eq!((outcomes(&story), &story["contado"]), (vec!["rechazado"], &Value::Null));
    let reason = story["entregas"][0]["motivo"].as_str().expect("a reason");
    assert!(reason.starts_with("el cuerpo no es un evento"), "{reason}");
    assert_eq!(reason.chars().count(), 200);
    running.stopped().await;
}

#[tokio::test]
async fn a_message_that_waits_for_the_database_says_so_once_and_is_counted_then() {
    let world = World::new().await;
    let running = world.running().await;
    let intruder = Intruder::locks(&world.database_url);
    let id = Uuid::now_v7();
    world.send("ana", id).await;
    let waiting = story(&running, id, 1).await;
    assert_eq!((outcomes(&waiting), &waiting["contado"]), (vec!["no-guardado"], &Value::Null));
    let reason = waiting["entregas"][0]["motivo"].as_str().expect("a reason");
    assert!(reason.contains("locked"), "{reason}");
    intruder.leaves();
    running.counts(1).await;
    let counted = story(&running, id, 2).await;
    assert_eq!(outcomes(&counted), ["no-guardado", "contado"]);
    assert_eq!(counted["contado"]["cliente"], "ana");
    running.stopped().await;
}

#[tokio::test]
async fn an_unknown_message_is_a_404_and_what_is_no_uuid_a_400() {
    let world = World::new().await;
    let running = world.running().await;
    let nobody = Uuid::now_v7().to_string();
    for (id, status) in [
        (nobody.as_str(), 404),
        ("7", 400),
        ("%3Cb%3E", 400),
        ("0195e2a0-1234-7000-8000-00000000000g", 400),
    ] {
        let answer = running.get(&format!("/mensajes/{id}")).await.expect("an answer");
        assert_eq!(answer.status(), status, "{id}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.expect("JSON");
        assert!(problem["request_id"].is_string(), "{problem}");
    }
    running.stopped().await;
}

#[tokio::test]
async fn without_a_database_what_is_known_of_a_message_is_told_and_else_503() {
    let world = World::new().await;
    let running = Running::start(&world.vhost.url(), "sqlite:///dev/null/counts.db");
    let id = Uuid::now_v7();
    // The exchange is declared by the service, as soon as it is connected.
    running.state("it consumes", |state| state["consumo"] == "activo").await;
    world.send("ana", id).await;
    let story = story(&running, id, 1).await;
    assert_eq!((outcomes(&story), &story["contado"]), (vec!["no-guardado"], &Value::Null));
    let other = running.get(&format!("/mensajes/{}", Uuid::now_v7())).await.expect("an answer");
    assert_eq!(other.status(), 503);
    assert!(other.headers().contains_key("retry-after"));
    running.stopped().await;
}
