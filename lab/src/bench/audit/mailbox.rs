//! What has arrived in the destination's mailbox, as the broker counts it.

use super::systems::MAILBOX;
use crate::bench::apart::{Apart, apart};
use crate::bench::flow::{Flow, StopOnDrop};
use crate::bench::ground::Ground;
use crate::bench::raw::{Address, Connection};
use anyhow::{Result, ensure};
use messages::names::AUDIT_QUEUE;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often it is looked at while it grows.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long all may take.
const LIMIT: Duration = Duration::from_mins(15);

/// A mailbox that somebody looks at while it grows.
pub(crate) struct Growth {
    took: Apart<Duration>,
    /// Nobody looks any more once nobody waits.
    _stop: StopOnDrop,
}

impl Growth {
    /// Looks until so many messages are in it.
    pub(crate) fn watch(ground: &Ground, messages: u64) -> Self {
        let flow = Arc::new(Flow::default());
        let (address, seen) = (ground.broker.clone(), flow.clone());
        let took = apart(move || grow(&address, messages, &seen));
        Self { took, _stop: StopOnDrop(flow) }
    }

    /// From the last moment at which nothing was in it until all was.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) async fn took(self) -> Result<Duration> {
        self.took.done().await
    }
}

fn grow(address: &Address, messages: u64, flow: &Flow) -> Result<Duration> {
    let mut connection = Connection::open(address)?;
    let deadline = Instant::now() + LIMIT;
    let mut none_yet = Instant::now();
    loop {
        let asked = Instant::now();
        let length = connection.length(MAILBOX)?;
        if length == 0 {
            none_yet = asked;
        }
        if length >= messages {
            let took = none_yet.elapsed();
            connection.close()?;
            return Ok(took);
        }
        ensure!(!flow.is_stopped(), "se dejó de esperar");
        ensure!(asked < deadline, "{length} de {messages} mensajes llegaron a {MAILBOX}");
        sleep(LOOK_EVERY);
    }
}

impl Ground {
    /// Throws away what waits for the proxy and for the destination, as a measurement
    /// that failed may have left it.
    pub(crate) async fn empty_audit(&self) -> Result<()> {
        let address = self.broker.clone();
        apart(move || {
            let mut connection = Connection::open(&address)?;
            for queue in [AUDIT_QUEUE, MAILBOX] {
                connection.purge(queue)?;
            }
            connection.close()
        })
        .done()
        .await
    }

    /// Throws away what arrived.
    ///
    /// # Errors
    /// When that is not exactly so much, or something waits for the proxy still.
    pub(crate) async fn empty_mailbox(&self, messages: u64) -> Result<()> {
        let left = self.length(AUDIT_QUEUE).await?;
        ensure!(left == 0, "{left} mensajes esperan aún a la auditoría");
        let address = self.broker.clone();
        let arrived = apart(move || {
            let mut connection = Connection::open(&address)?;
            let arrived = connection.purge(MAILBOX)?;
            connection.close()?;
            Ok(arrived)
        });
        let arrived = arrived.done().await?;
        ensure!(arrived == messages, "de {messages} mensajes llegaron {arrived}");
        Ok(())
    }

    /// How many messages wait in a queue.
    pub(super) async fn length(&self, queue: &'static str) -> Result<u64> {
        let address = self.broker.clone();
        let length = apart(move || {
            let mut connection = Connection::open(&address)?;
            let length = connection.length(queue)?;
            connection.close()?;
            Ok(length)
        });
        length.done().await
    }
}
