//! An analytics that answers what a test wants it to.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web,
};
use serde_json::{Value, json};

/// What it does with a question.
#[derive(Clone)]
pub(crate) enum Mood {
    /// Answers as agreed: a report, and a list of events, as JSON. As text,
    /// because its order counts.
    Well(String, String),
    /// Answers everything with this status and body.
    With(u16, String),
    /// Takes the question, and says nothing.
    Silent,
}

pub(crate) struct FakeAnalytics {
    pub(crate) address: SocketAddr,
    state: State,
    server: ServerHandle,
}

impl FakeAnalytics {
    pub(crate) fn start(mood: Mood) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), mood)
    }

    pub(crate) fn start_at(address: SocketAddr, mood: Mood) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State { mood: Arc::new(Mutex::new(mood)), asked: Arc::default() };
        let data = web::Data::new(state.clone());
        let app = move || App::new().app_data(data.clone()).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.listen(listener).expect("a server").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, state, server: handle }
    }

    pub(crate) fn turn(&self, mood: Mood) {
        *self.state.mood.lock().expect("no test panics while it holds this") = mood;
    }

    /// How many questions it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// Ends at once, connections and all.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.server.stop(false).await;
        self.address
    }
}

const NO_FAULTS: &str = r#"{"pausa":false,"lento_ms":0,"muere":null}"#;

#[derive(Clone)]
struct State {
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

async fn answer(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    state.asked.fetch_add(1, Ordering::SeqCst);
    let mood = state.mood.lock().expect("no test panics while it holds this").clone();
    match (mood, request.path(), request.query_string()) {
        (Mood::Well(report, _), "/reporte", "orden=eventos&limite=20") => json_answer(report),
        (Mood::Well(_, events), "/eventos", "limite=20") => json_answer(events),
        (Mood::Well(..), "/estado", "") => json_answer(at_rest().to_string()),
        (Mood::Well(..), "/fallos", "") => json_answer(NO_FAULTS.to_owned()),
        (Mood::Well(..), ..) => HttpResponse::NotFound().finish(),
        (Mood::With(status, body), ..) => {
            HttpResponse::build(StatusCode::from_u16(status).expect("a status")).body(body)
        }
        (Mood::Silent, ..) => std::future::pending().await,
    }
}

fn json_answer(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text)
}

pub(crate) fn well(report: &Value, events: &Value) -> Mood {
    Mood::Well(report.to_string(), events.to_string())
}

/// One client with `total` clicks.
pub(crate) fn counting(total: u64) -> Mood {
    well(&report(&[("cliente_x", total)]), &events(&[("cliente_x", "hola")]))
}

pub(crate) fn empty() -> Mood {
    let report = json!({"total": 0, "clientes": {}, "eventos": {}, "primero": null,
                        "ultimo": null, "pagina": 1, "paginas": 1});
    well(&report, &json!({"eventos": []}))
}

/// The state of analytics while nothing happens.
pub(crate) fn at_rest() -> Value {
    json!({"proceso": "0196303b-3c5e-7cc2-98c4-dc0c0c073900", "consumo": "activo", "motivo": null,
           "guarda": null, "prefetch": 1000, "lote": null, "contados": 0, "repetidos": 0,
           "rechazados": 0, "reentregados": 0, "total": 0,
           "recuerda_desde": "2025-04-06T12:30:00Z",
           "broker": {"responde": true, "hace_ms": 100, "motivo": null,
                      "cola": {"nombre": "cola_analiticas", "listos": 0, "sin_acuse": 0,
                               "consumidores": 1, "limite": 5_000_000, "particiones": [
                                   {"nombre": "cola_analiticas", "listos": 0, "sin_acuse": 0,
                                    "consumidores": 1}]},
                      "muertas": {"nombre": "cola_analiticas_dlq", "mensajes": 0},
                      "enlaces": ["click"]}})
}

pub(crate) fn report(clients: &[(&str, u64)]) -> Value {
    let total: u64 = clients.iter().map(|(_, count)| count).sum();
    let clients: serde_json::Map<_, _> =
        clients.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
    json!({"total": total, "clientes": clients, "eventos": {"click": total},
           "primero": "2025-04-13T12:00:00Z", "ultimo": "2025-04-13T12:30:00Z",
           "pagina": 1, "paginas": 1})
}

pub(crate) fn events(rows: &[(&str, &str)]) -> Value {
    let event = |(place, (client, message)): (usize, &(&str, &str))| {
        json!({"id": format!("0196303b-3c5e-7cc2-98c4-{place:012x}"), "cliente": client,
               "evento": "click", "timestamp": "2025-04-13T12:30:00Z", "message": message,
               "contado": "2025-04-13T12:30:00.050Z"})
    };
    json!({"eventos": rows.iter().enumerate().map(event).collect::<Vec<_>>()})
}
