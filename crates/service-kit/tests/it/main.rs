//! The server as every service runs it, with a route of the test's own.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{HttpResponse, web};
use reqwest::Client;
use serde_json::Value;
use service_kit::{Readiness, Server, Shutdown};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinHandle,
};

const FORM: &str = "application/x-www-form-urlencoded";

struct Running {
    address: String,
    shutdown: Shutdown,
    /// Whether the one part that the test's service needs is there.
    healthy: Arc<AtomicBool>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address").to_string();
        let shutdown = Shutdown::default();
        let healthy = Arc::new(AtomicBool::new(true));
        let state = healthy.clone();
        let readiness = Readiness::default().with("parte", move || {
            if state.load(Ordering::SeqCst) { Ok(()) } else { Err("no está".to_owned()) }
        });
        let openapi = utoipa::openapi::OpenApi::default();
        let server = Server { listener, shutdown: shutdown.clone(), readiness, openapi };
        let task = tokio::spawn(server.serve(|routes| {
            routes
                .service(web::resource("/fallo").route(web::get().to(fails)))
                .service(web::resource("/lento").route(web::get().to(slow)))
                .service(web::resource("/texto").route(web::get().to(text)))
                .service(web::resource("/sin-fin").route(web::get().to(endless)))
                .service(web::resource("/formulario").route(web::post().to(form)));
        }));
        Self { address, shutdown, healthy, task }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("http://{}{path}", self.address);
        Client::new().get(url).send().await.expect("an answer")
    }
}

async fn fails() -> Result<HttpResponse, actix_web::Error> {
    Err(actix_web::error::ErrorInternalServerError("la contraseña es 1234"))
}

async fn text() -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "no-cache")).body("un texto")
}

async fn endless() -> HttpResponse {
    let never = futures_util::stream::pending::<Result<web::Bytes, actix_web::Error>>();
    HttpResponse::Ok().content_type("text/event-stream").streaming(never)
}

async fn form(form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    HttpResponse::Ok().body(format!("{:?}", *form))
}

/// Answers once the client has sent the rest of its body.
async fn slow(body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().body(body)
}

#[tokio::test]
async fn readyz_names_what_is_missing() {
    let running = Running::start();
    assert_eq!(running.get("/readyz").await.status(), 200);
    running.healthy.store(false, Ordering::SeqCst);
    let answer = running.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!((&body["listo"], &body["partes"][0]["detalle"]), (&false.into(), &"no está".into()));
    assert_eq!(running.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn an_address_that_is_too_long_is_refused_at_once_with_a_sentence() {
    let running = Running::start();
    for path in ["/healthz?a=", "/fallo?a=", "/nada?a=", "/"] {
        let answer = running.get(&format!("{path}{}", "x".repeat(20_000))).await;
        assert_eq!(answer.status(), 414, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["type"], "urn:relevo:problema:direccion-demasiado-larga");
        let detail = body["detail"].as_str().expect("a sentence");
        assert!(detail.contains("16384 bytes"), "{detail}");
    }
    let fits = format!("/healthz?a={}", "x".repeat(16_000));
    assert_eq!(running.get(&fits).await.status(), 200);
}

#[tokio::test]
async fn a_name_of_others_is_not_answered_on_this_machine() {
    let running = Running::start();
    for path in ["/healthz", "/texto", "/nada"] {
        let request = Client::new().get(format!("http://{}{path}", running.address));
        let answer = request.header("host", "evil.example").send().await.expect("an answer");
        assert_eq!(answer.status(), 421, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["type"], "urn:relevo:problema:otro-nombre");
        assert!(!body.to_string().contains("evil"), "{body}");
    }
    let named = Client::new().get(format!("http://{}/texto", running.address));
    let named = named.header("host", "localhost").send().await.expect("an answer");
    assert_eq!(named.status(), 200);
}

#[tokio::test]
async fn a_head_is_answered_as_a_get_without_its_body() {
    let running = Running::start();
    for (path, status, length) in [
        ("/texto", 200, Some("8")),
        ("/sin-fin", 200, None),
        ("/healthz", 200, Some("3")),
        ("/formulario", 405, None),
        ("/nada", 404, None),
    ] {
        let answer = Client::new().head(format!("http://{}{path}", running.address)).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
        let told = answer.headers().get("content-length").map(|it| it.to_str().expect("a number"));
        assert!(length.is_none() || told == length, "{path}: {told:?}");
        assert_eq!(answer.bytes().await.expect("an end").len(), 0, "{path}");
    }
}

#[tokio::test]
async fn every_answer_says_that_nobody_keeps_or_frames_it_unless_it_says_otherwise() {
    let running = Running::start();
    for path in ["/healthz", "/nada", "/docs/", "/openapi.json", "/fallo"] {
        let headers = running.get(path).await.headers().clone();
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["content-security-policy"], "frame-ancestors 'none'", "{path}");
    }
    assert_eq!(running.get("/texto").await.headers()["cache-control"], "no-cache");
}

#[tokio::test]
async fn a_form_that_only_drips_ends() {
    let running = Running::start();
    let url = format!("http://{}/formulario", running.address);
    let whole = Client::new().post(url).header("content-type", FORM).body("a=1&b=%C3%B1");
    let whole = whole.send().await.expect("an answer").text().await.expect("text");
    assert_eq!(whole, r#"[("a", "1"), ("b", "ñ")]"#);
    let mut line = TcpStream::connect(&running.address).await.expect("a connection");
    let head = format!(
        "POST /formulario HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\r\na="
    );
    line.write_all(head.as_bytes()).await.expect("sent");
    let mut status = [0; 12];
    line.read_exact(&mut status).await.expect("an answer");
    assert_eq!(&status[9..], b"408");
}

#[tokio::test]
async fn what_goes_wrong_inside_is_not_shown() {
    let running = Running::start();
    let answer = running.get("/fallo").await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let text = answer.text().await.expect("text");
    assert!(!text.contains("1234"), "{text}");
}

#[tokio::test]
async fn a_callers_request_id_is_kept_only_if_it_is_harmless() {
    let running = Running::start();
    for (given, kept) in [("abc-1_2", true), ("a b", false), (&"x".repeat(65), false)] {
        let url = format!("http://{}/healthz", running.address);
        let answer = Client::new().get(url).header("x-request-id", given).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.headers()["x-request-id"] == given, kept, "{given}");
    }
}

#[tokio::test]
async fn what_callers_make_up_is_no_label_of_a_metric() {
    let running = Running::start();
    for (method, path) in [("INVENTADO", "/healthz"), ("GET", "/inventado")] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a token");
        let url = format!("http://{}{path}", running.address);
        Client::new().request(method, url).send().await.expect("an answer");
    }
    let metrics = running.get("/metrics").await.text().await.expect("text");
    assert!(metrics.contains("http_requests_total"), "{metrics}");
    assert!(!metrics.to_lowercase().contains("inventado"), "{metrics}");
}

#[tokio::test]
async fn the_documentation_is_found_without_its_last_slash() {
    let running = Running::start();
    let page = running.get("/docs").await;
    assert_eq!((page.status().as_u16(), page.url().path()), (200, "/docs/"));
}

/// A door serves all of it under a prefix: nothing may begin at the root.
#[tokio::test]
async fn the_documentation_asks_beside_itself() {
    let running = Running::start();
    let script = running.get("/docs/swagger-initializer.js").await.text().await.expect("text");
    assert!(script.contains(r#""url": "../openapi.json""#), "{script}");
    let document: Value = running.get("/openapi.json").await.json().await.expect("JSON");
    assert_eq!(document["servers"], serde_json::json!([{ "url": "." }]));
}

/// On a connection that is open already, for no new one is accepted.
#[tokio::test]
async fn told_to_stop_it_is_not_ready_finishes_what_is_under_way_and_closes() {
    let running = Running::start();
    let mut idle = Connection::open(&running.address).await;
    idle.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(idle.read_head().await.starts_with("HTTP/1.1 200"));
    idle.read_body().await;
    let mut busy = Connection::open(&running.address).await;
    busy.send("GET /lento HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab").await;
    idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(idle.read_head().await.starts_with("HTTP/1.1 200"));
    idle.read_body().await;

    running.shutdown.raise();
    idle.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let head = idle.read_head().await;
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("connection: close"), "{head}");
    busy.send("cd").await;
    let head = busy.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    running.task.await.expect("no panic").expect("an orderly end");
}

struct Connection {
    stream: BufReader<TcpStream>,
    length: usize,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self { stream: BufReader::new(stream), length: 0 }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("written");
    }

    async fn read_head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head).await.expect("a line");
            assert!(read > 0, "closed after {head:?}");
        }
        let head = head.to_ascii_lowercase().replace("http/1.1", "HTTP/1.1");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        self.length = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
        head
    }

    async fn read_body(&mut self) {
        let mut body = vec![0; self.length];
        self.stream.read_exact(&mut body).await.expect("the whole body");
    }
}
