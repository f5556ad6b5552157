//! As many messages are held as their bytes allow.

use std::sync::atomic::Ordering;

use broker::{Outgoing, Subscription};
use test_support::Vhost;

use super::{
    QUEUE, Running,
    consuming::{Consuming, Memory, send},
    message, topology,
};

#[tokio::test]
async fn it_holds_few_large_messages_and_many_small_ones() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let url = vhost.url().parse().expect("a broker's URL");
    let (subscription, status) = Subscription::new(url, "prueba".to_owned(), QUEUE, topology());
    // Four, with what their headers take.
    let room = 4 * ((1 << 18) + (1 << 10));
    let consuming = Consuming::of(subscription.holding_at_most(room), status, &memory);
    consuming.connected().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    let large = || (0..40).map(|_| Outgoing { body: vec![0; 1 << 18], ..message("click") });
    running.publisher.publish_all(large().collect()).await;
    memory.holds(40).await;

    memory.broken.store(true, Ordering::SeqCst);
    running.publisher.publish_all(large().collect()).await;
    vhost.wait_for_queue(QUEUE, 36, 1).await;
    memory.broken.store(false, Ordering::SeqCst);
    memory.holds(80).await;

    send(&running, 100).await;
    memory.holds(180).await;
    memory.broken.store(true, Ordering::SeqCst);
    send(&running, 4500).await;
    vhost.wait_for_queue(QUEUE, 500, 1).await;
    memory.broken.store(false, Ordering::SeqCst);
    memory.holds(4680).await;
    consuming.stopped().await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}
