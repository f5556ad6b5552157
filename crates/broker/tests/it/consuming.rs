//! Nothing is acknowledged before its handler has stored it, and nothing that
//! can be processed is lost to what cannot.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use broker::{
    ConsumerFaults, Handler, HandlerError, Incoming, LinkStatus, Outcome, Subscription, Topology,
    TopologyMismatch, Verdict, Verdicts, consume,
};
use serde_json::json;
use test_support::{Vhost, eventually};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{DEAD_LETTERS, EXCHANGE, QUEUE, Running, message, topology};

/// Remembers what it was given; refuses bodies that say `veneno`; stores
/// nothing while `broken`.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    seen: Arc<Mutex<HashMap<String, usize>>>,
    pub(crate) broken: Arc<AtomicBool>,
    failures: Arc<AtomicUsize>,
    pub(crate) redelivered: Arc<AtomicUsize>,
}

impl Handler for Memory {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        if self.broken.load(Ordering::SeqCst) {
            self.failures.fetch_add(1, Ordering::SeqCst);
            return Err("the store is down".into());
        }
        let redelivered = batch.iter().filter(|message| message.redelivered).count();
        self.redelivered.fetch_add(redelivered, Ordering::SeqCst);
        let mut seen = self.seen.lock().expect("no panic while storing");
        let verdicts = batch.iter().map(|message| remember(&mut seen, message));
        Ok(verdicts.collect::<Vec<_>>().into())
    }
}

fn remember(seen: &mut HashMap<String, usize>, message: &Incoming) -> Verdict {
    if let Some(part) = message.unreadable() {
        return Verdict::Reject(part.to_string());
    }
    if message.body.starts_with(b"veneno") {
        return Verdict::Reject("veneno".to_owned());
    }
    *seen.entry(message.id().unwrap_or_default().to_owned()).or_default() += 1;
    Verdict::Done
}

impl Memory {
    pub(crate) fn distinct(&self) -> usize {
        self.seen.lock().expect("no panic while storing").len()
    }

    pub(crate) async fn holds(&self, count: usize) {
        eventually(&format!("{count} messages are stored"), || async {
            match self.distinct() {
                stored if stored == count => Ok(()),
                stored => Err(format!("{stored} stored")),
            }
        })
        .await;
    }
}

pub(crate) struct Consuming {
    stop: CancellationToken,
    pub(crate) status: LinkStatus,
    task: JoinHandle<Result<(), TopologyMismatch>>,
}

fn start(vhost: &Vhost, memory: &Memory, topology: Topology) -> Consuming {
    Consuming::start(&vhost.url(), memory, topology, ConsumerFaults::default())
}

impl Consuming {
    pub(crate) fn start(
        url: &str,
        memory: &Memory,
        topology: Topology,
        faults: ConsumerFaults,
    ) -> Self {
        let url = url.parse().expect("a broker's URL");
        let (subscription, status) = Subscription::new(url, "prueba".to_owned(), QUEUE, topology);
        Self::of(subscription.with_faults(faults), status, memory)
    }

    pub(crate) fn start_leftover(
        url: &str,
        memory: &Memory,
        queue: &'static str,
        topology: Topology,
    ) -> Self {
        let url = url.parse().expect("a broker's URL");
        let (subscription, status) = Subscription::new(url, "prueba".to_owned(), queue, topology);
        Self::of(subscription.of_leftover(), status, memory)
    }

    pub(crate) fn of(subscription: Subscription, status: LinkStatus, memory: &Memory) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(consume(subscription, memory.clone(), stop.clone()));
        Self { stop, status, task }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) async fn connected(&self) {
        eventually("the consumer is connected", || async {
            self.status.check().map_err(|reason| reason.to_string())
        })
        .await;
    }

    pub(crate) async fn stopped(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("an orderly end");
    }
}

/// A consumer that is connected, and a publisher beside it.
async fn ready(vhost: &Vhost, memory: &Memory) -> (Consuming, Running) {
    let consuming = start(vhost, memory, topology());
    consuming.connected().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    (consuming, running)
}

pub(crate) async fn send(running: &Running, count: usize) {
    let messages = (0..count).map(|_| message("click")).collect();
    let outcomes = running.publisher.publish_all(messages).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Confirmed), "{outcomes:?}");
}

#[tokio::test]
async fn what_is_stored_is_acknowledged() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let (consuming, running) = ready(&vhost, &memory).await;
    send(&running, 2500).await;
    memory.holds(2500).await;
    consuming.stopped().await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn poison_alone_goes_to_the_dead_letter_queue() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let (consuming, running) = ready(&vhost, &memory).await;
    let mut messages: Vec<_> = (0..300).map(|_| message("click")).collect();
    for poisoned in messages.iter_mut().step_by(10) {
        poisoned.body = b"veneno".to_vec();
    }
    running.publisher.publish_all(messages).await;

    memory.holds(270).await;
    vhost.wait_for_queue(DEAD_LETTERS, 30, 0).await;
    consuming.stopped().await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn what_is_not_stored_is_not_acknowledged_and_comes_again() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let (consuming, running) = ready(&vhost, &memory).await;
    memory.broken.store(true, Ordering::SeqCst);
    send(&running, 100).await;
    eventually("the store was asked twice", || async {
        match memory.failures.load(Ordering::SeqCst) {
            failures if failures >= 2 => Ok(()),
            failures => Err(format!("{failures} failures")),
        }
    })
    .await;
    vhost.wait_for_queue(QUEUE, 0, 1).await;
    assert_eq!(consuming.status.stuck().as_deref(), Some("the store is down"));
    assert_eq!(consuming.status.check(), Ok(()), "the connection is whole");

    memory.broken.store(false, Ordering::SeqCst);
    memory.holds(100).await;
    let again = memory.redelivered.load(Ordering::SeqCst);
    assert!(again > 0, "a store that failed may have them all the same");
    eventually("it goes on", || async { consuming.status.stuck().map_or(Ok(()), Err) }).await;
    consuming.stopped().await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn what_one_consumer_left_unstored_the_next_one_gets() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let (consuming, running) = ready(&vhost, &memory).await;
    memory.broken.store(true, Ordering::SeqCst);
    send(&running, 50).await;
    consuming.stopped().await;
    vhost.wait_for_queue(QUEUE, 50, 0).await;

    memory.broken.store(false, Ordering::SeqCst);
    let consuming = start(&vhost, &memory, topology());
    memory.holds(50).await;
    consuming.stopped().await;
}

#[tokio::test]
async fn a_closed_connection_is_opened_again_and_consuming_goes_on() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let (consuming, running) = ready(&vhost, &memory).await;
    send(&running, 100).await;
    memory.holds(100).await;
    eventually("the broker knows the connections", || async {
        match vhost.close_connections().await {
            0 => Err("none yet".to_owned()),
            closed => Ok(closed),
        }
    })
    .await;
    eventually("confirmed again", || async {
        match running.publisher.publish(message("click")).await {
            Outcome::Confirmed => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    eventually("stored again", || async {
        match memory.distinct() {
            stored if stored > 100 => Ok(()),
            stored => Err(format!("{stored} stored")),
        }
    })
    .await;
    consuming.stopped().await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_ends_it_with_both_names() {
    let vhost = Vhost::create().await;
    let other = json!({
        "x-queue-type": "quorum", "x-delivery-limit": 3, "x-max-length": 1_000_000,
        "x-overflow": "reject-publish", "x-dead-letter-exchange": "pruebas_dlx",
        "x-dead-letter-strategy": "at-least-once",
    });
    vhost.declare_queue(QUEUE, other).await;

    let consuming = start(&vhost, &Memory::default(), topology());
    let mismatch = consuming.task.await.expect("no panic").expect_err("a mismatch");
    let text = mismatch.to_string();
    assert!(text.contains(QUEUE) && text.contains("x-delivery-limit"), "{text}");
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn topology_is_declared_again_at_every_connection() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let (consuming, running) = ready(&vhost, &memory).await;
    vhost.unbind(EXCHANGE, QUEUE, "click").await;
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Unroutable);
    consuming.stopped().await;

    let consuming = start(&vhost, &memory, topology());
    consuming.connected().await;
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Confirmed);
    memory.holds(1).await;
    consuming.stopped().await;
}

#[tokio::test]
async fn the_length_of_a_queue_that_drops_its_oldest_is_told_before_anything_is_taken() {
    let vhost = Vhost::create().await;
    let url = vhost.url();
    let mut topology = topology();
    topology.queues[1].overflow = broker::Overflow::DropOldest;
    topology.queues[1].dead_letter_exchange = None;
    topology.queues[1].max_length = 3;
    let consume_until = |handler, stop| {
        let parsed = url.parse().expect("a broker's URL");
        let (subscription, _) =
            Subscription::new(parsed, "prueba".to_owned(), QUEUE, topology.clone());
        let (subscription, depth) = subscription.with_depth();
        (depth, tokio::spawn(consume(subscription, handler, stop)))
    };
    let (first, stop) = (Memory::default(), CancellationToken::new());
    let (depth, consuming) = consume_until(first, stop.clone());
    eventually("the empty queue is told", || async {
        let told = *depth.borrow();
        if told == Some(0) { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
    stop.cancel();
    consuming.await.expect("no panic").expect("an orderly end");

    for body in ["1", "2", "3", "4", "5"] {
        vhost.publish(EXCHANGE, "click", json!({ "message_id": body }), body).await;
    }
    let (memory, stop) = (Memory::default(), CancellationToken::new());
    memory.broken.store(true, Ordering::SeqCst);
    let (mut depth, consuming) = consume_until(memory.clone(), stop.clone());
    let told = *depth.wait_for(Option::is_some).await.expect("told");
    assert_eq!(told, Some(3), "two were dropped");
    memory.broken.store(false, Ordering::SeqCst);
    memory.holds(3).await;
    stop.cancel();
    consuming.await.expect("no panic").expect("an orderly end");
}

/// Takes one message at a time; the verdict on the n-th comes once `released` says so.
struct Slow {
    handled: Arc<AtomicUsize>,
    released: [watch::Receiver<bool>; 2],
}

impl Handler for Slow {
    const BATCH: usize = 1;

    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let mut released = self.released[self.handled.fetch_add(1, Ordering::SeqCst)].clone();
        let verdicts = vec![Verdict::Done; batch.len()];
        Ok(Verdicts::later(async move {
            released.wait_for(|released| *released).await.expect("the test goes on");
            verdicts
        }))
    }
}

/// Two batches of one, of which those are released whose place says so.
async fn two_batches(released: [bool; 2]) -> Vhost {
    let vhost = Vhost::create().await;
    let running = Running::start(&vhost.url());
    let (consuming, _) = ready(&vhost, &Memory::default()).await;
    consuming.stopped().await;
    running.connected().await;
    send(&running, 2).await;

    let senders = [watch::Sender::new(false), watch::Sender::new(false)];
    let handled = Arc::<AtomicUsize>::default();
    let slow = Slow {
        handled: handled.clone(),
        released: senders.each_ref().map(watch::Sender::subscribe),
    };
    let url = vhost.url().parse().expect("a broker's URL");
    let (subscription, status) = Subscription::new(url, "prueba".to_owned(), QUEUE, topology());
    let stop = CancellationToken::new();
    let task = tokio::spawn(consume(subscription, slow, stop.clone()));
    eventually("both batches are handled", || async {
        match handled.load(Ordering::SeqCst) {
            2 => Ok(()),
            handled => Err(format!("{handled} handled")),
        }
    })
    .await;
    // The later one first: nothing may be acknowledged for it alone.
    for (sender, released) in senders.iter().zip(released).rev() {
        sender.send_replace(released);
    }
    Consuming { stop, status, task }.stopped().await;
    vhost
}

#[tokio::test]
async fn what_waits_for_its_verdicts_holds_up_nothing_behind_it() {
    let vhost = two_batches([true, true]).await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn an_earlier_batch_is_never_acknowledged_with_a_later_one() {
    let vhost = two_batches([false, true]).await;
    vhost.wait_for_queue(QUEUE, 2, 0).await;
}
