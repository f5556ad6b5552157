//! Consuming with `ack(multiple)`: deliveries are counted, and nothing is done
//! with them.

use super::connection::{Address, CHANNEL, Connection, PATIENCE, method_of};
use super::frame::{BODY, Frame, HEADER};
use super::method;
use super::wire::Reader;
use crate::bench::flow::Flow;
use anyhow::{Result, ensure};
use std::time::Instant;

/// Messages that the broker hands over before it wants acknowledgements, and how
/// many are acknowledged together: as analytics does.
const PREFETCH: u16 = broker::PREFETCH;
const TOGETHER: u64 = PREFETCH as u64 / 2;

/// What was consumed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consumed {
    pub(crate) messages: u64,
    /// When the last message had come.
    pub(crate) last: Instant,
}

/// One connection that consumes.
#[derive(Debug)]
pub(crate) struct Consumer {
    connection: Connection,
    deliveries: Deliveries,
}

impl Consumer {
    /// A consumer of `queue`; deliveries begin at once.
    ///
    /// # Errors
    /// When the broker is away, or refuses.
    pub(crate) fn open(address: &Address, queue: &str) -> Result<Self> {
        let mut connection = Connection::open(address)?;
        connection.call(&method::basic_qos(PREFETCH), method::BASIC_QOS_OK)?;
        connection.call(&method::basic_consume(queue), method::BASIC_CONSUME_OK)?;
        Ok(Self { connection, deliveries: Deliveries::default() })
    }

    /// Consumes until `is_enough`, or told to stop, and acknowledges all that it
    /// took; how many messages it were. The flow counts them.
    ///
    /// # Errors
    /// When the broker closes, or delivers nothing for long.
    pub(crate) fn run(mut self, is_enough: impl Fn(u64) -> bool, flow: &Flow) -> Result<Consumed> {
        let mut last_news = Instant::now();
        loop {
            let before = self.deliveries.whole;
            while let Some(frame) = self.connection.frames.next()? {
                self.deliveries.take(&frame)?;
            }
            let messages = self.deliveries.whole;
            if messages > before {
                flow.add(messages - before);
                last_news = Instant::now();
            }
            let enough = is_enough(messages) || flow.is_stopped();
            self.acknowledge(if enough { 1 } else { TOGETHER })?;
            if enough {
                self.connection.close()?;
                return Ok(Consumed { messages, last: last_news });
            }
            ensure!(last_news.elapsed() < PATIENCE, "RabbitMQ no entrega nada más");
            self.connection.frames.fill()?;
        }
    }

    /// Acknowledges everything whole, once it is at least `least` messages.
    fn acknowledge(&mut self, least: u64) -> Result<()> {
        let Some(tag) = self.deliveries.due(least) else { return Ok(()) };
        self.connection.tell(CHANNEL, &method::basic_ack(tag))
    }
}

/// Messages as they come in: method, header, body in any number of frames.
#[derive(Debug, Default)]
struct Deliveries {
    /// Messages that have come in whole, and the tag of the last of them.
    whole: u64,
    last_tag: u64,
    acknowledged: u64,
    /// The message that is coming in: its tag, and bytes of its body still out.
    tag: u64,
    missing: u64,
}

impl Deliveries {
    fn take(&mut self, frame: &Frame<'_>) -> Result<()> {
        match frame.kind {
            HEADER => {
                let mut header = Reader(frame.payload);
                let _class_and_weight = header.long()?;
                self.missing = header.long_long()?;
                self.end_if_whole();
            }
            BODY => {
                let brought = u64::try_from(frame.payload.len())?;
                self.missing = self.missing.saturating_sub(brought);
                self.end_if_whole();
            }
            _ => {
                if let Some((method::BASIC_DELIVER, mut delivery)) = method_of(frame)? {
                    let _consumer = delivery.short_text()?;
                    self.tag = delivery.long_long()?;
                }
            }
        }
        Ok(())
    }

    fn end_if_whole(&mut self) {
        if self.missing == 0 {
            self.whole += 1;
            self.last_tag = self.tag;
        }
    }

    fn due(&mut self, least: u64) -> Option<u64> {
        if self.whole - self.acknowledged < least {
            return None;
        }
        self.acknowledged = self.whole;
        Some(self.last_tag)
    }
}

#[cfg(test)]
mod tests {
    use super::Deliveries;
    use crate::bench::raw::frame::{BODY, Frame, HEADER, METHOD};

    #[test]
    fn a_message_counts_once_its_body_is_whole() {
        let mut deliveries = Deliveries::default();
        let deliver = [&[0, 60, 0, 60, 1][..], b"c", &[0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]].concat();
        let header = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0];
        for (kind, payload, whole) in
            [(METHOD, &deliver[..], 0), (HEADER, &header, 0), (BODY, b"ab", 0), (BODY, b"c", 1)]
        {
            deliveries.take(&Frame { kind, payload }).unwrap();
            assert_eq!(deliveries.whole, whole);
        }
        assert_eq!(deliveries.due(2), None);
        assert_eq!(deliveries.due(1), Some(9));
        assert_eq!(deliveries.due(1), None, "already");
    }
}
