//! Log events through the whole proxy, on a real broker.

use std::time::Duration;

use messages::names;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use test_support::{Session, eventually, eventually_within};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::running::{Running, World};

async fn publish(world: &World, system: &str, user: Option<&str>, body: &str) {
    let mut properties = json!({ "app_id": system });
    if let Some(user) = user {
        properties["user_id"] = user.into();
    }
    world.vhost.publish(names::LOG_EXCHANGE, "", properties, body).await;
}

async fn says(world: &World, level: &str, text: &str) {
    let body = json!({ "nivel": level, "texto": text, "campos": { "pedido": 7 } });
    publish(world, "servicedesk", Some("guest"), &body.to_string()).await;
}

async fn events(proxy: &Running, query: &str) -> Value {
    let answer = proxy.admin.get(&format!("/eventos{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn count(page: &Value) -> usize {
    page["eventos"].as_array().map_or(0, Vec::len)
}

/// Losses for a reason, added up.
fn lost(page: &Value, reason: &str) -> i64 {
    let losses = page["perdidos"].as_array().into_iter().flatten();
    let losses = losses.filter(|loss| loss["motivo"] == reason);
    losses.filter_map(|loss| loss["eventos"].as_i64()).sum()
}

/// Events in the file.
async fn stored(file: &mut SqliteConnection) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM log_events").fetch_one(file).await;
    count.expect("counted")
}

#[tokio::test]
async fn what_an_application_says_is_found_and_what_is_lost_is_counted() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.vhost.wait_for_queue(names::LOG_QUEUE, 0, 1).await;
    says(&world, "info", "todo va bien").await;
    says(&world, "error", "no hay disco").await;
    publish(&world, "servicedesk", Some("guest"), "hola").await;
    publish(&world, "redmine", Some("guest"), r#"{"nivel":"error","texto":"impostor"}"#).await;
    publish(&world, "servicedesk", None, r#"{"nivel":"error","texto":"sin usuario"}"#).await;
    let page = eventually("all are told", || async {
        let page = events(&proxy, "").await;
        let told = count(&page) == 2 && lost(&page, "no_admitido") == 2;
        if told && lost(&page, "malformado") == 1 { Ok(page) } else { Err(page.to_string()) }
    })
    .await;
    let newest = &page["eventos"][0];
    assert_eq!(newest["texto"], "no hay disco");
    assert_eq!((&newest["sistema"], &newest["nivel"]), (&json!("servicedesk"), &json!("error")));
    assert_eq!(newest["campos"], json!({ "pedido": 7 }));
    assert_eq!(page["siguiente"], Value::Null);
    for (query, found) in [
        ("?nivel=aviso", 1),
        ("?sistema=redmine", 0),
        ("?texto=VA%20BIEN", 1),
        ("?hasta=2020-01-01T00:00:00Z", 0),
        ("?limite=1", 1),
    ] {
        assert_eq!(count(&events(&proxy, query).await), found, "{query}");
    }
    let next = events(&proxy, "?limite=1").await["siguiente"].clone();
    let next = next.as_str().expect("another page").to_owned();
    let second = events(&proxy, &format!("?limite=1&pagina={next}")).await;
    assert_eq!(second["eventos"][0]["texto"], "todo va bien");
    for (query, status) in
        [("?nivel=grave", 400), ("?otro=1", 400), ("?limite=0", 400), ("?pagina=x", 400)]
    {
        assert_eq!(proxy.admin.get(&format!("/eventos{query}")).await.status, status, "{query}");
    }
    assert_eq!(proxy.nobody.get("/eventos").await.status, 401);
    assert_eq!(proxy.admin.put("/reglas/*", &json!({ "ocultos": ["PEDIDO"] })).await.status, 200);
    let hidden = events(&proxy, "?limite=1").await["eventos"][0]["campos"].clone();
    assert_eq!(hidden, json!({ "pedido": "(oculto)" }));
    proxy.stopped().await;
    assert_eq!(world.vhost.queue(names::LOG_QUEUE).await.expect("a queue").ready, 0);
}

#[tokio::test]
async fn while_the_database_is_locked_the_oldest_give_way_and_each_is_counted() {
    /// More than wait in memory, with the batch at hand and what is under way.
    const PUBLISHED: usize = 12_000;
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.vhost.wait_for_queue(names::LOG_QUEUE, 0, 1).await;
    says(&world, "info", "antes").await;
    eventually("it is stored", || async {
        let page = events(&proxy, "").await;
        if count(&page) == 1 { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    let file = SqliteConnection::connect(&world.log_database()).await.expect("the file");
    let file = Mutex::new(file);
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *file.lock().await).await.expect("locked");

    let client = Session::open(&world.vhost.url()).await.expect("a session");
    let (who, body) = (("servicedesk", "guest"), r#"{"nivel":"info","texto":"mientras"}"#);
    let published = client.publish_many(names::LOG_EXCHANGE, who, body, PUBLISHED).await;
    published.expect("published");
    world.vhost.wait_for_queue(names::LOG_QUEUE, 0, 1).await;
    let id = Uuid::now_v7();
    world.make_mailbox("redmine").await;
    world.publish(id, "{}").await;
    proxy.is(id, "reenviado").await;
    sqlx::query("ROLLBACK").execute(&mut *file.lock().await).await.expect("unlocked");

    let all = 1 + i64::try_from(PUBLISHED).expect("few");
    let patience = Duration::from_mins(1);
    let lost = eventually_within(patience, "published = stored + lost", || async {
        let page = events(&proxy, "?limite=1").await;
        let stored = stored(&mut *file.lock().await).await;
        let lost = lost(&page, "desbordado");
        if stored + lost == all {
            Ok(page["perdidos"].clone())
        } else {
            Err(format!("{stored}, {page}"))
        }
    })
    .await;
    let counts = lost.as_array().into_iter().flatten();
    let counts: Vec<_> = counts.map(|loss| (&loss["sistema"], &loss["motivo"])).collect();
    assert!(
        !counts.is_empty()
            && counts.iter().all(|loss| *loss == (&json!("servicedesk"), &json!("desbordado"))),
        "{lost}"
    );
    proxy.stopped().await;
}
