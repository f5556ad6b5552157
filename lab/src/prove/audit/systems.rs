//! Two systems, and how they publish and take what is theirs.

use super::api::{Audit, text};
use crate::load::Fate;
use crate::prove::wait::until;
use crate::prove::world::PATIENCE;
use crate::settings::Port;
use anyhow::{Error, Result};
use broker::{
    AmqpUrl, Handler, HandlerError, Incoming, JSON, LinkStatus, Outcome, Outgoing, Publisher,
    Subscription, Topology, Verdict, Verdicts,
};
use jiff::Timestamp;
use messages::{MessageId, names};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long nothing must have come for a mailbox to be empty.
const QUIET: Duration = Duration::from_secs(3);

/// What the systems of a scenario are called.
pub(super) struct Names {
    pub(super) source: &'static str,
    pub(super) destination: &'static str,
    /// The destination's.
    pub(super) mailbox: &'static str,
}

/// A system that is registered, and its user of the broker.
pub(super) struct System {
    pub(super) name: &'static str,
    user: String,
    url: AmqpUrl,
}

impl System {
    /// Registers it, and makes it a user.
    pub(super) async fn register(audit: &Audit<'_>, name: &'static str) -> Result<Self> {
        audit.make("/sistemas", Some(json!({ "nombre": name }))).await?;
        let made = audit.make(&format!("/sistemas/{name}/credenciales"), None).await?;
        let (user, password) = (text(&made["usuario"])?, text(&made["clave"])?);
        let port = audit.world.running.port(Port::Amqp);
        let url = format!("amqp://{user}:{password}@127.0.0.1:{port}/%2f");
        Ok(Self { name, user, url: url.parse().map_err(Error::msg)? })
    }

    /// Takes all that its mailbox holds; the ids, as often as they came.
    pub(super) async fn takes(&self, mailbox: &'static str) -> Result<Vec<Uuid>> {
        let (url, name) = (self.url.clone(), self.name.to_owned());
        let (subscription, status) = Subscription::new(url, name, mailbox, Topology::default());
        let (taken, stop) = (Taken::default(), CancellationToken::new());
        let taking = tokio::spawn(broker::consume(subscription, taken.clone(), stop.clone()));
        is_usable(&status).await?;
        let (mut came, mut since) = (0, Instant::now());
        while since.elapsed() < QUIET {
            sleep(QUIET / 30).await;
            let now = taken.count();
            if now != came {
                (came, since) = (now, Instant::now());
            }
        }
        stop.cancel();
        taking.await??;
        Ok(taken.ids())
    }
}

async fn is_usable(status: &LinkStatus) -> Result<()> {
    let usable = async || Ok(status.check().is_ok().then_some(()));
    until("una conexión al broker", PATIENCE, usable).await
}

/// What was taken.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<Uuid>>>);

impl Taken {
    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn ids(&self) -> Vec<Uuid> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Handler for Taken {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let ids: Result<Vec<Uuid>, _> =
            batch.iter().map(|message| message.id().unwrap_or_default().parse()).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ids?);
        Ok(vec![Verdict::Done; batch.len()].into())
    }
}

/// A system that is connected to publish.
pub(super) struct Speaker {
    name: &'static str,
    user: String,
    publisher: Publisher,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Speaker {
    pub(super) async fn of(system: &System) -> Result<Self> {
        let System { name, user, url } = system;
        let stop = CancellationToken::new();
        let connection = format!("{name} (prueba)");
        let (publisher, task) =
            broker::publisher(url.clone(), connection, names::ENTRY_EXCHANGE, stop.clone());
        let task = tokio::spawn(async move {
            task.probing_at(names::PROBE_EXCHANGE).run().await;
        });
        is_usable(publisher.status()).await?;
        Ok(Self { name, user: user.clone(), publisher, stop, task })
    }

    /// A message of the standard that it made at `created`.
    pub(super) fn message(
        &self,
        to: &str,
        kind: &'static str,
        created: Timestamp,
        body: &Value,
    ) -> Outgoing {
        Outgoing {
            id: MessageId::from(Uuid::now_v7()),
            producer: self.name.to_owned(),
            user: Some(self.user.clone()),
            kind: kind.into(),
            routing_key: to.to_owned(),
            timestamp: created.as_second().try_into().unwrap_or_default(),
            correlation_id: None,
            content_type: JSON.into(),
            headers: vec![(names::CREATED_HEADER, created.to_string())],
            body: body.to_string().into_bytes(),
        }
    }

    /// Publishes them together; what became of each, in their order.
    pub(super) async fn publish(&self, messages: Vec<Outgoing>) -> Vec<(Uuid, Fate)> {
        let ids: Vec<_> = messages.iter().map(|message| message.id.as_uuid()).collect();
        let outcomes = self.publisher.publish_all(messages).await;
        ids.into_iter().zip(outcomes.iter().map(fate)).collect()
    }

    pub(super) async fn end(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}

fn fate(outcome: &Outcome) -> Fate {
    match outcome {
        Outcome::Confirmed => Fate::Confirmed,
        Outcome::Unroutable | Outcome::Refused | Outcome::NotSent(_) => Fate::Refused,
        Outcome::Unknown => Fate::Unknown,
    }
}
