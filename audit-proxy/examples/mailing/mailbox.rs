//! From the system's queue into its database. Only what is stored is acknowledged, and
//! that by the broker crate.

use std::sync::Arc;

use broker::{Handler, HandlerError, Incoming, Verdict, Verdicts};
use database::Error;
use tokio::sync::Notify;

use super::received::Received;

/// What a system does with messages.
pub(crate) trait Take: Send {
    /// Stores, in one transaction, that messages came, their effect, and what is told
    /// of them. One that was here before has no effect.
    ///
    /// # Errors
    /// Nothing was stored then.
    fn take(&self, batch: &[Received]) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Takes what comes.
pub(crate) struct Mailbox<S> {
    pub(crate) store: S,
    /// Told that something was put into the outbox.
    pub(crate) posted: Arc<Notify>,
}

impl<S: Take + Sync> Handler for Mailbox<S> {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let read: Vec<_> = batch.iter().map(Received::read).collect();
        let good: Vec<_> = read.iter().filter_map(|read| read.as_ref().ok()).cloned().collect();
        self.store.take(&good).await?;
        self.posted.notify_one();
        let verdict = |read: Result<_, _>| read.map_or_else(Verdict::Reject, |_| Verdict::Done);
        Ok(read.into_iter().map(verdict).collect::<Vec<_>>().into())
    }
}
