//! Rules of retention over HTTP, and what they do to what the proxy keeps.

use audit_proxy::access::Role;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use super::running::World;

#[tokio::test]
async fn rules_are_an_administrator_s_and_a_reader_sees_them() {
    let world = World::new().await;
    let proxy = world.running().await;
    let (reader, operator) =
        (proxy.logged_in(Role::Reader).await, proxy.logged_in(Role::Operator).await);
    assert_eq!(reader.get("/retencion").await.body, {
        let none = Value::Null;
        json!({ "reglas": [], "contenido_bytes_max": none, "bytes_max": none, "guardado": none })
    });
    let rule = json!({ "contenido_dias": 30, "mensaje_dias": 365 });
    let sizes = json!({ "bytes_max": 1_000_000 });
    assert_eq!(reader.put("/retencion", &sizes).await.status, 403);
    let answer = proxy.admin.put("/retencion", &sizes).await;
    assert_eq!((answer.status, &answer.body["bytes_max"]), (200, &json!(1_000_000)));
    assert!(answer.body["guardado"].is_object(), "{answer:?}");
    let answer = proxy.admin.put("/retencion", &json!({})).await;
    assert_eq!((answer.status, &answer.body["guardado"]), (200, &Value::Null));
    for (caller, status) in [(&reader, 403), (&operator, 403), (&proxy.nobody, 401)] {
        assert_eq!(caller.put("/retencion/*", &rule).await.status, status);
        assert_eq!(caller.delete("/retencion/*").await.status, status);
    }
    assert_eq!(proxy.nobody.get("/retencion").await.status, 401);

    let answer = proxy.admin.put("/retencion/ticket.asignado", &json!({ "mensaje_dias": 9 })).await;
    let own = json!({ "tipo": "ticket.asignado", "contenido_dias": null, "mensaje_dias": 9 });
    assert_eq!((answer.status, &answer.body), (200, &own));
    for days in [200, 365] {
        let rule = json!({ "contenido_dias": 30, "mensaje_dias": days });
        assert_eq!(proxy.admin.put("/retencion/*", &rule).await.status, 200);
    }
    let general = json!({ "tipo": "*", "contenido_dias": 30, "mensaje_dias": 365 });
    let rules = reader.get("/retencion").await.body;
    assert_eq!(rules["reglas"], json!([general, own]));

    for (path, body, status) in [
        ("/retencion/*", json!({}), 422),
        ("/retencion/*", json!({ "mensaje_dias": 0 }), 422),
        ("/retencion/*", json!({ "mensaje_dias": 1.5 }), 422),
        ("/retencion/*", json!({ "contenido_dias": 9, "mensaje_dias": 8 }), 422),
        ("/retencion/*", json!({ "dias": 8 }), 422),
        ("/retencion", json!({ "bytes_max": 0 }), 422),
        ("/retencion/a%20b", json!({ "mensaje_dias": 8 }), 400),
    ] {
        let answer = proxy.admin.put(path, &body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    }
    assert_eq!(reader.get("/retencion").await.body, rules, "nothing has changed");
    assert_eq!(proxy.admin.delete("/retencion/*").await.status, 204);
    assert_eq!(proxy.admin.delete("/retencion/*").await.status, 404);
    proxy.stopped().await;
}

#[tokio::test]
async fn a_rule_holds_at_once_and_the_story_says_that_the_payload_is_gone() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let fresh = Uuid::now_v7();
    world.publish(fresh, "{}").await;
    assert_eq!(proxy.is(fresh, "reenviado").await["contenido"], "guardado");
    let old = world.store_old("redmine", 3).await;
    let waiting = world.store_waiting("servicedesk", 3).await;
    let rule = json!({ "contenido_dias": 1 });
    assert_eq!(proxy.admin.put("/retencion/*", &rule).await.status, 200);
    let is = |what: &'static str| move |story: &Value| story["contenido"] == what;
    proxy.story(old, "has lost its payload", is("retirado")).await;
    proxy.story(fresh, "is too young", is("guardado")).await;
    proxy.story(waiting, "waits", is("guardado")).await;
    let gone = proxy.admin.get(&format!("/mensajes/{old}/contenido")).await;
    assert_eq!((gone.status, &gone.body["status"]), (410, &json!(410)), "{gone:?}");
    let looked_at = proxy.admin.get("/consultas").await;
    assert_eq!(looked_at.body["consultas"], json!([]), "nothing was shown");

    let rule = json!({ "mensaje_dias": 2 });
    assert_eq!(proxy.admin.put("/retencion/*", &rule).await.status, 200);
    eventually("the message is gone", || async {
        match proxy.get(&format!("/mensajes/{old}")).await? {
            (404, _) => Ok(()),
            (_, story) => Err(story.to_string()),
        }
    })
    .await;
    proxy.story(waiting, "waits", is("guardado")).await;
    proxy.stopped().await;
}
