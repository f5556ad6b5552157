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
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lapin::{Channel, Confirmation, ErrorKind};

use super::{NotSent, Outcome, Request};
use crate::link::NotUsable;

/// An error where lapin did not take the message; else what the broker said of it.
pub(super) type Answer = lapin::Result<lapin::Result<Confirmation>>;

pub(super) type Settled = (Request, Answer);

/// Message id, empty where it has none, and routing key.
type Returned = (String, String);

/// What is being published on one channel, or was and has not been answered yet.
pub(super) struct Pending {
    channel: Channel,
    messages: FuturesUnordered<BoxFuture<'static, Settled>>,
    /// How many of each came back and have not been answered.
    returned: HashMap<Returned, usize>,
}

impl Pending {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, messages: FuturesUnordered::new(), returned: HashMap::new() }
    }

    /// Adds a message, which is published once [`next`](Self::next) is awaited.
    pub(super) fn push(&mut self, message: impl Future<Output = Settled> + Send + 'static) {
        self.messages.push(message.boxed());
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Waits until the broker answers for at least one message. To be awaited
    /// only while not [empty](Self::is_empty).
    pub(super) async fn next(&mut self) -> Option<Settled> {
        self.messages.next().await
    }

    /// Answers `first`, and all others that have been resolved. All messages on
    /// the channel are [pushed](Self::push) here: a confirm that nobody looks at
    /// could carry the return of another message.
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
        for (_, answer) in seen {
            if let Some(returned) = take_returned(answer) {
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
            match self.messages.poll_next_unpin(&mut Context::from_waker(&waker)) {
                Poll::Ready(settled) => return settled,
                Poll::Pending if woken.0.swap(false, Ordering::SeqCst) => {}
                Poll::Pending => return None,
            }
        }
    }

    /// Whether this message came back; each return is for one message.
    fn take_return(&mut self, request: &Request) -> bool {
        if self.returned.is_empty() {
            return false;
        }
        let key = request.message.key();
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

    fn answer(&mut self, (request, answer): Settled) {
        let outcome = match answer {
            // Only what was published and acknowledged can have come back: a return is
            // not for another attempt at the same message.
            Ok(Ok(Confirmation::Ack(_))) if self.take_return(&request) => Outcome::Unroutable,
            Ok(Ok(Confirmation::Ack(_))) => Outcome::Confirmed,
            Ok(Ok(Confirmation::Nack(_))) => Outcome::Refused,
            // The channel is in confirm mode before the first publish.
            Ok(Ok(Confirmation::NotRequested) | Err(_)) => Outcome::Unknown,
            Err(error) => not_taken(&error),
        };
        request.answer(outcome);
    }
}

/// What became of a message that lapin did not take. A channel or connection that
/// was already closed took nothing; after any other error it may have left.
fn not_taken(error: &lapin::Error) -> Outcome {
    match error.kind() {
        ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidConnectionState(_) => {
            Outcome::NotSent(NotSent::Link(NotUsable::Disconnected(error.to_string())))
        }
        _ => Outcome::Unknown,
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
fn take_returned(answer: &mut Answer) -> Option<Returned> {
    let Ok(Ok(Confirmation::Ack(slot) | Confirmation::Nack(slot))) = answer else { return None };
    let returned = slot.take()?.delivery;
    let id = returned.properties.message_id().as_ref();
    let id = id.map(ToString::to_string).unwrap_or_default();
    Some((id, returned.routing_key.to_string()))
}
