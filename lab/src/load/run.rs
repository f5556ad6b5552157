//! Sending: so many requests at once, or so many a second, until all events
//! are sent or somebody asks to stop.

use super::answer::{self, Fate, Reading};
use super::identity::{Envelope, Identities};
use super::latency::Latency;
use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// How long one attempt may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// How long an event is tried again before it is given up.
const PATIENCE: Duration = Duration::from_mins(2);

/// The pause before another attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// How fast to send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// The next request follows the answer to the one before.
    Closed,
    /// So many requests a second, whatever the answers do. Latencies count from
    /// the moment at which a request was due.
    PerSecond(f64),
}

/// What to send, and how.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// Full URLs, taken in turn.
    pub(crate) urls: Vec<String>,
    /// Events in all; `u64::MAX` until told to stop.
    pub(crate) events: u64,
    pub(crate) pace: Pace,
    /// Requests under way at once, at most.
    pub(crate) connections: usize,
    pub(crate) clients: u64,
    /// Events a request; 1 for single ones.
    pub(crate) batch: u64,
    /// Names of the events, taken in turn.
    pub(crate) kinds: Vec<String>,
    /// Whether what is not confirmed is sent again, under the same key.
    pub(crate) retry: bool,
}

/// What is counted while a load runs.
#[derive(Debug, Default)]
struct Progress {
    stop: CancellationToken,
    next: AtomicU64,
    sent: AtomicU64,
    confirmed: AtomicU64,
}

/// A load under way.
pub(crate) struct Load {
    identities: Identities,
    progress: Arc<Progress>,
    began: Instant,
    workers: Vec<JoinHandle<Part>>,
    /// Nothing is sent any more once nobody holds the load.
    stop: DropGuard,
}

/// How a load went, as far as its senders know.
pub(crate) struct History {
    identities: Identities,
    fates: Vec<(u64, Fate)>,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) latency: Latency,
    /// The longest time until a request was told that it was not confirmed.
    pub(crate) slowest_refusal: Duration,
    pub(crate) elapsed: Duration,
}

/// What one worker has seen.
#[derive(Default)]
struct Part {
    fates: Vec<(u64, Fate)>,
    errors: BTreeMap<String, u64>,
    latency: Latency,
    slowest_refusal: Duration,
}

impl Load {
    /// Begins to send.
    pub(crate) fn start(spec: Spec) -> Result<Self> {
        let identities = Identities::new(spec.clients, spec.batch);
        let client = Client::builder().no_proxy().timeout(ATTEMPT_LIMIT).build();
        let http = client.context("no se pudo preparar el cliente HTTP")?;
        let progress = Arc::<Progress>::default();
        let began = Instant::now();
        let connections = spec.connections;
        let spec = Arc::new(spec);
        let workers = (0..connections).map(|_| {
            let (identities, progress) = (identities.clone(), progress.clone());
            let (spec, http) = (spec.clone(), http.clone());
            let worker = Worker { spec, identities, progress, http, began, part: Part::default() };
            tokio::spawn(worker.run())
        });
        let workers = workers.collect();
        let stop = progress.stop.clone().drop_guard();
        Ok(Self { identities, progress, began, workers, stop })
    }

    /// Events that were sent and answered, or given up, so far.
    pub(crate) fn sent(&self) -> u64 {
        self.progress.sent.load(Ordering::Relaxed)
    }

    /// Events confirmed so far.
    pub(crate) fn confirmed(&self) -> u64 {
        self.progress.confirmed.load(Ordering::Relaxed)
    }

    /// Whether every worker has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.workers.iter().all(JoinHandle::is_finished)
    }

    /// Has no further event sent; those under way end.
    pub(crate) fn stop(&self) {
        self.progress.stop.cancel();
    }

    /// Waits until the events under way have ended, and tells how it went.
    pub(crate) async fn finish(self) -> Result<History> {
        self.stop.disarm();
        let mut whole = Part::default();
        for worker in self.workers {
            whole.add(worker.await.context("la carga se interrumpió")?);
        }
        Ok(History {
            identities: self.identities,
            fates: whole.fates,
            errors: whole.errors,
            latency: whole.latency,
            slowest_refusal: whole.slowest_refusal,
            elapsed: self.began.elapsed(),
        })
    }
}

impl History {
    /// Every event with its id and what is known of it.
    pub(crate) fn events(&self) -> impl Iterator<Item = (Uuid, Fate)> {
        self.fates.iter().map(|(event, fate)| (self.identities.id(*event), *fate))
    }

    /// Every event's client and id.
    pub(crate) fn identities(&self) -> impl Iterator<Item = (String, Uuid)> {
        let identities = &self.identities;
        self.fates.iter().map(|(event, _)| (identities.client(*event), identities.id(*event)))
    }

    /// How many events have this fate.
    pub(crate) fn of_fate(&self, wanted: Fate) -> usize {
        self.fates.iter().filter(|(_, fate)| *fate == wanted).count()
    }

    /// What every client of this load begins with.
    pub(crate) fn prefix(&self) -> String {
        self.identities.prefix()
    }

    /// How many errors of this kind there were.
    pub(crate) fn errors_of(&self, kind: &str) -> u64 {
        self.errors.iter().filter(|(error, _)| error.contains(kind)).map(|(_, count)| count).sum()
    }
}

impl Part {
    fn add(&mut self, other: Self) {
        self.fates.extend(other.fates);
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.latency.add(&other.latency);
        self.slowest_refusal = self.slowest_refusal.max(other.slowest_refusal);
    }
}

struct Worker {
    spec: Arc<Spec>,
    identities: Identities,
    progress: Arc<Progress>,
    http: Client,
    began: Instant,
    part: Part,
}

impl Worker {
    async fn run(mut self) -> Part {
        let stop = self.progress.stop.clone();
        loop {
            let request = self.progress.next.fetch_add(1, Ordering::Relaxed);
            let Some(envelope) = self.identities.envelope(request, self.spec.events) else { break };
            let due = self.due(request);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep_until(due) => {}
            }
            self.deliver(request, &envelope, due).await;
        }
        self.part
    }

    fn due(&self, request: u64) -> Instant {
        match self.spec.pace {
            Pace::Closed => Instant::now(),
            #[allow(clippy::cast_precision_loss, reason = "a load has fewer than 2^52 requests")]
            Pace::PerSecond(rate) => self.began + Duration::from_secs_f64(request as f64 / rate),
        }
    }

    /// Sends one request, and again until all of it is confirmed where that is
    /// wanted.
    async fn deliver(&mut self, request: u64, envelope: &Envelope, due: Instant) {
        let body = self.body(envelope);
        let mut fates = self.attempt(request, envelope, &body, due).await;
        let patience_ends = due + PATIENCE;
        while self.spec.retry
            && Instant::now() < patience_ends
            && fates.iter().any(|fate| *fate != Fate::Confirmed)
        {
            sleep(PAUSE).await;
            let again = self.attempt(request, envelope, &body, due).await;
            fates = fates.into_iter().zip(again).map(|(first, next)| first.then(next)).collect();
        }
        self.note(envelope, fates);
    }

    fn note(&mut self, envelope: &Envelope, fates: Vec<Fate>) {
        let confirmed = fates.iter().filter(|fate| **fate == Fate::Confirmed).count();
        self.progress.confirmed.fetch_add(as_u64(confirmed), Ordering::Relaxed);
        self.progress.sent.fetch_add(as_u64(fates.len()), Ordering::Relaxed);
        self.part.fates.extend(envelope.events.clone().zip(fates));
    }

    async fn attempt(
        &mut self,
        request: u64,
        envelope: &Envelope,
        body: &str,
        due: Instant,
    ) -> Vec<Fate> {
        let events = envelope.events.end - envelope.events.start;
        let sent = Instant::now();
        let reading = match self.post(request, envelope, body).await {
            Ok((status, body)) if self.identities.is_batch() => {
                answer::of_batch(status, &body, events)
            }
            Ok((status, body)) => answer::of_single(status, &body),
            Err(error) => answer::of_failure(&error, events),
        };
        if reading.errors.is_empty() {
            self.part.latency.record(due.elapsed());
        } else {
            self.part.slowest_refusal = self.part.slowest_refusal.max(sent.elapsed());
        }
        self.note_errors(&reading);
        reading.fates
    }

    fn note_errors(&mut self, reading: &Reading) {
        for (kind, count) in &reading.errors {
            *self.part.errors.entry(kind.clone()).or_default() += count;
        }
    }

    async fn post(
        &self,
        request: u64,
        envelope: &Envelope,
        body: &str,
    ) -> reqwest::Result<(u16, Vec<u8>)> {
        let urls = &self.spec.urls;
        let turn = usize::try_from(request % as_u64(urls.len())).unwrap_or_default();
        let answer = self
            .http
            .post(&urls[turn])
            .header("content-type", "application/json")
            .header("x-client-name", self.identities.client(envelope.events.start))
            .header("idempotency-key", &envelope.key)
            .body(body.to_owned())
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }

    fn body(&self, envelope: &Envelope) -> String {
        let event = |event: u64| {
            let turn = usize::try_from(event % as_u64(self.spec.kinds.len())).unwrap_or_default();
            let kind = &self.spec.kinds[turn];
            if self.identities.is_batch() {
                json!({ "cliente": self.identities.client(event), "evento": kind })
            } else {
                // The header names the client: also for who takes no other.
                json!({ "evento": kind })
            }
        };
        if self.identities.is_batch() {
            json!(envelope.events.clone().map(event).collect::<Vec<_>>()).to_string()
        } else {
            event(envelope.events.start).to_string()
        }
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
