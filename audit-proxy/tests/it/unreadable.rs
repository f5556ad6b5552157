//! Messages of which nobody can read a part, through the whole proxy: refused at once and
//! alone, with their octets.

use broker::DeadLetters;
use jiff::Timestamp;
use messages::names;
use serde_json::{Value, json};
use test_support::{RawProperties, eventually, raw::LATIN_1};
use uuid::Uuid;

use super::running::{Running, USER, World, properties};

const KIND: &str = "ticket.asignado";

/// What a message of the standard says of itself, in octets.
fn raw(id: Uuid, source: &str, kind: &str) -> RawProperties {
    let seconds = Timestamp::now().as_second().to_be_bytes();
    RawProperties::default()
        .text("message_id", id.to_string().as_bytes())
        .text("app_id", source.as_bytes())
        .text("user_id", USER.as_bytes())
        .text("type", kind.as_bytes())
        .text("content_type", b"application/json")
        .with("timestamp", seconds.to_vec())
}

/// Waits until so many are refused and in the queue for people; what is shown of them.
async fn refused(world: &World, count: usize) -> Vec<Vec<(String, String)>> {
    let ready = u32::try_from(count).expect("few");
    world.vhost.wait_for_queue(names::REFUSED_QUEUE, ready, 0).await;
    let url = world.vhost.url().parse().expect("a url");
    let mut dead =
        DeadLetters::open(&url, "prueba", names::REFUSED_QUEUE, 1000).await.expect("a queue");
    let letters = dead.take(count).await.expect("messages").letters;
    dead.close().await.expect("an orderly end");
    letters.into_iter().map(|letter| letter.properties).collect()
}

/// The reasons of all that is refused, sorted.
async fn reasons(proxy: &Running, count: usize) -> Vec<String> {
    eventually("all are kept as refused", || async {
        let (_, page) = proxy.get("/mensajes?estado=no_admitido&limite=500").await?;
        let kept = page["mensajes"].as_array().map_or(&[][..], Vec::as_slice);
        let reason = |message: &Value| message["motivo"].as_str().unwrap_or_default().to_owned();
        let mut reasons: Vec<_> = kept.iter().map(reason).collect();
        reasons.sort();
        if kept.len() == count { Ok(reasons) } else { Err(page.to_string()) }
    })
    .await
}

#[tokio::test]
async fn what_nobody_can_read_is_refused_alone_and_keeps_its_octets() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let mut publisher = world.vhost.raw_publisher().await;
    let message = || raw(Uuid::now_v7(), "servicedesk", KIND);
    let kinds = message().unreadable().into_iter().map(|(kind, _)| kind);
    let kinds: Vec<_> = kinds.collect();
    for (place, _) in kinds.iter().enumerate() {
        let (_, properties) = message().unreadable().swap_remove(place);
        publisher.publish(names::ENTRY_EXCHANGE, b"redmine", &properties, b"{}").await;
        world.publish(Uuid::now_v7(), "{}").await;
    }
    publisher.publish(names::ENTRY_EXCHANGE, LATIN_1, &message(), b"{}").await;

    let count = kinds.len() + 1;
    let reasons = reasons(&proxy, count).await;
    let text = |part: &str| format!("{part} no es texto en UTF-8");
    for part in [
        "su correlation_id",
        "su message_id",
        "su type",
        "su app_id",
        "su clave de enrutamiento",
        "el nombre de una de sus cabeceras",
    ] {
        assert!(reasons.contains(&text(part)), "{part}: {reasons:?}");
    }
    let nested = reasons.iter().filter(|reason| reason.contains("anidadas sin medida")).count();
    assert_eq!(nested, 2, "{reasons:?}");
    let shown = refused(&world, count).await.concat();
    for name in ["correlation_id", "message_id", "type", "app_id", "reply_to"] {
        assert!(shown.contains(&(name.to_owned(), r"se\xf1a".to_owned())), "{name}: {shown:?}");
    }
    assert!(shown.iter().any(|(name, _)| name == r"headers.se\xf1a"), "{shown:?}");
    assert_eq!(world.takes("redmine", kinds.len()).await.len(), kinds.len());
    proxy.stopped().await;
    world.vhost.wait_for_queue(names::AUDIT_QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_time_that_is_no_text_is_refused_and_not_taken_from_elsewhere() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let mut publisher = world.vhost.raw_publisher().await;
    for value in [&b"S\x00\x00\x00\x01\xf1"[..], b"t\x01", b"V"] {
        let id = Uuid::now_v7();
        let headers = [&b"\x06creado"[..], value].concat();
        let properties = raw(id, "servicedesk", KIND).headers(&headers);
        publisher.publish(names::ENTRY_EXCHANGE, b"redmine", &properties, b"{}").await;
        let story = proxy.is(id, "no_admitido").await;
        assert_eq!(story["motivo"], "su cabecera «creado» no es una hora (RFC 3339)");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn a_notification_that_nobody_can_read_is_refused_and_the_others_count() {
    let world = World::new().await;
    world.publishing_as("redmine").await;
    let proxy = world.running().await;
    let mut publisher = world.vhost.raw_publisher().await;
    let body = json!({ "mensaje": Uuid::now_v7(), "origen": "servicedesk", "estado": "error" });
    let body = body.to_string();
    let notification = || raw(Uuid::now_v7(), "redmine", names::NOTIFICATION_TYPE);
    let count = notification().unreadable().len();
    for place in 0..count {
        let (_, properties) = notification().unreadable().swap_remove(place);
        let key = names::NOTIFICATIONS.as_bytes();
        publisher.publish(names::ENTRY_EXCHANGE, key, &properties, body.as_bytes()).await;
    }
    let id = Uuid::now_v7();
    let itself = properties(id, "redmine", KIND);
    world.make_mailbox("redmine").await;
    world.publish_to("redmine", itself, "{}").await;
    proxy.is(id, "reenviado").await;
    let done = json!({ "mensaje": id, "origen": "redmine", "estado": "procesado" });
    let good = properties(Uuid::now_v7(), "redmine", names::NOTIFICATION_TYPE);
    world.publish_to(names::NOTIFICATIONS, good, &done.to_string()).await;

    proxy.is(id, "procesado").await;
    assert_eq!(reasons(&proxy, count).await.len(), count);
    refused(&world, count).await;
    proxy.stopped().await;
    world.vhost.wait_for_queue(names::NOTIFICATIONS, 0, 0).await;
}

#[tokio::test]
async fn a_log_event_that_nobody_can_read_is_counted_as_lost_and_the_others_are_told() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.vhost.wait_for_queue(names::LOG_QUEUE, 0, 1).await;
    let mut publisher = world.vhost.raw_publisher().await;
    let body = json!({ "nivel": "info", "texto": "todo va bien" }).to_string();
    let event = raw(Uuid::now_v7(), "servicedesk", "evento_log.v1");
    let unreadable = event.unreadable();
    for (_, properties) in &unreadable {
        publisher.publish(names::LOG_EXCHANGE, b"", properties, body.as_bytes()).await;
        publisher.publish(names::LOG_EXCHANGE, b"", &event, body.as_bytes()).await;
    }
    publisher.publish(names::LOG_EXCHANGE, LATIN_1, &event, body.as_bytes()).await;
    eventually("all are told or counted", || async {
        let (_, page) = proxy.get("/eventos").await?;
        let of = |reason: &str| {
            let losses = page["perdidos"].as_array().into_iter().flatten();
            let losses = losses.filter(|loss| loss["motivo"] == reason);
            losses.filter_map(|loss| loss["eventos"].as_u64()).sum::<u64>()
        };
        let told = page["eventos"].as_array().map_or(0, Vec::len);
        // Whose it is, is not known of the one whose `app_id` is none.
        match (told, of("malformado"), of("no_admitido")) {
            (told, lost, 1) if told == unreadable.len() && lost == told as u64 => Ok(()),
            _ => Err(page.to_string()),
        }
    })
    .await;
    proxy.stopped().await;
    world.vhost.wait_for_queue(names::LOG_QUEUE, 0, 0).await;
}
