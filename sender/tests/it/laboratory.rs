//! The switches of the laboratory: there only when asked for, and true to what
//! they say.

use messages::{
    ClickEvent,
    names::{CLICK, QUEUE},
};
use reqwest::Response;
use serde_json::{Value, json};
use test_support::Vhost;

use super::{Running, prepare, problem};

const JSON: (&str, &str) = ("content-type", "application/json");

impl Running {
    /// A sender with switches, that is ready.
    async fn breakable(vhost: &Vhost) -> Self {
        prepare(vhost).await;
        let running = Self::start(&vhost.url(), &["--lab-faults"]);
        running.becomes(200).await;
        running
    }

    async fn switch(&self, media_type: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.client.put(format!("{}/fallos", self.address));
        request.header("content-type", media_type).body(body).send().await.expect("an answer")
    }

    async fn block(&self, blocked: bool) {
        let wanted = json!({ "bloqueado": blocked });
        let answer = self.switch("application/json", wanted.to_string()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.expect("JSON"), wanted);
        let shown: Value = self.get("/fallos").await.json().await.expect("JSON");
        assert_eq!(shown, wanted);
    }
}

#[tokio::test]
async fn without_lab_faults_there_is_nothing_to_break() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    problem(running.get("/fallos").await, 404, "no-encontrado").await;
    let switched = running.switch("application/json", r#"{"bloqueado":true}"#).await;
    problem(switched, 404, "no-encontrado").await;
    let poisoned = running.post("/fallos/veneno", &[JSON], r#"{"veces":1}"#).await;
    problem(poisoned, 404, "no-encontrado").await;
    let openapi: Value = running.get("/openapi.json").await.json().await.expect("JSON");
    assert!(openapi["paths"].get("/fallos").is_none(), "{openapi}");

    assert_eq!(running.post("/send", &[], "").await.status(), 202);
    vhost.wait_for_queue(QUEUE, 1, 0).await;
}

#[tokio::test]
async fn blocked_it_answers_503_at_once_and_afterwards_it_goes_on() {
    let vhost = Vhost::create().await;
    let running = Running::breakable(&vhost).await;
    running.block(true).await;
    let body = problem(running.post("/send", &[], "").await, 503, "bloqueado").await;
    let detail = body["detail"].as_str().expect("text");
    assert!(detail.contains("interruptor del laboratorio"), "{detail}");
    assert_eq!(running.post_json("/send/batch", &json!([{}, {}])).await.status(), 503);
    assert_eq!(running.get("/readyz").await.status(), 503);
    assert_eq!(running.get("/healthz").await.status(), 200);
    let state: Value = running.get("/estado").await.json().await.expect("JSON");
    assert_eq!(state["enlace"], "bloqueado");
    assert_eq!(state["publicaciones"]["no_enviadas"], 3, "{state}");
    assert_eq!(state["ultimas"][0]["resultado"], "no-enviado");
    vhost.wait_for_queue(QUEUE, 0, 0).await;

    running.block(false).await;
    assert_eq!(running.get("/readyz").await.status(), 200);
    assert_eq!(running.post("/send", &[], "").await.status(), 202);
    vhost.wait_for_queue(QUEUE, 1, 0).await;
}

#[tokio::test]
async fn a_restart_forgets_that_it_was_blocked() {
    let vhost = Vhost::create().await;
    let running = Running::breakable(&vhost).await;
    running.block(true).await;
    running.stopped().await;
    let running = Running::breakable(&vhost).await;
    assert_eq!(running.post("/send", &[], "").await.status(), 202);
}

#[tokio::test]
async fn an_emitter_that_is_blocked_keeps_its_event_and_sends_it_later() {
    let vhost = Vhost::create().await;
    prepare(&vhost).await;
    let running = Running::start(&vhost.url(), &["--lab-faults", "--emit-every", "10ms"]);
    running.block(true).await;
    running.becomes(503).await;
    let waiting = test_support::eventually("an event is tried more than once", || async {
        let state: Value = running.get("/estado").await.json().await.expect("JSON");
        let latest = state["ultimas"].as_array().expect("a list");
        match latest.first().map(|one| one["id"].clone()) {
            Some(id)
                if latest.iter().filter(|one| one["id"] == id).count() > 1
                    && state["enlace"] == "bloqueado" =>
            {
                Ok(id.as_str().expect("an id").to_owned())
            }
            _ => Err(state.to_string()),
        }
    })
    .await;
    running.block(false).await;
    test_support::eventually("that event is confirmed", || async {
        let story = running.get(&format!("/mensajes/{waiting}")).await;
        let story: Value = story.json().await.expect("JSON");
        let last = story["intentos"].as_array().and_then(|attempts| attempts.last()).cloned();
        match last {
            Some(last) if last["resultado"] == "confirmado" => Ok(()),
            _ => Err(story.to_string()),
        }
    })
    .await;
    running.stopped().await;
}

#[tokio::test]
async fn poison_lies_in_the_queue_under_its_ids_and_is_no_event() {
    let vhost = Vhost::create().await;
    let running = Running::breakable(&vhost).await;
    let headers = [JSON, ("x-request-id", "peticion-9")];
    let answer = running.post("/fallos/veneno", &headers, r#"{"veces":3}"#).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.expect("JSON");
    let ids = body["ids"].as_array().expect("a list");
    assert_eq!(ids.len(), 3, "{body}");

    let taken = vhost.take(QUEUE, 10).await;
    let found: Vec<_> = taken.iter().map(|one| &one["properties"]["message_id"]).collect();
    assert_eq!(found, ids.iter().collect::<Vec<_>>());
    for message in &taken {
        let payload = message["payload"].as_str().expect("text");
        assert!(ClickEvent::decode(payload.as_bytes()).is_err(), "{payload}");
        assert_eq!(message["routing_key"], CLICK);
        assert_eq!(message["properties"]["app_id"], "cliente_x");
        assert_eq!(message["properties"]["correlation_id"], "peticion-9");
        assert_eq!(message["properties"]["delivery_mode"], 2);
    }
    let id = ids[0].as_str().expect("an id");
    let story: Value = running.get(&format!("/mensajes/{id}")).await.json().await.expect("JSON");
    assert_eq!(story["intentos"][0]["resultado"], "confirmado", "{story}");
    // Nobody has to look for it among what was counted.
    let confirmed: Value = running.get("/confirmados").await.json().await.expect("JSON");
    assert_eq!(confirmed["confirmados"], json!([]));
}

#[tokio::test]
async fn a_hundred_are_taken_and_what_rabbitmq_does_not_confirm_is_no_success() {
    let vhost = Vhost::create().await;
    let running = Running::breakable(&vhost).await;
    let hundred = running.post("/fallos/veneno", &[JSON], r#"{"veces":100}"#).await;
    assert_eq!(hundred.status(), 200);
    vhost.wait_for_queue(QUEUE, 100, 0).await;

    running.block(true).await;
    let blocked = running.post("/fallos/veneno", &[JSON], r#"{"veces":1}"#).await;
    problem(blocked, 503, "bloqueado").await;
    running.block(false).await;
    vhost.unbind(messages::names::EXCHANGE, QUEUE, CLICK).await;
    let unroutable = running.post("/fallos/veneno", &[JSON], r#"{"veces":1}"#).await;
    problem(unroutable, 422, "sin-ruta").await;
    vhost.wait_for_queue(QUEUE, 100, 0).await;
}

#[tokio::test]
async fn bad_poison_is_refused_and_nothing_is_published() {
    let vhost = Vhost::create().await;
    let running = Running::breakable(&vhost).await;
    for body in [
        r#"{"veces":0}"#,
        r#"{"veces":101}"#,
        r#"{"veces":-1}"#,
        r#"{"veces":1.5}"#,
        r#"{"veces":99999999999}"#,
        r#"{"veces":"tres"}"#,
        r#"{"veces":null}"#,
        r#"{"veces":1,"otro":1}"#,
        "{}",
        "[1]",
        "1",
    ] {
        problem(running.post("/fallos/veneno", &[JSON], body).await, 422, "no-aceptable").await;
    }
    problem(running.post("/fallos/veneno", &[JSON], "{").await, 400, "malformada").await;
    problem(running.post("/fallos/veneno", &[JSON], "").await, 400, "malformada").await;
    let untyped = running.post("/fallos/veneno", &[], r#"{"veces":1}"#).await;
    problem(untyped, 415, "tipo-no-admitido").await;
    let long = format!(r#"{{"veces":1{}}}"#, " ".repeat(5000));
    let long = running.post("/fallos/veneno", &[JSON], long).await;
    problem(long, 413, "demasiado-grande").await;
    assert_eq!(running.get("/fallos/veneno").await.status(), 405);

    let state: Value = running.get("/estado").await.json().await.expect("JSON");
    assert_eq!(state["ultimas"], json!([]));
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn bad_switches_are_refused_and_change_nothing() {
    let vhost = Vhost::create().await;
    let running = Running::breakable(&vhost).await;
    for body in [
        "{}",
        r#"{"bloqueado":1}"#,
        r#"{"bloqueado":null}"#,
        r#"{"bloqueado":"true"}"#,
        r#"{"bloqueado":true,"otro":1}"#,
        "[true]",
        "true",
    ] {
        problem(running.switch("application/json", body).await, 422, "no-aceptable").await;
    }
    problem(running.switch("application/json", "{").await, 400, "malformada").await;
    let untyped = running.switch("text/plain", r#"{"bloqueado":true}"#).await;
    problem(untyped, 415, "tipo-no-admitido").await;
    assert_eq!(running.get("/readyz").await.status(), 200);
    let openapi: Value = running.get("/openapi.json").await.json().await.expect("JSON");
    assert!(openapi["paths"]["/fallos"]["put"].is_object(), "{openapi}");
    assert!(openapi["paths"]["/fallos/veneno"]["post"].is_object(), "{openapi}");
    assert!(openapi["paths"]["/send"]["post"].is_object(), "{openapi}");
}
