//! Which message was confirmed, returned or refused.
//!
//! RabbitMQ sends an unroutable message back (`basic.return`) and then
//! confirms it. lapin hands the returned message to *whichever* confirm it
//! resolves next, and resolves an `ack(multiple)` in no particular order: the
//! confirm that carries a return is often that of another message. So:
//!
//! - a return counts for the message whose id it carries, never by position;
//! - a plain confirm counts only once every confirm that the same frame
//!   resolved has been looked at, for one of them may carry its return.

use std::{collections::HashSet, pin::Pin};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use lapin::{Channel, Confirmation, PublisherConfirm};

use super::{Outcome, Request};

type Settled = (Request, lapin::Result<Confirmation>);

/// What has been published on one channel and not been answered yet.
pub(super) struct Pending {
    channel: Channel,
    confirms: FuturesUnordered<Pin<Box<dyn Future<Output = Settled> + Send>>>,
    returned: HashSet<String>,
}

impl Pending {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, confirms: FuturesUnordered::new(), returned: HashSet::new() }
    }

    pub(super) fn push(&mut self, request: Request, confirm: PublisherConfirm) {
        self.confirms.push(Box::pin(async move {
            let confirmation = confirm.await;
            (request, confirmation)
        }));
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) fn len(&self) -> usize {
        self.confirms.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.confirms.is_empty()
    }

    /// Waits until the broker answers for at least one message. To be awaited
    /// only while not [empty](Self::is_empty).
    pub(super) async fn next(&mut self) -> Option<Settled> {
        self.confirms.next().await
    }

    /// Answers `first`, and all others that have been resolved. Every message
    /// published on the channel must have been [pushed](Self::push) before.
    pub(super) fn settle(&mut self, first: Settled) {
        let mut seen = vec![first];
        self.look(&mut seen);
        while !seen.is_empty() {
            self.wait_for_the_frame();
            let mut later = Vec::new();
            self.look(&mut later);
            for settled in seen.drain(..) {
                self.answer(settled);
            }
            seen = later;
        }
    }

    /// Moves what is resolved by now into `seen`, taking note of returns.
    fn look(&mut self, seen: &mut Vec<Settled>) {
        while let Some(Some(settled)) = self.confirms.next().now_or_never() {
            seen.push(settled);
        }
        for (_, confirmation) in seen {
            if let Some(id) = take_returned_id(confirmation) {
                self.returned.insert(id);
            }
        }
    }

    /// Returns once lapin has resolved every confirm of the frame it is in:
    /// it does so under a lock that this call takes too.
    fn wait_for_the_frame(&self) {
        // The answer does not matter, nor whether there is one yet.
        let _ = self.channel.wait_for_confirms().now_or_never();
    }

    fn answer(&mut self, (request, confirmation): Settled) {
        let returned = self.returned.remove(&request.message.id.to_string());
        let outcome = match confirmation {
            Ok(Confirmation::Ack(_)) if returned => Outcome::Unroutable,
            Ok(Confirmation::Ack(_)) => Outcome::Confirmed,
            Ok(Confirmation::Nack(_)) => Outcome::Refused,
            // The channel is in confirm mode before the first publish.
            Ok(Confirmation::NotRequested) | Err(_) => Outcome::Unknown,
        };
        // A caller that gave up waiting has its answer already: unknown.
        let _ = request.answer.send(outcome);
    }
}

/// The id of the message that lapin put into this confirm, whosever it is.
fn take_returned_id(confirmation: &mut lapin::Result<Confirmation>) -> Option<String> {
    let Ok(Confirmation::Ack(slot) | Confirmation::Nack(slot)) = confirmation else { return None };
    let returned = slot.take()?;
    Some(returned.delivery.properties.message_id().as_ref()?.to_string())
}
