//! Who may ask the proxy for what.

use std::collections::BTreeSet;

use audit_proxy::access::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    caller::{ADMIN, Answer, PASSWORD},
    running::World,
};

fn kind(answer: &Answer) -> &str {
    let kind = answer.body["type"].as_str().unwrap_or_default();
    kind.trim_start_matches("urn:relevo:problema:")
}

#[tokio::test]
async fn everything_but_the_door_needs_a_token() {
    let world = World::new().await;
    let proxy = world.running().await;
    let document = proxy.nobody.get("/openapi.json").await.body;
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert_eq!(document["security"], json!([{ "token": [] }]));
    let mut open = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if operation["security"] == json!([{}]) {
                open.insert(format!("{method} {path}"));
                continue;
            }
            let (method, path) = (method.to_uppercase(), path.replace(['{', '}'], ""));
            for caller in [proxy.nobody.clone(), proxy.nobody.with_token("otro")] {
                let method = method.parse().expect("a method");
                let answer = caller.send(method, &path, None).await;
                assert_eq!(answer.status, 401, "{path}: {answer:?}");
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
            }
        }
    }
    assert_eq!(open, BTreeSet::from(["post /sesiones".to_owned()]));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let status = reqwest::get(proxy.nobody.url(path)).await.expect("an answer").status();
        assert_eq!(status, 200, "{path}");
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn each_role_may_what_it_may_and_is_told_which_one_is_needed() {
    let world = World::new().await;
    let proxy = world.running().await;
    let story = format!("/mensajes/{}", Uuid::now_v7());
    for role in Role::ALL {
        let caller = proxy.logged_in(role).await;
        assert_eq!(caller.get("/sesiones/actual").await.body["rol"], role.as_str());
        assert_eq!(caller.get(&story).await.status, 404);
        let accounts = caller.get("/cuentas").await;
        if role == Role::Administrator {
            assert_eq!(accounts.status, 200);
            continue;
        }
        assert_eq!((accounts.status, kind(&accounts)), (403, "rol-insuficiente"));
        let detail = accounts.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("requiere el rol «administrador»"), "{detail}");
        assert!(detail.contains(role.as_str()), "{detail}");
        let account = json!({ "nombre": "intruso", "rol": "administrador", "clave": PASSWORD });
        assert_eq!(caller.post("/cuentas", &account).await.status, 403);
        assert_eq!(caller.delete("/cuentas/admin").await.status, 403);
    }
    let all = proxy.admin.get("/cuentas").await.body;
    let names: Vec<_> = all["cuentas"].as_array().into_iter().flatten().collect();
    assert_eq!(names.len(), 4, "{all}");
    assert!(names.iter().all(|account| account["ultima_entrada"] != Value::Null), "{all}");
    proxy.stopped().await;
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let world = World::new().await;
    let proxy = world.running().await;
    let mut answers = Vec::new();
    for (account, password) in [(ADMIN, "otra clave larga"), ("nadie", PASSWORD)] {
        let body = json!({ "cuenta": account, "clave": password });
        let mut answer = proxy.nobody.post("/sesiones", &body).await;
        answer.body["request_id"].take();
        answers.push((answer.status, answer.body));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 401);
    proxy.stopped().await;
}
