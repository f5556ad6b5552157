//! Which message was confirmed, returned or refused.
//!
//! RabbitMQ sends an unroutable message back (`basic.return`) and then
//! confirms it. lapin hands the returned message to *whichever* confirm it
//! resolves next, and resolves an `ack(multiple)` in no particular order: the
//! confirm that carries a return is often that of another message. So:
//!
//! - a return counts for a message of the id and the routing key that it carries,
//!   never by position (a retry under way has the same id, and both come back);
//! - a plain confirm counts only once every confirm that the same frame
//!   resolved has been looked at, for one of them may carry its return.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use lapin::{Channel, Confirmation, PublisherConfirm};

use super::{Outcome, Request};

type Settled = (Request, lapin::Result<Confirmation>);

/// Message id and routing key.
type Returned = (String, String);

/// What has been published on one channel and not been answered yet.
pub(super) struct Pending {
    channel: Channel,
    confirms: FuturesUnordered<Pin<Box<dyn Future<Output = Settled> + Send>>>,
    /// How many of each came back and have not been answered.
    returned: HashMap<Returned, usize>,
}

impl Pending {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, confirms: FuturesUnordered::new(), returned: HashMap::new() }
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
        while let Some(settled) = self.poll_resolved() {
            seen.push(settled);
        }
        for (_, confirmation) in seen {
            if let Some(returned) = take_returned(confirmation) {
                *self.returned.entry(returned).or_default() += 1;
            }
        }
    }

    /// One that is resolved; none where really none is. `FuturesUnordered` says
    /// pending, and wakes itself, when it has only been busy for too long.
    fn poll_resolved(&mut self) -> Option<Settled> {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        loop {
            match self.confirms.poll_next_unpin(&mut Context::from_waker(&waker)) {
                Poll::Ready(settled) => return settled,
                Poll::Pending if woken.0.swap(false, Ordering::SeqCst) => {}
                Poll::Pending => return None,
            }
        }
    }

    /// Whether this message came back; each return is for one message.
    fn take_return(&mut self, request: &Request) -> bool {
        let key = (request.message.id.to_string(), request.message.routing_key.clone());
        let Some(count) = self.returned.get_mut(&key) else { return false };
        *count -= 1;
        if *count == 0 {
            self.returned.remove(&key);
        }
        true
    }

    /// Returns once lapin has resolved every confirm of the frame it is in:
    /// it does so under a lock that this call takes too.
    fn wait_for_the_frame(&self) {
        // The answer does not matter, nor whether there is one yet.
        let _ = self.channel.wait_for_confirms().now_or_never();
    }

    fn answer(&mut self, (request, confirmation): Settled) {
        let returned = self.take_return(&request);
        let outcome = match confirmation {
            Ok(Confirmation::Ack(_)) if returned => Outcome::Unroutable,
            Ok(Confirmation::Ack(_)) => Outcome::Confirmed,
            Ok(Confirmation::Nack(_)) => Outcome::Refused,
            // The channel is in confirm mode before the first publish.
            Ok(Confirmation::NotRequested) | Err(_) => Outcome::Unknown,
        };
        request.answer(outcome);
    }
}

/// Remembers that it was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The message that lapin put into this confirm, whosever it is.
fn take_returned(confirmation: &mut lapin::Result<Confirmation>) -> Option<Returned> {
    let Ok(Confirmation::Ack(slot) | Confirmation::Nack(slot)) = confirmation else { return None };
    let returned = slot.take()?.delivery;
    let id = returned.properties.message_id().as_ref()?.to_string();
    Some((id, returned.routing_key.to_string()))
}
