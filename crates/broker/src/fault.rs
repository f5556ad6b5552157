//! Faults that a class switches on while the consumer runs, to see what becomes
//! of messages. Unlike a [`Mistake`](crate::Mistake), they are in every binary;
//! without a [`ConsumerFaults`] that a service hands over, none of them happens.

use std::{process, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Exit code of a process that ends on purpose (`EX_SOFTWARE`, sysexits.h).
const CRASH_CODE: i32 = 70;

/// What is wrong with a consumer now; nothing by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConsumerFault {
    /// It takes nothing from the queue; what it has been given is finished.
    pub paused: bool,
    /// Waited before each batch is handled.
    pub delay: Duration,
    /// How the process ends at the next batch.
    pub crash: Option<Crash>,
}

/// An end of the process in the middle of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// After the batch is stored and before it is acknowledged: it comes again.
    BeforeAck,
    /// After an acknowledgement that came before storing: the batch is lost.
    AfterEarlyAck,
}

impl Crash {
    /// Ends the process as a crash would: nothing is tidied up.
    pub(crate) fn happen(self) -> ! {
        let what = match self {
            Self::BeforeAck => "after the commit and before the ack: the batch will come again",
            Self::AfterEarlyAck => "after an ack that came before the commit: the batch is lost",
        };
        log::error!("this process ends by a mistake made on purpose, {what}");
        process::exit(CRASH_CODE);
    }
}

/// The switches of a consumer; clones are the same switches.
#[derive(Clone, Debug, Default)]
pub struct ConsumerFaults(Arc<watch::Sender<ConsumerFault>>);

impl ConsumerFaults {
    /// Replaces what is wrong; it holds from the next step of the consumer.
    pub fn set(&self, fault: ConsumerFault) {
        self.0.send_if_modified(|old| {
            let changed = *old != fault;
            if changed {
                log::warn!("fault on purpose: {fault:?}");
            }
            *old = fault;
            changed
        });
    }

    /// What is wrong now.
    #[must_use]
    pub fn get(&self) -> ConsumerFault {
        *self.0.borrow()
    }

    /// Resolves once `paused` is as wanted.
    pub(crate) async fn until_paused(&self, wanted: bool) {
        // The other end is in `self`, so it cannot be gone.
        let _ = self.0.subscribe().wait_for(|fault| fault.paused == wanted).await;
    }

    /// Resolves after the delay, counted from now; a change counts at once.
    pub(crate) async fn delayed(&self) {
        let started = Instant::now();
        let mut changes = self.0.subscribe();
        loop {
            let delay = changes.borrow_and_update().delay;
            if delay.is_zero() {
                return;
            }
            tokio::select! {
                () = sleep_until(started + delay) => return,
                _ = changes.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn slow(seconds: u64) -> ConsumerFault {
        ConsumerFault { delay: Duration::from_secs(seconds), ..ConsumerFault::default() }
    }

    #[test]
    fn by_default_nothing_is_wrong_and_nothing_waits() {
        let faults = ConsumerFaults::default();
        let fault = faults.get();
        assert_eq!((fault.paused, fault.delay, fault.crash), (false, Duration::ZERO, None));
        assert!(faults.delayed().now_or_never().is_some());
        assert!(faults.until_paused(false).now_or_never().is_some());
        assert!(faults.until_paused(true).now_or_never().is_none());
    }

    #[test]
    fn clones_are_the_same_switches() {
        let faults = ConsumerFaults::default();
        faults.clone().set(ConsumerFault { paused: true, ..ConsumerFault::default() });
        assert!(faults.get().paused);
        assert!(faults.until_paused(true).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_delay_that_is_taken_back_ends_at_once() {
        let faults = ConsumerFaults::default();
        faults.set(slow(3600));
        let mut delayed = std::pin::pin!(faults.delayed());
        assert!(delayed.as_mut().now_or_never().is_none());
        faults.set(slow(1800));
        assert!(delayed.as_mut().now_or_never().is_none());
        faults.set(slow(0));
        assert!(delayed.now_or_never().is_some());
    }
}
