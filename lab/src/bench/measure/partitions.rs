//! Several queues in place of one, with the events spread by client.

use super::{count, raw};
use crate::bench::figures::Figures;
use crate::bench::ground::Ground;
use crate::bench::partitions::ASIDE_SPREAD;
use anyhow::Result;
use messages::names::EXCHANGE;

/// What the broker can do: a publisher and a consumer for each queue.
pub(super) async fn both(ground: &Ground) -> Result<Figures> {
    ground.queues_aside().await?;
    let figures = raw::at_once(ground, &ASIDE_SPREAD).await;
    ground.remove_queues_aside().await?;
    figures
}

/// Batches, from the first request until the last event is counted.
pub(super) async fn batch(ground: &Ground) -> Result<Figures> {
    let before = ground.bindings(EXCHANGE).await?;
    let figures = match ground.spread().await {
        Ok(()) => count::batch(ground).await,
        Err(error) => Err(error),
    };
    ground.gather(&before).await?;
    figures
}
