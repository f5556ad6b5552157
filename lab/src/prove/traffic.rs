//! The load of a scenario: clients that try again until they are confirmed,
//! and beside them clients that try once, so that events are also left refused
//! and unknown.

use super::outcome::Outcome;
use super::wait::until;
use super::world::{PATIENCE, World};
use crate::load::{Before, Fate, History, Load, Spec, Verdict, check};
use crate::part::Part;
use anyhow::{Result, ensure};
use std::time::Duration;
use tokio::time::Instant;

/// Requests a second of the clients that try again, and of those that do not.
const RETRYING: f64 = 200.0;
const ONCE: f64 = 100.0;

/// How many further confirmed events show that it goes on.
const SOME: u64 = 30;

/// Loads under way.
pub(super) struct Traffic<'a> {
    world: &'a World,
    before: Before,
    loads: Vec<Load>,
}

impl<'a> Traffic<'a> {
    /// The usual mixture.
    pub(super) async fn start(world: &'a World) -> Result<Self> {
        Self::of(world, [world.steady(RETRYING, true), world.steady(ONCE, false)]).await
    }

    /// Loads of these kinds, together.
    pub(super) async fn of(
        world: &'a World,
        specs: impl IntoIterator<Item = Spec>,
    ) -> Result<Self> {
        let before = world.ledger.before().await;
        let loads = specs.into_iter().map(Load::start).collect::<Result<_>>()?;
        Ok(Self { world, before, loads })
    }

    fn confirmed(&self) -> u64 {
        self.loads.iter().map(Load::confirmed).sum()
    }

    /// Waits until some more is confirmed from now on.
    pub(super) async fn goes_on(&self) -> Result<()> {
        let target = self.confirmed() + SOME;
        let more = async || Ok((self.confirmed() >= target).then_some(()));
        until("más eventos confirmados", PATIENCE, more).await
    }

    /// How long it took from `fault_ended` until events are confirmed again,
    /// and every service says that it is ready.
    pub(super) async fn recovers(&self, fault_ended: Instant) -> Result<Duration> {
        let before = self.confirmed();
        let again = async || Ok((self.confirmed() > before).then_some(()));
        until("un evento confirmado", PATIENCE, again).await?;
        for part in [Part::ClienteX, Part::ClienteUno, Part::Analytics] {
            self.world.until_ready(part).await?;
        }
        let took = fault_ended.elapsed();
        self.goes_on().await?;
        Ok(took)
    }

    /// Makes a fault so many times while the load goes on; `fault` tells from when on
    /// all should work again. The longest that took.
    pub(super) async fn through(
        &self,
        times: u32,
        mut fault: impl AsyncFnMut() -> Result<Instant>,
    ) -> Result<Duration> {
        let mut longest = Duration::ZERO;
        for _ in 0..times {
            self.goes_on().await?;
            longest = longest.max(self.recovers(fault().await?).await?);
        }
        Ok(longest)
    }

    /// Waits until all events of loads that have an end are sent.
    pub(super) async fn is_over(&self, limit: Duration) -> Result<()> {
        let over = async || Ok(self.loads.iter().all(Load::is_over).then_some(()));
        until("el final de la carga", limit, over).await
    }

    /// Sends nothing further, and waits until what was sent has its answer.
    pub(super) async fn stop(self) -> Result<Stopped<'a>> {
        self.loads.iter().for_each(Load::stop);
        let mut histories = Vec::new();
        for load in self.loads {
            histories.push(load.finish().await?);
        }
        Ok(Stopped { world: self.world, before: self.before, histories })
    }

    /// Stops, waits until all is counted, and compares.
    pub(super) async fn judge(self) -> Result<Outcome> {
        self.stop().await?.judge().await
    }
}

/// Loads that have ended.
pub(super) struct Stopped<'a> {
    world: &'a World,
    before: Before,
    pub(super) histories: Vec<History>,
}

impl Stopped<'_> {
    /// Waits until all is counted, and compares.
    pub(super) async fn judge(self) -> Result<Outcome> {
        let mut verdict = Verdict::default();
        let counted = self.world.ledger.settled(&self.histories, self.before).await?;
        for (history, counted) in self.histories.iter().zip(&counted) {
            verdict = verdict.and(check(history.events(), counted));
        }
        ensure!(verdict.confirmed > 0, "no se confirmó ningún evento: el escenario no prueba nada");
        Ok(Outcome::of(verdict))
    }

    /// Failed attempts of a kind, over all loads.
    pub(super) fn errors_of(&self, kind: &str) -> u64 {
        self.histories.iter().map(|history| history.errors_of(kind)).sum()
    }

    /// The longest time until somebody was told that it did not work.
    pub(super) fn slowest_refusal(&self) -> Duration {
        self.histories.iter().map(|history| history.slowest_refusal).max().unwrap_or_default()
    }

    /// Events of the load at this position that have this fate.
    pub(super) fn of_fate(&self, load: usize, fate: Fate) -> usize {
        self.histories[load].of_fate(fate)
    }
}
