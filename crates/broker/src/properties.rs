//! What a message says of itself beside its body: AMQP's properties and headers, octet for
//! octet as they were published.

use cookie_factory::gen_simple;
use lapin::{
    BasicProperties,
    protocol::basic::parse_properties,
    types::{
        AMQPValue, DecimalValue, FieldTable, ShortString, generation::gen_field_table,
        parsing::parse_field_table,
    },
};
use messages::MessageId;

/// About how many bytes a value of a header takes in memory beside its octets: itself, its
/// name, and its place in the table.
const VALUE_BYTES: usize = 128;

/// Headers that a quorum queue adds to a message that it hands out again (RabbitMQ, "Quorum
/// Queues", poison message handling; the second since 4.0).
const COUNTS: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// The properties of a delivered message, headers included.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Properties(pub(crate) BasicProperties);

/// A part of a message that is no text, or of a form that nobody reads: whoever acts on the
/// rest would take one message for another. `Display` is a Spanish sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// The octets of a property, by its name in AMQP.
    #[error("su {0} no es texto en UTF-8")]
    Property(&'static str),
    /// Those of the routing key.
    #[error("su clave de enrutamiento no es texto en UTF-8")]
    RoutingKey,
    /// Those of a header's name.
    #[error("el nombre de una de sus cabeceras no es texto en UTF-8")]
    HeaderName,
    /// Headers that lie too deep in each other.
    #[error("sus cabeceras no se pueden leer enteras: están anidadas sin medida")]
    Headers,
}

/// Octets that are no properties: nothing of ours wrote them.
#[derive(Debug, thiserror::Error)]
#[error("{0} octets are no AMQP properties")]
pub struct InvalidProperties(usize);

impl Properties {
    /// As they are on the wire (AMQP 0-9-1, 4.2.6.1): which there are, and then each. The
    /// library's own generator writes texts by their lossy reading.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let of = &self.0;
        let mut octets = of.bitmask().to_be_bytes().to_vec();
        put(&mut octets, [of.content_type(), of.content_encoding()]);
        octets.extend(of.headers().iter().flat_map(encoded));
        octets.extend(of.delivery_mode());
        octets.extend(of.priority());
        put(&mut octets, [of.correlation_id(), of.reply_to(), of.expiration(), of.message_id()]);
        octets.extend(of.timestamp().iter().flat_map(|seconds| seconds.to_be_bytes()));
        put(&mut octets, [of.kind(), of.user_id(), of.app_id(), of.cluster_id()]);
        octets
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// When the octets are of another form.
    pub fn decode(octets: &[u8]) -> Result<Self, InvalidProperties> {
        match parse_properties(octets) {
            Ok(([], properties)) => Ok(Self(properties)),
            _ => Err(InvalidProperties(octets.len())),
        }
    }

    /// Those of a message that is made of this one: under another id, made at another moment,
    /// `seconds` after 1970, with another body, for which neither the publisher nor the encoding
    /// of this one counts.
    #[must_use]
    pub fn of_another(&self, id: MessageId, seconds: u64, content_type: &str) -> Self {
        let made = without(&self.0, &["user_id", "content_encoding"])
            .with_message_id(id.to_string().into())
            .with_timestamp(seconds)
            .with_content_type(content_type.into());
        Self(made)
    }

    /// The same with this text as a header, in place of one of the same name.
    #[must_use]
    pub fn with_header(self, name: &'static str, text: &str) -> Self {
        let mut headers = self.0.headers().clone().unwrap_or_default();
        headers.insert(name.into(), AMQPValue::LongString(text.into()));
        Self(self.0.with_headers(headers))
    }

    /// Whether there is a header of this name, whatever it holds.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers().any(|(header, _)| header.as_str() == name)
    }

    /// Names and values for people, under the names that AMQP and RabbitMQ's dashboard have.
    #[must_use]
    pub fn listed(&self) -> Vec<(String, String)> {
        let of = &self.0;
        let number = |value: &Option<u8>| value.map(|value| value.to_string());
        let seconds = of.timestamp().map(|seconds| seconds.to_string());
        let text = |value: &Option<ShortString>| value.as_ref().map(shown_text);
        let numbers = [
            ("timestamp", seconds),
            ("delivery_mode", number(of.delivery_mode())),
            ("priority", number(of.priority())),
        ];
        let texts = self.texts().map(|(name, value)| (name, text(value)));
        let named = texts.into_iter().chain(numbers);
        let named = named.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        named.chain(self.listed_headers()).collect()
    }

    /// Each header; all of them in one, as their octets, where they cannot be read whole.
    fn listed_headers(&self) -> Vec<(String, String)> {
        if let Some(table) = self.0.headers().as_ref().filter(|table| !table.is_whole()) {
            return vec![("headers".to_owned(), table.octets().escape_ascii().to_string())];
        }
        let header = |(name, value)| (format!("headers.{}", shown_text(name)), shown(value));
        self.headers().map(header).collect()
    }

    /// About how many bytes it takes in memory: as many as its headers were made for.
    pub(crate) fn held_bytes(&self) -> usize {
        let Some(table) = self.0.headers() else { return 0 };
        let values: usize = table.inner().values().map(count).sum();
        2 * table.octets().len() + VALUE_BYTES * values
    }

    /// The same without the headers whose names are told `apart`; and those. Each octet for
    /// octet and in its place; where they are no table, none is apart.
    pub(crate) fn split_headers(&self, apart: impl Fn(&[u8]) -> bool) -> (Self, FieldTable) {
        let unsplit = || (self.clone(), FieldTable::default());
        let Some(table) = self.0.headers().as_ref().map(encoded) else { return unsplit() };
        let Some(entries) = entries(&table[4..]) else { return unsplit() };
        let (split, kept): (Vec<&[u8]>, Vec<_>) =
            entries.into_iter().partition(|entry| apart(&entry[1..=usize::from(entry[0])]));
        if split.is_empty() {
            return unsplit();
        }
        let (Some(kept), Some(split)) = (table_of(&kept), table_of(&split)) else {
            return unsplit();
        };
        let others = without(&self.0, &["headers"]);
        // Where all of them are apart, there were none before.
        let left = if kept.octets().is_empty() { others } else { others.with_headers(kept) };
        (Self(left), split)
    }

    /// The same as its publisher wrote it: without what a quorum queue counts on a message
    /// that it hands out again.
    pub(crate) fn uncounted(&self) -> Self {
        self.split_headers(|name| COUNTS.iter().any(|count| count.as_bytes() == name)).0
    }

    /// The first part that nobody can read, if there is one.
    #[must_use]
    pub fn unreadable(&self) -> Option<Unreadable> {
        let is_bad = |text: &Option<ShortString>| text.as_ref().is_some_and(|text| !text.is_utf8());
        if let Some((name, _)) = self.texts().into_iter().find(|(_, text)| is_bad(text)) {
            return Some(Unreadable::Property(name));
        }
        let table = self.0.headers().as_ref()?;
        if table.inner().keys().any(|name| !name.is_utf8()) {
            return Some(Unreadable::HeaderName);
        }
        (!table.is_whole()).then_some(Unreadable::Headers)
    }

    fn headers(&self) -> impl Iterator<Item = (&ShortString, &AMQPValue)> {
        self.0.headers().iter().flat_map(FieldTable::inner)
    }

    /// Those that are texts, under their names in AMQP.
    fn texts(&self) -> [(&'static str, &Option<ShortString>); 10] {
        let of = &self.0;
        [
            ("message_id", of.message_id()),
            ("type", of.kind()),
            ("app_id", of.app_id()),
            ("user_id", of.user_id()),
            ("content_type", of.content_type()),
            ("content_encoding", of.content_encoding()),
            ("correlation_id", of.correlation_id()),
            ("reply_to", of.reply_to()),
            ("expiration", of.expiration()),
            ("cluster_id", of.cluster_id()),
        ]
    }
}

/// All properties but those of these names in AMQP.
pub(crate) fn without(of: &BasicProperties, left_out: &[&str]) -> BasicProperties {
    let mut kept = BasicProperties::default();
    macro_rules! keep {
        ($($name:literal: $get:ident, $with:ident);+) => {
            $(if let Some(value) = of.$get().as_ref().filter(|_| !left_out.contains(&$name)) {
                kept = kept.$with(value.clone());
            })+
        };
    }
    keep!(
        "content_type": content_type, with_content_type;
        "content_encoding": content_encoding, with_content_encoding;
        "headers": headers, with_headers;
        "delivery_mode": delivery_mode, with_delivery_mode;
        "priority": priority, with_priority;
        "correlation_id": correlation_id, with_correlation_id;
        "reply_to": reply_to, with_reply_to;
        "expiration": expiration, with_expiration;
        "message_id": message_id, with_message_id;
        "timestamp": timestamp, with_timestamp;
        "type": kind, with_type;
        "user_id": user_id, with_user_id;
        "app_id": app_id, with_app_id;
        "cluster_id": cluster_id, with_cluster_id
    );
    kept
}

/// Writes those texts that there are, each behind its length.
fn put<const N: usize>(octets: &mut Vec<u8>, texts: [&Option<ShortString>; N]) {
    for text in texts.into_iter().flatten() {
        let bytes = text.as_bytes();
        octets.push(u8::try_from(bytes.len()).expect("a short string has at most 255 octets"));
        octets.extend_from_slice(bytes);
    }
}

/// A table on the wire.
fn encoded(table: &FieldTable) -> Vec<u8> {
    gen_simple(gen_field_table(table), Vec::new()).expect("memory takes it")
}

/// The table of these entries.
fn table_of(entries: &[&[u8]]) -> Option<FieldTable> {
    let octets = entries.concat();
    let length = u32::try_from(octets.len()).ok()?;
    let table = [&length.to_be_bytes()[..], &octets].concat();
    Some(parse_field_table(&table[..]).ok()?.1)
}

/// The entries of a table, each as its octets; none where they are no entries. What lies in a
/// value is not looked at, so it does not matter how deep that is.
fn entries(mut octets: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !octets.is_empty() {
        let (entry, rest) = octets.split_at_checked(length_of_first(octets)?)?;
        entries.push(entry);
        octets = rest;
    }
    Some(entries)
}

/// Octets of the first entry: its name, the letter of its type, its value (RabbitMQ's list of
/// types: <https://www.rabbitmq.com/docs/amqp-0-9-1-errata>).
fn length_of_first(octets: &[u8]) -> Option<usize> {
    let (&name, rest) = octets.split_first()?;
    let (letter, value) = rest.get(usize::from(name)..)?.split_first()?;
    let value = match letter {
        b'V' => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'u' | b'U' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'l' | b'L' | b'd' | b'T' => 8,
        b'S' | b'x' | b'A' | b'F' => {
            4 + usize::try_from(u32::from_be_bytes(*value.first_chunk()?)).ok()?
        }
        _ => return None,
    };
    Some(2 + usize::from(name) + value)
}

/// How many values there are in one, itself included. Parsing has bounded how deep they lie.
fn count(value: &AMQPValue) -> usize {
    let within: usize = match value {
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(count).sum(),
        AMQPValue::FieldTable(table) => table.inner().values().map(count).sum(),
        _ => 0,
    };
    1 + within
}

/// A text for people: what is not UTF-8 shows as escapes of its octets.
fn shown_text(text: &ShortString) -> String {
    if text.is_utf8() { text.to_string() } else { text.as_bytes().escape_ascii().to_string() }
}

/// A header's value for people.
fn shown(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => match str::from_utf8(text.as_bytes()) {
            Ok(text) => text.to_owned(),
            Err(_) => text.as_bytes().escape_ascii().to_string(),
        },
        AMQPValue::ShortString(text) => shown_text(text),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(value) => value.to_string(),
        AMQPValue::ShortShortUInt(value) => value.to_string(),
        AMQPValue::ShortInt(value) => value.to_string(),
        AMQPValue::ShortUInt(value) => value.to_string(),
        AMQPValue::LongInt(value) => value.to_string(),
        AMQPValue::LongUInt(value) => value.to_string(),
        AMQPValue::LongLongInt(value) => value.to_string(),
        AMQPValue::Float(value) => value.to_string(),
        AMQPValue::Double(value) => value.to_string(),
        AMQPValue::Timestamp(value) => value.to_string(),
        AMQPValue::DecimalValue(DecimalValue { scale, value }) => format!("{value}e-{scale}"),
        AMQPValue::ByteArray(octets) => octets.as_slice().escape_ascii().to_string(),
        AMQPValue::Void => String::new(),
        AMQPValue::FieldArray(values) => {
            let values: Vec<_> = values.as_slice().iter().map(shown).collect();
            format!("[{}]", values.join(", "))
        }
        AMQPValue::FieldTable(table) => {
            let entry = |(name, value)| format!("{}: {}", shown_text(name), shown(value));
            let entries: Vec<_> = table.into_iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flags, then the values: what `octets` says, in AMQP's order.
    fn read(flags: u16, values: &[u8]) -> Properties {
        let octets = [&flags.to_be_bytes()[..], values].concat();
        let properties = Properties::decode(&octets).expect("properties");
        assert_eq!(properties.encode(), octets, "octet for octet");
        properties
    }

    fn with_headers(entries: &[u8]) -> Properties {
        let length = u32::try_from(entries.len()).expect("short").to_be_bytes();
        read(1 << 13, &[&length[..], entries].concat())
    }

    /// `inner` in tables of its own, so many times.
    fn nested(inner: &[u8], times: usize) -> Vec<u8> {
        (0..times).fold(inner.to_vec(), |entries, _| {
            let length = u32::try_from(entries.len()).expect("short").to_be_bytes();
            [b"\x01aF", &length[..], &entries].concat()
        })
    }

    #[test]
    fn what_is_no_text_is_named_and_keeps_its_octets() {
        for (flag, name) in [
            (15, "content_type"),
            (14, "content_encoding"),
            (10, "correlation_id"),
            (9, "reply_to"),
            (8, "expiration"),
            (7, "message_id"),
            (5, "type"),
            (4, "user_id"),
            (3, "app_id"),
            (2, "cluster_id"),
        ] {
            let properties = read(1 << flag, b"\x04se\xf1a");
            assert_eq!(properties.unreadable(), Some(Unreadable::Property(name)));
            assert_eq!(properties.listed(), [(name.to_owned(), r"se\xf1a".to_owned())]);
        }
    }

    #[test]
    fn a_text_of_only_such_octets_is_still_short() {
        let properties = read(1 << 10, &[&[255][..], &[0xff; 255]].concat());
        assert!(properties.0.correlation_id().as_ref().expect("one").as_str().len() <= 255);
    }

    #[test]
    fn headers_keep_their_order_their_types_and_what_is_twice() {
        let entries =
            b"\x01bs\x00\x07\x01aS\x00\x00\x00\x01x\x01bL\0\0\0\0\0\0\0\x01\x00t\x07\x01vV";
        let properties = with_headers(entries);
        assert_eq!(properties.unreadable(), None);
        assert!(
            properties.has_header("b") && properties.has_header("") && !properties.has_header("c")
        );
    }

    #[test]
    fn headers_are_split_by_their_names_and_keep_their_octets() {
        let added = |name: &[u8]| name.starts_with(b"x-");
        let deep = nested(b"", 15_000);
        let [kept, first, last] =
            [&b"\x01bs\x00\x07\x02c\xf1S\0\0\0\x01\xff"[..], b"\x03x-aV", b"\x03x-bt\x07"];
        for kept in [kept, &deep, b"\x01at\x01\x01at\x00"] {
            let (left, split) = with_headers(&[first, kept, last].concat()).split_headers(added);
            assert_eq!(left.encode(), with_headers(kept).encode());
            assert_eq!(split.octets(), [first, last].concat());
            assert_eq!(with_headers(kept).split_headers(added).0, with_headers(kept), "none");
        }
        let (left, _) = with_headers(first).split_headers(added);
        assert_eq!(left, Properties::default(), "there were none before");
        let strange = with_headers(b"\x03x-a?");
        assert_eq!(strange.split_headers(added).0, strange);
    }

    #[test]
    fn what_is_held_grows_with_the_headers_and_with_the_values_in_them() {
        let held = |entries: &[u8]| with_headers(entries).held_bytes();
        assert_eq!(Properties::default().held_bytes(), 0);
        let long = [&b"\x01aS\0\0\xff\xff"[..], &vec![0; 0xffff]].concat();
        assert!(held(&long) >= 2 * 0xffff);
        let many = [&b"\x01aA\0\0\xff\xff"[..], &vec![b'V'; 0xffff]].concat();
        assert!(held(&many) > 0xffff * VALUE_BYTES);
    }

    #[test]
    fn headers_that_nobody_reads_are_named_and_keep_their_octets() {
        let deep = nested(b"", 15_000);
        for (entries, wanted) in [
            (&b"\x02a\xf1t\x01"[..], Unreadable::HeaderName),
            (&deep, Unreadable::Headers),
            (b"\x01a?", Unreadable::Headers),
            (b"\x01aS\x00\x00\x00\x09x", Unreadable::Headers),
            (b"\x09a", Unreadable::Headers),
        ] {
            assert_eq!(with_headers(entries).unreadable(), Some(wanted));
        }
        assert_eq!(with_headers(&nested(b"", 16)).unreadable(), None, "x-death is not as deep");
    }
}
