//! `/sistemas`: the register, kept over HTTP, and the mailboxes that come of it.

use audit_proxy::{access::Role, register::Standing};
use jiff::Timestamp;
use messages::names;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{CutProxy, eventually};
use uuid::Uuid;

use super::running::{Running, World, management, properties};

/// A name that no other test has: users belong to the whole broker.
pub(super) fn own_name() -> String {
    format!("s{}", Uuid::now_v7().simple())
}

/// Registers a system, and returns it.
pub(super) async fn registered(proxy: &Running, name: &str) -> Value {
    let body = json!({ "nombre": name, "descripcion": "Una prueba" });
    let (status, system) = sent(proxy, Method::POST, "/sistemas", body).await;
    assert_eq!(status, 201, "{system}");
    system
}

pub(super) async fn sent(proxy: &Running, method: Method, path: &str, body: Value) -> (u16, Value) {
    proxy.ask(method, path, Some(body)).await.expect("an answer")
}

/// Changes a system, and returns it.
pub(super) async fn changed(proxy: &Running, name: &str, change: Value) -> Value {
    let (status, system) = sent(proxy, Method::PATCH, &format!("/sistemas/{name}"), change).await;
    assert_eq!(status, 200, "{system}");
    system
}

/// Retires a system, so that no user of it stays on the broker.
pub(super) async fn retired(proxy: &Running, name: &str) -> Value {
    let answer = proxy.ask(Method::DELETE, &format!("/sistemas/{name}"), None).await;
    let (status, system) = answer.expect("an answer");
    assert_eq!(status, 200, "{system}");
    system
}

async fn shown(proxy: &Running, name: &str) -> Value {
    let (status, system) = proxy.get(&format!("/sistemas/{name}")).await.expect("an answer");
    assert_eq!(status, 200, "{system}");
    system
}

fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default()
}

#[tokio::test]
async fn a_system_is_registered_with_its_mailbox_changed_and_listed() {
    let world = World::new().await;
    let proxy = world.running().await;
    let body = json!({ "nombre": "almacen", "descripcion": "«ñ» <b>", "estados": ["aplazado"] });
    let (status, system) = sent(&proxy, Method::POST, "/sistemas", body).await;
    assert_eq!(status, 201, "{system}");
    assert_eq!((&system["nombre"], &system["situacion"]), (&json!("almacen"), &json!("activo")));
    assert_eq!(system["descripcion"], "«ñ» <b>");
    assert_eq!(system["estados"], json!(["aplazado"]));
    assert_eq!(system["credenciales"], json!([]));
    assert_eq!(system["buzon"]["cola"], "buzon_almacen");
    assert_eq!(system["buzon"]["estado"], "existe");
    assert!(system["creado"].as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()));

    world.vhost.wait_for_queue("buzon_almacen", 0, 0).await;
    let bound = world.vhost.bound_to(names::DELIVERY_EXCHANGE).await;
    assert_eq!(bound, [("buzon_almacen".to_owned(), "almacen".to_owned())]);

    let system =
        changed(&proxy, "almacen", json!({ "estados": [], "situacion": "suspendido" })).await;
    assert_eq!((&system["estados"], &system["situacion"]), (&json!([]), &json!("suspendido")));
    assert_eq!(system["descripcion"], "«ñ» <b>", "what is left out stays");
    let (_, all) = proxy.get("/sistemas").await.expect("an answer");
    let names: Vec<_> = all["sistemas"].as_array().into_iter().flatten().collect();
    let names: Vec<_> = names.iter().filter_map(|system| system["nombre"].as_str()).collect();
    assert_eq!(names, ["almacen", "redmine", "servicedesk"]);
    assert_eq!(all["sistemas"][1]["buzon"]["estado"], "falta", "nobody made it");
    assert_eq!(all["siguiente"], Value::Null);
    for (query, told, next) in [
        ("limite=2", vec!["almacen", "redmine"], json!("redmine")),
        ("limite=2&pagina=redmine", vec!["servicedesk"], Value::Null),
        ("texto=DESK", vec!["servicedesk"], Value::Null),
    ] {
        let (_, page) = proxy.get(&format!("/sistemas?{query}")).await.expect("an answer");
        let names = page["sistemas"].as_array().into_iter().flatten();
        let names: Vec<_> = names.map(|one| one["nombre"].as_str().unwrap_or_default()).collect();
        assert_eq!((names, &page["siguiente"]), (told, &next), "{query}");
    }
    assert_eq!(proxy.get("/sistemas?limite=0").await.expect("an answer").0, 400);
    proxy.stopped().await;
}

#[tokio::test]
async fn what_cannot_be_registered_is_told_why_and_changes_nothing() {
    let world = World::new().await;
    let proxy = world.running().await;
    let many: Vec<_> = (0..51).map(|number| format!("e{number}")).collect();
    for (body, wanted) in [
        (json!({ "nombre": "a b" }), (422, "no-aceptable")),
        (json!({ "nombre": ".." }), (422, "no-aceptable")),
        (json!({ "nombre": "notificaciones" }), (422, "no-aceptable")),
        (json!({ "nombre": "x".repeat(65) }), (422, "no-aceptable")),
        (json!({ "nombre": "nuevo", "otro": 1 }), (422, "no-aceptable")),
        (json!({ "nombre": "nuevo", "descripcion": "x".repeat(4097) }), (422, "no-aceptable")),
        (json!({ "nombre": "nuevo", "estados": ["reenviado"] }), (422, "no-aceptable")),
        (json!({ "nombre": "nuevo", "estados": many }), (422, "no-aceptable")),
        (
            json!({ "nombre": "nuevo", "descripcion": "x".repeat(40_000) }),
            (413, "demasiado-grande"),
        ),
        (json!({}), (422, "no-aceptable")),
        (json!({ "nombre": "redmine" }), (409, "sistema-existente")),
    ] {
        let (status, problem) = sent(&proxy, Method::POST, "/sistemas", body).await;
        assert_eq!((status, kind(&problem)), wanted, "{problem}");
    }
    for (path, body, wanted) in [
        ("/sistemas/nuevo", json!({}), (404, "sistema-desconocido")),
        ("/sistemas/redmine", json!({ "nombre": "otro" }), (422, "no-aceptable")),
        ("/sistemas/redmine", json!({ "situacion": "retirado" }), (422, "no-aceptable")),
        ("/sistemas/redmine", json!({ "situacion": "dormido" }), (422, "no-aceptable")),
        ("/sistemas/a%20b", json!({}), (400, "malformada")),
    ] {
        let (status, problem) = sent(&proxy, Method::PATCH, path, body).await;
        assert_eq!((status, kind(&problem)), wanted, "{problem}");
    }
    assert_eq!(proxy.get("/sistemas/nuevo").await.expect("an answer").0, 404);
    assert_eq!(world.store.systems().await.expect("an answer").len(), 2);
    assert!(world.vhost.queue("buzon_nuevo").await.is_err(), "no queue was made");
    proxy.stopped().await;
}

#[tokio::test]
async fn whoever_is_retired_is_known_for_good_and_what_is_in_its_mailbox_stays() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    registered(&proxy, "almacen").await;
    let id = Uuid::now_v7();
    world.publish_to("almacen", properties(id, "servicedesk", "aviso"), "{}").await;
    proxy.is(id, "reenviado").await;
    for _ in 0..2 {
        let system = retired(&proxy, "almacen").await;
        assert_eq!(system["situacion"], "retirado");
    }
    for (method, path, body) in [
        (Method::POST, "/sistemas", json!({ "nombre": "almacen" })),
        (Method::PATCH, "/sistemas/almacen", json!({ "situacion": "activo" })),
        (Method::POST, "/sistemas/almacen/credenciales", json!({})),
    ] {
        let (status, problem) = sent(&proxy, method, path, body).await;
        assert_eq!((status, kind(&problem)), (409, "sistema-retirado"), "{problem}");
    }
    let late = Uuid::now_v7();
    world.publish_to("almacen", properties(late, "servicedesk", "aviso"), "{}").await;
    let story = proxy.is(late, "no_admitido").await;
    assert_eq!(story["motivo"], "va a «almacen», que está retirado");
    proxy.is(id, "reenviado").await;
    eventually("the mailbox shows what is in it", || async {
        let system = shown(&proxy, "almacen").await;
        if system["buzon"]["listos"] == 1 { Ok(()) } else { Err(system.to_string()) }
    })
    .await;
    world.vhost.wait_for_queue("buzon_almacen", 1, 0).await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_mailbox_that_somebody_deleted_is_missing_until_an_administrator_says_so() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    registered(&proxy, "almacen").await;
    world.vhost.delete_queue("buzon_almacen").await;
    let id = Uuid::now_v7();
    world.publish_to("almacen", properties(id, "servicedesk", "aviso"), "{}").await;
    proxy.is(id, "recibido").await;
    proxy.stopped().await;

    let again = world.running().await;
    assert_eq!(shown(&again, "almacen").await["buzon"]["estado"], "falta");
    again.is(id, "recibido").await;
    let system = changed(&again, "almacen", json!({})).await;
    assert_eq!(system["buzon"]["estado"], "existe");
    again.is(id, "reenviado").await;
    world.vhost.wait_for_queue("buzon_almacen", 1, 0).await;
    again.stopped().await;
}

#[tokio::test]
async fn what_a_suspended_system_was_sent_before_waits_until_it_is_active_again() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    let id = Uuid::now_v7();
    world.publish(id, "{}").await;
    proxy.is(id, "recibido").await;
    changed(&proxy, "redmine", json!({ "situacion": "suspendido" })).await;
    world.vhost.wait_for_queue("buzon_redmine", 0, 0).await;
    let refused = Uuid::now_v7();
    world.publish(refused, "{}").await;
    let story = proxy.is(refused, "no_admitido").await;
    assert_eq!(story["motivo"], "va a «redmine», que está suspendido");
    let why = |story: &Value| story["por_que"]["causa"] == "destino_suspendido";
    let story = proxy.story(id, "waits for whom is suspended", why).await;
    assert_eq!(story["estado"], "recibido");
    changed(&proxy, "redmine", json!({ "situacion": "activo" })).await;
    proxy.is(id, "reenviado").await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_a_conflict_that_names_them() {
    let world = World::new().await;
    let proxy = world.running().await;
    world.make_other_mailbox("almacen", json!({ "x-queue-type": "quorum" })).await;
    let body = json!({ "nombre": "almacen" });
    let (status, problem) = sent(&proxy, Method::POST, "/sistemas", body).await;
    assert_eq!((status, kind(&problem)), (409, "otros-argumentos"), "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("buzon_almacen") && detail.contains("x-"), "{detail}");
    assert_eq!(proxy.get("/sistemas/almacen").await.expect("an answer").0, 404);
    proxy.stopped().await;
}

#[tokio::test]
async fn without_the_management_api_nothing_is_registered_and_then_it_is() {
    let world = World::new().await;
    let line = CutProxy::to(management()).await.expect("a free port");
    let proxy = world.running_managed_at(&line.address().to_string()).await;
    line.cut();
    let body = json!({ "nombre": "almacen" });
    let (status, problem) = sent(&proxy, Method::POST, "/sistemas", body.clone()).await;
    assert_eq!((status, kind(&problem)), (503, "sin-rabbitmq"), "{problem}");
    assert_eq!(proxy.get("/sistemas/almacen").await.expect("an answer").0, 404);
    assert_eq!(shown(&proxy, "redmine").await["buzon"]["estado"], "desconocido");
    line.restore();
    let (status, system) = sent(&proxy, Method::POST, "/sistemas", body).await;
    assert_eq!(status, 201, "{system}");
    proxy.stopped().await;
}

/// The crash after the mailbox, and before the register.
#[tokio::test]
async fn a_mailbox_that_a_crash_left_is_its_systems_once_that_is_registered() {
    let world = World::new().await;
    let before = world.running().await;
    registered(&before, "almacen").await;
    before.stopped().await;
    let world = World::on(world.vhost).await;
    let proxy = world.running().await;
    assert_eq!(proxy.get("/sistemas/almacen").await.expect("an answer").0, 404);
    assert_eq!(registered(&proxy, "almacen").await["buzon"]["estado"], "existe");
    proxy.stopped().await;
}

#[tokio::test]
async fn what_one_process_registers_another_admits_at_once() {
    let world = World::new().await;
    let (one, other) = (world.running().await, world.running().await);
    for number in 0..5 {
        let system = format!("almacen{number}");
        registered(&one, &system).await;
        world.publishing_as(&system).await;
        let ids: Vec<_> = (0..10).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            world.publish_to(&system, properties(*id, &system, "aviso"), "{}").await;
        }
        for id in &ids {
            other.is(*id, "reenviado").await;
        }
    }
    one.stopped().await;
    other.stopped().await;
}

#[tokio::test]
async fn an_operator_looks_at_the_register_and_changes_nothing() {
    let world = World::new().await;
    let proxy = world.running().await;
    let operator = proxy.logged_in(Role::Operator).await;
    for path in ["/sistemas", "/sistemas/redmine"] {
        assert_eq!(operator.get(path).await.status, 200);
        assert_eq!(proxy.nobody.get(path).await.status, 401);
    }
    for (method, path) in [
        (Method::POST, "/sistemas"),
        (Method::PATCH, "/sistemas/redmine"),
        (Method::DELETE, "/sistemas/redmine"),
        (Method::POST, "/sistemas/redmine/credenciales"),
        (Method::DELETE, "/sistemas/redmine/credenciales/redmine-1"),
    ] {
        let body = json!({ "nombre": "almacen" });
        for (who, status) in [(&operator, 403), (&proxy.nobody, 401)] {
            let answer = who.send(method.clone(), path, Some(&body)).await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        }
    }
    let systems = world.store.systems().await.expect("an answer");
    assert_eq!(systems.len(), 2);
    assert!(systems.iter().all(|one| one.profile.standing == Standing::Active));
    proxy.stopped().await;
}
