//! What goes through the public door, and what does not.

use e2e::Stack;
use serde_json::{Value, json};
use test_support::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Whose events the malformed ones would be.
const NAMED: &str = "X-Client-Name: malformado";

pub(crate) async fn only_what_is_meant_for_it_goes_through_the_door(stack: &Stack) {
    let status = async |path: &str| {
        let answer = stack.http.get(stack.url("HTTP_PORT", path)).send().await;
        answer.expect("an answer").status().as_u16()
    };
    for path in ["/panel", "/panel/", "/reporte", "/reporte?limite=1", "/"] {
        assert_eq!(status(path).await, 200, "{path}");
    }
    assert_eq!(status("/send").await, 405);
    for path in [
        "/panelx",
        "/reporte/x",
        "/metrics",
        "/readyz",
        "/docs/",
        "/openapi.json",
        "/api/overview",
        "/dashboard/",
        "/panel/metrics",
        "/panel/readyz",
        "/panel/docs/",
        "/panel/openapi.json",
    ] {
        assert_eq!(status(path).await, 404, "{path}");
    }
    for variable in ["TRAEFIK_PORT", "DASHBOARD_PORT"] {
        for path in ["/", "/dashboard/", "/api/http/routers"] {
            let answer = stack.http.get(stack.url(variable, path)).send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "{variable} {path}");
        }
    }
    let sent = stack.http.post(stack.url("HTTP_PORT", "/send")).send().await.expect("an answer");
    assert_eq!(sent.status(), 202);
    let batch = stack.http.post(stack.url("HTTP_PORT", "/send/batch")).json(&json!([{}, {}]));
    assert_eq!(batch.send().await.expect("an answer").status(), 202);
    let huge =
        stack.http.get(stack.url("HTTP_PORT", "/reporte")).header("x-big", "x".repeat(1 << 17));
    assert_eq!(huge.send().await.expect("an answer").status(), 431);
}

/// Each of these has been left unanswered, counted, or answered for the service by the door.
pub(crate) async fn what_is_malformed_or_too_large_is_answered_at_once(stack: &Stack) {
    let (length, chunks) = ("Content-Length: 0", "Transfer-Encoding: chunked");
    for (head, body, wanted) in [
        ("GET / HTTP/1.0".to_owned(), "", "302"),
        (format!("GET /send HTTP/1.1\r\n{length}"), "", "400"),
        (format!("GET /send HTTP/1.1\r\nHost:\r\n{length}"), "", "405"),
        (
            format!("POST /send HTTP/1.1\r\nHost: a\r\n{NAMED}\r\n{chunks}"),
            "zz\r\n{}\r\n0\r\n\r\n",
            "500",
        ),
    ] {
        let status = raw_status(stack, &head, body.as_bytes()).await;
        assert_eq!(status, wanted, "{head}");
    }
    for megabytes in [1, 2, 3, 1, 2, 3, 1, 2, 3, 1] {
        let body = vec![b'x'; megabytes << 20];
        let head = format!(
            "POST /send HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}",
            body.len()
        );
        assert_eq!(raw_status(stack, &head, &body).await, "413", "{megabytes} MB");
    }
    let counted = stack.url("ANALYTICS_PORT", "/reporte?cliente=malformado");
    let counted = stack.http.get(counted).send().await.expect("an answer");
    let counted: Value = counted.json().await.expect("JSON");
    assert!(counted["clientes"]["malformado"].is_null(), "{counted}");
    let home = stack.http.get(stack.url("HTTP_PORT", "/")).header("host", "otro.example");
    let home = home.send().await.expect("an answer");
    assert_eq!(home.url().path(), "/panel", "and not to whatever a browser calls this machine");
    assert_eq!(home.status(), 200, "the door answers to any name");
}

/// The status that the door answers these octets with.
async fn raw_status(stack: &Stack, head: &str, body: &[u8]) -> String {
    let address = format!("127.0.0.1:{}", stack.port("HTTP_PORT"));
    let line = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let (mut reading, mut writing) = line.into_split();
    let request = [head.as_bytes(), b"\r\n\r\n", body].concat();
    // Who says that it is too much need not read all of it; and who has no more to say
    // does not leave.
    let sending = tokio::spawn(async move { (writing.write_all(&request).await, writing) });
    let mut answer = vec![0; 12];
    let read = tokio::time::timeout(PATIENCE, reading.read_exact(&mut answer)).await;
    read.expect("an answer in time").expect("a status");
    sending.abort();
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

/// The door holds nothing back: the report comes while the stream is open.
pub(crate) async fn the_stream_passes_the_door_as_it_comes(stack: &Stack) {
    let mut stream =
        stack.http.get(stack.url("HTTP_PORT", "/reporte/stream")).send().await.expect("a stream");
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains("event: reporte") || !text.contains("data: {") {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await.expect("an event in time");
        let chunk = chunk.expect("bytes").expect("an open stream");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
}

pub(crate) async fn the_panels_links_follow_the_prefix(stack: &Stack) {
    let page = async |variable: &str, path: &str, prefix: Option<&str>| {
        let mut request = stack.http.get(stack.url(variable, path));
        if let Some(prefix) = prefix {
            request = request.header("x-forwarded-prefix", prefix);
        }
        request.send().await.expect("an answer").text().await.expect("text")
    };
    for path in ["/panel", "/panel/"] {
        let through = page("HTTP_PORT", path, None).await;
        assert!(through.contains(r#"<base href="/panel/">"#), "{through}");
        let forged = page("HTTP_PORT", path, Some("/otro")).await;
        assert!(!forged.contains("/otro"), "{forged}");
    }
    let direct = page("PANEL_PORT", "/", Some("/otro")).await;
    assert!(direct.contains(r#"<base href="/otro/">"#), "{direct}");
}

/// As the broker itself enforces them: who may do what, tried out.
pub(crate) async fn services_have_the_least_rights(stack: &Stack) {
    let amqp = stack.port("AMQP_PORT");
    let sender = format!("amqp://sender:sender-lab@127.0.0.1:{amqp}/%2f");
    for (what, refused) in [
        ("read its queue", test_support::try_consume(&sender, "cola_analiticas").await),
        ("write to another exchange", test_support::try_publish(&sender, "amq.direct").await),
        ("write to a queue by name", test_support::try_publish(&sender, "").await),
        ("declare a queue", test_support::try_declare(&sender, "cola_propia").await),
    ] {
        let error = refused.expect_err(what);
        assert!(error.contains("ACCESS_REFUSED"), "{what}: {error}");
    }
    let analytics = format!("amqp://analytics:analytics-lab@127.0.0.1:{amqp}/%2f");
    let audit = format!("amqp://auditoria:auditoria-lab@127.0.0.1:{amqp}/%2f");
    let registrar = format!("amqp://registro:registro-lab@127.0.0.1:{amqp}/%2f");
    for (user, exchange) in [
        (&analytics, "eventos_clientes"),
        (&analytics, "mensajeria_entrada"),
        (&audit, "eventos_clientes"),
        (&audit, "mensajeria_entrada"),
        (&registrar, "mensajeria_entrada"),
        (&registrar, "mensajeria_salida"),
    ] {
        let error = test_support::try_publish(user, exchange).await.expect_err(exchange);
        assert!(error.contains("ACCESS_REFUSED"), "{exchange}: {error}");
    }
    for (user, queue) in [
        (&audit, "cola_analiticas"),
        (&audit, "cola_rechazados"),
        (&registrar, "cola_eventos_log"),
        (&registrar, "cola_auditoria"),
        (&registrar, "notificaciones"),
    ] {
        let error = test_support::try_consume(user, queue).await.expect_err(queue);
        assert!(error.contains("ACCESS_REFUSED"), "{queue}: {error}");
    }

    let overview = stack.http.get(stack.url("MANAGEMENT_PORT", "/api/overview"));
    let overview: Value = overview
        .basic_auth("guest", Some("guest"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(overview["rabbitmq_version"].is_string(), "{overview}");
}
