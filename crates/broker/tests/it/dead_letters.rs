//! What was rejected can be looked at, published again and discarded by hand,
//! and nothing of it is lost on the way.

use broker::{
    DeadLetter, DeadLetters, DeadLettersError, Handler, HandlerError, Incoming, Retried,
    Subscription, Taken, Unreadable, Verdict, Verdicts, consume,
};
use serde_json::{Value, json};
use test_support::{CutProxy, RawProperties, Vhost, eventually, raw::LATIN_1};
use tokio_util::sync::CancellationToken;

use super::{DEAD_LETTERS, EXCHANGE, QUEUE, Running, message, octets::Keeping, topology};

/// Rejects everything.
struct Disgusted;

impl Handler for Disgusted {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        Ok(vec![Verdict::Reject("veneno".to_owned()); batch.len()].into())
    }
}

fn subscription(vhost: &Vhost) -> Subscription {
    let url = vhost.url().parse().expect("a broker's URL");
    Subscription::new(url, "prueba".to_owned(), QUEUE, topology()).0
}

/// Consumes until `dead` messages lie in the dead-letter queue.
async fn reject(vhost: &Vhost, dead: u32) {
    let stop = CancellationToken::new();
    let consuming = tokio::spawn(consume(subscription(vhost), Disgusted, stop.clone()));
    vhost.wait_for_queue(DEAD_LETTERS, dead, 0).await;
    stop.cancel();
    consuming.await.expect("no panic").expect("no mismatch");
}

/// A vhost with dead messages, whose bodies are their numbers from 0.
async fn vhost_with_dead(count: u32) -> Vhost {
    let vhost = Vhost::create().await;
    reject(&vhost, 0).await;
    for number in 0..count {
        vhost.publish(EXCHANGE, "click", properties(number), &number.to_string()).await;
    }
    vhost.wait_for_queue(QUEUE, count, 0).await;
    reject(&vhost, count).await;
    vhost
}

/// Every property that a publisher may set, and headers of two types.
fn properties(number: u32) -> Value {
    json!({
        "message_id": format!("id-{number}"), "type": "prueba.v1", "app_id": "a-mano",
        "timestamp": 1_744_545_600, "content_type": "application/json",
        "content_encoding": "identity", "delivery_mode": 2, "priority": 3,
        "correlation_id": "peticion-1", "reply_to": "nadie",
        "headers": { "traceparent": "00-0af7651916cd43dd8448eb211c80319c-1-01", "intento": 7 },
    })
}

async fn open(vhost: &Vhost) -> DeadLetters {
    let url = vhost.url().parse().expect("a broker's URL");
    DeadLetters::open(&url, "prueba", DEAD_LETTERS, 1000).await.expect("a dead-letter queue")
}

async fn take(dead: &mut DeadLetters, limit: usize) -> Taken {
    dead.take(limit).await.expect("messages")
}

fn bodies(letters: &[DeadLetter]) -> Vec<String> {
    letters.iter().map(|letter| String::from_utf8_lossy(&letter.body).into_owned()).collect()
}

fn numbers(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

/// RabbitMQ counts a death on in the entry that a publisher wrote for the same queue.
#[tokio::test]
async fn an_origin_that_a_publisher_made_up_leads_nowhere() {
    let vhost = vhost_with_dead(0).await;
    vhost.declare_queue("buzon_ajeno", json!({ "x-queue-type": "quorum" })).await;
    for (exchange, key) in [("", "buzon_ajeno"), ("amq.direct", "buzon_ajeno"), ("", QUEUE)] {
        let death = json!([{ "queue": QUEUE, "reason": "rejected", "exchange": exchange,
            "routing-keys": [key], "count": 1 }]);
        let forged = json!({ "message_id": key, "headers": { "x-death": death } });
        vhost.publish(EXCHANGE, "click", forged, "{}").await;
    }
    reject(&vhost, 3).await;
    let mut dead = open(&vhost).await;
    let taken = take(&mut dead, 3).await;
    let mut retried = Vec::new();
    for letter in &taken.letters {
        retried.push(dead.retry(letter, &[EXCHANGE]).await);
    }
    // Since 4.0 the broker believes nobody, and knows where all three came from.
    let believed = [Retried::WithoutOrigin, Retried::WithoutOrigin, Retried::Moved];
    let known = [Retried::Moved, Retried::Moved, Retried::Moved];
    assert!(retried == believed || retried == known, "{retried:?}");
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue("buzon_ajeno", 0, 0).await;
}

#[tokio::test]
async fn looking_leaves_every_message_where_it_was_and_in_order() {
    let vhost = vhost_with_dead(100).await;
    for few in [70, 1, 35] {
        let mut dead = open(&vhost).await;
        let taken = take(&mut dead, few as usize).await;
        assert_eq!(bodies(&taken.letters), numbers(0..few));
        assert_eq!(taken.remaining, 100 - few as usize);
        dead.close().await.expect("an orderly end");
        vhost.wait_for_queue(DEAD_LETTERS, 100, 0).await;
    }
    let mut dead = open(&vhost).await;
    let taken = take(&mut dead, 1000).await;
    assert_eq!((bodies(&taken.letters), taken.remaining), (numbers(0..100), 0));
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue(DEAD_LETTERS, 100, 0).await;
}

#[tokio::test]
async fn whoever_looks_next_sees_every_message_at_once() {
    let vhost = vhost_with_dead(0).await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    running.publisher.publish_all((0..5000).map(|_| message("click")).collect()).await;
    reject(&vhost, 5000).await;
    for _ in 0..5 {
        let url = vhost.url().parse().expect("a broker's URL");
        let mut dead =
            DeadLetters::open(&url, "prueba", DEAD_LETTERS, 10_000).await.expect("a queue");
        let taken = take(&mut dead, 10_000).await;
        assert_eq!(taken.letters.len(), 5000);
        dead.close().await.expect("an orderly end");
    }
}

#[tokio::test]
async fn no_more_are_held_than_the_window_allows_and_settling_makes_room() {
    let vhost = vhost_with_dead(5).await;
    let url = vhost.url().parse().expect("a broker's URL");
    let mut dead = DeadLetters::open(&url, "prueba", DEAD_LETTERS, 2).await.expect("a queue");
    let taken = take(&mut dead, 9).await;
    assert_eq!((bodies(&taken.letters), taken.remaining), (numbers(0..2), 3));
    assert!(take(&mut dead, 9).await.letters.is_empty());
    dead.discard(&taken.letters[0]).await.expect("a broker");
    let taken = take(&mut dead, 9).await;
    assert_eq!((bodies(&taken.letters), taken.remaining), (numbers(2..3), 2));
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue(DEAD_LETTERS, 4, 0).await;
}

/// A retry of poison comes back at once: whoever handles all would never end.
#[tokio::test]
async fn what_comes_after_the_opening_is_not_taken() {
    let vhost = vhost_with_dead(2).await;
    let mut dead = open(&vhost).await;
    vhost.publish("", DEAD_LETTERS, json!({}), "tarde").await;
    let taken = take(&mut dead, 9).await;
    assert_eq!((bodies(&taken.letters), taken.remaining), (numbers(0..2), 0));
    assert!(take(&mut dead, 9).await.letters.is_empty());
}

#[tokio::test]
async fn whoever_looks_and_vanishes_leaves_every_message_in_order() {
    let vhost = vhost_with_dead(100).await;
    let mut dead = open(&vhost).await;
    take(&mut dead, 60).await;
    drop(dead);
    vhost.wait_for_queue(DEAD_LETTERS, 100, 0).await;
    let mut dead = open(&vhost).await;
    assert_eq!(bodies(&take(&mut dead, 100).await.letters), numbers(0..100));
}

#[tokio::test]
async fn a_dead_message_tells_what_it_was_and_how_it_died() {
    let vhost = vhost_with_dead(1).await;
    let mut dead = open(&vhost).await;
    let letter = take(&mut dead, 1).await.letters.remove(0);
    dead.close().await.expect("an orderly end");

    assert_eq!(letter.id.as_deref(), Some("id-0"));
    assert_eq!(letter.kind.as_deref(), Some("prueba.v1"));
    assert_eq!(letter.producer.as_deref(), Some("a-mano"));
    assert_eq!(letter.timestamp, Some(1_744_545_600));
    let death = letter.death.expect("it died");
    assert_eq!((death.queue.as_str(), death.reason.as_str(), death.count), (QUEUE, "rejected", 1));
    assert_eq!((death.exchange.as_str(), death.routing_key.as_str()), (EXCHANGE, "click"));
    assert!(death.time.is_some_and(|time| time > 1_700_000_000), "{death:?}");
    let names: Vec<_> = letter.properties.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"headers.traceparent") && names.contains(&"reply_to"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("headers.x-")), "{names:?}");
}

#[tokio::test]
async fn what_is_retried_leaves_with_the_same_id_properties_and_body() {
    let vhost = vhost_with_dead(3).await;
    let mut dead = open(&vhost).await;
    let taken = take(&mut dead, 3).await;
    assert_eq!(dead.retry(&taken.letters[1], &[EXCHANGE]).await, Retried::Moved);
    dead.close().await.expect("an orderly end");

    vhost.wait_for_queue(DEAD_LETTERS, 2, 0).await;
    let mut moved = vhost.take(QUEUE, 10).await;
    assert_eq!(moved.len(), 1, "{moved:?}");
    // The queue it is in now counts anew.
    let headers = moved[0]["properties"]["headers"].as_object_mut().expect("headers");
    assert!(headers.remove("x-delivery-count").is_none_or(|count| count == 0));
    assert_eq!(moved[0]["payload"], "1");
    assert_eq!(moved[0]["properties"], properties(1));
    assert_eq!(
        (&moved[0]["exchange"], &moved[0]["routing_key"]),
        (&EXCHANGE.into(), &"click".into())
    );
    let mut dead = open(&vhost).await;
    assert_eq!(bodies(&take(&mut dead, 3).await.letters), numbers([0, 2]));
}

#[tokio::test]
async fn what_no_queue_takes_any_more_stays_and_does_not_stop_the_others() {
    let vhost = vhost_with_dead(2).await;
    vhost.unbind(EXCHANGE, QUEUE, "click").await;
    let mut dead = open(&vhost).await;
    let taken = take(&mut dead, 2).await;
    assert_eq!(dead.retry(&taken.letters[0], &[EXCHANGE]).await, Retried::Unroutable);
    vhost.bind(EXCHANGE, QUEUE, "click").await;
    assert_eq!(dead.retry(&taken.letters[1], &[EXCHANGE]).await, Retried::Moved);
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue(DEAD_LETTERS, 1, 0).await;
    vhost.wait_for_queue(QUEUE, 1, 0).await;
}

#[tokio::test]
async fn what_its_exchange_is_gone_for_stays_and_does_not_stop_the_others() {
    let vhost = vhost_with_dead(2).await;
    vhost.delete_exchange(EXCHANGE).await;
    let mut dead = open(&vhost).await;
    let taken = take(&mut dead, 2).await;
    let Retried::Refused(words) = dead.retry(&taken.letters[0], &[EXCHANGE]).await else {
        panic!("refused")
    };
    assert!(words.contains(EXCHANGE), "{words}");
    vhost.declare_exchange(EXCHANGE, "direct").await;
    vhost.bind(EXCHANGE, QUEUE, "click").await;
    assert_eq!(dead.retry(&taken.letters[1], &[EXCHANGE]).await, Retried::Moved);
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue(DEAD_LETTERS, 1, 0).await;
}

#[tokio::test]
async fn what_a_full_queue_refuses_stays() {
    let vhost = Vhost::create().await;
    let limited = json!({
        "x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": DEAD_LETTERS,
    });
    vhost.declare_exchange(EXCHANGE, "direct").await;
    vhost.declare_queue("llena", limited).await;
    vhost.bind(EXCHANGE, "llena", "click").await;
    vhost.declare_queue(DEAD_LETTERS, json!({ "x-queue-type": "quorum" })).await;
    vhost.publish(EXCHANGE, "click", properties(0), "0").await;
    vhost.reject("llena", 1).await;
    vhost.wait_for_queue(DEAD_LETTERS, 1, 0).await;
    vhost.publish(EXCHANGE, "click", properties(1), "1").await;

    let mut dead = open(&vhost).await;
    let letter = take(&mut dead, 1).await.letters.remove(0);
    assert!(matches!(dead.retry(&letter, &[EXCHANGE]).await, Retried::Refused(_)));
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue(DEAD_LETTERS, 1, 0).await;
}

#[tokio::test]
async fn what_was_put_there_by_hand_has_nowhere_to_go_back_to() {
    let vhost = Vhost::create().await;
    vhost.declare_queue(DEAD_LETTERS, json!({ "x-queue-type": "quorum" })).await;
    vhost.publish("", DEAD_LETTERS, json!({}), "hola").await;
    let mut dead = open(&vhost).await;
    let letter = take(&mut dead, 1).await.letters.remove(0);
    assert_eq!((&letter.death, &letter.id), (&None, &None));
    assert_eq!(dead.retry(&letter, &[EXCHANGE]).await, Retried::WithoutOrigin);
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue(DEAD_LETTERS, 1, 0).await;
}

#[tokio::test]
async fn what_gets_no_confirm_stays_though_it_may_have_arrived() {
    let vhost = vhost_with_dead(1).await;
    let line = CutProxy::to(vhost.broker_address()).await.expect("a free port");
    let url = vhost.url_through(line.address()).parse().expect("a broker's URL");
    let mut dead = DeadLetters::open(&url, "prueba", DEAD_LETTERS, 1000).await.expect("a queue");
    let letter = take(&mut dead, 1).await.letters.remove(0);
    // The first opens what the second is published on.
    vhost.unbind(EXCHANGE, QUEUE, "click").await;
    assert_eq!(dead.retry(&letter, &[EXCHANGE]).await, Retried::Unroutable);
    vhost.bind(EXCHANGE, QUEUE, "click").await;

    line.deafen();
    assert!(matches!(dead.retry(&letter, &[EXCHANGE]).await, Retried::Unanswered(_)));
    vhost.wait_for_queue(QUEUE, 1, 0).await;
    assert!(dead.close().await.is_err(), "nobody answered");
    line.cut();
    vhost.wait_for_queue(DEAD_LETTERS, 1, 0).await;
}

#[tokio::test]
async fn what_is_discarded_is_gone_and_nothing_else_is() {
    let vhost = vhost_with_dead(4).await;
    let mut dead = open(&vhost).await;
    let taken = take(&mut dead, 4).await;
    dead.discard(&taken.letters[2]).await.expect("a broker");
    dead.close().await.expect("an orderly end");
    let mut dead = open(&vhost).await;
    assert_eq!(bodies(&take(&mut dead, 4).await.letters), numbers([0, 1, 3]));
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_queue_that_does_not_exist_is_named() {
    let vhost = Vhost::create().await;
    let url = vhost.url().parse().expect("a broker's URL");
    let error = DeadLetters::open(&url, "prueba", "ninguna", 1).await.err().expect("no queue");
    assert!(matches!(&error, DeadLettersError::NoQueue(name) if name == "ninguna"), "{error:?}");
    assert!(error.to_string().contains("ninguna"), "{error}");
}

/// A vhost with dead messages of which nobody can read a part, each with the name of that as
/// its body.
async fn vhost_with_unreadable() -> (Vhost, Vec<(&'static str, RawProperties)>) {
    let vhost = vhost_with_dead(0).await;
    let mut raw = vhost.raw_publisher().await;
    let persistent = RawProperties::default().with("delivery_mode", vec![2]);
    let unreadable = persistent.unreadable();
    for (kind, properties) in &unreadable {
        raw.publish(EXCHANGE, b"click", properties, kind.as_bytes()).await;
    }
    // By the header `CC` it comes where its own key does not lead.
    let copied = persistent.headers(b"\x02CCA\x00\x00\x00\x0aS\x00\x00\x00\x05click");
    raw.publish(EXCHANGE, LATIN_1, &copied, b"routing key").await;
    reject(&vhost, u32::try_from(unreadable.len() + 1).expect("few")).await;
    (vhost, unreadable)
}

#[tokio::test]
async fn what_nobody_can_read_is_shown_and_never_published_again_with_other_octets() {
    let (vhost, unreadable) = vhost_with_unreadable().await;
    let mut dead = open(&vhost).await;
    let letters = take(&mut dead, 100).await.letters;
    let mut moved = Vec::new();
    for letter in &letters {
        let part = letter.unreadable.expect("nobody reads it");
        let shown = &letter.properties;
        match dead.retry(letter, &[EXCHANGE]).await {
            Retried::Unreadable(told) => {
                assert_eq!(told, part);
                if let Unreadable::Property(name) = part {
                    assert!(shown.contains(&(name.to_owned(), r"se\xf1a".to_owned())), "{shown:?}");
                }
            }
            Retried::Moved => moved.push(part),
            other => panic!("{other:?}, {part}"),
        }
    }
    dead.close().await.expect("an orderly end");
    assert_eq!(moved, [Unreadable::HeaderName, Unreadable::Headers, Unreadable::Headers]);
    vhost.wait_for_queue(DEAD_LETTERS, u32::try_from(letters.len() - 3).expect("few"), 0).await;

    let (keeping, stop) = (Keeping::default(), CancellationToken::new());
    let consuming = tokio::spawn(consume(subscription(&vhost), keeping.clone(), stop.clone()));
    eventually("they came back", || async {
        if keeping.count() == 3 { Ok(()) } else { Err(keeping.count().to_string()) }
    })
    .await;
    stop.cancel();
    consuming.await.expect("no panic").expect("no mismatch");
    let kept = keeping.0.lock().expect("no panic");
    for (kind, properties) in &unreadable[unreadable.len() - 3..] {
        assert!(kept[kind.as_bytes()].0 == properties.encode(), "{kind}");
    }
}

#[tokio::test]
async fn what_nobody_can_read_can_be_discarded() {
    let (vhost, unreadable) = vhost_with_unreadable().await;
    let mut dead = open(&vhost).await;
    let letters = take(&mut dead, 100).await.letters;
    assert_eq!(letters.len(), unreadable.len() + 1);
    for letter in &letters {
        dead.discard(letter).await.expect("a broker");
    }
    dead.close().await.expect("an orderly end");
    vhost.wait_for_queue(DEAD_LETTERS, 0, 0).await;
}
