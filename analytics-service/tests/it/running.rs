//! The service as tests run it, and what it runs on.

use std::{fmt::Display, net::TcpListener, ops::Deref};

use analytics_service::Config;
use messages::names::{CLICK, CLICK_EVENT_TYPE, EXCHANGE};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use service_kit::{Failure, Shutdown};
use test_support::{Vhost, eventually};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{Backend, Database};

/// Speaks HTTP to a service.
pub(super) struct Http {
    pub(super) address: String,
    pub(super) client: Client,
}

/// The service, running in this process.
pub(super) struct Running {
    http: Http,
    pub(super) shutdown: Shutdown,
    pub(super) task: JoinHandle<Result<(), Failure>>,
}

impl Http {
    pub(super) fn to(address: impl Display) -> Self {
        Self { address: format!("http://{address}"), client: Client::new() }
    }

    pub(super) async fn becomes(&self, status: u16) {
        eventually(&format!("/readyz answers {status}"), || async {
            let answer = self.get("/readyz").await?;
            match answer.status().as_u16() {
                got if got == status => Ok(()),
                _ => Err(answer.text().await.unwrap_or_default()),
            }
        })
        .await;
    }

    pub(super) async fn get(&self, path: &str) -> Result<Response, String> {
        let url = format!("{}{path}", self.address);
        self.client.get(url).send().await.map_err(|error| error.to_string())
    }

    pub(super) async fn json(&self, path: &str) -> Result<Value, String> {
        self.get(path).await?.json().await.map_err(|error| error.to_string())
    }

    /// Waits until `/estado` is as wanted.
    pub(super) async fn state(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("/estado says {what}"), || async {
            let state = self.json("/estado").await?;
            if wanted(&state) { Ok(state) } else { Err(state.to_string()) }
        })
        .await
    }

    pub(super) async fn counts(&self, total: u64) -> Value {
        eventually(&format!("{total} are counted"), || async {
            let report = self.json("/reporte").await?;
            if report["total"] == total { Ok(report) } else { Err(report.to_string()) }
        })
        .await
    }
}

impl Deref for Running {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl Running {
    pub(super) fn start(amqp_url: &str, database_url: &str) -> Self {
        Self::start_with(amqp_url, database_url, &[])
    }

    pub(super) fn start_with(amqp_url: &str, database_url: &str, further: &[&str]) -> Self {
        let arguments = [
            "a",
            "--listen",
            "127.0.0.1:0",
            "--amqp-url",
            amqp_url,
            "--database-url",
            database_url,
        ];
        let arguments = [&arguments, further].concat();
        let config: Config =
            service_kit::config::parse(&arguments.into_iter().map(Into::into).collect::<Vec<_>>())
                .expect("a configuration");
        let listener = TcpListener::bind(config.listen).expect("a free port");
        let http = Http::to(listener.local_addr().expect("a bound address"));
        let shutdown = Shutdown::default();
        let task = tokio::spawn(analytics_service::run(config, listener, shutdown.clone()));
        Self { http, shutdown, task }
    }

    pub(super) async fn stopped(self) {
        self.shutdown.raise();
        self.task.await.expect("no panic").expect("an orderly end");
    }
}

/// A broker and a database for a service to run on.
pub(super) struct World {
    pub(super) vhost: Vhost,
    pub(super) database_url: String,
    _database: Database,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::on(Backend::Sqlite).await
    }

    pub(super) async fn on(backend: Backend) -> Self {
        let database = Database::create(backend).await;
        let database_url = database.exposed();
        Self { vhost: Vhost::create().await, database_url, _database: database }
    }

    pub(super) async fn running(&self) -> Running {
        self.running_with(&[]).await
    }

    pub(super) async fn running_with(&self, further: &[&str]) -> Running {
        let running = Running::start_with(&self.vhost.url(), &self.database_url, further);
        running.becomes(200).await;
        running
    }

    pub(super) async fn send(&self, client: &str, id: Uuid) {
        let body =
            json!({ "cliente": client, "evento": CLICK, "timestamp": "2025-04-13T12:00:00Z" });
        self.send_raw(json!({ "message_id": id, "type": CLICK_EVENT_TYPE }), &body.to_string())
            .await;
    }

    pub(super) async fn send_raw(&self, properties: Value, body: &str) {
        self.vhost.publish(EXCHANGE, CLICK, properties, body).await;
    }
}
