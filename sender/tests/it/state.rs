//! `/estado`, `/mensajes/{id}` and `/confirmados` tell exactly what became of each attempt.

use messages::names::{CLICK, EXCHANGE, QUEUE};
use serde_json::{Value, json};
use test_support::{CutProxy, Vhost, eventually};

use super::{Running, prepare, problem};

impl Running {
    async fn state(&self) -> Value {
        let answer = self.get("/estado").await;
        assert_eq!(answer.status(), 200);
        answer.json().await.expect("JSON")
    }

    /// The id of an event that was confirmed.
    async fn confirmed(&self, headers: &[(&str, &str)]) -> String {
        let answer = self.post("/send", headers, "").await;
        assert_eq!(answer.status(), 202);
        let event: Value = answer.json().await.expect("JSON");
        event["id"].as_str().expect("an id").to_owned()
    }
}

/// Confirmed, unroutable, refused, not sent, unknown.
fn counts(state: &Value) -> [u64; 5] {
    ["confirmadas", "sin_ruta", "rechazadas", "no_enviadas", "desconocidas"]
        .map(|name| state["publicaciones"][name].as_u64().expect("a count"))
}

#[tokio::test]
async fn a_sender_that_did_nothing_yet_says_so() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let state = running.state().await;
    let process = state["proceso"].as_str().expect("an id");
    let wanted = json!({
        "emisor": "cliente_x", "proceso": process, "enlace": "conectado", "motivo": null,
        "en_vuelo": 0, "ultimas": [],
        "publicaciones": {
            "confirmadas": 0, "sin_ruta": 0, "rechazadas": 0, "no_enviadas": 0, "desconocidas": 0,
        },
    });
    assert_eq!(state, wanted);
    assert_eq!(running.state().await, wanted, "the process is the same as a moment ago");

    let other = Running::start(&vhost.url(), &["--sender-name", "cliente_dos"]);
    let other = other.state().await;
    assert_eq!(other["emisor"], "cliente_dos");
    assert_ne!(other["proceso"], state["proceso"]);
}

#[tokio::test]
async fn each_outcome_has_its_count_whichever_route_it_took() {
    let vhost = Vhost::create().await;
    vhost.declare_exchange(EXCHANGE, "direct").await;
    let full = json!({ "x-max-length": 2, "x-overflow": "reject-publish" });
    vhost.declare_queue("llena", full).await;
    vhost.bind(EXCHANGE, "llena", CLICK).await;
    let running = Running::start(&vhost.url(), &[]);
    running.becomes(200).await;

    let id = running.confirmed(&[("x-client-name", "ana")]).await;
    let batch = json!([{}, { "evento": "compra", "cliente": "eva" }]);
    assert_eq!(running.post_json("/send/batch", &batch).await.status(), 207);
    assert_eq!(running.post("/send", &[], "").await.status(), 503);

    let state = running.state().await;
    assert_eq!(counts(&state), [2, 1, 1, 0, 0], "{state}");
    assert_eq!(state["en_vuelo"], 0);
    let latest = state["ultimas"].as_array().expect("a list");
    assert_eq!(latest.len(), 4, "{state}");
    assert_eq!(latest[0]["resultado"], "rechazado");
    assert_eq!(latest[3]["id"], id);
    assert_eq!(latest[3]["cliente"], "ana");
    assert_eq!(latest[3]["clave"], "click");
    assert_eq!(latest[3]["resultado"], "confirmado");
    let unroutable = latest.iter().find(|one| one["resultado"] == "sin-ruta").expect("one");
    assert_eq!((&unroutable["clave"], &unroutable["cliente"]), (&json!("compra"), &json!("eva")));
}

#[tokio::test]
async fn what_was_not_sent_and_what_nobody_answered_for_are_counted_apart() {
    let vhost = Vhost::create().await;
    prepare(&vhost).await;
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let running = Running::start(&vhost.url_through(line.address()), &[]);
    running.becomes(200).await;

    line.silence();
    problem(running.post("/send", &[], "").await, 503, "desconocido").await;
    assert_eq!(counts(&running.state().await), [0, 0, 0, 0, 1]);

    line.cut();
    running.becomes(503).await;
    problem(running.post("/send", &[], "").await, 503, "sin-conexion").await;
    let state = running.state().await;
    assert_eq!(counts(&state), [0, 0, 0, 1, 1]);
    assert_eq!(state["enlace"], "sin-conexion");
    let reason = state["motivo"].as_str().expect("a reason");
    assert!(reason.contains("sin conexión con RabbitMQ"), "{reason}");
}

/// A caller who hangs up leaves no attempt under way for ever.
#[tokio::test]
async fn an_attempt_whose_caller_left_ends_as_well() {
    let vhost = Vhost::create().await;
    prepare(&vhost).await;
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let running = Running::start(&vhost.url_through(line.address()), &[]);
    running.becomes(200).await;

    line.silence();
    let (client, url) = (running.client.clone(), format!("{}/send", running.address));
    let caller = tokio::spawn(async move { client.post(url).send().await });
    let under_way = async |wanted: u64| {
        eventually(&format!("{wanted} under way"), || async {
            match running.state().await {
                state if state["en_vuelo"] == wanted => Ok(state),
                state => Err(state.to_string()),
            }
        })
        .await
    };
    under_way(1).await;
    caller.abort();
    assert_eq!(counts(&under_way(0).await), [0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn events_that_it_emits_by_itself_are_counted_too_and_twenty_are_shown() {
    let vhost = Vhost::create().await;
    prepare(&vhost).await;
    let running = Running::start(&vhost.url(), &["--emit-every", "5ms"]);
    let state = eventually("thirty were emitted", || async {
        match running.state().await {
            state if counts(&state)[0] >= 30 => Ok(state),
            state => Err(state.to_string()),
        }
    })
    .await;
    let latest = state["ultimas"].as_array().expect("a list");
    assert_eq!(latest.len(), 20);
    assert!(latest.iter().all(|one| one["cliente"] == "cliente_x"), "{state}");
    let times: Vec<_> = latest.iter().map(|one| one["a_las"].as_str().expect("a time")).collect();
    assert!(times.iter().all(|time| time.starts_with("20") && time.ends_with('Z')), "{times:?}");
    running.stopped().await;
}

#[tokio::test]
async fn a_retry_under_one_key_is_a_second_attempt_at_the_same_message() {
    let vhost = Vhost::create().await;
    vhost.declare_exchange(EXCHANGE, "direct").await;
    let running = Running::start(&vhost.url(), &[]);
    running.becomes(200).await;
    let headers = [("idempotency-key", "k1"), ("x-client-name", "ana")];
    problem(running.post("/send", &headers, "").await, 422, "sin-ruta").await;
    prepare(&vhost).await;
    let id = running.confirmed(&headers).await;
    running.confirmed(&[("idempotency-key", "k2"), ("x-client-name", "ana")]).await;

    let story: Value = running.get(&format!("/mensajes/{id}")).await.json().await.expect("JSON");
    assert_eq!((&story["emisor"], &story["id"]), (&json!("cliente_x"), &json!(id)));
    assert_eq!(story["proceso"], running.state().await["proceso"]);
    let attempts = story["intentos"].as_array().expect("a list");
    assert_eq!(attempts.len(), 2, "{story}");
    for (attempt, result) in attempts.iter().zip(["sin-ruta", "confirmado"]) {
        assert_eq!(attempt["resultado"], result, "{story}");
        assert_eq!(attempt["cliente"], "ana");
        assert_eq!(attempt["clave"], "click");
        assert!(attempt["a_las"].is_string() && attempt.get("id").is_none(), "{story}");
    }
    running.confirmed(&headers).await;
    vhost.wait_for_queue(QUEUE, 3, 0).await;

    // Confirmed twice, told of once, with the time of the last.
    let story: Value = running.get(&format!("/mensajes/{id}")).await.json().await.expect("JSON");
    let last = &story["intentos"][2]["a_las"];
    let confirmed: Value = running.get("/confirmados").await.json().await.expect("JSON");
    assert_eq!(confirmed["proceso"], story["proceso"]);
    let confirmed = confirmed["confirmados"].as_array().expect("a list");
    assert_eq!(confirmed.len(), 2, "{confirmed:?}");
    assert!(confirmed.contains(&json!([id, "ana", "click", last])), "{confirmed:?}, {story}");
}

#[tokio::test]
async fn a_message_that_it_does_not_know_is_404_and_what_is_no_id_400() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let unknown = "/mensajes/01937f3e-8a1b-7c2d-9e4f-5a6b7c8d9e0f";
    problem(running.get(unknown).await, 404, "no-encontrado").await;
    for path in ["/mensajes/hola", "/mensajes/%3Cb%3E", "/mensajes/01937f3e"] {
        problem(running.get(path).await, 400, "malformada").await;
    }
    assert_eq!(running.get("/mensajes/%FF").await.status(), 400);
    assert_eq!(running.get("/mensajes/").await.status(), 404);
    assert_eq!(running.post("/estado", &[], "").await.status(), 405);
}

#[tokio::test]
async fn what_it_tells_of_itself_is_documented() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let openapi: Value = running.get("/openapi.json").await.json().await.expect("JSON");
    for path in ["/estado", "/mensajes/{id}", "/confirmados"] {
        assert!(openapi["paths"][path]["get"].is_object(), "{path}");
    }
    let latest = &openapi["components"]["schemas"]["Estado"]["properties"]["ultimas"];
    assert_eq!(latest["type"], "array", "{latest}");
    let confirmed = &openapi["components"]["schemas"]["Confirmados"]["properties"]["confirmados"];
    assert_eq!(confirmed["example"][0].as_array().map(Vec::len), Some(4), "{confirmed}");
}
