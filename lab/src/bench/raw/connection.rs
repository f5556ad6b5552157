//! From a socket to an open channel, and the queues of the bench.

use super::frame::{self, Frame, Frames, METHOD};
use super::method::{self, Id};
use super::wire::{Field, Reader};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The one channel of a connection.
pub(super) const CHANNEL: u16 = 1;

/// How often one who waits for the broker looks whether to go on waiting.
const TICK: Duration = Duration::from_millis(100);

/// How long the broker may leave a question unanswered, or take nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a broker is, and who one is there.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// `host:port`.
    pub(crate) socket: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) vhost: String,
}

/// A connection with its channel.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    pub(super) frames: Frames<TcpStream>,
}

impl Connection {
    /// Connects and opens the channel.
    ///
    /// # Errors
    /// When the broker is away, or refuses.
    pub(crate) fn open(address: &Address) -> Result<Self> {
        let what = || format!("no se pudo conectar con RabbitMQ en {}", address.socket);
        let socket = TcpStream::connect(&address.socket).with_context(what)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let frames = Frames::of(socket.try_clone()?);
        let mut connection = Self { socket, frames };
        connection.shake_hands(address).with_context(what)?;
        Ok(connection)
    }

    /// AMQP 0-9-1, §2.2.4.
    fn shake_hands(&mut self, address: &Address) -> Result<()> {
        self.send(b"AMQP\x00\x00\x09\x01")?;
        self.expect(method::CONNECTION_START)?;
        self.tell(0, &method::start_ok(&address.user, &address.password))?;
        let tune = self.expect(method::CONNECTION_TUNE)?;
        let mut tune = Reader(&tune);
        self.tell(0, &method::tune_ok(tune.short()?, tune.long()?))?;
        self.tell(0, &method::connection_open(&address.vhost))?;
        self.expect(method::CONNECTION_OPEN_OK)?;
        self.call(&method::channel_open(), method::CHANNEL_OPEN_OK)?;
        Ok(())
    }

    /// Declares a durable queue with these arguments.
    ///
    /// # Errors
    /// When the broker refuses.
    pub(crate) fn declare(&mut self, queue: &str, arguments: &[(String, Field)]) -> Result<()> {
        let declare = method::queue_declare(queue, arguments);
        self.call(&declare, method::QUEUE_DECLARE_OK)?;
        Ok(())
    }

    /// How many messages wait in a queue, without those that somebody has not
    /// acknowledged yet.
    ///
    /// # Errors
    /// When there is no such queue; the connection is of no use then.
    pub(crate) fn length(&mut self, queue: &str) -> Result<u64> {
        let answer = self.call(&method::queue_declare_passive(queue), method::QUEUE_DECLARE_OK)?;
        let mut answer = Reader(&answer);
        answer.short_text()?;
        Ok(answer.long()?.into())
    }

    /// Throws away what waits in a queue; how many messages that were.
    ///
    /// # Errors
    /// When there is no such queue; the connection is of no use then.
    pub(crate) fn purge(&mut self, queue: &str) -> Result<u64> {
        let answer = self.call(&method::queue_purge(queue), method::QUEUE_PURGE_OK)?;
        Ok(Reader(&answer).long()?.into())
    }

    /// Has a queue take what is published under this key.
    ///
    /// # Errors
    /// When there is no such queue or exchange.
    pub(crate) fn bind(&mut self, queue: &str, exchange: &str, routing_key: &str) -> Result<()> {
        let bind = method::queue_bind(queue, exchange, routing_key);
        self.call(&bind, method::QUEUE_BIND_OK)?;
        Ok(())
    }

    /// Declares a durable exchange that shares messages out among the queues bound
    /// to it, by a header: those with the same value go to the same queue.
    ///
    /// # Errors
    /// When the broker refuses, as it does without its plugin for that.
    pub(crate) fn declare_by_header(&mut self, exchange: &str, header: &str) -> Result<()> {
        let arguments = [("hash-header".to_owned(), Field::Text(header.to_owned()))];
        let declare = method::exchange_declare(exchange, "x-consistent-hash", &arguments);
        self.call(&declare, method::EXCHANGE_DECLARE_OK)?;
        Ok(())
    }

    /// Has an exchange take what is published to another under this key.
    ///
    /// # Errors
    /// When one of them is not there.
    pub(crate) fn bind_exchange(&mut self, to: &str, from: &str, routing_key: &str) -> Result<()> {
        let bind = method::exchange_bind(to, from, routing_key);
        self.call(&bind, method::EXCHANGE_BIND_OK)?;
        Ok(())
    }

    /// Deletes an exchange, which may not exist, and with it what it was bound to.
    ///
    /// # Errors
    /// When the broker refuses.
    pub(crate) fn delete_exchange(&mut self, exchange: &str) -> Result<()> {
        self.call(&method::exchange_delete(exchange), method::EXCHANGE_DELETE_OK)?;
        Ok(())
    }

    /// Deletes a queue, which may not exist; how many messages were in it.
    ///
    /// # Errors
    /// When the broker refuses.
    pub(crate) fn delete(&mut self, queue: &str) -> Result<u32> {
        let answer = self.call(&method::queue_delete(queue), method::QUEUE_DELETE_OK)?;
        Reader(&answer).long()
    }

    /// Ends channel and connection in good order: what was sent has arrived.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub(crate) fn close(mut self) -> Result<()> {
        self.tell(CHANNEL, &method::channel_close())?;
        self.expect(method::CHANNEL_CLOSE_OK)?;
        self.tell(0, &method::connection_close())?;
        self.expect(method::CONNECTION_CLOSE_OK)?;
        Ok(())
    }

    /// Asks on the channel and waits for the answer; its arguments.
    pub(super) fn call(&mut self, payload: &[u8], answer: Id) -> Result<Vec<u8>> {
        self.tell(CHANNEL, payload)?;
        self.expect(answer)
    }

    pub(super) fn tell(&mut self, channel: u16, payload: &[u8]) -> Result<()> {
        let mut out = Vec::new();
        frame::append(&mut out, METHOD, channel, payload);
        self.send(&out)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.socket.write_all(bytes).context("no se pudo escribir a RabbitMQ")
    }

    /// Waits for a method and leaves out deliveries that are still on their way.
    pub(super) fn expect(&mut self, wanted: Id) -> Result<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(frame) = self.frames.next()? {
                if let Some((id, arguments)) = method_of(&frame)?
                    && id == wanted
                {
                    return Ok(arguments.0.to_vec());
                }
            }
            ensure!(Instant::now() < deadline, "RabbitMQ no responde ({wanted:?})");
            self.frames.fill()?;
        }
    }
}

/// The method in a frame, if it holds one.
///
/// # Errors
/// When the broker closes the channel or the connection.
pub(super) fn method_of<'a>(frame: &Frame<'a>) -> Result<Option<(Id, Reader<'a>)>> {
    if frame.kind != METHOD {
        return Ok(None);
    }
    let (id, mut arguments) = method::read(frame.payload)?;
    if matches!(id, method::CONNECTION_CLOSE | method::CHANNEL_CLOSE) {
        let (code, text) = (arguments.short()?, arguments.short_text()?);
        bail!("RabbitMQ cerró: {code} {text}");
    }
    Ok(Some((id, arguments)))
}

/// The arguments of a queue of `rabbitmq/definitions.json`, as they are on the
/// wire.
///
/// # Errors
/// When there is no such queue in it.
pub(crate) fn arguments_of(definitions: &str, queue: &str) -> Result<Vec<(String, Field)>> {
    let definitions: Value = serde_json::from_str(definitions)?;
    let queues = definitions["queues"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = queues.iter().find(|found| found["name"] == queue);
    let arguments = found.and_then(|found| found["arguments"].as_object());
    let arguments = arguments.with_context(|| format!("definitions.json: falta {queue}"))?;
    arguments.iter().map(|(name, value)| Ok((name.clone(), field(value)?))).collect()
}

fn field(value: &Value) -> Result<Field> {
    match value {
        Value::String(text) => Ok(Field::Text(text.clone())),
        Value::Bool(truth) => Ok(Field::Truth(*truth)),
        _ => value.as_i64().map(Field::Integer).ok_or_else(|| anyhow!("{value}: sin tipo")),
    }
}
