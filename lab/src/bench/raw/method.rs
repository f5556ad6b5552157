//! The few methods that are needed (AMQP 0-9-1, §1 of the reference; confirms:
//! RabbitMQ's own class 85), as payloads of method frames.

use super::wire::{Field, Reader, Writer};
use anyhow::Result;

/// A method: its class and its own number.
pub(super) type Id = (u16, u16);

pub(super) const CONNECTION_START: Id = (10, 10);
pub(super) const CONNECTION_TUNE: Id = (10, 30);
pub(super) const CONNECTION_OPEN_OK: Id = (10, 41);
pub(super) const CONNECTION_CLOSE: Id = (10, 50);
pub(super) const CONNECTION_CLOSE_OK: Id = (10, 51);
pub(super) const CHANNEL_OPEN_OK: Id = (20, 11);
pub(super) const CHANNEL_CLOSE: Id = (20, 40);
pub(super) const CHANNEL_CLOSE_OK: Id = (20, 41);
pub(super) const EXCHANGE_DECLARE_OK: Id = (40, 11);
pub(super) const EXCHANGE_DELETE_OK: Id = (40, 21);
pub(super) const EXCHANGE_BIND_OK: Id = (40, 31);
pub(super) const QUEUE_DECLARE_OK: Id = (50, 11);
pub(super) const QUEUE_BIND_OK: Id = (50, 21);
pub(super) const QUEUE_PURGE_OK: Id = (50, 31);
pub(super) const QUEUE_DELETE_OK: Id = (50, 41);
pub(super) const BASIC_QOS_OK: Id = (60, 11);
pub(super) const BASIC_CONSUME_OK: Id = (60, 21);
pub(super) const BASIC_RETURN: Id = (60, 50);
pub(super) const BASIC_DELIVER: Id = (60, 60);
pub(super) const BASIC_ACK: Id = (60, 80);
pub(super) const BASIC_NACK: Id = (60, 120);
pub(super) const CONFIRM_SELECT_OK: Id = (85, 11);

/// Which method a payload is, and its arguments.
pub(super) fn read(payload: &[u8]) -> Result<(Id, Reader<'_>)> {
    let mut reader = Reader(payload);
    let id = (reader.short()?, reader.short()?);
    Ok((id, reader))
}

fn method((class, number): Id) -> Writer {
    Writer::default().short(class).short(number)
}

/// Answers the broker's greeting with user and password (SASL PLAIN, RFC 4616).
pub(super) fn start_ok(user: &str, password: &str) -> Vec<u8> {
    let product = ("product".to_owned(), Field::Text("cargo lab bench".to_owned()));
    let response = format!("\0{user}\0{password}");
    method((10, 11))
        .table(&[product])
        .short_text("PLAIN")
        .long_text(response.as_bytes())
        .short_text("en_US")
        .finish()
}

/// Takes the broker's limits, and asks for no heartbeats: a run is short.
pub(super) fn tune_ok(channels: u16, longest_frame: u32) -> Vec<u8> {
    method((10, 31)).short(channels).long(longest_frame).short(0).finish()
}

pub(super) fn connection_open(vhost: &str) -> Vec<u8> {
    method((10, 40)).short_text(vhost).short_text("").octet(0).finish()
}

/// The end in good order: code 200 (§1.2).
pub(super) fn connection_close() -> Vec<u8> {
    method(CONNECTION_CLOSE).short(200).short_text("").short(0).short(0).finish()
}

pub(super) fn channel_open() -> Vec<u8> {
    method((20, 10)).short_text("").finish()
}

pub(super) fn channel_close() -> Vec<u8> {
    method(CHANNEL_CLOSE).short(200).short_text("").short(0).short(0).finish()
}

/// A durable exchange. Bits of `exchange.declare`: passive, durable, auto-delete,
/// internal, no-wait.
pub(super) fn exchange_declare(
    exchange: &str,
    kind: &str,
    arguments: &[(String, Field)],
) -> Vec<u8> {
    let declare = method((40, 10)).short(0).short_text(exchange).short_text(kind);
    declare.octet(0b0_0010).table(arguments).finish()
}

pub(super) fn exchange_delete(exchange: &str) -> Vec<u8> {
    method((40, 20)).short(0).short_text(exchange).octet(0).finish()
}

/// From one exchange to another: RabbitMQ's own method
/// (<https://www.rabbitmq.com/docs/e2e>).
pub(super) fn exchange_bind(to: &str, from: &str, routing_key: &str) -> Vec<u8> {
    let bind = method((40, 30)).short(0).short_text(to).short_text(from);
    bind.short_text(routing_key).octet(0).table(&[]).finish()
}

/// A durable queue. Bits of `queue.declare`: passive, durable, exclusive,
/// auto-delete, no-wait.
pub(super) fn queue_declare(queue: &str, arguments: &[(String, Field)]) -> Vec<u8> {
    method((50, 10)).short(0).short_text(queue).octet(0b0_0010).table(arguments).finish()
}

/// Asks of a queue that is there, and how many messages wait in it.
pub(super) fn queue_declare_passive(queue: &str) -> Vec<u8> {
    method((50, 10)).short(0).short_text(queue).octet(0b0_0001).table(&[]).finish()
}

pub(super) fn queue_purge(queue: &str) -> Vec<u8> {
    method((50, 30)).short(0).short_text(queue).octet(0).finish()
}

pub(super) fn queue_bind(queue: &str, exchange: &str, routing_key: &str) -> Vec<u8> {
    let bind = method((50, 20)).short(0).short_text(queue).short_text(exchange);
    bind.short_text(routing_key).octet(0).table(&[]).finish()
}

pub(super) fn queue_delete(queue: &str) -> Vec<u8> {
    method((50, 40)).short(0).short_text(queue).octet(0).finish()
}

pub(super) fn basic_qos(prefetch: u16) -> Vec<u8> {
    method((60, 10)).long(0).short(prefetch).octet(0).finish()
}

/// Consumes with acknowledgements; the broker names the consumer.
pub(super) fn basic_consume(queue: &str) -> Vec<u8> {
    method((60, 20)).short(0).short_text(queue).short_text("").octet(0).table(&[]).finish()
}

/// Bits of `basic.publish`: mandatory, immediate. As a sender does: mandatory.
pub(super) fn basic_publish(exchange: &str, routing_key: &str) -> Vec<u8> {
    method((60, 40)).short(0).short_text(exchange).short_text(routing_key).octet(1).finish()
}

/// Acknowledges everything up to this delivery.
pub(super) fn basic_ack(delivery: u64) -> Vec<u8> {
    method(BASIC_ACK).long_long(delivery).octet(1).finish()
}

pub(super) fn confirm_select() -> Vec<u8> {
    method((85, 10)).octet(0).finish()
}

#[cfg(test)]
mod tests {
    use super::{basic_ack, basic_publish, basic_qos, exchange_bind, exchange_declare};
    use super::{queue_declare, read, start_ok, tune_ok};
    use crate::bench::raw::wire::Field;

    /// Byte by byte from the specification's grammar.
    #[test]
    fn methods_are_the_bytes_of_the_specification() {
        let publish = [&[0, 60, 0, 40, 0, 0, 1][..], b"e", &[2], b"rk", &[1]].concat();
        assert_eq!(basic_publish("e", "rk"), publish);
        assert_eq!(basic_ack(258), [0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 1, 2, 1]);
        assert_eq!(basic_qos(1000), [0, 60, 0, 10, 0, 0, 0, 0, 3, 232, 0]);
        assert_eq!(tune_ok(2, 131_072), [0, 10, 0, 31, 0, 2, 0, 2, 0, 0, 0, 0]);
        let arguments = [("x".to_owned(), Field::Truth(true))];
        let declare =
            [&[0, 50, 0, 10, 0, 0, 1][..], b"q", &[2, 0, 0, 0, 4, 1], b"xt", &[1]].concat();
        assert_eq!(queue_declare("q", &arguments), declare);
        let declare =
            [&[0, 40, 0, 10, 0, 0, 1][..], b"e", &[1], b"k", &[2, 0, 0, 0, 4, 1], b"xt", &[1]];
        assert_eq!(exchange_declare("e", "k", &arguments), declare.concat());
        let bind = [&[0, 40, 0, 30, 0, 0, 1][..], b"t", &[1], b"f", &[1], b"k", &[0, 0, 0, 0, 0]];
        assert_eq!(exchange_bind("t", "f", "k"), bind.concat());
    }

    #[test]
    fn the_password_is_a_plain_answer() {
        let bytes = start_ok("u", "p");
        let plain = [&[5][..], b"PLAIN", &[0, 0, 0, 4, 0], b"u", &[0], b"p", &[5], b"en_US"];
        assert!(bytes.ends_with(&plain.concat()), "{bytes:?}");
        let (id, _) = read(&bytes).unwrap();
        assert_eq!(id, (10, 11));
    }
}
