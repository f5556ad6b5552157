//! Events that a sender emits by itself, for a class that wants to see traffic.

use std::time::Duration;

use broker::Outcome;
use messages::ClientName;
use service_kit::{Shutdown, clock};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    desk::Desk,
    draft::{Defaults, Draft},
    routes::parcel,
};

/// Emits every `every`, until the shutdown signal. An event that was not
/// confirmed is sent again, under the same id, before a new one.
pub(crate) async fn run(desk: Desk, name: ClientName, every: Option<Duration>, shutdown: Shutdown) {
    let Some(every) = every else { return std::future::pending().await };
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unconfirmed = None;
    let mut last_problem = None;
    while !shutdown.is_raised() {
        ticks.tick().await;
        let defaults = Defaults { client: name.clone(), now: clock::now(), key: None };
        let parcel = unconfirmed.take().unwrap_or_else(|| {
            let event = defaults.single(Draft::default(), uuid::Uuid::now_v7());
            parcel(&event, &name)
        });
        let id = parcel.message.id;
        match desk.publish(parcel.clone()).await {
            Outcome::Confirmed => last_problem = None,
            Outcome::Unroutable => log::warn!("emitted event {id}: no queue is bound for it"),
            outcome => {
                if last_problem.as_ref() != Some(&outcome) {
                    log::warn!("emitted event {id} will be sent until confirmed: {outcome:?}");
                }
                last_problem = Some(outcome);
                unconfirmed = Some(parcel);
            }
        }
    }
    // The server ends the service once it has finished.
    std::future::pending::<()>().await;
}
