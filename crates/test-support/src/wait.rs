//! Waiting for a condition, with a bound, and the last state in the message.

use std::time::{Duration, Instant};

/// How long a condition may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks at `condition` until it is `Ok`, and returns its value.
///
/// # Panics
/// After [`PATIENCE`], with the last `Err`.
pub async fn eventually<T, F>(what: &str, condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    eventually_within(PATIENCE, what, condition).await
}

/// The same with a bound of its own.
///
/// # Panics
/// After `patience`, with the last `Err`.
pub async fn eventually_within<T, F>(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        let last = match condition().await {
            Ok(value) => return value,
            Err(last) => last,
        };
        assert!(started.elapsed() < patience, "not within {patience:?}: {what}; last: {last}");
        tokio::time::sleep(INTERVAL).await;
    }
}
