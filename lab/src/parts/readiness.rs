//! Whether a part can do its work now.

use crate::part::Part;
use crate::running::Administrator;
use crate::settings::{Port, Ports};
use anyhow::{Context, Result};
use reqwest::Client;
use serde::Deserialize;
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

    /// What one of our services lacks, in its own words; none where it says nothing.
    pub(crate) async fn why_not(&self, ports: &Ports, part: Part) -> Option<String> {
        part.package()?;
        let answer = self.client.get(url(ports, *part.ports().first()?, "/readyz")).send().await;
        let report: Report = answer.ok()?.json().await.ok()?;
        let mut reasons: Vec<String> = report
            .partes
            .into_iter()
            .filter(|part| !part.listo)
            .filter_map(|part| part.detalle)
            .collect();
        reasons.dedup();
        Some(reasons.join("; ")).filter(|text| !text.is_empty())
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

/// Body of `/readyz`, as far as it is read here.
#[derive(Deserialize)]
struct Report {
    partes: Vec<ReportPart>,
}

#[derive(Deserialize)]
struct ReportPart {
    listo: bool,
    detalle: Option<String>,
}

/// Whether waiting is of no use: PostgreSQL knows no such user, password or database
/// (SQLSTATE class 28 and 3D000, appendix A of its documentation).
pub(crate) fn is_final(reason: &str) -> bool {
    reason.contains("(code 28") || reason.contains("(code 3D000)")
}

fn url(ports: &Ports, port: Port, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", ports.get(port))
}

async fn accepts(port: u16) -> bool {
    timeout(PATIENCE, TcpStream::connect(("127.0.0.1", port)))
        .await
        .is_ok_and(|connected| connected.is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Prober, is_final};
    use crate::part::Part;
    use crate::running::Administrator;
    use crate::settings::{Port, Ports};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const BODY: &str = r#"{"listo":false,"partes":[{"nombre":"rabbitmq","listo":true},
        {"nombre":"escritura","listo":false,"detalle":"no hay base (code 3D000)"},
        {"nombre":"lectura","listo":false,"detalle":"no hay base (code 3D000)"}]}"#;

    #[tokio::test]
    async fn what_a_service_lacks_is_told_in_its_own_words() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ports = Ports::default();
        ports.set(Port::Analytics, listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: ";
            let answer = format!("{head}{}\r\n\r\n{BODY}", BODY.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let prober = Prober::new(Administrator::guest()).unwrap();
        let told = prober.why_not(&ports, Part::Analytics).await.unwrap();
        assert_eq!(told, "no hay base (code 3D000)");
        assert_eq!(prober.why_not(&ports, Part::Traefik).await, None);
    }

    #[test]
    fn only_what_no_time_mends_is_final() {
        for text in ["role \"x\" (code 28000)", "password (code 28P01)", "none (code 3D000)"] {
            assert!(is_final(text), "{text}");
        }
        for text in ["Connection refused (os error 111)", "starting up (code 57P03)"] {
            assert!(!is_final(text), "{text}");
        }
    }
}
