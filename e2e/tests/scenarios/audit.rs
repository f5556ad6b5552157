//! Lab 2 through the door: what systems say to each other, audited.

use std::time::UNIX_EPOCH;

use broker::{Outcome, Outgoing};
use e2e::Stack;
use messages::{MessageId, names};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use test_support::{eventually, try_consume, try_publish};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Who is logged in at the audit proxy, by way of the door.
pub(super) struct Audit<'a> {
    stack: &'a Stack,
    token: String,
}

/// A system that is registered, and its user of RabbitMQ.
pub(super) struct System<'a> {
    stack: &'a Stack,
    name: &'static str,
    user: String,
    password: String,
}

impl<'a> Audit<'a> {
    pub(super) async fn log_in(stack: &'a Stack) -> Self {
        let nobody = Audit { stack, token: String::new() };
        let account = json!({ "cuenta": "admin", "clave": stack.audit_password().await });
        let (status, session) = nobody.ask(Method::POST, "/sesiones", Some(account)).await;
        assert_eq!(status, 201, "{session}");
        Self { stack, token: text(&session["token"]) }
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = self.stack.url("HTTP_PORT", &format!("/auditoria{path}"));
        let mut request = self.stack.http.request(method, url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// Registers a system and makes it a user.
    pub(super) async fn register(&self, name: &'static str) -> System<'a> {
        let (status, system) =
            self.ask(Method::POST, "/sistemas", Some(json!({ "nombre": name }))).await;
        assert_eq!(status, 201, "{system}");
        let path = format!("/sistemas/{name}/credenciales");
        let (status, made) = self.ask(Method::POST, &path, None).await;
        assert_eq!(status, 201, "{}", made["detail"]);
        let (user, password) = (text(&made["usuario"]), text(&made["clave"]));
        System { stack: self.stack, name, user, password }
    }

    /// Waits until the only message of this id is in a state; its story.
    pub(super) async fn is(&self, id: Uuid, state: &str) -> Value {
        eventually(&format!("{id} is {state}"), || async {
            let (_, told) = self.ask(Method::GET, &format!("/mensajes/{id}"), None).await;
            match &told["mensajes"][0] {
                story if story["estado"] == state => Ok(story.clone()),
                _ => Err(told.to_string()),
            }
        })
        .await
    }
}

impl System<'_> {
    fn amqp(&self) -> String {
        let port = self.stack.port("AMQP_PORT");
        format!("amqp://{}:{}@127.0.0.1:{port}/%2f", self.user, self.password)
    }

    /// Publishes a message, which the broker must take.
    pub(super) async fn publish(&self, to: &str, kind: &'static str, body: Value) -> Uuid {
        let (id, stop) = (Uuid::now_v7(), CancellationToken::new());
        let url = self.amqp().parse().expect("a broker's URL");
        let (publisher, task) =
            broker::publisher(url, self.name.to_owned(), names::ENTRY_EXCHANGE, stop.clone());
        let task = tokio::spawn(task.probing_at(names::PROBE_EXCHANGE).run());
        eventually("it is connected", || async {
            publisher.status().check().map_err(|reason| reason.to_string())
        })
        .await;
        assert_eq!(publisher.publish(self.message(id, to, kind, &body)).await, Outcome::Confirmed);
        stop.cancel();
        task.await.expect("an orderly end");
        id
    }

    fn message(&self, id: Uuid, to: &str, kind: &'static str, body: &Value) -> Outgoing {
        Outgoing {
            id: MessageId::from(id),
            producer: self.name.to_owned(),
            user: Some(self.user.clone()),
            kind: kind.into(),
            routing_key: to.to_owned(),
            timestamp: now(),
            correlation_id: Some("pedido 4711".to_owned()),
            content_type: broker::JSON.into(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    /// Takes what its mailbox holds, as the dashboard does.
    async fn takes(&self) -> Value {
        let path = format!("/api/queues/%2F/{}/get", self.mailbox());
        let request = self.stack.http.post(self.stack.url("MANAGEMENT_PORT", &path));
        let how = json!({ "count": 10, "ackmode": "ack_requeue_false", "encoding": "auto" });
        let answer = request.basic_auth("guest", Some("guest")).json(&how).send().await;
        answer.expect("an answer").json().await.expect("JSON")
    }

    fn mailbox(&self) -> String {
        names::mailbox(&self.name.parse().expect("a system's name"))
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    UNIX_EPOCH.elapsed().expect("a clock after 1970").as_secs()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

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
            "message_id": id, "app_id": "ajeno", "user_id": "guest", "type": "ticket",
            "content_type": "application/json", "timestamp": now(), "delivery_mode": 2,
        },
    });
    let url = stack.url("MANAGEMENT_PORT", "/api/exchanges/%2F/mensajeria_entrada/publish");
    let request = stack.http.post(url).basic_auth("guest", Some("guest")).json(&publish);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let story = Audit::log_in(stack).await.is(id, "no_admitido").await;
    assert_eq!(story["motivo"], "viene de «ajeno», que no está en el registro");
}

pub(crate) async fn a_message_is_followed_from_one_system_to_another(stack: &Stack) {
    let audit = Audit::log_in(stack).await;
    let (shop, depot) = (audit.register("tienda").await, audit.register("almacen").await);
    let id = shop.publish("almacen", "pedido.creado", json!({ "pedido": 4711 })).await;
    audit.is(id, "reenviado").await;
    let arrived = depot.takes().await;
    assert_eq!(arrived[0]["payload"], r#"{"pedido":4711}"#, "{arrived}");
    assert_eq!(arrived[0]["properties"]["message_id"], id.to_string());

    let done = json!({ "mensaje": id, "origen": "tienda", "estado": "procesado" });
    depot.publish(names::NOTIFICATIONS, names::NOTIFICATION_TYPE, done).await;
    let story = audit.is(id, "procesado").await;
    let steps = story["pasos"].as_array().into_iter().flatten().map(|step| text(&step["paso"]));
    let wanted = ["creado", "recibido", "reenviado", "notificado"];
    assert_eq!(steps.collect::<Vec<_>>(), wanted, "{story:#}");

    let nobody = Audit { stack, token: String::new() };
    let (status, _) = nobody.ask(Method::GET, &format!("/mensajes/{id}"), None).await;
    assert_eq!(status, 401);
    for refused in [
        try_publish(&shop.amqp(), names::DELIVERY_EXCHANGE).await,
        try_publish(&shop.amqp(), "").await,
        try_consume(&shop.amqp(), &depot.mailbox()).await,
        try_consume(&shop.amqp(), names::AUDIT_QUEUE).await,
    ] {
        let error = refused.expect_err("no right of a system");
        assert!(error.contains("ACCESS_REFUSED"), "{error}");
    }
}

pub(crate) async fn what_is_published_while_it_is_stopped_waits_for_it(stack: &Stack) {
    let audit = Audit::log_in(stack).await;
    let (one, other) = (audit.register("uno").await, audit.register("otro").await);
    let mut id = Uuid::nil();
    stack
        .without("auditoria", async || {
            id = one.publish("otro", "aviso", json!({})).await;
        })
        .await;
    audit.is(id, "reenviado").await;
    assert_eq!(other.takes().await[0]["properties"]["message_id"], id.to_string());
}

/// Whatever comes of the tries; and the rest of the audit goes on.
pub(crate) async fn who_tries_passwords_without_end_is_held_up(stack: &Stack) {
    let audit = Audit::log_in(stack).await;
    let mut answers = Vec::new();
    for _ in 0..100 {
        answers.push(audit.ask(Method::POST, "/sesiones", None).await.0);
    }
    let held_up = |status: &&StatusCode| **status == StatusCode::TOO_MANY_REQUESTS;
    assert!(!held_up(&&answers[0]), "{answers:?}");
    assert!(answers.iter().filter(held_up).count() > 10, "{answers:?}");
    assert_eq!(audit.ask(Method::GET, "/sesiones/actual", None).await.0, 200);
}
