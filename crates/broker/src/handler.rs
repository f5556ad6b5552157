//! What is done with messages, and what the broker is told of them.

use futures_util::{FutureExt, future::BoxFuture};

use crate::Incoming;

/// What became of one message of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Its effect is stored, or was stored before: acknowledge it.
    Done,
    /// It can never be processed: to the dead-letter queue, at once. Holds why.
    Reject(String),
}

/// One verdict for each message of a batch, in order; now or later.
pub struct Verdicts(pub(crate) BoxFuture<'static, Vec<Verdict>>);

impl Verdicts {
    /// Those that `verdicts` comes to. The batch is not acknowledged until then; the next
    /// is handled meanwhile, if this one is full. Where the connection ends before, two
    /// seconds later nobody waits any more.
    pub fn later(verdicts: impl Future<Output = Vec<Verdict>> + Send + 'static) -> Self {
        Self(verdicts.boxed())
    }
}

impl From<Vec<Verdict>> for Verdicts {
    fn from(verdicts: Vec<Verdict>) -> Self {
        Self(std::future::ready(verdicts).boxed())
    }
}

/// Nothing of the batch was stored, as far as is known; it will be tried again.
pub type HandlerError = Box<dyn std::error::Error + Send + Sync>;

/// What is done with messages.
pub trait Handler: Send {
    /// Messages handled together at most: half of [`crate::PREFETCH`], so that the broker
    /// refills one half while the other is being stored. Where [`Verdicts`] come later,
    /// those that wait for them count too: much less than what the room is for.
    const BATCH: usize = 500;

    /// Stores the effect of a batch. May see a message more than once.
    ///
    /// # Errors
    /// When nothing was stored, as far as is known. The same batch comes again, after a
    /// pause and as [`redelivered`](Incoming::redelivered), for as long as the connection
    /// lives; then the broker delivers it anew.
    fn handle(
        &mut self,
        batch: &[Incoming],
    ) -> impl Future<Output = Result<Verdicts, HandlerError>> + Send;
}
