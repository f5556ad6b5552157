//! Who checks the checker? The services make classic mistakes, one after
//! another, and each must turn the verdict of a scenario red. Only binaries
//! built with the feature `mistakes` can make them.

use super::lines;
use super::outcome::Outcome;
use super::scenario::{Scenario, scenario};
use super::storage::hold_write_lock;
use super::traffic::Traffic;
use super::world::{Line, PATIENCE, World};
use super::{audit, broker, poison};
use crate::load::Verdict;
use crate::part::Part;
use anyhow::Result;
use std::time::Duration;
use tokio::time::sleep;

/// A mistake, who makes it, and a scenario in which it shows.
pub(super) struct Mistake {
    pub(super) name: &'static str,
    /// As the services know it.
    made: &'static str,
    parts: &'static [Part],
    scenario: Scenario,
    /// What it shows as.
    finding: fn(&Verdict) -> u64,
}

const SENDERS: &[Part] = &[Part::ClienteX, Part::ClienteUno];
const ANALYTICS: &[Part] = &[Part::Analytics];
const AUDIT: &[Part] = &[Part::Audit];

pub(super) const ALL: [Mistake; 9] = [
    Mistake {
        name: "ack-before-commit",
        made: "ack-before-commit",
        parts: ANALYTICS,
        scenario: scenario!(crash_with_a_batch),
        finding: |verdict| verdict.lost,
    },
    Mistake {
        name: "no-dedup",
        made: "no-dedup",
        parts: ANALYTICS,
        scenario: scenario!(poison::duplicates),
        finding: |verdict| verdict.duplicated,
    },
    Mistake {
        name: "no-confirm",
        made: "no-confirm",
        parts: SENDERS,
        scenario: scenario!(line_breaks),
        finding: |verdict| verdict.lost,
    },
    Mistake {
        name: "no-mandatory",
        made: "no-mandatory",
        parts: SENDERS,
        scenario: scenario!(broker::lost_binding),
        finding: |verdict| verdict.lost,
    },
    Mistake {
        name: "fresh-id",
        made: "fresh-id",
        parts: SENDERS,
        scenario: scenario!(lines::lost_confirms),
        finding: |verdict| verdict.unexpected,
    },
    Mistake {
        name: "audit-early-ack",
        made: "ack-before-commit",
        parts: AUDIT,
        scenario: scenario!(audit::killed_with_a_batch),
        finding: |verdict| verdict.lost,
    },
    Mistake {
        name: "audit-no-mandatory",
        made: "no-mandatory",
        parts: AUDIT,
        scenario: scenario!(audit::without_mailbox),
        finding: |verdict| verdict.lost,
    },
    Mistake {
        name: "audit-way-round",
        made: "way-round",
        parts: AUDIT,
        scenario: scenario!(audit::ways_round),
        finding: |verdict| verdict.unexpected,
    },
    Mistake {
        name: "audit-unreadable",
        made: "unreadable-ends-link",
        parts: AUDIT,
        scenario: scenario!(audit::poison),
        finding: |verdict| verdict.lost,
    },
];

impl Mistake {
    /// Runs the scenario with services that make the mistake.
    pub(super) async fn make(&self, world: &World) -> Result<Outcome> {
        for part in self.parts {
            world
                .native()?
                .restart_with(*part, |change| {
                    change.env = vec![("RELEVO_MISTAKE".into(), self.made.into())];
                })
                .await?;
        }
        (self.scenario)(world).await
    }

    /// Whether the checker saw it.
    pub(super) fn shows(&self, verdict: &Verdict) -> bool {
        (self.finding)(verdict) > 0
    }
}

/// Analytics dies between having a batch and having stored it.
async fn crash_with_a_batch(world: &World) -> Result<Outcome> {
    let lock = hold_write_lock(world).await?;
    let traffic = Traffic::of(world, [world.bulk(200, 10)]).await?;
    traffic.is_over(PATIENCE).await?;
    world.until_a_batch_fails(Part::Analytics).await?;
    world.kill(Part::Analytics).await?;
    drop(lock);
    world.until_ready(Part::Analytics).await?;
    traffic.judge().await
}

/// What is sent into a line that has just broken never arrives.
async fn line_breaks(world: &World) -> Result<Outcome> {
    let traffic = Traffic::start(world).await?;
    traffic.goes_on().await?;
    world.silence(Line::Senders).await?;
    sleep(Duration::from_secs(2)).await;
    world.restore(Line::Senders).await?;
    traffic.goes_on().await?;
    traffic.judge().await
}
