//! A publisher that writes what it is told, octet for octet. AMQP 0-9-1 does not say which
//! encoding its texts have, and brokers hand on what they got: clients write UTF-8 alone.

use std::collections::BTreeMap;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Kinds of frames (AMQP 0-9-1, 4.2.3), and the octet that ends each.
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;

/// Octets of a frame before its payload.
const HEAD: usize = 7;

/// The class `basic`.
const BASIC: u16 = 60;

/// The properties, under their names in AMQP, by the bits of their flags.
const PROPERTIES: [(&str, u8); 14] = [
    ("content_type", 15),
    ("content_encoding", 14),
    ("headers", 13),
    ("delivery_mode", 12),
    ("priority", 11),
    ("correlation_id", 10),
    ("reply_to", 9),
    ("expiration", 8),
    ("message_id", 7),
    ("timestamp", 6),
    ("type", 5),
    ("user_id", 4),
    ("app_id", 3),
    ("cluster_id", 2),
];

/// Texts that a publisher may fill with any octets. RabbitMQ checks two more, `user_id` and
/// `expiration`.
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

/// Tables in each other that nobody reads. As many as a frame has room for, 18,000, cost the
/// broker itself seconds, each time that it hands them on.
const DEEP: usize = 2000;

/// A text in Latin-1, which is no UTF-8: `seña`.
pub const LATIN_1: &[u8] = b"se\xf1a";

/// Properties in the making, as octets.
#[derive(Clone, Default, Debug)]
pub struct RawProperties(BTreeMap<u8, Vec<u8>>);

impl RawProperties {
    /// The same with a property of octets as they are on the wire.
    ///
    /// # Panics
    /// When there is no property of this name.
    #[must_use]
    pub fn with(mut self, name: &str, octets: Vec<u8>) -> Self {
        self.0.insert(bit(name), octets);
        self
    }

    /// The same without a property.
    ///
    /// # Panics
    /// When there is no property of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(&bit(name));
        self
    }

    /// The same with a text of any octets, at most 255.
    #[must_use]
    pub fn text(self, name: &str, octets: &[u8]) -> Self {
        self.with(name, short(octets))
    }

    /// The same with headers: names, types and values, one behind the other.
    #[must_use]
    pub fn headers(self, entries: &[u8]) -> Self {
        self.with("headers", long(entries))
    }

    /// As they are on the wire: which there are, and then each.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = self.0.keys().fold(0_u16, |flags, bit| flags | 1 << bit);
        let values = self.0.values().rev().flatten().copied();
        flags.to_be_bytes().into_iter().chain(values).collect()
    }

    /// One of each kind that nobody can read and RabbitMQ takes, otherwise like these; and
    /// what kind it is.
    #[must_use]
    pub fn unreadable(&self) -> Vec<(&'static str, Self)> {
        let texts = TEXTS.into_iter().map(|name| (name, self.clone().text(name, LATIN_1)));
        let name = [&short(LATIN_1)[..], b"t\x01"].concat();
        let headers = [
            ("a header's name", name),
            ("nested tables", nested_tables(DEEP)),
            ("nested arrays", nested_arrays(DEEP)),
        ];
        let headers = headers.into_iter().map(|(kind, of)| (kind, self.clone().headers(&of)));
        texts.chain(headers).collect()
    }

    /// What is strange, and can be read: headers of every type that RabbitMQ takes, names that
    /// are empty or twice, a text of any octets, numbers at their ends.
    #[must_use]
    pub fn strange(&self) -> Vec<(&'static str, Self)> {
        let headers = |entries: &[u8]| self.clone().headers(entries);
        vec![
            ("every type", headers(&every_type())),
            ("names that are twice", headers(b"\x01at\x01\x01at\x00\x00V\x00V")),
            ("a header of any octets", headers(b"\x01aS\x00\x00\x00\x02\xff\x00")),
            ("no headers", headers(b"")),
            ("a late timestamp", self.clone().with("timestamp", vec![0xff; 8])),
            ("a high priority", self.clone().with("priority", vec![255])),
            ("an empty text", self.clone().text("correlation_id", b"")),
        ]
    }
}

/// The bit of a property's flag.
fn bit(name: &str) -> u8 {
    let found = PROPERTIES.iter().find(|(known, _)| *known == name);
    found.expect("a property").1
}

/// A text of at most 255 octets behind its length.
///
/// # Panics
/// When it is longer.
#[must_use]
pub fn short(octets: &[u8]) -> Vec<u8> {
    [&[u8::try_from(octets.len()).expect("a short string")], octets].concat()
}

/// Octets behind their length of four.
///
/// # Panics
/// When they are 4 GiB or more.
#[must_use]
pub fn long(octets: &[u8]) -> Vec<u8> {
    [&u32::try_from(octets.len()).expect("a long string").to_be_bytes(), octets].concat()
}

/// A header with tables in each other, so many times.
#[must_use]
pub fn nested_tables(times: usize) -> Vec<u8> {
    nested(b"\x01aF", times)
}

/// A header with arrays in each other, so many times.
#[must_use]
pub fn nested_arrays(times: usize) -> Vec<u8> {
    [b"\x01a", &nested(b"A", times)[..]].concat()
}

/// From the outermost to the innermost: what begins each, and the length of what is in it.
fn nested(begin: &[u8], times: usize) -> Vec<u8> {
    let length = |within: usize| u32::try_from(within * (begin.len() + 4)).expect("below 4 GiB");
    let one = |within: usize| [begin, &length(within).to_be_bytes()].concat();
    (0..times).rev().flat_map(one).collect()
}

/// A header that holds a value of each type (RabbitMQ's list:
/// <https://www.rabbitmq.com/docs/amqp-0-9-1-errata>).
fn every_type() -> Vec<u8> {
    let values = b"t\x07b\xffB\xffs\xff\xffu\xff\xffI\xff\xff\xff\xffi\xff\xff\xff\xff\
        l\xff\xff\xff\xff\xff\xff\xff\xffL\0\0\0\0\0\0\0\x01f\x7f\x7f\xff\xffd\0\0\0\0\0\0\0\x01\
        D\xff\xff\xff\xff\xffT\xff\xff\xff\xff\xff\xff\xff\xffVS\0\0\0\0x\0\0\0\x02\xff\0\
        F\0\0\0\x03\x01aVA\0\0\0\x02VV";
    [b"\x01aA", &long(values)[..]].concat()
}

/// A connection of `guest` with one channel, in confirm mode.
pub struct RawPublisher {
    socket: TcpStream,
    /// What was read and belongs to the next frame.
    read: Vec<u8>,
}

impl RawPublisher {
    /// Connects to `vhost` of the broker at `address` (`host:port`).
    ///
    /// # Panics
    /// When the broker is away, or refuses.
    pub async fn open(address: &str, vhost: &str) -> Self {
        let socket = TcpStream::connect(address).await.expect("a broker");
        let mut opened = Self { socket, read: Vec::new() };
        opened.send(b"AMQP\x00\x00\x09\x01").await;
        let login = [long(b""), short(b"PLAIN"), long(b"\0guest\0guest"), short(b"en_US")].concat();
        opened.answer(0, (10, 10)).await;
        opened.tell(0, (10, 11), &login).await;
        opened.answer(0, (10, 30)).await;
        // 2,047 channels, frames of 131,072 octets, no heartbeats.
        opened.tell(0, (10, 31), &[7, 255, 0, 2, 0, 0, 0, 0]).await;
        let open = [short(vhost.as_bytes()), vec![0, 0]].concat();
        for (channel, ask, told, answer) in [
            (0, (10, 40), &open[..], (10, 41)),
            (1, (20, 10), &[0], (20, 11)),
            (1, (85, 10), &[0], (85, 11)),
        ] {
            opened.tell(channel, ask, told).await;
            opened.answer(channel, answer).await;
        }
        opened
    }

    /// Publishes a message, and waits until the broker has it.
    ///
    /// # Panics
    /// When the broker does not take it.
    pub async fn publish(
        &mut self,
        exchange: &str,
        routing_key: &[u8],
        properties: &RawProperties,
        body: &[u8],
    ) {
        self.publish_octets(exchange, routing_key, &properties.encode(), body).await;
    }

    /// The same with properties as they are on the wire.
    ///
    /// # Panics
    /// When the broker does not take it.
    pub async fn publish_octets(
        &mut self,
        exchange: &str,
        routing_key: &[u8],
        properties: &[u8],
        body: &[u8],
    ) {
        let publish = [&[0, 0][..], &short(exchange.as_bytes()), &short(routing_key), &[0]];
        let head = [&BASIC.to_be_bytes()[..], &[0, 0], &(body.len() as u64).to_be_bytes()];
        let frames = [
            method(1, (BASIC, 40), &publish.concat()),
            frame(HEADER, 1, &[&head.concat(), properties].concat()),
            frame(BODY, 1, body),
        ];
        self.send(&frames.concat()).await;
        self.answer(1, (BASIC, 80)).await;
    }

    async fn tell(&mut self, channel: u16, id: (u16, u16), arguments: &[u8]) {
        self.send(&method(channel, id, arguments)).await;
    }

    async fn send(&mut self, octets: &[u8]) {
        self.socket.write_all(octets).await.expect("the broker listens");
    }

    /// Waits for this method.
    async fn answer(&mut self, channel: u16, (class, number): (u16, u16)) {
        let wanted = [&channel.to_be_bytes()[..], &class.to_be_bytes(), &number.to_be_bytes()];
        let frame = self.frame().await;
        let got = [&frame[1..3], &frame[HEAD..HEAD + 4]].concat();
        assert_eq!(got, wanted.concat(), "RabbitMQ answers {}", frame.escape_ascii());
    }

    async fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(length) = self.read.get(3..HEAD) {
                let length = u32::from_be_bytes(length.try_into().expect("four octets"));
                let whole = HEAD + length as usize + 1;
                if self.read.len() >= whole {
                    return self.read.drain(..whole).collect();
                }
            }
            let read = self.socket.read_buf(&mut self.read).await.expect("the broker answers");
            assert_ne!(read, 0, "the broker closed the connection");
        }
    }
}

fn method(channel: u16, (class, number): (u16, u16), arguments: &[u8]) -> Vec<u8> {
    let payload = [&class.to_be_bytes()[..], &number.to_be_bytes(), arguments].concat();
    frame(METHOD, channel, &payload)
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind], &channel.to_be_bytes()[..], &long(payload), &[END]].concat()
}
