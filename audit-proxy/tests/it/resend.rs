//! Sending once more, through the running proxy.

use audit_proxy::access::Role;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use super::running::{Running, World, properties};

async fn begun() -> (World, Running) {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    (world, proxy)
}

fn ids(taken: &[Value]) -> Vec<Uuid> {
    let ids = taken.iter().filter_map(|one| one["properties"]["message_id"].as_str());
    ids.map(|id| id.parse().expect("a uuid")).collect()
}

fn attempts(story: &Value) -> Vec<(&str, Option<i64>)> {
    let steps = story["pasos"].as_array().into_iter().flatten();
    let steps =
        steps.map(|step| (step["paso"].as_str().unwrap_or_default(), step["intento"].as_i64()));
    steps.filter(|(_, attempt)| attempt.is_some()).collect()
}

#[tokio::test]
async fn a_message_goes_again_under_its_id_and_its_story_says_who_asked() {
    let (world, proxy) = begun().await;
    let id = Uuid::now_v7();
    world.publish(id, r#"{"a":1}"#).await;
    proxy.is(id, "reenviado").await;
    let path = format!("/mensajes/{id}/reenvios");
    let reader = proxy.logged_in(Role::Reader).await;
    assert_eq!(reader.post(&path, &json!({})).await.status, 403);

    let operator = proxy.logged_in(Role::Operator).await;
    let answer = operator.post(&path, &json!({ "origen": "servicedesk" })).await;
    assert_eq!((answer.status, &answer.body["reenviado"]), (200, &json!(true)), "{answer:?}");
    assert_eq!(answer.body["hecho_de"], Value::Null);
    let taken = world.takes("redmine", 2).await;
    assert_eq!(ids(&taken), [id, id]);
    assert_eq!(taken[0]["payload"], taken[1]["payload"]);

    let story = proxy.is(id, "reenviado").await;
    assert_eq!(attempts(&story), [("reenvio_pedido", Some(2)), ("reenviado", Some(2))]);
    let asked = story["pasos"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["paso"] == "reenvio_pedido");
    let who = asked.and_then(|step| step["quien"].as_str()).expect("somebody");
    assert!(who.starts_with(Role::Operator.as_str()), "{who}");

    assert_eq!(operator.post(&path, &json!({ "color": 1 })).await.status, 422);
    assert_eq!(operator.post(&path, &json!({ "tipo_contenido": "text/plain" })).await.status, 422);
    let nobody = format!("/mensajes/{}/reenvios", Uuid::now_v7());
    assert_eq!(operator.post(&nobody, &json!({})).await.status, 404);
    proxy.stopped().await;
}

#[tokio::test]
async fn an_edited_message_is_another_one_and_the_two_know_of_each_other() {
    let (world, proxy) = begun().await;
    let id = Uuid::now_v7();
    world.publish(id, r#"{"dni":"1"}"#).await;
    proxy.is(id, "reenviado").await;
    let path = format!("/mensajes/{id}/reenvios");
    let rule = json!({ "ocultos": ["dni"] });
    assert_eq!(proxy.admin.put("/reglas/ticket.asignado", &rule).await.status, 200);
    let copied = json!({ "contenido": r#"{"dni":"(oculto)"}"# });
    assert_eq!(proxy.admin.post(&path, &copied).await.status, 422);
    let large = json!({ "contenido": "x".repeat(1001) });
    assert_eq!(proxy.admin.post(&path, &large).await.status, 409);

    let answer = proxy
        .admin
        .post(&path, &json!({ "contenido": "dni=2", "tipo_contenido": "text/plain" }))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let made: Uuid = answer.body["id"].as_str().expect("an id").parse().expect("a uuid");
    assert_ne!(made, id);
    let taken = world.takes("redmine", 2).await;
    assert_eq!(ids(&taken), [id, made]);
    assert_eq!(
        (&taken[1]["payload"], &taken[1]["properties"]["content_type"]),
        (&json!("dni=2"), &json!("text/plain"))
    );
    assert_eq!(taken[1]["properties"]["app_id"], "servicedesk");
    for (id, other, relation) in [(id, made, "dio_lugar_a"), (made, id, "hecho_de")] {
        let link = proxy.is(id, "reenviado").await["enlaces"][0].clone();
        assert_eq!((&link["id"], &link["relacion"]), (&json!(other), &json!(relation)));
        assert_eq!(link["quien"], "admin");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn what_was_refused_goes_through_admission_again() {
    let (world, proxy) = begun().await;
    let [stranger, forged] = [(); 2].map(|()| Uuid::now_v7());
    world.publish_to("tardio", properties(stranger, "servicedesk", "alta"), "{}").await;
    world.publish_to("redmine", properties(forged, "redmine", "alta"), "{}").await;
    proxy.is(stranger, "no_admitido").await;
    proxy.is(forged, "no_admitido").await;
    let path = format!("/mensajes/{stranger}/reenvios");
    let answer = proxy.admin.post(&path, &json!({})).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    for body in [json!({}), json!({ "contenido": "{}" })] {
        let answer = proxy.admin.post(&format!("/mensajes/{forged}/reenvios"), &body).await;
        assert_eq!(answer.status, 409, "{answer:?}");
    }

    world.add_system("tardio").await;
    world.make_mailbox("tardio").await;
    let answer = eventually("the register has it", || async {
        let answer = proxy.admin.post(&path, &json!({})).await;
        if answer.status == 200 { Ok(answer) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert!(answer.body["hecho_de"].is_string(), "{answer:?}");
    assert_eq!(ids(&world.takes("tardio", 1).await), [stranger]);
    let stories = proxy.admin.get(&format!("/mensajes/{stranger}")).await.body;
    let states: Vec<_> = stories["mensajes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["estado"].clone())
        .collect();
    assert_eq!(states, ["no_admitido", "reenviado"], "both are kept");
    proxy.stopped().await;
}

#[tokio::test]
async fn a_search_is_counted_first_and_then_sent_and_waits_where_its_queue_is_missing() {
    let (world, proxy) = begun().await;
    let mut all = Vec::new();
    for place in 0..4 {
        let id = Uuid::now_v7();
        let kind = if place == 0 { "alta" } else { "baja" };
        world.publish_to("redmine", properties(id, "servicedesk", kind), "{}").await;
        proxy.is(id, "reenviado").await;
        all.push(id);
    }
    world.takes("redmine", 4).await;
    world.vhost.delete_queue(&messages::names::mailbox(&super::running::name("redmine"))).await;

    let search = json!({ "busqueda": { "tipo": "baja", "orden": "antiguos" }, "simular": true });
    let counted = proxy.admin.post("/reenvios", &search).await;
    assert_eq!(counted.status, 200, "{counted:?}");
    assert_eq!((&counted.body["reenviables"], &counted.body["en_espera"]), (&json!(3), &json!(0)));
    let none = proxy.is(all[1], "reenviado").await;
    assert_eq!(attempts(&none), [], "nothing was sent");

    let search = json!({ "busqueda": { "tipo": "baja", "orden": "antiguos" }, "limite": 2 });
    let sent = proxy.admin.post("/reenvios", &search).await;
    assert_eq!(
        (&sent.body["reenviados"], &sent.body["en_espera"]),
        (&json!(0), &json!(2)),
        "{sent:?}"
    );
    let next = sent.body["siguiente"].as_str().expect("there is one more");
    let rest = json!({ "busqueda": { "tipo": "baja", "orden": "antiguos", "pagina": next } });
    assert_eq!(proxy.admin.post("/reenvios", &rest).await.body["en_espera"], 1);
    let chosen =
        json!({ "mensajes": [{ "id": all[0] }, { "id": all[1], "origen": "servicedesk" }] });
    let sent = proxy.admin.post("/reenvios", &chosen).await;
    assert_eq!(
        (&sent.body["en_espera"], &sent.body["rechazados"]),
        (&json!(1), &json!(1)),
        "{sent:?}"
    );
    assert_eq!(sent.body["motivos"][0]["motivo"], "ya espera otro reenvío");

    world.make_mailbox("redmine").await;
    let taken = ids(&world.takes("redmine", 4).await);
    assert_eq!(taken, [all[1], all[2], all[3], all[0]], "in the order in which it was asked for");
    let story = proxy.story(all[1], "went again", |story| attempts(story).len() == 2).await;
    assert_eq!(attempts(&story)[1], ("reenviado", Some(2)));

    for (body, status) in [
        (json!({}), 422),
        (json!({ "mensajes": [], "busqueda": {} }), 422),
        (json!({ "busqueda": { "color": "rojo" } }), 400),
        (json!({ "busqueda": {}, "limite": 0 }), 422),
        (json!({ "mensajes": [{ "id": Uuid::now_v7() }] }), 404),
    ] {
        assert_eq!(proxy.admin.post("/reenvios", &body).await.status, status, "{body}");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn what_was_asked_for_before_a_crash_goes_at_the_start() {
    let (world, proxy) = begun().await;
    let id = Uuid::now_v7();
    world.publish(id, "{}").await;
    proxy.is(id, "reenviado").await;
    world.takes("redmine", 1).await;
    proxy.stopped().await;
    // As if the process had ended between writing the attempt down and making it.
    let key = world.store.messages(name(id)).await.expect("an answer")[0].key;
    let begun = world.store.attempt(&[key], "ana", jiff::Timestamp::now()).await.expect("begun");
    assert_eq!(begun, [key]);
    let proxy = world.running().await;
    assert_eq!(ids(&world.takes("redmine", 1).await), [id]);
    proxy.story(id, "went again", |story| attempts(story).len() == 2).await;
    proxy.stopped().await;
}

fn name(id: Uuid) -> messages::MessageId {
    id.into()
}
