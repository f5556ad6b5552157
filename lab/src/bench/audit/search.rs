//! Questions to the audit: a page of messages by one field at a time.

use super::mailbox::Growth;
use super::systems::{Systems, correlation};
use crate::bench::ground::Ground;
use crate::load::latency::Latency;
use crate::prove::wait::until;
use crate::settings::Port;
use anyhow::{Context, Result, ensure};
use messages::names::AUDIT_QUEUE;
use serde_json::Value;
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// Fields by which it is asked for, as in the URL.
pub(crate) const FIELDS: [&str; 7] =
    ["id", "correlacion", "origen", "destino", "tipo", "estado", "desde"];

/// Messages under way at once while they are made: fewer than a mailbox holds.
const CHUNK: u64 = 200_000;

/// How long the proxy may take to acknowledge what it has forwarded.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Questions for each field.
const QUESTIONS: u64 = 200;

impl Ground {
    /// Asks again and again for messages by one field, each time by that of another of
    /// the messages of these numbers; how long the answers took.
    ///
    /// # Errors
    /// When an answer holds no message.
    pub(crate) async fn search(
        &self,
        systems: &Systems,
        kept: &Range<u64>,
        field: &str,
    ) -> Result<Latency> {
        let mut latency = Latency::default();
        for question in 0..QUESTIONS {
            let number = kept.start + question * (kept.end - kept.start) / QUESTIONS;
            let one = self.found(systems, "correlacion", &correlation(number)).await?;
            // In a message it has the name of what it is compared with.
            let name = if field == "desde" { "recibido" } else { field };
            let value = one[name].as_str().with_context(|| format!("sin {name}"))?.to_owned();
            let began = Instant::now();
            self.found(systems, field, &value).await?;
            latency.record(began.elapsed());
        }
        Ok(latency)
    }

    /// Has the proxy keep so many messages, once in a run; their numbers.
    pub(crate) async fn kept(&self, systems: &Systems, messages: u64) -> Result<Range<u64>> {
        let kept = systems.kept.get_or_try_init(async || {
            let first = systems.made();
            let mut left = messages;
            while left > 0 {
                let chunk = left.min(CHUNK);
                let growth = Growth::watch(self, chunk);
                systems.publish(chunk).await?;
                growth.took().await?;
                let done = async || Ok((self.length(AUDIT_QUEUE).await? == 0).then_some(()));
                until("que la auditoría acabe", WAIT_LIMIT, done).await?;
                self.empty_mailbox(chunk).await?;
                left -= chunk;
            }
            anyhow::Ok(first..systems.made())
        });
        kept.await.cloned()
    }

    /// The first message of a page.
    async fn found(&self, systems: &Systems, field: &str, value: &str) -> Result<Value> {
        let request = self.http.get(self.running.url(Port::Audit, "/mensajes"));
        let request = request.query(&[(field, value)]).bearer_auth(&systems.token);
        let what = || format!("/mensajes?{field}={value}");
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let mut page: Value = answer.with_context(what)?.json().await.with_context(what)?;
        let first = page["mensajes"][0].take();
        ensure!(first.is_object(), "{}: ningún mensaje", what());
        Ok(first)
    }
}
