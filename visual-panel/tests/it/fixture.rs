//! The panel under test, and what a browser asks of it.

use std::net::{SocketAddr, TcpListener};

use clap::Parser;
use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use service_kit::{Failure, Shutdown};
use test_support::eventually;
use tokio::task::JoinHandle;
use visual_panel::Config;

pub(crate) struct Panel {
    client: Client,
    base: String,
    shutdown: Shutdown,
    running: JoinHandle<Result<(), Failure>>,
}

impl Panel {
    /// Starts on any free port, asking the analytics at `analytics`; nobody is
    /// where the senders should be.
    pub(crate) fn start(analytics: SocketAddr) -> Self {
        Self::with(analytics, "http://127.0.0.1:9", "0")
    }

    /// The same, with the senders at `senders`, and with switches or without.
    pub(crate) fn with(analytics: SocketAddr, senders: &str, faults: &str) -> Self {
        let url = format!("http://{analytics}");
        Self::configured(&[
            "--analytics-url",
            &url,
            "--sender-urls",
            senders,
            "--lab-faults",
            faults,
        ])
    }

    /// With the audit proxy at `audit`; nobody is where anybody else should be.
    pub(crate) fn auditing(audit: &str) -> Self {
        let nobody = "http://127.0.0.1:9";
        Self::configured(&[
            "--analytics-url",
            nobody,
            "--sender-urls",
            nobody,
            "--audit-url",
            audit,
        ])
    }

    fn configured(arguments: &[&str]) -> Self {
        let config = Config::try_parse_from(["visual-panel"].iter().chain(arguments));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = Shutdown::default();
        let service =
            visual_panel::run(config.expect("a configuration"), listener, shutdown.clone());
        let client =
            Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        Self { client, base, shutdown, running: actix_web::rt::spawn(service) }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A form, with values that need no escape.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.request(Method::POST, path).body(fields.join("&"));
        request.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        text(self.get(path)).await
    }

    /// The page, once all of `expected` is in it.
    pub(crate) async fn page_with(&self, expected: &[&str]) -> String {
        let look = || async {
            let page = self.page("/").await;
            match expected.iter().find(|text| !page.contains(**text)) {
                Some(missing) => Err(format!("no {missing} in {page}")),
                None => Ok(page),
            }
        };
        eventually("the page", look).await
    }

    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.shutdown.raise();
        self.running.await.expect("the service does not panic")
    }
}

pub(crate) async fn text(request: RequestBuilder) -> String {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{}", answer.url());
    answer.text().await.expect("a body")
}
