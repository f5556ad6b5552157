//! Browsers that look at the panel: streams of server-sent events that are read
//! and thrown away, but for what one of them shows.

use anyhow::{Context, Result, bail};
use reqwest::{Client, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// What was shown, and when.
type Shown = Arc<Mutex<Vec<(Instant, u64)>>>;

/// Open streams; they close when dropped.
pub(crate) struct Browsers {
    streams: JoinSet<()>,
    first: AbortHandle,
    shown: Shown,
}

impl Browsers {
    /// Opens so many streams, at least one.
    ///
    /// # Errors
    /// When the panel refuses one.
    pub(crate) async fn open(url: &str, number: usize) -> Result<Self> {
        let client = Client::builder().no_proxy().build()?;
        let shown = Shown::default();
        let mut streams = JoinSet::new();
        let first = streams.spawn(watch(stream(&client, url).await?, shown.clone()));
        for _ in 1..number {
            let mut stream = stream(&client, url).await?;
            streams.spawn(async move { while let Ok(Some(_)) = stream.chunk().await {} });
        }
        Ok(Self { streams, first, shown })
    }

    /// Closes the streams; what the first of them showed.
    ///
    /// # Errors
    /// When it ended by itself.
    pub(crate) fn close(mut self) -> Result<Vec<(Instant, u64)>> {
        if self.first.is_finished() {
            bail!("el panel cortó su flujo");
        }
        self.streams.abort_all();
        Ok(std::mem::take(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

async fn stream(client: &Client, url: &str) -> Result<Response> {
    let answer = client.get(url).send().await.and_then(Response::error_for_status);
    answer.context("el panel no da su flujo")
}

/// Notes down every count that the stream shows.
async fn watch(mut stream: Response, shown: Shown) {
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = stream.chunk().await {
        text.extend_from_slice(&chunk);
        // An event ends with an empty line (HTML, §9.2.6).
        while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = text.drain(..end + 2).collect();
            if let Some(count) = count_in(&String::from_utf8_lossy(&event)) {
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.push((Instant::now(), count));
            }
        }
    }
}

/// What the drawing says that analytics has counted: the attribute that the
/// panel's own script animates by (`camino.html`).
fn count_in(drawing: &str) -> Option<u64> {
    let (_, analytics) = drawing.split_once(r#"data-flujo="consume""#)?;
    let (_, count) = analytics.split_once(r#"data-cuenta=""#)?;
    count.split('"').next()?.parse().ok()
}

/// How old each drawing was at the moment at which the next one replaced it: since
/// when more had been counted than it showed.
pub(crate) fn behind(truth: &[(Instant, u64)], shown: &[(Instant, u64)]) -> Vec<Duration> {
    shown
        .windows(2)
        .filter_map(|two| {
            let ((_, old), (replaced, _)) = (two[0], two[1]);
            let (outdated, _) = truth.iter().find(|(_, counted)| *counted > old)?;
            Some(replaced.saturating_duration_since(*outdated)).filter(|late| !late.is_zero())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{behind, count_in};
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn the_count_of_analytics_is_found_among_others() {
        let drawing = r#"data: <li data-flujo="publica" data-cuenta="1">
data: <li data-flujo="consume" data-epoca="x" data-cuenta="42" data-repetidas="0">"#;
        assert_eq!(count_in(drawing), Some(42));
        assert_eq!(count_in("data: <li>"), None);
    }

    #[test]
    fn a_drawing_is_as_old_as_the_first_count_that_it_lacks() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let truth = [(at(0), 1), (at(100), 2), (at(200), 3), (at(300), 4)];
        let shown = [(at(50), 1), (at(250), 2), (at(420), 4), (at(500), 4)];
        let late: Vec<_> = behind(&truth, &shown).iter().map(Duration::as_millis).collect();
        assert_eq!(late, [150, 220], "the last was true to its end");
    }
}
