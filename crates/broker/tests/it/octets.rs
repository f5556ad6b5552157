//! Whatever RabbitMQ takes into a message is read octet for octet, and ends no connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::Ordering},
};

use broker::{
    ConsumerFaults, DeadLetters, Handler, HandlerError, Incoming, Properties, Subscription,
    Topology, Verdict, Verdicts, consume,
};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::json;
use test_support::{
    RawProperties, Vhost, eventually,
    raw::{LATIN_1, long, nested_arrays, nested_tables, short},
};
use tokio_util::sync::CancellationToken;

use super::{
    DEAD_LETTERS, EXCHANGE, QUEUE, Running,
    consuming::{Consuming, Memory, send},
    topology,
};

/// Queue and exchange of messages that are handed on as they came: a quorum queue may add
/// a header of its own.
const PLAIN: &str = "cola_tal_cual";

/// Texts that RabbitMQ does not look at.
const TEXTS: [&str; 8] = [
    "content_type",
    "content_encoding",
    "correlation_id",
    "reply_to",
    "message_id",
    "type",
    "app_id",
    "cluster_id",
];

/// A value of a header behind the letter of its type: all that RabbitMQ takes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let fixed = |letter: u8, size: usize| {
        let octets = vec(any::<u8>(), size).prop_filter("no number", move |octets| {
            // RabbitMQ gives up a publisher for what Erlang has no float for.
            let is_number = |octets: &[u8]| match letter {
                b'f' => f32::from_be_bytes(octets.try_into().expect("four")).is_finite(),
                b'd' => f64::from_be_bytes(octets.try_into().expect("eight")).is_finite(),
                _ => true,
            };
            is_number(octets)
        });
        octets.prop_map(move |octets| [&[letter], &octets[..]].concat())
    };
    let counted = |letter: u8| {
        vec(any::<u8>(), 0..40).prop_map(move |octets| [&[letter], &long(&octets)[..]].concat())
    };
    let sizes = [
        (b't', 1),
        (b'b', 1),
        (b'B', 1),
        (b's', 2),
        (b'u', 2),
        (b'I', 4),
        (b'i', 4),
        (b'f', 4),
        (b'D', 5),
        (b'l', 8),
        (b'L', 8),
        (b'd', 8),
        (b'T', 8),
        (b'V', 0),
    ];
    let leaves = sizes.map(|(letter, size)| fixed(letter, size).boxed()).into_iter();
    let leaves: Vec<_> = leaves.chain([counted(b'S').boxed(), counted(b'x').boxed()]).collect();
    proptest::strategy::Union::new(leaves).prop_recursive(6, 40, 6, |inner| {
        let array = vec(inner.clone(), 0..6);
        let array = array.prop_map(|values| [b"A", &long(&values.concat())[..]].concat());
        let table = entries(inner, 6);
        prop_oneof![array, table.prop_map(|entries| [b"F", &long(&entries)[..]].concat())]
    })
}

/// Entries of a table. By the names `CC` and `BCC` RabbitMQ routes, and looks at them.
fn entries(value: impl Strategy<Value = Vec<u8>>, most: usize) -> impl Strategy<Value = Vec<u8>> {
    let name = vec(any::<u8>(), 0..12).prop_filter("it routes", |name| !name.ends_with(b"CC"));
    let entry = (name, value).prop_map(|(name, value)| [short(&name), value].concat());
    vec(entry, 0..=most).prop_map(|entries| entries.concat())
}

fn headers() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => entries(value(), 8),
        1 => (1..2000_usize).prop_map(nested_tables),
        1 => (1..2000_usize).prop_map(nested_arrays),
    ]
}

/// Properties of all that RabbitMQ takes.
fn properties() -> impl Strategy<Value = RawProperties> {
    let texts = TEXTS.map(|_| prop::option::of(vec(any::<u8>(), 0..=255)));
    let numbers = [1_usize, 8].map(|size| prop::option::of(vec(any::<u8>(), size)));
    let mode = prop::option::of(1..=2_u8);
    let expiration = prop::option::of(3_600_000..9_999_999_u32);
    (texts, numbers, mode, expiration, prop::option::of(headers())).prop_map(
        |(texts, [priority, timestamp], mode, expiration, headers)| {
            let expiration = expiration.map(|of| short(of.to_string().as_bytes()));
            let texts = texts.into_iter().map(|text| text.map(|text| short(&text)));
            let others = [
                ("priority", priority),
                ("timestamp", timestamp),
                ("delivery_mode", mode.map(|mode| vec![mode])),
                ("expiration", expiration),
                ("headers", headers.map(|entries| long(&entries))),
            ];
            let all = TEXTS.into_iter().zip(texts).chain(others);
            all.filter_map(|(name, octets)| Some((name, octets?)))
                .fold(RawProperties::default(), |of, (name, octets)| of.with(name, octets))
        },
    )
}

/// Octets of a list of properties are read, and written as they were; or they are none. The
/// two bits behind the last flag mean nothing.
fn read(octets: &[u8]) -> bool {
    let Ok(properties) = Properties::decode(octets) else { return false };
    let mut written = properties.encode();
    written[1] |= octets[1] & 0b11;
    assert_eq!(written, octets);
    // For people as well, whatever it is.
    drop(properties.listed());
    true
}

proptest! {
    #[test]
    fn any_octets_are_properties_that_are_written_as_they_were_or_none(
        flags in any::<u16>(),
        rest in vec(any::<u8>(), 0..600),
    ) {
        read(&[&flags.to_be_bytes()[..], &rest].concat());
    }

    #[test]
    fn any_octets_are_headers_that_are_written_as_they_were(
        entries in vec(any::<u8>(), 0..600),
    ) {
        prop_assert!(read(&RawProperties::default().headers(&entries).encode()));
    }

    #[test]
    fn what_rabbitmq_takes_is_read_and_what_is_nearly_that_as_well(
        properties in properties(),
        place in any::<prop::sample::Index>(),
        flipped in 1..=255_u8,
    ) {
        let mut octets = properties.encode();
        prop_assert!(read(&octets));
        let place = place.index(octets.len());
        octets[place] ^= flipped;
        read(&octets);
    }
}

/// The properties' octets, and the routing key.
type Kept = (Vec<u8>, String);

/// Keeps what it was given, by body.
#[derive(Clone, Default)]
pub(crate) struct Keeping(pub(crate) Arc<Mutex<HashMap<Vec<u8>, Kept>>>);

impl Keeping {
    pub(crate) fn count(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }
}

impl Handler for Keeping {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let mut kept = self.0.lock().expect("no panic");
        for message in batch {
            assert!(!message.redelivered, "the connection was lost");
            let of = (message.properties().encode(), message.routing_key().to_owned());
            kept.insert(message.body.clone(), of);
        }
        Ok(vec![Verdict::Done; batch.len()].into())
    }
}

#[tokio::test]
async fn what_rabbitmq_takes_arrives_octet_for_octet() {
    let vhost = Vhost::create().await;
    vhost.declare_exchange(PLAIN, "fanout").await;
    vhost.declare_queue(PLAIN, json!({ "x-queue-type": "classic" })).await;
    vhost.bind(PLAIN, PLAIN, "").await;
    let url = vhost.url().parse().expect("a broker's URL");
    let (subscription, _) = Subscription::new(url, "prueba".to_owned(), PLAIN, Topology::default());
    let (keeping, stop) = (Keeping::default(), CancellationToken::new());
    let consuming = tokio::spawn(consume(subscription, keeping.clone(), stop.clone()));

    let mut raw = vhost.raw_publisher().await;
    let (mut runner, cases) = (TestRunner::default(), Config::default().cases as usize);
    let messages = (properties(), vec(any::<u8>(), 0..80));
    let mut published = Vec::with_capacity(cases);
    for number in 0..cases {
        let (properties, key) = messages.new_tree(&mut runner).expect("a message").current();
        let (octets, body) = (properties.encode(), number.to_string().into_bytes());
        raw.publish_octets(PLAIN, &key, &octets, &body).await;
        published.push((body, (octets, String::from_utf8_lossy(&key).into_owned())));
    }
    eventually("all arrive", || async {
        match keeping.count() {
            count if count == cases => Ok(()),
            count => Err(format!("{count} of {cases}")),
        }
    })
    .await;
    let kept = std::mem::take(&mut *keeping.0.lock().expect("no panic"));
    for (body, wanted) in published {
        assert!(kept[&body] == wanted, "{}", wanted.0.escape_ascii());
    }
    stop.cancel();
    consuming.await.expect("no panic").expect("no mismatch");
}

#[tokio::test]
async fn what_nobody_reads_is_rejected_at_once_and_alone() {
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let consuming = Consuming::start(&vhost.url(), &memory, topology(), ConsumerFaults::default());
    consuming.connected().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    let mut raw = vhost.raw_publisher().await;
    let unreadable = RawProperties::default().unreadable();
    for (kind, properties) in &unreadable {
        raw.publish(EXCHANGE, b"click", properties, kind.as_bytes()).await;
        send(&running, 10).await;
    }
    // By the header `CC` it comes where its own key does not lead.
    let copied = RawProperties::default().headers(b"\x02CCA\x00\x00\x00\x0aS\x00\x00\x00\x05click");
    raw.publish(EXCHANGE, LATIN_1, &copied, b"routing key").await;
    let strange = RawProperties::default().text("message_id", b"uno").strange();
    for (kind, properties) in &strange {
        let properties = properties.clone().text("message_id", kind.as_bytes());
        raw.publish(EXCHANGE, b"click", &properties, kind.as_bytes()).await;
    }
    memory.holds(10 * unreadable.len() + strange.len()).await;
    let dead = u32::try_from(unreadable.len() + 1).expect("few");
    vhost.wait_for_queue(DEAD_LETTERS, dead, 0).await;
    assert_eq!(memory.redelivered.load(Ordering::SeqCst), 0, "the connection was lost");
    consuming.stopped().await;
    vhost.wait_for_queue(QUEUE, 0, 0).await;
}

/// RabbitMQ takes eight octets more than a frame has, and adds headers of its own to that.
#[tokio::test]
async fn headers_that_fill_a_frame_are_read_with_what_the_broker_adds_to_them() {
    const FRAME: usize = 131_072 + 8;
    let (vhost, memory) = (Vhost::create().await, Memory::default());
    let consuming = Consuming::start(&vhost.url(), &memory, topology(), ConsumerFaults::default());
    consuming.connected().await;
    let running = Running::start(&vhost.url());
    running.connected().await;
    let mut raw = vhost.raw_publisher().await;
    // Of a frame, 33 octets are no text of a header.
    let lengths = [400, 200, 100, 50, 42, 41, 34, 33].map(|others| FRAME - others);
    for length in lengths {
        let filling = [&b"\x01aS"[..], &long(&vec![b'x'; length])].concat();
        let properties = RawProperties::default().headers(&filling);
        raw.publish(EXCHANGE, b"click", &properties, b"veneno").await;
        send(&running, 1).await;
    }
    memory.holds(lengths.len()).await;
    vhost.wait_for_queue(DEAD_LETTERS, 8, 0).await;
    assert_eq!(memory.redelivered.load(Ordering::SeqCst), 0, "the connection was lost");
    consuming.stopped().await;

    let url = vhost.url().parse().expect("a broker's URL");
    let mut dead = DeadLetters::open(&url, "prueba", DEAD_LETTERS, 100).await.expect("a queue");
    let letters = dead.take(100).await.expect("messages").letters;
    assert_eq!(letters.len(), lengths.len());
    assert!(letters.iter().all(|letter| letter.death.is_some() && letter.unreadable.is_none()));
    dead.close().await.expect("an orderly end");
}
