//! `por_que`: each reason for which a message is not processed, brought about.

use messages::names;
use serde_json::{Value, json};
use test_support::{CutProxy, Session, eventually};
use uuid::Uuid;

use super::running::{Running, World, management, properties};

/// Waits until that is why, and returns it.
async fn why(proxy: &Running, id: Uuid, causa: &str) -> Value {
    let is_why = |story: &Value| story["por_que"]["causa"] == causa;
    proxy.story(id, &format!("is {causa}"), is_why).await["por_que"].clone()
}

fn says(why: &Value, part: &str) -> bool {
    why["explicacion"].as_str().is_some_and(|text| text.contains(part))
}

async fn published(world: &World) -> Uuid {
    let id = Uuid::now_v7();
    world.publish(id, "{}").await;
    id
}

#[tokio::test]
async fn without_a_mailbox_messages_wait_behind_each_other() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    let first = published(&world).await;
    proxy.is(first, "recibido").await;
    let second = published(&world).await;
    let reason = why(&proxy, first, "sin_buzon").await;
    assert_eq!((&reason["cola"], &reason["delante"]), (&json!("buzon_redmine"), &json!(0)));
    assert!(says(&reason, "Espera en el proxy, el primero"), "{reason}");
    let reason = why(&proxy, second, "sin_buzon").await;
    assert_eq!(reason["delante"], 1);
    let story = proxy.is(second, "recibido").await;
    assert_eq!(reason["desde"], story["pasos"][1]["a_las"]);
    proxy.stopped().await;
}

/// Publishes until one does not fit into a small mailbox; returns that one.
async fn fills_the_mailbox(world: &World, proxy: &Running) -> Uuid {
    let small = json!({
        "x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish",
    });
    world.make_other_mailbox("redmine", small).await;
    eventually("one does not fit in", || async {
        let id = published(world).await;
        let has_gone_on = |story: &Value| story["por_que"]["causa"] != "en_curso";
        let story = proxy.story(id, "has gone on", has_gone_on).await;
        if story["estado"] == "recibido" { Ok(id) } else { Err(story.to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_full_mailbox_says_so() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    let waits = fills_the_mailbox(&world, &proxy).await;
    let reason = why(&proxy, waits, "buzon_lleno").await;
    assert!(says(&reason, "llena"), "{reason}");
    proxy.stopped().await;
}

#[tokio::test]
async fn from_the_mailbox_to_the_notification_each_step_is_told() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let [first, second] = [published(&world).await, published(&world).await];
    let reason = why(&proxy, second, "sin_consumidor").await;
    assert_eq!((&reason["cola"], &reason["delante"]), (&json!("buzon_redmine"), &json!(1)));
    assert!(says(&reason, "nadie la lee") && says(&reason, "hace hasta 10 s"), "{reason}");
    assert_eq!(why(&proxy, first, "sin_consumidor").await["delante"], 0);

    let mut session = Session::open(&world.vhost.url()).await.expect("let in");
    session.hold("buzon_redmine").await.expect("may read");
    let reason = why(&proxy, second, "sin_confirmar").await;
    assert!(says(&reason, "es uno de 2"), "{reason}");
    drop(session);
    world.vhost.wait_for_queue("buzon_redmine", 2, 0).await;
    world.vhost.take("buzon_redmine", 1).await;
    why(&proxy, first, "sin_notificar").await;
    assert_eq!(why(&proxy, second, "sin_consumidor").await["delante"], 0);
    world.takes("redmine", 1).await;
    why(&proxy, second, "sin_notificar").await;

    world.vhost.delete_queue("buzon_redmine").await;
    why(&proxy, second, "buzon_borrado").await;
    proxy.stopped().await;
}

#[tokio::test]
async fn whoever_reads_slowly_has_others_wait_in_the_queue() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let mut session = Session::open(&world.vhost.url()).await.expect("let in");
    session.limit(1).await.expect("limited");
    session.hold("buzon_redmine").await.expect("may read");
    let [first, second] = [published(&world).await, published(&world).await];
    assert_eq!(why(&proxy, second, "en_cola").await["delante"], 0);
    why(&proxy, first, "sin_confirmar").await;
    proxy.stopped().await;
}

#[tokio::test]
async fn what_has_ended_says_why_unless_it_was_processed() {
    let world = World::new().await;
    world.publishing_as("redmine").await;
    let proxy = world.running().await;
    let refused = Uuid::now_v7();
    world.publish(refused, "{}").await;
    let reason = why(&proxy, refused, "no_admitido").await;
    assert!(says(&reason, "quien lo publica es otro usuario"), "{reason}");
    assert!(says(&reason, names::REFUSED_QUEUE), "{reason}");

    world.make_mailbox("redmine").await;
    let [own, done] = [(); 2].map(|()| Uuid::now_v7());
    for (id, state) in [(own, "rechazado"), (done, "procesado")] {
        world.publish_to("redmine", properties(id, "redmine", "recordatorio"), "{}").await;
        proxy.is(id, "reenviado").await;
        let body = json!({
            "mensaje": id, "origen": "redmine", "estado": state, "detalles": "no hay tal ticket",
        });
        let properties = properties(Uuid::now_v7(), "redmine", names::NOTIFICATION_TYPE);
        world.publish_to(names::NOTIFICATIONS, properties, &body.to_string()).await;
        proxy.is(id, state).await;
    }
    let reason = why(&proxy, own, "rechazado_por_su_destino").await;
    assert!(says(&reason, "no hay tal ticket"), "{reason}");
    assert_eq!(proxy.is(done, "procesado").await["por_que"], Value::Null);
    proxy.stopped().await;
}

#[tokio::test]
async fn when_rabbitmq_does_not_tell_the_answer_comes_all_the_same() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let line = CutProxy::to(management()).await.expect("a free port");
    let proxy = world.running_managed_at(&line.address().to_string()).await;
    world.make_mailbox("redmine").await;
    let id = published(&world).await;
    proxy.is(id, "reenviado").await;
    line.silence();
    let reason = why(&proxy, id, "desconocido").await;
    assert!(says(&reason, "No se pudo preguntar a RabbitMQ"), "{reason}");
    let (status, problem) = unknown(&proxy).await;
    assert_eq!(status, 404);
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("no se pudo preguntar a RabbitMQ"), "{detail}");
    proxy.stopped().await;
}

async fn unknown(proxy: &Running) -> (u16, Value) {
    proxy.get(&format!("/mensajes/{}", Uuid::now_v7())).await.expect("an answer")
}

#[tokio::test]
async fn of_a_message_that_nobody_knows_it_tells_how_many_wait_to_be_known() {
    let world = World::new().await;
    let proxy = world.running().await;
    eventually("the number of those that wait", || async {
        let (status, problem) = unknown(&proxy).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        let is_told = status == 404 && detail.contains("uno de los 0 que esperaban");
        if is_told { Ok(()) } else { Err(problem.to_string()) }
    })
    .await;
    proxy.stopped().await;
}

#[tokio::test]
async fn while_the_proxy_cannot_publish_it_says_so() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let line = CutProxy::to(world.vhost.broker_address()).await.expect("a free port");
    let proxy = world.running_on(&world.vhost.url_through(line.address())).await;
    let waits = fills_the_mailbox(&world, &proxy).await;
    line.cut();
    why(&proxy, waits, "sin_conexion").await;
    line.restore();
    why(&proxy, waits, "buzon_lleno").await;
    proxy.stopped().await;
}
