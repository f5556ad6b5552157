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
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
    server: ServerHandle,
}

impl FakeAnalytics {
    pub(crate) fn start(mood: Mood) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), mood)
    }

    pub(crate) fn start_at(address: SocketAddr, mood: Mood) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let (mood, asked) = (Arc::new(Mutex::new(mood)), Arc::new(AtomicUsize::new(0)));
        let state = web::Data::new((mood.clone(), asked.clone()));
        let app = move || App::new().app_data(state.clone()).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.listen(listener).expect("a server").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, mood, asked, server: handle }
    }

    pub(crate) fn turn(&self, mood: Mood) {
        *self.mood.lock().expect("no test panics while it holds this") = mood;
    }

    /// How many questions it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Ends at once, connections and all.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.server.stop(false).await;
        self.address
    }
}

type State = web::Data<(Arc<Mutex<Mood>>, Arc<AtomicUsize>)>;

async fn answer(request: HttpRequest, state: State) -> HttpResponse {
    state.1.fetch_add(1, Ordering::SeqCst);
    let mood = state.0.lock().expect("no test panics while it holds this").clone();
    match (mood, request.path(), request.query_string()) {
        (Mood::Well(report, _), "/reporte", "limite=20") => json_answer(report),
        (Mood::Well(_, events), "/eventos", "limite=20") => json_answer(events),
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
