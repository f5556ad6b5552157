//! What does not fit into the one frame that there is for a message's properties.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use broker::{
    Handler, HandlerError, Incoming, NotSent, Outcome, Outgoing, Subscription, Verdict, Verdicts,
    consume,
};
use messages::names;
use test_support::{Vhost, eventually};
use tokio_util::sync::CancellationToken;

use super::{EXCHANGE, QUEUE, Running, message, topology};

/// Octets of a header's text around which a frame of 131,072 is full.
const AROUND_THE_LIMIT: std::ops::Range<usize> = 130_800..131_080;

fn with_header_of(octets: usize) -> Outgoing {
    Outgoing { headers: vec![(names::CLIENT_HEADER, "x".repeat(octets))], ..message("click") }
}

/// Takes everything, and counts what it is given for the first time.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicU32>);

impl Handler for Counting {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let new = batch.iter().filter(|message| !message.redelivered).count();
        self.0.fetch_add(new.try_into()?, Ordering::SeqCst);
        Ok(vec![Verdict::Done; batch.len()].into())
    }
}

#[tokio::test]
async fn what_does_not_fit_into_a_frame_is_refused_alone_and_what_fits_is_delivered() {
    let vhost = Vhost::create().await;
    let url = vhost.url().parse().expect("a broker's URL");
    let (subscription, _status) = Subscription::new(url, "prueba".to_owned(), QUEUE, topology());
    let (delivered, stop) = (Counting::default(), CancellationToken::new());
    let consuming = tokio::spawn(consume(subscription, delivered.clone(), stop.clone()));
    vhost.wait_for_queue(QUEUE, 0, 1).await;
    let running = Running::start(&vhost.url());
    running.connected().await;

    let triples = AROUND_THE_LIMIT.step_by(7).flat_map(|octets| {
        [with_header_of(octets), message("click"), with_header_of(1_000_000 + octets)]
    });
    let outcomes = running.publisher.publish_all(triples.collect()).await;
    let (mut fitted, mut too_large) = (0, 0);
    for outcomes in outcomes.chunks(3) {
        match &outcomes[0] {
            Outcome::Confirmed if too_large == 0 => fitted += 1,
            Outcome::NotSent(NotSent::TooLarge) => too_large += 1,
            other => panic!("{other:?} after {fitted} and {too_large}"),
        }
        // On a connection that ended, what was under way would be unknown.
        assert_eq!(outcomes[1], Outcome::Confirmed, "a neighbour");
        assert_eq!(outcomes[2], Outcome::NotSent(NotSent::TooLarge));
    }
    assert!(fitted > 9 && too_large > 9, "{fitted} and {too_large}");

    let all = fitted + fitted + too_large;
    eventually("all that was confirmed is delivered, once", || async {
        let count = delivered.0.load(Ordering::SeqCst);
        if count == all { Ok(()) } else { Err(format!("{count} of {all}")) }
    })
    .await;
    stop.cancel();
    consuming.await.expect("no panic").expect("no mismatch");
}

#[tokio::test]
async fn what_is_relayed_has_to_fit_as_well() {
    let vhost = Vhost::create().await;
    let running = Running::ready(&vhost).await;
    let delivered = Incoming::from(with_header_of(130_000));
    let relayed = |reason: &str| delivered.relayed(EXCHANGE, &[("motivo", reason)]);
    let fits = running.publisher.relay(relayed("corto")).await;
    let too_large = running.publisher.relay(relayed(&"x".repeat(2000))).await;
    assert_eq!(too_large.outcome().await, Outcome::NotSent(NotSent::TooLarge));
    assert_eq!(fits.outcome().await, Outcome::Confirmed);
}
