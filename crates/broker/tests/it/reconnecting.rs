//! A connection that ends whenever it is used is opened again, and less and less often.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use broker::{
    ConsumerFaults, Handler, HandlerError, Incoming, Outcome, Subscription, Verdicts, consume,
};
use test_support::{CutProxy, Vhost, eventually};
use tokio_util::sync::CancellationToken;

use super::{
    QUEUE, Running,
    consuming::{Consuming, Memory, send},
    message, topology,
};

/// Breaks its line whenever it is given something, and has stored nothing.
struct Breaking {
    line: Arc<CutProxy>,
    given: Arc<AtomicUsize>,
}

impl Handler for Breaking {
    async fn handle(&mut self, _batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        self.given.fetch_add(1, Ordering::SeqCst);
        self.line.cut();
        self.line.restore();
        Err("the line is broken".into())
    }
}

#[tokio::test]
async fn a_connection_that_ends_at_each_delivery_is_opened_less_and_less_often() {
    let vhost = Vhost::create().await;
    let topology_alone =
        Consuming::start(&vhost.url(), &Memory::default(), topology(), ConsumerFaults::default());
    topology_alone.connected().await;
    topology_alone.stopped().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    send(&running, 1).await;
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let url = vhost.url_through(line.address()).parse().expect("a broker's URL");
    let (subscription, status) = Subscription::new(url, "prueba".to_owned(), QUEUE, topology());
    let (given, stop) = (Arc::<AtomicUsize>::default(), CancellationToken::new());
    let breaking = Breaking { line: Arc::new(line), given: given.clone() };
    let began = Instant::now();
    let consuming = tokio::spawn(consume(subscription, breaking, stop.clone()));
    eventually("it was given the message again and again", || async {
        match given.load(Ordering::SeqCst) {
            given if given >= 7 => Ok(()),
            given => Err(format!("{given} times")),
        }
    })
    .await;
    // Between seven are 0.1, 0.2, 0.4, 0.8, 1 and 1 s.
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    eventually("it says why", || async { status.check().err().ok_or("connected".to_owned()) })
        .await;
    stop.cancel();
    consuming.await.expect("no panic").expect("no mismatch");
}

#[tokio::test]
async fn a_publisher_whose_connection_ends_at_each_message_opens_it_less_and_less_often() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let ending = Incoming::from(message("click")).relayed("no-existe", &[]);
    let began = Instant::now();
    for _ in 0..6 {
        running.connected().await;
        let outcome = running.publisher.relay(ending.clone()).await.outcome().await;
        assert!(!matches!(outcome, Outcome::Confirmed), "{outcome:?}");
        eventually("the connection is over", || async {
            running.publisher.status().check().err().ok_or("connected".to_owned())
        })
        .await;
    }
    // Between six are 0.1, 0.2, 0.4, 0.8 and 1 s.
    assert!(began.elapsed() >= Duration::from_millis(2500), "{:?}", began.elapsed());
    running.connected().await;
    assert_eq!(running.publisher.publish(message("click")).await, Outcome::Confirmed);
}
