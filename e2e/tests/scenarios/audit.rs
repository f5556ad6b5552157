//! Lab 2 through the door: what systems say to each other, audited.

use e2e::Stack;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

/// What is meant for the door goes through it, the documentation included.
pub(crate) async fn its_documentation_works_behind_the_door(stack: &Stack) {
    let get = async |path: &str| {
        let url = stack.url("HTTP_PORT", path);
        stack.http.get(url).send().await.expect("an answer")
    };
    for path in ["/auditoria/metrics", "/auditoria/readyz", "/auditoria/healthz", "/auditoriax"] {
        assert_eq!(get(path).await.status(), 404, "{path}");
    }
    let page = get("/auditoria/docs").await;
    assert_eq!((page.status().as_u16(), page.url().path()), (200, "/auditoria/docs/"));
    let script = page.url().join("swagger-initializer.js").expect("a URL");
    let script = get(script.path()).await.text().await.expect("text");
    let asked = script.split('"').find(|word| word.ends_with("openapi.json")).expect("a document");
    let document = page.url().join(asked).expect("a URL");
    assert_eq!(document.path(), "/auditoria/openapi.json");
    let described: Value = get(document.path()).await.json().await.expect("JSON");
    assert!(described["paths"]["/mensajes/{id}"].is_object(), "{described}");
    let routes = document.join(described["servers"][0]["url"].as_str().expect("a URL"));
    assert_eq!(routes.expect("a URL").path(), "/auditoria/");
}

/// The broker's dashboard can publish as nobody but its own user, and that is no system.
pub(crate) async fn what_no_system_published_is_refused_and_visible(stack: &Stack) {
    let id = Uuid::now_v7();
    let publish = json!({
        "routing_key": "redmine", "payload": "{}", "payload_encoding": "string",
        "properties": {
            "message_id": id, "app_id": "servicedesk", "user_id": "guest", "type": "ticket",
            "content_type": "application/json", "timestamp": 1_800_000_000, "delivery_mode": 2,
        },
    });
    let url = stack.url("MANAGEMENT_PORT", "/api/exchanges/%2F/mensajeria_entrada/publish");
    let request = stack.http.post(url).basic_auth("guest", Some("guest")).json(&publish);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let url = stack.url("HTTP_PORT", &format!("/auditoria/mensajes/{id}"));
    let story = eventually("its story", || async {
        let answer = stack.http.get(&url).send().await.map_err(|error| error.to_string())?;
        let stories: Value = answer.json().await.map_err(|error| error.to_string())?;
        match &stories["mensajes"][0] {
            Value::Null => Err(stories.to_string()),
            story => Ok(story.clone()),
        }
    })
    .await;
    assert_eq!(story["estado"], "no_admitido", "{story:#}");
    assert_eq!(story["motivo"], "viene de «servicedesk», que no está en el registro");
}
