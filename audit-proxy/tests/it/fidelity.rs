//! A message comes into its mailbox as it was published: octet for octet, property for
//! property, header for header. Only `user_id` does not go along.

use std::sync::{Arc, Mutex};

use audit_proxy::admit::MAX_PROPERTIES;
use broker::{
    Handler, HandlerError, Incoming, Properties, Subscription, Topology, Verdict, Verdicts, consume,
};
use jiff::Timestamp;
use messages::names;
use serde_json::{Value, json};
use test_support::{
    RawProperties, Session, eventually,
    raw::{long, nested_tables, short},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Backend, Database,
    running::{Running, USER, World},
    systems::registered,
};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A message that has every property that there is, headers of every type, in an order of
/// their own, one of them twice; its id in another spelling than ours.
fn full(id: Uuid) -> RawProperties {
    let headers = [
        &b"\x0btraceparentS"[..],
        &long(TRACEPARENT.as_bytes()),
        b"\x07inquiloS\x00\x00\x00\x01a\x07inquiloS\x00\x00\x00\x01b",
        b"\x00t\x07\x01zA",
        &long(b"Vt\x01D\x02\x00\x00\x00\x2a"),
        b"\x01yF",
        &long(b"\x01bs\x00\x07\x01cu\x00\x07\x01dI\x00\x00\x00\x07\x01ei\x00\x00\x00\x07"),
        b"\x01xl\0\0\0\0\0\0\0\x07\x01wL\0\0\0\0\0\0\0\x07\x01vT\0\0\0\0\x6b\x49\xd2\0",
        b"\x01uf\x3f\x80\0\0\x01td\x3f\xf0\0\0\0\0\0\0\x01sx\x00\x00\x00\x02\xff\x00\x01rS\x00\x00\x00\x01\xf1",
    ]
    .concat();
    RawProperties::default()
        .text("message_id", id.to_string().to_uppercase().as_bytes())
        .text("app_id", b"servicedesk")
        .text("user_id", USER.as_bytes())
        .text("type", b"ticket.asignado")
        .text("content_type", b"Application/JSON; charset=utf-8")
        .text("content_encoding", b"gzip")
        .text("correlation_id", b"ticket 4711")
        .text("reply_to", b"buzon_servicedesk")
        .text("expiration", b"86400000")
        .text("cluster_id", b"")
        .with("delivery_mode", vec![1])
        .with("priority", vec![200])
        .with("timestamp", Timestamp::now().as_second().to_be_bytes().to_vec())
        .headers(&headers)
}

/// The same as whoever reads the mailbox is to get it.
fn expected(published: &RawProperties) -> Vec<u8> {
    published.clone().without("user_id").encode()
}

#[derive(Clone, Default)]
struct Mail(Arc<Mutex<Vec<Incoming>>>);

impl Handler for Mail {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        self.0.lock().expect("no panic").extend_from_slice(batch);
        Ok(vec![Verdict::Done; batch.len()].into())
    }
}

/// So many messages of Redmine's mailbox, as they came into it.
async fn mail(world: &World, count: usize) -> Vec<Incoming> {
    mail_of(world, "buzon_redmine", count).await
}

async fn mail_of(world: &World, mailbox: &'static str, count: usize) -> Vec<Incoming> {
    let url = world.vhost.url().parse().expect("a url");
    let (subscription, _) =
        Subscription::new(url, "prueba".to_owned(), mailbox, Topology::default());
    let (mail, stop) = (Mail::default(), CancellationToken::new());
    let reading = tokio::spawn(consume(subscription, mail.clone(), stop.clone()));
    eventually(&format!("{count} messages come"), || async {
        let came = mail.0.lock().expect("no panic").len();
        if came >= count { Ok(()) } else { Err(format!("{came}")) }
    })
    .await;
    stop.cancel();
    reading.await.expect("no panic").expect("an end");
    let mail = mail.0.lock().expect("no panic").clone();
    assert_eq!(mail.len(), count);
    mail
}

/// Publishes a payload that is no text, with all that can be said of it.
async fn publish(world: &World, id: Uuid) -> Vec<u8> {
    let properties = full(id);
    let mut publisher = world.vhost.raw_publisher().await;
    publisher.publish(names::ENTRY_EXCHANGE, b"redmine", &properties, b"\x1f\x8b\0").await;
    expected(&properties)
}

fn is_as_published(came: &Incoming, expected: &[u8]) {
    assert_eq!(came.properties().encode(), expected, "{:?}", came.properties().listed());
    assert_eq!((came.routing_key(), &came.body[..]), ("redmine", &b"\x1f\x8b\0"[..]));
}

async fn begun(backend: Backend) -> (World, Running) {
    let vhost = test_support::Vhost::create().await;
    let world = World::with(vhost, Database::create(backend).await).await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    (world, proxy)
}

async fn what_is_forwarded_is_what_was_published(backend: Backend) {
    let (world, proxy) = begun(backend).await;
    world.make_mailbox("redmine").await;
    let id = Uuid::now_v7();
    let expected = publish(&world, id).await;
    proxy.is(id, "reenviado").await;
    let again = proxy.admin.post(&format!("/mensajes/{id}/reenvios"), &json!({})).await;
    assert_eq!(again.status, 200, "{again:?}");
    for came in mail(&world, 2).await {
        is_as_published(&came, &expected);
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn what_is_forwarded_is_what_was_published_on_sqlite() {
    what_is_forwarded_is_what_was_published(Backend::Sqlite).await;
}

#[tokio::test]
async fn what_is_forwarded_is_what_was_published_on_postgres() {
    what_is_forwarded_is_what_was_published(Backend::Postgres).await;
}

async fn what_waited_is_what_was_published(backend: Backend) {
    let (world, proxy) = begun(backend).await;
    let id = Uuid::now_v7();
    let expected = publish(&world, id).await;
    proxy.is(id, "recibido").await;
    proxy.stopped().await;
    world.make_mailbox("redmine").await;
    let proxy = world.running().await;
    proxy.is(id, "reenviado").await;
    is_as_published(&mail(&world, 1).await[0], &expected);
    proxy.stopped().await;
}

#[tokio::test]
async fn what_waited_is_what_was_published_on_sqlite() {
    what_waited_is_what_was_published(Backend::Sqlite).await;
}

#[tokio::test]
async fn what_waited_is_what_was_published_on_postgres() {
    what_waited_is_what_was_published(Backend::Postgres).await;
}

/// RabbitMQ then counts that on the message, and writes its headers anew, in an order of its
/// own.
#[tokio::test]
async fn what_is_delivered_once_more_is_forwarded_with_what_was_published_and_no_more() {
    let (world, proxy) = begun(Backend::Sqlite).await;
    world.make_mailbox("redmine").await;
    proxy.stopped().await;
    let id = Uuid::now_v7();
    let expected = publish(&world, id).await;
    let mut vanishing = Session::open(&world.vhost.url()).await.expect("a session");
    vanishing.hold(names::AUDIT_QUEUE).await.expect("it reads");
    world.vhost.wait_for_queue(names::AUDIT_QUEUE, 0, 1).await;
    drop(vanishing);
    world.vhost.wait_for_queue(names::AUDIT_QUEUE, 1, 0).await;
    let proxy = world.running().await;
    proxy.is(id, "reenviado").await;
    let published = Properties::decode(&expected).expect("properties").listed();
    assert_eq!(mail(&world, 1).await[0].properties().listed(), published);
    proxy.stopped().await;
}

#[tokio::test]
async fn an_edited_message_keeps_what_its_payload_does_not_change() {
    let (world, proxy) = begun(Backend::Sqlite).await;
    world.make_mailbox("redmine").await;
    let id = Uuid::now_v7();
    publish(&world, id).await;
    proxy.is(id, "reenviado").await;
    let edit = json!({ "contenido": "hola", "tipo_contenido": "text/plain" });
    let made = proxy.admin.post(&format!("/mensajes/{id}/reenvios"), &edit).await;
    assert_eq!(made.status, 200, "{made:?}");
    let came = &mail(&world, 2).await[1];
    let listed = came.properties().listed();
    let told = |name: &str| {
        listed.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    assert_eq!(told("message_id"), made.body["id"].as_str());
    assert_eq!((told("content_type"), told("content_encoding")), (Some("text/plain"), None));
    assert_eq!((told("priority"), told("reply_to")), (Some("200"), Some("buzon_servicedesk")));
    assert_eq!(told("expiration"), Some("86400000"));
    assert!(told("headers.traceparent") == Some(TRACEPARENT));
    assert!(told("headers.creado").is_some() && told("user_id").is_none());
    proxy.stopped().await;
}

#[tokio::test]
async fn a_story_tells_all_that_a_message_said_of_itself_but_what_is_hidden() {
    let (world, proxy) = begun(Backend::Sqlite).await;
    world.make_mailbox("redmine").await;
    let rule = json!({ "ocultos": ["inquilo"] });
    assert_eq!(proxy.admin.put("/reglas/ticket.asignado", &rule).await.status, 200);
    let id = Uuid::now_v7();
    publish(&world, id).await;
    let story = proxy.is(id, "reenviado").await;
    let told = |name: &str| {
        let all = story["propiedades"].as_array().expect("told").iter();
        let mut named = all.filter(|one| one["nombre"] == name);
        named.next().map_or(Value::Null, |one| one["valor"].clone())
    };
    assert_eq!(told("user_id"), USER);
    assert_eq!(told("content_encoding"), "gzip");
    assert_eq!(told("headers.inquilo"), "(oculto)");
    assert_eq!(told("headers.traceparent"), TRACEPARENT);
    assert_eq!(told("headers.r"), "(oculto)", "nobody can tell what octets say");
    assert_eq!(proxy.admin.delete("/reglas/ticket.asignado").await.status, 204);
    let story = proxy.is(id, "reenviado").await;
    let all = story["propiedades"].as_array().expect("told");
    assert!(all.contains(&json!({ "nombre": "headers.r", "valor": r"\xf1" })), "{story}");
    proxy.stopped().await;
}

#[tokio::test]
async fn what_is_refused_is_told_with_what_it_said_of_itself() {
    let (world, proxy) = begun(Backend::Sqlite).await;
    let id = Uuid::now_v7();
    let properties = full(id).headers(&[&short(b"\xf1")[..], b"t\x01"].concat());
    let mut publisher = world.vhost.raw_publisher().await;
    publisher.publish(names::ENTRY_EXCHANGE, b"redmine", &properties, b"{}").await;
    let story = proxy.is(id, "no_admitido").await;
    let headers = story["propiedades"].as_array().expect("told").iter();
    let mut headers = headers.filter_map(|one| one["nombre"].as_str());
    assert!(headers.any(|name| name == r"headers.\xf1"), "{story}");
    let again = proxy.admin.post(&format!("/mensajes/{id}/reenvios"), &json!({})).await;
    assert_eq!(again.status, 409, "{again:?}");
    let kept = world.store.properties(story_key(&story)).await.expect("an answer").expect("kept");
    assert_eq!(kept, properties.encode());
    assert!(Properties::decode(&kept).expect("properties").unreadable().is_some());
    proxy.stopped().await;
}

#[tokio::test]
async fn headers_that_nobody_reads_whole_show_nothing_where_a_name_is_hidden() {
    let (world, proxy) = begun(Backend::Sqlite).await;
    let id = Uuid::now_v7();
    let name = short("cédula".as_bytes());
    let headers = [&nested_tables(2000)[..], &name, b"S", &long(b"8-123-456")].concat();
    let mut publisher = world.vhost.raw_publisher().await;
    let properties = full(id).headers(&headers);
    publisher.publish(names::ENTRY_EXCHANGE, b"redmine", &properties, b"{}").await;
    let story = proxy.is(id, "no_admitido").await;
    let shown = story["propiedades"].as_array().expect("told").last().expect("headers").clone();
    assert!(shown["nombre"] == "headers" && shown["valor"] != "(oculto)", "{shown}");
    let rule = json!({ "ocultos": ["cédula"] });
    assert_eq!(proxy.admin.put("/reglas/*", &rule).await.status, 200);
    let story = proxy.is(id, "no_admitido").await;
    let hidden = json!({ "nombre": "headers", "valor": "(oculto)" });
    assert_eq!(story["propiedades"].as_array().expect("told").last(), Some(&hidden));
    proxy.stopped().await;
}

#[tokio::test]
async fn what_was_refused_and_is_admitted_later_is_what_was_published() {
    let (world, proxy) = begun(Backend::Sqlite).await;
    let (id, properties) = (Uuid::now_v7(), full(Uuid::nil()));
    let properties = properties.text("message_id", id.to_string().as_bytes());
    let mut publisher = world.vhost.raw_publisher().await;
    publisher.publish(names::ENTRY_EXCHANGE, b"aun-no", &properties, b"{}").await;
    proxy.is(id, "no_admitido").await;
    registered(&proxy, "aun-no").await;
    let sent = proxy.admin.post(&format!("/mensajes/{id}/reenvios"), &json!({})).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let came = mail_of(&world, "buzon_aun-no", 1).await;
    assert_eq!(came[0].properties().encode(), expected(&properties));
    proxy.stopped().await;
}

/// RabbitMQ takes some octets more than a frame has room for.
#[tokio::test]
async fn headers_that_cannot_go_along_are_refused_and_hold_nobody_up() {
    let (world, proxy) = begun(Backend::Sqlite).await;
    world.make_mailbox("redmine").await;
    let (large, next) = (Uuid::now_v7(), Uuid::now_v7());
    let room = MAX_PROPERTIES + 1 - full(large).headers(b"").encode().len();
    let header = [&b"\x01aS"[..], &long(&vec![b'x'; room - 7])].concat();
    let mut publisher = world.vhost.raw_publisher().await;
    let properties = full(large).headers(&header);
    assert_eq!(properties.encode().len(), MAX_PROPERTIES + 1);
    publisher.publish(names::ENTRY_EXCHANGE, b"redmine", &properties, b"{}").await;
    world.publish(next, "{}").await;
    let story = proxy.is(large, "no_admitido").await;
    assert!(story["motivo"].as_str().is_some_and(|why| why.contains("cabeceras")), "{story}");
    proxy.is(next, "reenviado").await;
    proxy.becomes(200).await;
    proxy.stopped().await;
}

fn story_key(story: &Value) -> audit_proxy::store::Key {
    let key: i64 = story["clave"].as_str().expect("a key").parse().expect("a number");
    key.into()
}
