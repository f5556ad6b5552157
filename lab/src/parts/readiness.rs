//! Whether a part can do its work now.

use crate::part::Part;
use crate::running::Administrator;
use crate::settings::{Port, Ports};
use anyhow::{Context, Result};
use reqwest::Client;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A part that takes longer to answer is not ready.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks parts whether they are ready.
#[derive(Clone)]
pub(crate) struct Prober {
    client: Client,
    administrator: Administrator,
}

impl Prober {
    /// Asks the broker as its administrator.
    pub(crate) fn new(administrator: Administrator) -> Result<Self> {
        let client = Client::builder()
            // These are addresses of this machine: no proxy can reach them.
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .context("no se pudo preparar el cliente HTTP")?;
        Ok(Self { client, administrator })
    }

    pub(crate) async fn is_ready(&self, ports: &Ports, part: Part) -> bool {
        match part {
            Part::RabbitMq => self.broker_is_ready(ports).await,
            Part::Traefik => {
                let url = url(ports, Port::Dashboard, "/api/http/routers/panel@file");
                self.answers(&url, None).await
            }
            _ => match part.ports().first() {
                Some(own) => self.answers(&url(ports, *own, "/readyz"), None).await,
                None => false,
            },
        }
    }

    /// It takes messages, and its API knows the users of the definitions.
    async fn broker_is_ready(&self, ports: &Ports) -> bool {
        accepts(ports.get(Port::Amqp)).await
            && self
                .answers(&url(ports, Port::Management, "/api/overview"), Some(&self.administrator))
                .await
    }

    async fn answers(&self, url: &str, user: Option<&Administrator>) -> bool {
        let mut request = self.client.get(url);
        if let Some(Administrator { name, password }) = user {
            request = request.basic_auth(name, Some(password));
        }
        request.send().await.is_ok_and(|response| response.status().is_success())
    }
}

fn url(ports: &Ports, port: Port, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", ports.get(port))
}

async fn accepts(port: u16) -> bool {
    timeout(PATIENCE, TcpStream::connect(("127.0.0.1", port)))
        .await
        .is_ok_and(|connected| connected.is_ok())
}
