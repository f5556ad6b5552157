//! What others write is bounded wherever it goes, and every message that is stored can be
//! opened, whatever it says of itself.

use messages::{excerpt::MAX_REASON, names};
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use super::{
    process::Process,
    running::{World, name, properties},
};

/// Octets of a page of the list that nobody has trouble with.
const A_PAGE: usize = 1024 * 1024;

fn notification(headers: &Value) -> Value {
    let mut properties = properties(Uuid::now_v7(), "servicedesk", names::NOTIFICATION_TYPE);
    properties["headers"] = headers.clone();
    properties
}

/// Payloads that are no notifications, each with more to say than there is room for.
fn payloads() -> Vec<String> {
    let long = |octets| "x".repeat(octets);
    vec![
        json!(long(200 * 1024)).to_string(),
        json!(long(5_400_000)).to_string(),
        json!({ long(200 * 1024): 1 }).to_string(),
        json!({ "mensaje": long(200 * 1024) }).to_string(),
        "[".repeat(200 * 1024),
        "\u{1f980}".repeat(50_000),
    ]
}

#[tokio::test]
async fn what_is_refused_goes_alone_however_long_it_and_its_headers_are() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let process = Process::start(&world).await;
    world.make_mailbox("redmine").await;
    let before = process.reconnects().await;

    // From where there is room for a reason to where there is hardly any for the headers.
    let sizes = (130_500..=130_900).step_by(25).map(|octets| (octets, "{}".to_owned()));
    let all: Vec<_> = payloads().into_iter().map(|payload| (0, payload)).chain(sizes).collect();
    for (octets, payload) in &all {
        let headers = json!({ "largo": "x".repeat(*octets) });
        world.publish_to(names::NOTIFICATIONS, notification(&headers), payload).await;
        world.publish(Uuid::now_v7(), "{}").await;
    }
    let count = u32::try_from(all.len()).expect("few");
    world.vhost.wait_for_queue(names::REFUSED_QUEUE, count, 0).await;
    world.vhost.wait_for_queue(&names::mailbox(&name("redmine")), count, 0).await;
    assert_eq!(process.reconnects().await, before);

    let refused = world.vhost.take(names::REFUSED_QUEUE, all.len()).await;
    let (mut with_reason, mut without) = (0, 0);
    for message in &refused {
        let headers = &message["properties"]["headers"];
        if let Some(reason) = headers["motivo"].as_str() {
            assert!(reason.starts_with("la carga no es una notificación: "), "{reason}");
            assert!(reason.chars().count() <= MAX_REASON, "{reason:.2000}");
            with_reason += 1;
        } else {
            assert_eq!(headers["x-death"][0]["reason"], "rejected");
            without += 1;
        }
    }
    assert!(with_reason > payloads().len() && without > 0, "{with_reason} and {without}");

    let proxy = world.running().await;
    let (status, _, page) = proxy.admin.raw("/mensajes?estado=no_admitido&limite=500").await;
    assert_eq!((status, page.len() < A_PAGE), (200, true), "{}", page.len());
    let page: Value = serde_json::from_slice(&page).expect("JSON");
    assert_eq!(page["mensajes"].as_array().map(Vec::len), Some(all.len()));
    proxy.stopped().await;
}

#[tokio::test]
async fn what_was_refused_is_opened_by_its_key_without_an_id_and_with_one_of_many() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    let twice = Uuid::now_v7();
    for (id, body) in [(Some(twice), "uno"), (Some(twice), "dos"), (None, "nadie")] {
        let mut properties = properties(twice, "desconocido", "alta");
        match id {
            Some(id) => properties["message_id"] = json!(id),
            None => drop(properties.as_object_mut().expect("an object").remove("message_id")),
        }
        world.publish_to("redmine", properties, body).await;
    }
    let rows = eventually("three are refused", || async {
        let (_, page) = proxy.get("/mensajes?estado=no_admitido&orden=antiguos").await?;
        match page["mensajes"].as_array() {
            Some(rows) if rows.len() == 3 => Ok(rows.clone()),
            _ => Err(page.to_string()),
        }
    })
    .await;
    let by_id = proxy.admin.get(&format!("/mensajes/{twice}/contenido")).await;
    assert_eq!(by_id.status, 409, "{by_id:?}");
    for (row, body) in rows.iter().zip(["uno", "dos", "nadie"]) {
        let key = row["clave"].as_str().expect("a key");
        let (status, _, payload) = proxy.admin.raw(&format!("/mensajes/{key}/contenido")).await;
        assert_eq!((status, payload.as_slice()), (200, body.as_bytes()));
        let story = proxy.admin.get(&format!("/mensajes/{key}")).await;
        assert_eq!((story.status, &story.body["id"]), (200, &row["id"]), "{story:?}");
        let stories = story.body["mensajes"].as_array().expect("stories");
        assert_eq!((stories.len(), stories[0]["clave"].as_str()), (1, Some(key)));
        let chosen = json!({ "mensajes": [{ "clave": key }], "simular": true });
        let counted = proxy.admin.post("/reenvios", &chosen).await;
        assert_eq!((counted.status, &counted.body["rechazados"]), (200, &json!(1)), "{counted:?}");
        let sent = proxy.admin.post(&format!("/mensajes/{key}/reenvios"), &json!({})).await;
        assert_eq!(sent.status, 409, "{sent:?}");
        assert!(sent.body.to_string().contains("no-reenviable"), "{sent:?}");
    }
    for path in ["/mensajes/7", "/mensajes/7/contenido"] {
        assert_eq!(proxy.admin.get(path).await.status, 404, "{path}");
    }
    assert_eq!(proxy.admin.get("/mensajes/x7").await.status, 400);
    let nameless = json!({ "mensajes": [{ "origen": "servicedesk" }] });
    assert_eq!(proxy.admin.post("/reenvios", &nameless).await.status, 422);
    proxy.stopped().await;
}
