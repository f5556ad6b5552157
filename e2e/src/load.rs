//! Requests from several clients at once, each retried under its own key until
//! it is confirmed: what a careful user does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Client;
use tokio::task::JoinHandle;

/// Senders at once.
const WORKERS: usize = 8;

/// How long one event may go unconfirmed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A load under way.
pub struct Load {
    stop: Arc<AtomicBool>,
    confirmed: Arc<AtomicU64>,
    workers: Vec<JoinHandle<u64>>,
}

/// What came of a load.
#[derive(Clone, Copy, Debug)]
pub struct LoadResult {
    /// Events confirmed, each once however often it was tried.
    pub confirmed: u64,
    /// Attempts that were not confirmed and were made again.
    pub retries: u64,
}

impl Load {
    /// Sends events of `client` to `urls` until told to stop.
    #[must_use]
    pub fn start(client: &str, urls: &[String]) -> Self {
        let (stop, confirmed) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let workers = (0..WORKERS).map(|worker| {
            let url = urls[worker % urls.len()].clone();
            let sender =
                Worker { http: Client::new(), url, client: client.to_owned(), number: worker };
            tokio::spawn(sender.run(stop.clone(), confirmed.clone()))
        });
        Self { workers: workers.collect(), stop, confirmed }
    }

    /// Events confirmed so far.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::SeqCst)
    }

    /// Waits until `more` events have been confirmed from now on.
    ///
    /// # Panics
    /// When that does not happen.
    pub async fn goes_on(&self, more: u64) {
        let target = self.confirmed() + more;
        test_support::eventually(&format!("{target} are confirmed"), || async {
            let confirmed = self.confirmed();
            if confirmed >= target { Ok(()) } else { Err(format!("{confirmed}")) }
        })
        .await;
    }

    /// Stops once every event that was begun is confirmed.
    ///
    /// # Panics
    /// When one never is.
    pub async fn finish(self) -> LoadResult {
        self.stop.store(true, Ordering::SeqCst);
        let mut retries = 0;
        for worker in self.workers {
            retries += worker.await.expect("every event is confirmed in the end");
        }
        LoadResult { confirmed: self.confirmed.load(Ordering::SeqCst), retries }
    }
}

struct Worker {
    http: Client,
    url: String,
    client: String,
    number: usize,
}

impl Worker {
    async fn run(self, stop: Arc<AtomicBool>, confirmed: Arc<AtomicU64>) -> u64 {
        let mut retries = 0;
        for turn in 0u64.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let key = format!("{}-{}-{turn}", self.client, self.number);
            retries += self.until_confirmed(&key).await;
            confirmed.fetch_add(1, Ordering::SeqCst);
        }
        retries
    }

    async fn until_confirmed(&self, key: &str) -> u64 {
        let started = Instant::now();
        for retries in 0.. {
            let answer = self
                .http
                .post(&self.url)
                .header("x-client-name", &self.client)
                .header("idempotency-key", key)
                .timeout(Duration::from_secs(5))
                .send()
                .await;
            match answer {
                Ok(answer) if answer.status() == 202 => return retries,
                other => assert!(started.elapsed() < PATIENCE, "{key}: {other:?}"),
            }
            // A pause between attempts, as a client that was told 503 makes.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("attempts do not run out")
    }
}
