//! The whole sender, against a real RabbitMQ, in a vhost of each test's own.

mod batch;
mod faults;
mod hostile;
mod laboratory;
mod send;
mod state;

use std::net::TcpListener;

use messages::names::{CLICK, EXCHANGE, QUEUE};
use reqwest::{Client, Response};
use sender::Config;
use serde_json::{Value, json};
use service_kit::{Failure, Shutdown};
use test_support::{Vhost, eventually};
use tokio::task::JoinHandle;

/// A sender that runs, and what ends it.
struct Running {
    address: String,
    client: Client,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), Failure>>,
}

impl Running {
    fn start(amqp_url: &str, extra: &[&str]) -> Self {
        let arguments = ["sender", "--amqp-url", amqp_url, "--listen", "127.0.0.1:0"];
        let arguments: Vec<_> = arguments.iter().chain(extra).map(Into::into).collect();
        let config: Config = service_kit::config::parse(&arguments).expect("a configuration");
        let listener = TcpListener::bind(config.listen).expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("a bound address"));
        let shutdown = Shutdown::default();
        let task = tokio::spawn(sender::run(config, listener, shutdown.clone()));
        Self { address, client: Client::new(), shutdown, task }
    }

    /// A sender that is ready, to a vhost with the laboratory's names.
    async fn ready(vhost: &Vhost) -> Self {
        prepare(vhost).await;
        let running = Self::start(&vhost.url(), &[]);
        running.becomes(200).await;
        running
    }

    async fn becomes(&self, status: u16) {
        eventually(&format!("/readyz answers {status}"), || async {
            let answer = self.get("/readyz").await;
            match answer.status().as_u16() {
                got if got == status => Ok(()),
                _ => Err(answer.text().await.unwrap_or_default()),
            }
        })
        .await;
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.address);
        self.client.get(url).send().await.expect("an answer")
    }

    async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let mut request = self.client.post(format!("{}{path}", self.address)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }

    async fn post_json(&self, path: &str, body: &Value) -> Response {
        self.post(path, &[("content-type", "application/json")], body.to_string()).await
    }

    async fn stopped(self) {
        self.shutdown.raise();
        self.task.await.expect("no panic").expect("an orderly end");
    }
}

async fn prepare(vhost: &Vhost) {
    vhost.declare_exchange(EXCHANGE, "direct").await;
    vhost.declare_queue(QUEUE, json!({ "x-queue-type": "quorum" })).await;
    vhost.bind(EXCHANGE, QUEUE, CLICK).await;
}

/// Checks status and form of a problem document, and returns it.
async fn problem(answer: Response, status: u16, kind: &str) -> Value {
    assert_eq!(answer.status(), status, "{:?}", answer.text().await);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let request_id = answer.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
    if status == 503 {
        assert!(answer.headers().contains_key("retry-after"), "503 without Retry-After");
    }
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["type"], format!("urn:relevo:problema:{kind}"), "{body}");
    assert_eq!(body["status"], status, "{body}");
    assert_eq!(body["request_id"], request_id, "{body}");
    assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{body}");
    body
}
