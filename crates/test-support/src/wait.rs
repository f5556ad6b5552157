//! Waiting for a condition, with a bound, and the last state in the message.

use std::time::{Duration, Instant};

/// How long a condition may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks at `condition` until it is `Ok`, and returns its value.
///
/// # Panics
/// After [`PATIENCE`], with the last `Err`; also where a look does not end.
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
        let left = patience.saturating_sub(started.elapsed());
        let last = match tokio::time::timeout(left, condition()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(last)) => last,
            Err(_) => "the look itself did not end".to_owned(),
        };
        assert!(started.elapsed() < patience, "not within {patience:?}: {what}; last: {last}");
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "not within 50ms: an end; last: the look itself did not end")]
    async fn a_look_that_never_ends_is_bounded_too() {
        let never = std::future::pending::<Result<(), String>>;
        eventually_within(Duration::from_millis(50), "an end", never).await;
    }
}
