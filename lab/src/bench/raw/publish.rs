//! Publishing with confirms: so many messages are under way at once, and what
//! the broker confirms is followed by as many new ones in a single write.

use super::confirms::Confirms;
use super::connection::{Address, CHANNEL, Connection, PATIENCE, method_of};
use super::message::{Target, Template};
use super::method;
use crate::bench::flow::Flow;
use anyhow::{Result, bail, ensure};
use std::time::Instant;

/// One connection that publishes.
#[derive(Debug)]
pub(crate) struct Publisher {
    connection: Connection,
    template: Template,
    confirms: Confirms,
    window: u64,
}

impl Publisher {
    /// A publisher with `window` messages under way at most.
    ///
    /// # Errors
    /// When the broker is away, or refuses.
    pub(crate) fn open(address: &Address, target: &Target, window: u64) -> Result<Self> {
        let mut connection = Connection::open(address)?;
        connection.call(&method::confirm_select(), method::CONFIRM_SELECT_OK)?;
        let template = Template::of(target, CHANNEL, jiff::Timestamp::now());
        Ok(Self { connection, template, confirms: Confirms::default(), window })
    }

    /// Publishes until told to stop, at most `limit` messages, and waits for
    /// the last confirm; how many it were. The flow counts what is confirmed.
    ///
    /// # Errors
    /// When a message is refused or not routed, or the broker is silent.
    pub(crate) fn run(mut self, limit: u64, flow: &Flow) -> Result<u64> {
        let (mut sent, mut out) = (0, Vec::new());
        loop {
            let room = if flow.is_stopped() { 0 } else { self.window - self.confirms.open() };
            let next = room.min(limit - sent);
            if next > 0 {
                out.clear();
                self.template.append(&mut out, next);
                self.connection.send(&out)?;
                self.confirms.published(next);
                sent += next;
            }
            if self.confirms.open() == 0 {
                self.connection.close()?;
                return Ok(sent);
            }
            flow.add(self.confirmed()?);
        }
    }

    /// Waits until something is confirmed; how many messages that is.
    fn confirmed(&mut self) -> Result<u64> {
        let deadline = Instant::now() + PATIENCE;
        let mut newly = 0;
        while newly == 0 {
            ensure!(Instant::now() < deadline, "RabbitMQ no confirma");
            self.connection.frames.fill()?;
            while let Some(frame) = self.connection.frames.next()? {
                match method_of(&frame)? {
                    Some((method::BASIC_ACK, mut ack)) => {
                        newly += self.confirms.confirm(ack.long_long()?, ack.octet()? & 1 == 1);
                    }
                    Some((method::BASIC_NACK, _)) => bail!("RabbitMQ rechazó un mensaje"),
                    Some((method::BASIC_RETURN, _)) => bail!("RabbitMQ devolvió un mensaje"),
                    _ => {}
                }
            }
        }
        Ok(newly)
    }
}
