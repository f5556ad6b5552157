//! What the running proxy answers to who asks for messages.

use serde_json::Value;
use uuid::Uuid;

use super::running::{Running, World, properties};

/// Stores messages of several kinds, and waits until they are.
async fn stored(world: &World, proxy: &Running) -> Vec<Uuid> {
    world.make_mailbox("redmine").await;
    let ids: Vec<_> = (0..5).map(|_| Uuid::now_v7()).collect();
    for (place, id) in ids.iter().enumerate() {
        let kind = if place == 3 { "alta" } else { "baja" };
        let body = format!(r#"{{"ticket":{place},"título":"Impresora Rota"}}"#);
        world.publish_to("redmine", properties(*id, "servicedesk", kind), &body).await;
        proxy.is(*id, "reenviado").await;
    }
    ids
}

fn ids(page: &Value) -> Vec<Uuid> {
    let messages = page["mensajes"].as_array().into_iter().flatten();
    messages.filter_map(|one| one["id"].as_str()?.parse().ok()).collect()
}

#[tokio::test]
async fn messages_are_found_by_what_they_are_page_by_page() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    let mut all = stored(&world, &proxy).await;
    all.reverse();

    let (status, page) = proxy.get("/mensajes?limite=2").await.expect("an answer");
    assert_eq!((status, ids(&page)), (200, all[..2].to_vec()), "{page}");
    let next = page["siguiente"].as_str().expect("there is more").to_owned();
    let (_, page) = proxy.get(&format!("/mensajes?limite=9&pagina={next}")).await.expect("one");
    assert_eq!((ids(&page), &page["siguiente"]), (all[2..].to_vec(), &Value::Null));

    let (_, page) = proxy.get("/mensajes?tipo=alta&origen=servicedesk&id=").await.expect("one");
    assert_eq!(ids(&page), [all[1]]);
    let summary = &page["mensajes"][0];
    assert_eq!(summary["destino"], "redmine");
    assert_eq!(summary["estado"], "reenviado");
    assert_eq!(summary["correlacion"], "ticket 4711");
    assert_eq!(summary["tipo_contenido"], "application/json");
    assert!(summary["tamano"].as_i64().is_some_and(|bytes| bytes > 20), "{summary}");
    for time in ["creado", "recibido", "reenviado"] {
        assert!(summary[time].as_str().is_some_and(|time| time.ends_with('Z')), "{summary}");
    }

    let (_, page) = proxy.get("/mensajes?texto=impresora%20ROTA&limite=4").await.expect("one");
    assert_eq!(ids(&page), all[..4]);
    let (_, page) = proxy.get("/mensajes?texto=ticket&orden=antiguos").await.expect("one");
    assert_eq!(ids(&page), all.iter().rev().copied().collect::<Vec<_>>());
    let (_, page) = proxy.get("/mensajes?texto=arreglada").await.expect("an answer");
    assert_eq!((ids(&page), &page["siguiente"]), (Vec::new(), &Value::Null));
    proxy.stopped().await;
}

#[tokio::test]
async fn messages_are_counted_as_they_come() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    stored(&world, &proxy).await;
    let (status, counted) = proxy.get("/estadisticas?origen=servicedesk").await.expect("one");
    assert_eq!((status, &counted["mensajes"]), (200, &Value::from(5)), "{counted}");
    assert_eq!(counted["estados"], serde_json::json!([{ "nombre": "reenviado", "mensajes": 5 }]));
    assert_eq!(counted["tipos"][0], serde_json::json!({ "nombre": "baja", "mensajes": 4 }));
    assert_eq!(counted["etapas"]["proxy"]["mensajes"], 5);
    assert!(counted["etapas"]["proxy"]["p99_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{counted}");
    assert_eq!(counted["periodos"].as_array().map(Vec::len), Some(1));
    let (_, none) = proxy.get("/estadisticas?hasta=2020-01-01T00:00:00Z").await.expect("one");
    assert_eq!(none["mensajes"], 0);
    for bad in ["desde=ayer", "tipo=alta", "desde=2026-01-02T00:00:00Z&hasta=2026-01-01T00:00:00Z"]
    {
        assert_eq!(proxy.get(&format!("/estadisticas?{bad}")).await.expect("one").0, 400, "{bad}");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_named() {
    let world = World::new().await;
    let proxy = world.running().await;
    for (query, names) in [
        ("color=rojo&desde=ayer", &["desde", "color"][..]),
        ("pagina=00000000000000050000000a", &["pagina"]),
        ("limite=501", &["limite"]),
        ("id=4711", &["id"]),
        ("texto=a", &["texto"]),
        ("estado=error&estado=procesado", &["estado"]),
    ] {
        let (status, problem) = proxy.get(&format!("/mensajes?{query}")).await.expect("an answer");
        let errors = problem["errores"].as_array().into_iter().flatten();
        let named: Vec<_> = errors.filter_map(|error| error["donde"].as_str()).collect();
        assert_eq!((status, &named[..]), (400, names), "{problem}");
    }
    for path in ["mensajes", "mensajes/exportar", "eventos", "estadisticas"] {
        let path = format!("/{path}?desde=2026-11-22T10:00:00+01:00");
        let (status, problem) = proxy.get(&path).await.expect("an answer");
        let told = problem.to_string();
        assert!(status == 400 && told.contains("2026-11-22T10:00:00%2B01:00"), "{path}: {told}");
    }
    proxy.stopped().await;
}
