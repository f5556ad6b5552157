//! Faults on purpose do what they say, and end when they are switched off.

use std::{env, process::Output, sync::atomic::Ordering, time::Duration};

use broker::{
    ConsumerFault, ConsumerFaults, Crash, Handler, HandlerError, Incoming, NotSent, NotUsable,
    Outcome, Subscription, Verdict, Verdicts, consume,
};
use test_support::{CutProxy, Vhost, eventually};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::{
    QUEUE, Running,
    consuming::{Consuming, Memory, send},
    message, topology,
};

const PAUSED: ConsumerFault = ConsumerFault { paused: true, delay: Duration::ZERO, crash: None };
const SLOW: ConsumerFault =
    ConsumerFault { paused: false, delay: Duration::from_hours(1), crash: None };

/// A consumer with switches, and a publisher beside it.
struct Laboratory {
    vhost: Vhost,
    memory: Memory,
    faults: ConsumerFaults,
    consuming: Consuming,
    running: Running,
}

impl Laboratory {
    async fn start() -> Self {
        let (vhost, memory) = (Vhost::create().await, Memory::default());
        let faults = ConsumerFaults::default();
        let consuming = Consuming::start(&vhost.url(), &memory, topology(), faults.clone());
        consuming.connected().await;
        let running = Running::start(&vhost.url());
        running.connected().await;
        Self { vhost, memory, faults, consuming, running }
    }

    fn well(&self) {
        self.faults.set(ConsumerFault::default());
    }
}

#[tokio::test]
async fn while_paused_messages_stay_ready_and_then_it_goes_on() {
    let lab = Laboratory::start().await;
    for round in 1..=2 {
        lab.faults.set(PAUSED);
        lab.vhost.wait_for_queue(QUEUE, 0, 0).await;
        send(&lab.running, 20).await;
        lab.vhost.wait_for_queue(QUEUE, 20, 0).await;
        assert_eq!(lab.consuming.status.check(), Ok(()));
        assert_eq!(lab.memory.distinct(), 20 * (round - 1));

        lab.well();
        lab.memory.holds(20 * round).await;
        lab.vhost.wait_for_queue(QUEUE, 0, 1).await;
    }
    assert_eq!(lab.memory.redelivered.load(Ordering::SeqCst), 0, "it was never given back");
    lab.consuming.stopped().await;
}

#[tokio::test]
async fn what_was_delivered_before_the_pause_is_finished_and_acknowledged() {
    let lab = Laboratory::start().await;
    lab.memory.broken.store(true, Ordering::SeqCst);
    send(&lab.running, 900).await;
    lab.vhost.wait_for_queue(QUEUE, 0, 1).await;
    lab.faults.set(PAUSED);
    lab.memory.broken.store(false, Ordering::SeqCst);
    lab.memory.holds(900).await;
    lab.vhost.wait_for_queue(QUEUE, 0, 0).await;

    // Stopping gives back what is not acknowledged: nothing.
    lab.consuming.stopped().await;
    lab.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_connection_that_breaks_during_a_pause_comes_back_paused() {
    let (vhost, memory, faults) =
        (Vhost::create().await, Memory::default(), ConsumerFaults::default());
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let url = vhost.url_through(line.address());
    let consuming = Consuming::start(&url, &memory, topology(), faults.clone());
    consuming.connected().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    faults.set(PAUSED);
    vhost.wait_for_queue(QUEUE, 0, 0).await;
    send(&running, 5).await;

    line.cut();
    eventually("the consumer lost its connection", || async {
        consuming.status.check().err().ok_or("still up".to_owned())
    })
    .await;
    line.restore();
    consuming.connected().await;
    vhost.wait_for_queue(QUEUE, 5, 0).await;
    assert_eq!(memory.distinct(), 0);

    faults.set(ConsumerFault::default());
    memory.holds(5).await;
    assert_eq!(memory.redelivered.load(Ordering::SeqCst), 0, "it never took them");
    consuming.stopped().await;
}

#[tokio::test]
async fn what_held_up_a_connection_that_broke_is_told_no_more() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let url = vhost.url_through(line.address());
    let consuming = Consuming::start(&url, &memory, topology(), ConsumerFaults::default());
    consuming.connected().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    memory.broken.store(true, Ordering::SeqCst);
    send(&running, 5).await;
    let stuck = || consuming.status.stuck();
    eventually("it is stuck", || async { stuck().ok_or_else(|| "it goes on".to_owned()) }).await;

    line.cut();
    eventually("it has nothing to be stuck with", || async { stuck().map_or(Ok(()), Err) }).await;
    assert!(consuming.status.check().is_err(), "the line is cut");
    memory.broken.store(false, Ordering::SeqCst);
    line.restore();
    memory.holds(5).await;
    consuming.stopped().await;
}

#[tokio::test]
async fn it_can_be_stopped_during_a_pause() {
    let lab = Laboratory::start().await;
    lab.faults.set(PAUSED);
    lab.vhost.wait_for_queue(QUEUE, 0, 0).await;
    send(&lab.running, 5).await;
    lab.consuming.stopped().await;
    lab.vhost.wait_for_queue(QUEUE, 5, 0).await;
}

#[tokio::test]
async fn a_batch_waits_for_its_delay_and_a_change_counts_at_once() {
    let lab = Laboratory::start().await;
    lab.faults.set(SLOW);
    send(&lab.running, 5).await;
    lab.vhost.wait_for_queue(QUEUE, 0, 1).await;
    assert_eq!(lab.memory.distinct(), 0);

    lab.well();
    lab.memory.holds(5).await;
    lab.consuming.stopped().await;
    lab.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn told_to_stop_during_a_delay_it_finishes_the_batch_at_hand() {
    let lab = Laboratory::start().await;
    lab.faults.set(SLOW);
    send(&lab.running, 1).await;
    lab.vhost.wait_for_queue(QUEUE, 0, 1).await;
    lab.consuming.stopped().await;
    // Told before it had begun with the message, it leaves it to the next one.
    let stored = u32::try_from(lab.memory.distinct()).expect("at most one");
    lab.vhost.wait_for_queue(QUEUE, 1 - stored, 0).await;
}

#[tokio::test]
async fn a_publisher_that_is_to_look_blocked_refuses_until_it_is_not() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    running.publisher.block(true);
    assert!(running.publisher.is_blocked_on_purpose());
    let Err(reason @ NotUsable::Blocked(_)) = running.publisher.status().check() else {
        panic!("{:?}", running.publisher.status().check());
    };
    assert!(reason.to_string().contains("interruptor del laboratorio"), "{reason}");
    let outcome = running.publisher.clone().publish(message("click")).await;
    assert_eq!(outcome, Outcome::NotSent(NotSent::Link(reason)));

    running.publisher.block(false);
    assert_eq!(running.publisher.status().check(), Ok(()));
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Confirmed);
    vhost.wait_for_queue(QUEUE, 1, 0).await;
}

#[tokio::test]
async fn a_connection_that_comes_back_looks_blocked_still() {
    let vhost = Vhost::create().await;
    drop(Running::ready(&vhost).await);
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let running = Running::start(&vhost.url_through(line.address()));
    running.connected().await;
    running.publisher.block(true);

    let shows = async |wanted: fn(&NotUsable) -> bool| {
        eventually("the status follows the connection", || async {
            match running.publisher.status().check() {
                Err(reason) if wanted(&reason) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    };
    line.cut();
    shows(|reason| matches!(reason, NotUsable::Disconnected(_))).await;
    line.restore();
    shows(|reason| matches!(reason, NotUsable::Blocked(_))).await;
    running.publisher.block(false);
    running.connected().await;
}

/// Says on its output what it stored; and somebody throws the switch meanwhile.
struct Telling {
    faults: ConsumerFaults,
    meanwhile: Option<Crash>,
    stop: CancellationToken,
}

impl Handler for Telling {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        println!("stored: {}", batch.len());
        self.faults.set(crashing(self.meanwhile));
        if self.meanwhile.is_none() {
            self.stop.cancel();
        }
        Ok(vec![Verdict::Done; batch.len()].into())
    }
}

fn crashing(crash: Option<Crash>) -> ConsumerFault {
    ConsumerFault { crash, ..ConsumerFault::default() }
}

/// How the switch stands, in one word for the child.
const WORDS: [(&str, Option<Crash>); 3] =
    [("late", Some(Crash::BeforeAck)), ("early", Some(Crash::AfterEarlyAck)), ("off", None)];

fn read_switch(word: &str) -> Option<Crash> {
    WORDS.into_iter().find(|(known, _)| *known == word).expect("one of the words").1
}

const CHILD: &str = "RELEVO_TEST_CRASH";

/// Not a test: the process that crashes in one. It is this program once more.
#[tokio::test]
#[ignore = "run by the tests of a crash, as a process of its own"]
async fn child() {
    let Ok(told) = env::var(CHILD) else { return };
    let told: Vec<_> = told.split(' ').collect();
    let [first, meanwhile, url] = told[..] else { panic!("{told:?}") };
    let (faults, stop) = (ConsumerFaults::default(), CancellationToken::new());
    faults.set(crashing(read_switch(first)));
    let url = url.parse().expect("a broker's URL");
    let (subscription, _status) = Subscription::new(url, "hijo".to_owned(), QUEUE, topology());
    let handler =
        Telling { faults: faults.clone(), meanwhile: read_switch(meanwhile), stop: stop.clone() };
    consume(subscription.with_faults(faults), handler, stop).await.expect("the same topology");
}

/// Lets a consumer work on three messages, whose switch stands in one way at first
/// and in another while it stores.
async fn work(vhost: &Vhost, first: &str, meanwhile: &str) -> Output {
    let consuming =
        Consuming::start(&vhost.url(), &Memory::default(), topology(), ConsumerFaults::default());
    consuming.connected().await;
    consuming.stopped().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    send(&running, 3).await;
    let mut child = Command::new(env::current_exe().expect("this program"));
    child.args(["--exact", "faults::child", "--ignored", "--nocapture"]);
    child.env(CHILD, format!("{first} {meanwhile} {}", vhost.url()));
    child.output().await.expect("the same program once more")
}

/// Lets it crash; what it said.
async fn crash(vhost: &Vhost, first: &str, meanwhile: &str) -> String {
    let output = work(vhost, first, meanwhile).await;
    assert_eq!(output.status.code(), Some(70), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_crash_before_the_ack_stores_the_batch_and_it_comes_again() {
    let vhost = Vhost::create().await;
    let said = crash(&vhost, "late", "late").await;
    assert!(said.contains("stored: "), "{said}");
    vhost.wait_for_queue(QUEUE, 3, 0).await;

    let memory = Memory::default();
    let consuming = Consuming::start(&vhost.url(), &memory, topology(), ConsumerFaults::default());
    memory.holds(3).await;
    consuming.stopped().await;
    assert!(memory.redelivered.load(Ordering::SeqCst) > 0, "nothing was marked as redelivered");
}

#[tokio::test]
async fn a_switch_that_is_thrown_while_a_batch_is_stored_meets_that_batch() {
    let vhost = Vhost::create().await;
    let said = crash(&vhost, "off", "late").await;
    assert_eq!(said.matches("stored: ").count(), 1, "{said}");
    vhost.wait_for_queue(QUEUE, 3, 0).await;
}

#[tokio::test]
async fn a_switch_that_is_taken_back_while_a_batch_is_stored_spares_that_batch() {
    let vhost = Vhost::create().await;
    let output = work(&vhost, "late", "off").await;
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    let (_, stored) = said.split_once("stored: ").expect("what it stored");
    let stored: u32 = stored.lines().next().and_then(|line| line.parse().ok()).expect("a number");
    vhost.wait_for_queue(QUEUE, 3 - stored, 0).await;
}

#[tokio::test]
async fn a_crash_after_an_early_ack_loses_the_batch() {
    let vhost = Vhost::create().await;
    let said = crash(&vhost, "early", "early").await;
    assert!(!said.contains("stored: "), "{said}");
    // At least the first of the three was the batch; what was not, comes again.
    eventually("the consumer is gone, and part of the messages with it", || async {
        match vhost.queue(QUEUE).await? {
            queue if queue.consumers == 0 && queue.ready < 3 => Ok(()),
            queue => Err(format!("{queue:?}")),
        }
    })
    .await;
    let left = vhost.queue(QUEUE).await.expect("the queue").ready;
    let memory = Memory::default();
    let consuming = Consuming::start(&vhost.url(), &memory, topology(), ConsumerFaults::default());
    memory.holds(left as usize).await;
    consuming.stopped().await;
}
