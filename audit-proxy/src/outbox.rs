//! Messages that are stored and could not be forwarded at once: they wait for their
//! destination alone, and go in their order once it takes them again.

use std::time::Duration;

use broker::Outcome;
use jiff::Timestamp;
use messages::SystemName;
use service_kit::clock;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    blocked::Blocked,
    forward::Forwarder,
    register::Standing,
    registry::Registry,
    store::{Key, Store, StoreError, Waiting},
};

/// How often those that wait are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the store is asked whether anything waits that this process does not know
/// of, such as what another one left behind: every so many times.
const LOOK_EVERY: u32 = 30;

/// How long a message may be under way before it is taken for left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(15);

/// Messages forwarded together at most.
const AT_ONCE: i64 = 500;

/// Forwards what waits.
pub(crate) struct Outbox {
    store: Store,
    forwarder: Forwarder,
    blocked: Blocked,
    registry: Registry,
    /// What was received before that, nobody here forwards.
    started: Timestamp,
}

impl Outbox {
    pub(crate) fn new(
        store: Store,
        forwarder: Forwarder,
        blocked: Blocked,
        registry: Registry,
    ) -> Self {
        Self { store, forwarder, blocked, registry, started: Timestamp::now() }
    }

    /// Tries what waits once a second, for ever.
    pub(crate) async fn run(self) {
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Reading the register makes the tables, where there are none yet.
        while self.registry.current().is_err() {
            ticks.tick().await;
        }
        for round in 0_u32.. {
            if let Err(error) = self.round(round).await {
                log::error!("what waits to be forwarded stays: {error}");
            }
            ticks.tick().await;
        }
    }

    async fn round(&self, round: u32) -> Result<(), StoreError> {
        if round.is_multiple_of(LOOK_EVERY) {
            self.look(round).await?;
        }
        for destination in self.blocked.destinations() {
            if self.receives(&destination) {
                self.empty(&destination).await?;
            }
        }
        Ok(())
    }

    /// What a suspended system was sent before waits until it is active again.
    fn receives(&self, destination: &SystemName) -> bool {
        let register = self.registry.current().ok();
        let system = register.as_deref().and_then(|register| register.get(destination));
        system.is_some_and(|system| system.standing == Standing::Active)
    }

    /// Blocks the destinations for which something waits that was left behind. When the
    /// process starts that is everything.
    async fn look(&self, round: u32) -> Result<(), StoreError> {
        let before = if round == 0 { self.started } else { clock::ago(LEFT_BEHIND) };
        for destination in self.store.destinations_waited_for(Key::first_at(before)).await? {
            self.blocked.block(destination, Outcome::Unknown);
        }
        Ok(())
    }

    /// Forwards what waits for a destination, until nothing does or it takes no more. One
    /// goes ahead: while the destination takes nothing, that is all it costs.
    async fn empty(&self, destination: &SystemName) -> Result<(), StoreError> {
        let mut at_once = 1;
        loop {
            // Asked before the store is: it does not tell of what was done in between.
            let under_way = self.blocked.keys_under_way();
            let mut waiting = self.waiting(destination, at_once).await?;
            if waiting.is_empty() {
                return self.release(destination).await;
            }
            waiting.retain(|one| !under_way.contains(&one.key));
            let count = waiting.len();
            if count == 0 || self.forwarder.forward(waiting).await? < count {
                return Ok(());
            }
            at_once = AT_ONCE;
        }
    }

    /// What was never forwarded goes before what is forwarded once more.
    async fn waiting(
        &self,
        destination: &SystemName,
        at_most: i64,
    ) -> Result<Vec<Waiting>, StoreError> {
        let waiting = self.store.waiting(destination, at_most).await?;
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        self.store.waiting_again(destination, at_most).await
    }

    /// What was stored while the destination was still blocked waits in the store, and
    /// only there: so it is asked once more.
    async fn release(&self, destination: &SystemName) -> Result<(), StoreError> {
        let reason = self.blocked.reason(destination);
        self.blocked.unblock(destination);
        let waiting = self.waiting(destination, AT_ONCE).await?;
        let under_way = self.blocked.keys_under_way();
        if waiting.iter().any(|one| !under_way.contains(&one.key)) {
            self.blocked.block(destination.clone(), reason.unwrap_or(Outcome::Unknown));
        }
        Ok(())
    }
}
