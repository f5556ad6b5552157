//! What applications say of their own work: from their queue into a store of its own.
//!
//! Lossy by design: nobody who publishes waits, and no message. Whatever is slow, the
//! oldest give way; what was lost is counted and stored beside what was not. What the
//! process held in memory when it was killed is lost without that: at most as many
//! events as [`buffer::Buffer`] holds, and a batch.
//!
//! - `take`: from the queue into memory.
//! - [`buffer`]: bounded, and counting. Pure.
//! - `writer`: from memory into the store.

pub mod buffer;

mod take;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker::{AmqpUrl, Subscription, TopologyMismatch};
use messages::names;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{IN_HAND, NAME, registry::Registry, store::LogStore, topology};
use buffer::Buffer;
use take::Taking;
pub(crate) use writer::Writer;

/// The buffer, and a bell that rings when something was put into it. Clones share it.
#[derive(Clone, Default)]
struct Shared {
    buffer: Arc<Mutex<Buffer>>,
    filled: Arc<Notify>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What takes log events until `stop`, and what stores them.
pub(crate) fn log_events(
    url: &AmqpUrl,
    registry: Registry,
    store: LogStore,
    at_most: i64,
    stop: CancellationToken,
) -> (impl Future<Output = Result<(), TopologyMismatch>> + use<>, Writer) {
    let (subscription, _) =
        Subscription::new(url.clone(), NAME.to_owned(), names::LOG_QUEUE, topology::log_topology());
    let (subscription, depth) =
        subscription.with_link_name("eventos").holding_at_most(IN_HAND).with_depth();
    let shared = Shared::default();
    let taking = Taking { registry, store: store.clone(), shared: shared.clone() };
    let consuming = broker::consume(subscription, taking, stop);
    (consuming, Writer::new(store, shared, depth, at_most))
}
