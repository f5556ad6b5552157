//! Work that blocks, on a thread of its own. Unlike tokio's blocking threads it
//! holds up nobody's end: who leaves, leaves it behind.

use anyhow::{Context, Result};
use tokio::sync::oneshot;

/// Work under way.
#[derive(Debug)]
pub(crate) struct Apart<T>(oneshot::Receiver<Result<T>>);

/// Begins.
pub(crate) fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Apart<T> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        // Who does not wait for it any more has no use for it either.
        let _ = tell.send(work());
    });
    Apart(told)
}

impl<T> Apart<T> {
    /// What became of it.
    pub(crate) async fn done(self) -> Result<T> {
        self.0.await.context("una medida se interrumpió")?
    }
}
