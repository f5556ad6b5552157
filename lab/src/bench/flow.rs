//! A load under way, as others see it: what it has done so far, and the order to
//! stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared between a load and whoever measures it.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    done: AtomicU64,
    stopped: AtomicBool,
}

impl Flow {
    /// So many further events are done.
    pub(crate) fn add(&self, events: u64) {
        self.done.fetch_add(events, Ordering::Relaxed);
    }

    /// Events done so far.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Has nothing new begun; what is under way ends.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Stops a load once nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct StopOnDrop(pub(crate) std::sync::Arc<Flow>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
