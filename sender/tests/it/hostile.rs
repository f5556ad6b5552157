//! Bad input gets a clear error and changes nothing.

use messages::names::QUEUE;
use serde_json::json;
use test_support::Vhost;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Running, problem};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn each_kind_of_bad_body_has_its_status() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let deep = "[".repeat(50_000);
    for body in ["{", "hola", "{\"message\": \"\u{1}", "{} {}"] {
        problem(running.post("/send", &[JSON], body.to_owned()).await, 400, "malformada").await;
    }
    let long_note = json!({ "message": "x".repeat(4097) }).to_string();
    for body in [
        "[]",
        r#"["ana","click",null,null]"#,
        &deep,
        "5",
        r#"{"cliente": 5}"#,
        r#"{"otro": 1}"#,
        r#"{"message": "a\u0000b"}"#,
        r#"{"timestamp": "ayer"}"#,
        &long_note,
    ] {
        problem(running.post("/send", &[JSON], body.to_owned()).await, 422, "no-aceptable").await;
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let headers = [("content-type", media_type)];
        problem(running.post("/send", &headers, "{}").await, 415, "tipo-no-admitido").await;
    }
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn hostile_names_and_keys_are_refused() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let long = "x".repeat(65);
    for name in
        ["", "<script>", "'; DROP TABLE clientes;--", "a b", "a\nb", "\u{202e}x", &long, "(otros)"]
    {
        for field in ["cliente", "evento"] {
            let answer = running.post_json("/send", &json!({ field: name })).await;
            problem(answer, 422, "no-aceptable").await;
        }
    }
    for (header, value) in [
        ("x-client-name", "a b"),
        ("x-client-name", ""),
        ("idempotency-key", "a b"),
        ("idempotency-key", ""),
    ] {
        problem(running.post("/send", &[(header, value)], "").await, 422, "no-aceptable").await;
    }
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn giant_bodies_are_413_with_a_length_or_chunked() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let giant = "x".repeat(1024 * 1024);
    problem(running.post("/send", &[JSON], giant.clone()).await, 413, "demasiado-grande").await;
    let chunked =
        reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(giant)]));
    problem(running.post("/send", &[JSON], chunked).await, 413, "demasiado-grande").await;
    let batch = "x".repeat(9 * 1024 * 1024);
    problem(running.post("/send/batch", &[JSON], batch).await, 413, "demasiado-grande").await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn giant_headers_and_wrong_methods_are_refused() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let address = running.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head =
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: {}\r\n\r\n", "x".repeat(140_000));
    // The server may well hang up before it has read all of it.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));

    let answer = running.get("/send").await;
    assert_eq!(answer.headers()["allow"], "POST");
    problem(answer, 405, "metodo-no-admitido").await;
    problem(running.get("/nada").await, 404, "no-encontrado").await;
    assert_eq!(running.get("/healthz").await.status(), 200);
}
