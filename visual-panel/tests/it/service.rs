//! A service that answers what a test wants it to, and keeps what it was sent.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use serde_json::{Value, json};

/// What it answers: 404 where nothing else was set.
#[derive(Clone, Default)]
struct State {
    answers: Arc<Mutex<HashMap<String, (u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// What came as `Authorization`, of each question.
    tokens: Arc<Mutex<Vec<String>>>,
    /// For whom the panel said it asks, each time.
    addresses: Arc<Mutex<Vec<String>>>,
}

pub(crate) struct FakeService {
    pub(crate) url: String,
    state: State,
}

impl FakeService {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State::default();
        let data = web::Data::new(state.clone());
        let app = move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(1024 * 1024))
                .default_service(web::to(answer))
        };
        let server = HttpServer::new(app).workers(1).disable_signals();
        tokio::spawn(server.listen(listener).expect("a server").run());
        Self { url, state }
    }

    /// A sender that has confirmed `confirmed` events.
    pub(crate) fn sender(confirmed: u64) -> Self {
        let service = Self::start();
        let state = json!({"emisor": "cliente_x", "proceso": "a", "enlace": "conectado",
            "motivo": null, "en_vuelo": 0, "ultimas": [], "publicaciones": {"confirmadas": confirmed,
            "sin_ruta": 0, "rechazadas": 0, "no_enviadas": 0, "desconocidas": 0}});
        service.answers("GET /estado", 200, &state);
        service
    }

    /// What `question`, a method and a path, is answered from now on.
    pub(crate) fn answers(&self, question: &str, status: u16, body: &Value) {
        self.answers_as_written(question, status, &body.to_string());
    }

    /// The same with a body as it is.
    pub(crate) fn answers_as_written(&self, question: &str, status: u16, body: &str) {
        let mut answers = self.state.answers.lock().expect("no test panics while it holds this");
        answers.insert(question.to_owned(), (status, body.to_owned()));
    }

    /// What it was asked and sent, but for `GET`.
    pub(crate) fn was_sent(&self) -> Vec<String> {
        let asked = self.state.asked.lock().expect("no test panics while it holds this");
        asked.iter().filter(|question| !question.starts_with("GET ")).cloned().collect()
    }

    /// By which token it was asked, each time.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.state.tokens.lock().expect("no test panics while it holds this").clone()
    }

    /// For whom the panel said it asks, each time.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.state.addresses.lock().expect("no test panics while it holds this").clone()
    }

    /// How often it was asked `question`, a `GET` and its path.
    pub(crate) fn was_asked(&self, question: &str) -> usize {
        let asked = self.state.asked.lock().expect("no test panics while it holds this");
        asked.iter().filter(|asked| asked.as_str() == question).count()
    }
}

async fn answer(request: HttpRequest, body: String, state: web::Data<State>) -> HttpResponse {
    for (name, kept) in [("authorization", &state.tokens), ("x-real-ip", &state.addresses)] {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        let value = value.unwrap_or_default().to_owned();
        kept.lock().expect("no test panics while it holds this").push(value);
    }
    let question = format!("{} {}", request.method(), request.path());
    let asked = format!("{question} {body}").trim_end().to_owned();
    state.asked.lock().expect("no test panics while it holds this").push(asked);
    let answers = state.answers.lock().expect("no test panics while it holds this");
    let (status, body) = answers.get(&question).cloned().unwrap_or((404, String::new()));
    HttpResponse::build(StatusCode::from_u16(status).expect("a status"))
        .content_type("application/json")
        .body(body)
}
