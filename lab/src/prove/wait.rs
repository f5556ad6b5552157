//! Waiting for something to become true, with a bound.

use anyhow::{Result, bail};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(50);

/// Asks again and again until there is something.
///
/// # Errors
/// When there is nothing within `limit`, or asking itself fails.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("esperaba {what} y en {} s no ocurrió", limit.as_secs());
        }
        sleep(POLL).await;
    }
}
