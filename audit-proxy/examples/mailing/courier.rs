//! From the outbox to the broker: published until it is confirmed, and only then
//! forgotten. Who gets a letter twice knows it by its id.

use std::{sync::Arc, time::Duration};

use broker::{Outcome, Publisher};
use database::Error;
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

use super::{account::Account, store::Mail};

/// How often it looks, whether or not it was told that there is something.
const AGAIN: Duration = Duration::from_secs(1);

/// Publishes what lies in the outbox.
pub(crate) struct Courier {
    pub(crate) mail: Mail,
    pub(crate) publisher: Publisher,
    pub(crate) system: &'static str,
    pub(crate) account: Account,
    /// Tells that something was put into the outbox.
    pub(crate) posted: Arc<Notify>,
}

impl Courier {
    /// Publishes for ever.
    pub(crate) async fn run(self) {
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.posted.notified() => {}
            }
            if let Err(error) = self.empty().await {
                log::error!("{}: what is to be sent waits: {error}", self.system);
            }
        }
    }

    /// Publishes until nothing is left, or something is not taken.
    async fn empty(&self) -> Result<(), Error> {
        loop {
            let letters = self.mail.waiting().await?;
            if letters.is_empty() {
                return Ok(());
            }
            let ids: Vec<_> = letters.iter().map(|letter| letter.id).collect();
            let outgoing = letters.into_iter().map(|one| one.outgoing(self.system, &self.account));
            let outcomes = self.publisher.publish_all(outgoing.collect()).await;
            let (sent, left): (Vec<_>, Vec<_>) = ids
                .into_iter()
                .zip(outcomes)
                .partition(|(_, outcome)| *outcome == Outcome::Confirmed);
            self.mail.sent(&sent.into_iter().map(|(id, _)| id).collect::<Vec<_>>()).await?;
            if let Some((id, outcome)) = left.first() {
                log::warn!("{}: {} wait to be sent; {id}: {outcome:?}", self.system, left.len());
                return Ok(());
            }
        }
    }
}
