//! Whether a new connection can really publish. A broker with an alarm takes
//! the connection and even its first message; with that it says that it blocks,
//! and reads no further. So the first two are messages to nobody, which a broker
//! that is well returns: the second comes back only from one that reads on.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use lapin::{BasicProperties, Channel, Event, options::BasicPublishOptions};
use tokio::time::sleep;

use crate::link::{LinkMonitor, SessionError};

/// Routing key of the empty message with which a publisher finds out whether its
/// connection is usable. It is to reach no queue: whose exchange has an alternate one, or
/// is a fanout, [asks elsewhere](super::PublisherTask::probing_at).
const PROBE: &str = "(sonda)";

/// How long a broker that does not say that it blocks may take for both.
const PATIENCE: Duration = Duration::from_secs(4);

/// Returns once both are back, however long the broker blocks before.
pub(super) async fn until_usable(
    channel: &Channel,
    exchange: &str,
    monitor: &LinkMonitor,
    events: &mut (impl Stream<Item = Event> + Unpin),
) -> Result<(), SessionError> {
    let mut returned = std::pin::pin!(async {
        publish_to_nobody(channel, exchange).await?;
        publish_to_nobody(channel, exchange).await
    });
    loop {
        tokio::select! {
            done = &mut returned => return done,
            event = events.next() => match event {
                // Not usable yet: the second is still on its way back.
                Some(Event::ConnectionUnblocked) => {}
                event => monitor.observe(event)?,
            },
            () = sleep(PATIENCE), if !monitor.is_blocked() => {
                return Err(SessionError::Silent(PATIENCE));
            }
        }
    }
}

async fn publish_to_nobody(channel: &Channel, exchange: &str) -> Result<(), SessionError> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let properties = BasicProperties::default();
    let sent = channel.basic_publish(exchange.into(), PROBE.into(), options, b"", properties);
    sent.await?.await?;
    Ok(())
}
