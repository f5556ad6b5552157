//! Two systems of the audit's register: one publishes to the other.

use super::link::Link;
use crate::bench::ground::Ground;
use crate::first_password;
use crate::prove::wait::until;
use crate::settings::Port;
use anyhow::{Context, Result, ensure};
use broker::{AmqpUrl, Outcome, Outgoing};
use messages::MessageId;
use messages::names::{ENTRY_EXCHANGE, PROBE_EXCHANGE};
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Who publishes, and for whom.
const SOURCE: &str = "banco-origen";
pub(super) const DESTINATION: &str = "banco-destino";

/// The queue of the latter, which the proxy makes.
pub(super) const MAILBOX: &str = "buzon_banco-destino";

/// How long that may take.
const MAILBOX_LIMIT: Duration = Duration::from_secs(30);

/// Messages whose outcomes are kept at once.
const CHUNK: u64 = 10_000;

/// Bytes of what a message carries, but for its number.
const TEXT: usize = 200;

/// Both systems, once they are registered.
pub(crate) struct Systems {
    /// Of a session at the audit.
    pub(super) token: String,
    user: String,
    amqp: AmqpUrl,
    /// Messages that were made so far: each is numbered.
    made: AtomicU64,
    /// The numbers of those that are kept to be searched.
    pub(super) kept: OnceCell<Range<u64>>,
}

impl Ground {
    /// The systems, registered when somebody needs them first.
    ///
    /// # Errors
    /// When the proxy refuses.
    pub(crate) async fn systems(&self) -> Result<&Systems> {
        self.systems.get_or_try_init(|| self.register()).await
    }

    async fn register(&self) -> Result<Systems> {
        let password = first_password::of(&self.stack().layout, &self.stack().settings)?;
        let account = json!({ "cuenta": first_password::ACCOUNT, "clave": password });
        let session = self.tell_audit("", "/sesiones", &account).await?;
        let token = text(&session["token"])?;
        for name in [SOURCE, DESTINATION] {
            self.tell_audit(&token, "/sistemas", &json!({ "nombre": name })).await?;
        }
        let path = format!("/sistemas/{SOURCE}/credenciales");
        let made = self.tell_audit(&token, &path, &Value::Null).await?;
        let amqp = text(&made["amqp"])?.parse().map_err(anyhow::Error::msg)?;
        until(MAILBOX, MAILBOX_LIMIT, async || Ok(self.length(MAILBOX).await.ok())).await?;
        let user = text(&made["usuario"])?;
        Ok(Systems { token, user, amqp, made: AtomicU64::new(0), kept: OnceCell::new() })
    }

    async fn tell_audit(&self, token: &str, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(self.running.url(Port::Audit, path));
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let answer = request.json(body).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        Ok(answer.with_context(|| format!("la auditoría: {path}"))?.json().await?)
    }
}

impl Systems {
    /// Publishes so many messages, as fast as it goes.
    ///
    /// # Errors
    /// When the broker does not take one of them.
    pub(crate) async fn publish(&self, messages: u64) -> Result<()> {
        let link = self.link().await?;
        let mut left = messages;
        while left > 0 {
            let chunk = left.min(CHUNK);
            let publishes =
                (0..chunk).map(|_| link.publisher.publish(self.message(Uuid::now_v7())));
            for outcome in broker::together(publishes).await {
                ensure!(outcome == Outcome::Confirmed, "no se publicó un mensaje: {outcome:?}");
            }
            left -= chunk;
        }
        link.close().await
    }

    /// A connection of the system that publishes, to where it may.
    pub(super) async fn link(&self) -> Result<Link> {
        Link::open(self.amqp.clone(), SOURCE, ENTRY_EXCHANGE, PROBE_EXCHANGE).await
    }

    /// The next message.
    pub(super) fn message(&self, id: Uuid) -> Outgoing {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let body = json!({ "pedido": number, "texto": "x".repeat(TEXT) });
        Outgoing {
            id: MessageId::from(id),
            producer: SOURCE.to_owned(),
            user: Some(self.user.clone()),
            kind: "pedido.creado".into(),
            routing_key: DESTINATION.to_owned(),
            timestamp: UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()),
            correlation_id: Some(correlation(number)),
            content_type: broker::JSON.into(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    /// Messages that were made so far.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

/// What the message of this number belongs to: no other does.
pub(super) fn correlation(number: u64) -> String {
    format!("pedido-{number}")
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("la auditoría no responde lo que se espera")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{DESTINATION, MAILBOX};

    #[test]
    fn the_mailbox_is_that_of_the_destination() {
        assert_eq!(messages::names::mailbox(&DESTINATION.parse().unwrap()), MAILBOX);
    }
}
