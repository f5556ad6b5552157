//! Messages through the whole proxy, on a real broker.

use audit_proxy::store::Change;
use messages::names;
use serde_json::{Value, json};
use test_support::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::running::{USER, World, name, properties};

fn steps(story: &Value) -> Vec<&str> {
    let steps = story["pasos"].as_array().into_iter().flatten();
    steps.filter_map(|step| step["paso"].as_str()).collect()
}

#[tokio::test]
async fn a_message_is_copied_forwarded_and_followed_to_its_final_state() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let id = Uuid::now_v7();
    world.publish(id, r#"{"ticket":4711}"#).await;

    let arrived = world.takes("redmine", 1).await.remove(0);
    assert_eq!(arrived["payload"], r#"{"ticket":4711}"#);
    let properties = &arrived["properties"];
    assert_eq!(properties["message_id"], id.to_string());
    assert_eq!(properties["app_id"], "servicedesk");
    assert_eq!(properties["type"], "ticket.asignado");
    assert_eq!(properties["content_type"], "application/json");
    assert_eq!(properties["correlation_id"], "ticket 4711");
    assert_eq!(properties["delivery_mode"], 2);

    let story = proxy.is(id, "reenviado").await;
    assert_eq!(steps(&story), ["creado", "recibido", "reenviado"]);
    assert!(story["duraciones"]["proxy_ms"].as_f64().is_some_and(|ms| ms >= 0.0), "{story}");
    assert_eq!(story["duraciones"]["proceso_ms"], Value::Null);

    world.publishing_as("redmine").await;
    eventually("redmine is who publishes", || async {
        world.notify(id, "procesado").await;
        let (_, stories) = proxy.get(&format!("/mensajes/{id}")).await?;
        match &stories["mensajes"][0]["estado"] {
            state if state == "procesado" => Ok(()),
            state => Err(state.to_string()),
        }
    })
    .await;
    let story = proxy.is(id, "procesado").await;
    assert_eq!(steps(&story)[..4], ["creado", "recibido", "reenviado", "notificado"]);
    assert_eq!(story["pasos"][3]["notificacion"]["efecto"], "aplicada");
    proxy.stopped().await;
}

#[tokio::test]
async fn what_is_not_admitted_is_dead_lettered_and_visible_with_its_reason() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let [stranger, impostor, large, good] = [(); 4].map(|()| Uuid::now_v7());
    let kind = "ticket.asignado";
    world.publish_to("nadie", properties(stranger, "servicedesk", kind), "{}").await;
    world.publish_to("redmine", properties(impostor, "redmine", kind), "{}").await;
    world.publish_to("redmine", json!({ "type": kind }), "sin identidad").await;
    world.publish(large, &"x".repeat(1001)).await;
    world.publish(good, "{}").await;

    for (id, reason) in [
        (stranger, "va a «nadie», que no está en el registro"),
        (impostor, "dice venir de «redmine», y quien lo publica es otro usuario"),
        (large, "su carga tiene 1001 bytes, y el límite es 1000"),
    ] {
        let story = proxy.is(id, "no_admitido").await;
        assert_eq!(story["motivo"], reason);
        assert_eq!(steps(&story).last(), Some(&"no_admitido"));
    }
    proxy.is(good, "reenviado").await;
    world.vhost.wait_for_queue(names::REFUSED_QUEUE, 4, 0).await;
    let refused = world.vhost.take(names::REFUSED_QUEUE, 4).await;
    let of = |id: Uuid| {
        let mut found = refused.iter();
        let found = found.find(|one| one["properties"]["message_id"] == id.to_string());
        found.expect("refused").clone()
    };
    let (message, properties) = (of(stranger), of(stranger)["properties"].clone());
    let headers = &properties["headers"];
    assert_eq!(headers["motivo"], "va a «nadie», que no está en el registro");
    assert_eq!((&headers["usuario"], &properties["user_id"]), (&json!("guest"), &Value::Null));
    assert_eq!((&message["routing_key"], &message["payload"]), (&json!("nadie"), &json!("{}")));
    assert_eq!(properties["app_id"], "servicedesk");
    assert_eq!(properties["correlation_id"], "ticket 4711");
    assert_eq!(properties["delivery_mode"], 2);
    assert_eq!(of(large)["payload_bytes"], 1001);
    let bare = refused.iter().find(|one| one["payload"] == "sin identidad").expect("refused");
    assert_eq!(bare["properties"]["headers"]["motivo"], "no lleva message_id");
    assert_eq!(world.takes("redmine", 1).await.len(), 1, "its neighbours go on");
    proxy.stopped().await;
}

#[tokio::test]
async fn one_id_is_forwarded_once_and_another_message_of_that_id_is_refused() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let id = Uuid::now_v7();
    world.publish(id, "{}").await;
    proxy.is(id, "reenviado").await;
    world.publish(id, "{}").await;
    world.publish(id, "[]").await;
    world.vhost.wait_for_queue(names::REFUSED_QUEUE, 1, 0).await;
    assert_eq!(world.takes("redmine", 1).await[0]["payload"], "{}");
    proxy.stopped().await;
}

#[tokio::test]
async fn without_its_queue_a_message_waits_alone_and_goes_once_there_is_one() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("servicedesk").await;
    let waiting: Vec<_> = (0..20).map(|_| Uuid::now_v7()).collect();
    for id in &waiting {
        world.publish(*id, "{}").await;
    }
    let other = Uuid::now_v7();
    let to_itself = properties(other, "servicedesk", "recordatorio");
    world.publish_to("servicedesk", to_itself, "{}").await;
    proxy.is(other, "reenviado").await;
    for id in &waiting {
        proxy.is(*id, "recibido").await;
    }
    world.make_mailbox("redmine").await;
    let arrived = world.takes("redmine", waiting.len()).await;
    let order: Vec<_> = arrived
        .iter()
        .map(|message| message["properties"]["message_id"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(order, waiting.iter().map(Uuid::to_string).collect::<Vec<_>>());
    for id in &waiting {
        proxy.is(*id, "reenviado").await;
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn what_another_process_left_behind_is_forwarded_at_the_start() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let first = world.running().await;
    let id = Uuid::now_v7();
    world.publish(id, "{}").await;
    first.is(id, "recibido").await;
    first.stopped().await;
    world.make_mailbox("redmine").await;
    let second = world.running().await;
    second.is(id, "reenviado").await;
    assert_eq!(world.takes("redmine", 1).await.len(), 1);
    second.stopped().await;
}

#[tokio::test]
async fn a_message_that_nobody_knows_is_not_found_and_what_is_no_id_is_refused() {
    let world = World::new().await;
    let proxy = world.running().await;
    let (status, problem) = proxy.get(&format!("/mensajes/{}", Uuid::now_v7())).await.expect("one");
    assert_eq!(
        (status, &problem["type"]),
        (404, &json!("urn:relevo:problema:mensaje-desconocido"))
    );
    assert_eq!(proxy.get("/mensajes/hola").await.expect("an answer").0, 400);
    proxy.stopped().await;
}

#[tokio::test]
async fn who_asks_whether_it_can_publish_leaves_nothing_behind() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    for exchange in [names::ENTRY_EXCHANGE, names::LOG_EXCHANGE] {
        let url = world.vhost.url().parse().expect("a url");
        let stop = CancellationToken::new();
        let (publisher, task) = broker::publisher(url, "test".to_owned(), exchange, stop.clone());
        let task = tokio::spawn(task.probing_at(names::PROBE_EXCHANGE).run());
        let status = publisher.status().clone();
        let usable = || async { status.check().map_err(|why| why.to_string()) };
        eventually("it can publish", usable).await;
        stop.cancel();
        task.await.expect("an end");
    }
    // What is told later is stored later.
    let event = json!({ "nivel": "info", "texto": "el último" }).to_string();
    let by = json!({ "app_id": "servicedesk", "user_id": USER });
    let told = eventually("what was said is told", || async {
        world.vhost.publish(names::LOG_EXCHANGE, "", by.clone(), &event).await;
        let (_, told) = proxy.get("/eventos?sistema=servicedesk").await?;
        if told["eventos"][0].is_object() { Ok(told) } else { Err(told.to_string()) }
    })
    .await;
    let lost = told["perdidos"].as_array().into_iter().flatten();
    assert_eq!(lost.filter(|loss| loss["eventos"].is_number()).count(), 0, "{told}");
    proxy.stopped().await;
    for queue in [names::AUDIT_QUEUE, names::NOTIFICATIONS, names::REFUSED_QUEUE] {
        world.vhost.wait_for_queue(queue, 0, 0).await;
    }
}

#[tokio::test]
async fn a_state_that_another_instance_registered_just_now_is_known() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let id = Uuid::now_v7();
    world.publish(id, "{}").await;
    proxy.is(id, "reenviado").await;
    world.publishing_as("redmine").await;
    world.notify(id, "error").await;
    let told = async |count: usize| {
        let story = proxy.story(id, "was told of", |story| steps(story).len() >= count).await;
        story["pasos"][count - 1]["notificacion"]["efecto"].clone()
    };
    assert_eq!(told(4).await, "aplicada", "redmine is known");
    let states = Some(vec!["aplazado".parse().expect("a name")]);
    let change = Change { states, ..Change::default() };
    assert!(world.store.change_system(&name("redmine"), &change).await.expect("changed"));
    world.notify(id, "aplazado").await;
    // In the same second, or in a later one.
    let effect = told(5).await;
    assert!(effect == "tardia" || effect == "aplicada", "{effect}");
    proxy.stopped().await;
}
