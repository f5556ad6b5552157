//! So many connections, each of which sends its next request when the answer to
//! the one before has come.

use super::exchange::Exchange;
use super::request::Request;
use crate::bench::flow::Flow;
use crate::load::latency::Latency;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The pause after a failure, so that nobody who is away is asked in circles.
const AFTER_FAILURE: Duration = Duration::from_millis(20);

/// What to send, and how.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// Connections are shared out among them; at least one.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) request: Request,
    pub(crate) connections: usize,
    /// The only status that is a success.
    pub(crate) expected: u16,
    /// Between an answer and the next request of a connection.
    pub(crate) pause: Duration,
}

/// What was seen, from the moment at which somebody asked to look.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) latency: Latency,
    /// Requests that were no success, by what came instead; from the beginning.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl Done {
    /// Requests that were no success.
    pub(crate) fn failures(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// Shared by the connections of a load.
struct Shared {
    spec: Spec,
    flow: Arc<Flow>,
    recording: AtomicBool,
    turn: AtomicU64,
}

/// A load under way, on a thread of its own; it ends when dropped.
pub(crate) struct Load {
    shared: Arc<Shared>,
    done: oneshot::Receiver<Result<Done>>,
}

impl Load {
    /// Begins to send; the flow counts confirmed events.
    pub(crate) fn start(spec: Spec, flow: Arc<Flow>) -> Self {
        let shared = Arc::new(Shared {
            spec,
            flow,
            recording: AtomicBool::new(false),
            turn: AtomicU64::new(0),
        });
        let (tell, done) = oneshot::channel();
        let load = shared.clone();
        std::thread::spawn(move || {
            // Who does not wait for it any more has no use for it either.
            let _ = tell.send(run(&load));
        });
        Self { shared, done }
    }

    /// From here on latencies count: what came before was warming up.
    pub(crate) fn record(&self) {
        self.shared.recording.store(true, Ordering::Relaxed);
    }

    /// Stops, waits for the answers under way, and tells what was seen.
    ///
    /// # Errors
    /// When the load could not run.
    pub(crate) async fn finish(mut self) -> Result<Done> {
        self.shared.flow.stop();
        (&mut self.done).await.context("la carga se interrumpió")?
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.flow.stop();
    }
}

fn run(shared: &Arc<Shared>) -> Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut workers: JoinSet<Done> = JoinSet::new();
        let addresses = shared.spec.addresses.iter().copied().cycle();
        for address in addresses.take(shared.spec.connections) {
            workers.spawn(work(shared.clone(), address));
        }
        let mut whole = Done::default();
        while let Some(done) = workers.join_next().await {
            whole.add(done.context("una conexión de la carga se interrumpió")?);
        }
        Ok(whole)
    })
}

async fn work(shared: Arc<Shared>, address: SocketAddr) -> Done {
    let Shared { spec, flow, recording, turn } = &*shared;
    let mut request = spec.request.clone();
    let events = request.events();
    let mut exchange = Exchange::with(address);
    let mut done = Done::default();
    while !flow.is_stopped() {
        let turn = turn.fetch_add(events, Ordering::Relaxed);
        let began = Instant::now();
        match timeout(LIMIT, exchange.ask(request.numbered(turn))).await {
            Ok(Ok(status)) if status == spec.expected => {
                flow.add(events);
                if recording.load(Ordering::Relaxed) {
                    done.latency.record(began.elapsed());
                }
                if spec.pause > Duration::ZERO {
                    sleep(spec.pause).await;
                }
            }
            Ok(Ok(status)) => done.fail(status.to_string()).await,
            Ok(Err(error)) => done.fail(error.to_string()).await,
            Err(_) => {
                // The answer may still come: not to be taken for the next one's.
                exchange = Exchange::with(address);
                done.fail("sin respuesta a tiempo".to_owned()).await;
            }
        }
    }
    done
}

impl Done {
    async fn fail(&mut self, what: String) {
        *self.errors.entry(what).or_default() += 1;
        sleep(AFTER_FAILURE).await;
    }

    fn add(&mut self, other: Self) {
        self.latency.add(&other.latency);
        for (what, count) in other.errors {
            *self.errors.entry(what).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, Spec};
    use crate::bench::flow::Flow;
    use crate::bench::http::Request;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::Arc;
    use std::time::Duration;

    /// Answers every request of two connections in turn with these bytes.
    fn server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                std::thread::spawn(move || serve(socket, answer));
            }
        });
        address
    }

    fn serve(mut socket: std::net::TcpStream, answer: &str) {
        let mut buffer = [0; 4096];
        while socket.read(&mut buffer).is_ok_and(|read| read > 0) {
            if socket.write_all(answer.as_bytes()).is_err() || answer.starts_with("HTTP/1.0") {
                break;
            }
        }
    }

    async fn load(answer: &'static str, until: u64) -> (u64, super::Done) {
        let spec = Spec {
            addresses: vec![server(answer)],
            request: Request::event("/send", "click", 3),
            connections: 2,
            expected: 202,
            pause: Duration::ZERO,
        };
        let flow = Arc::new(Flow::default());
        let load = Load::start(spec, flow.clone());
        load.record();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while flow.done() < until && std::time::Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        let done = load.finish().await.unwrap();
        (flow.done(), done)
    }

    #[tokio::test]
    async fn confirmed_requests_are_counted_and_timed_on_kept_and_on_closed_connections() {
        for answer in [
            "HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.0 202 ACCEPTED\r\ncontent-length: 2\r\n\r\n{}",
        ] {
            let (confirmed, done) = load(answer, 20).await;
            assert!(confirmed >= 20 && done.errors.is_empty(), "{confirmed} {:?}", done.errors);
            assert!(!done.latency.is_empty());
        }
    }

    #[tokio::test]
    async fn any_other_status_is_an_error_and_no_event() {
        let spec_answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        let spec = Spec {
            addresses: vec![server(spec_answer)],
            request: Request::get("/"),
            connections: 1,
            expected: 202,
            pause: Duration::ZERO,
        };
        let flow = Arc::new(Flow::default());
        let load = Load::start(spec, flow.clone());
        let done = load.finish().await.unwrap();
        assert_eq!(flow.done(), 0);
        assert!(done.errors.keys().all(|what| what == "503"), "{:?}", done.errors);
    }
}
