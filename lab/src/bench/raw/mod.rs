//! AMQP 0-9-1 as plain as it can be: what the broker can do where the client
//! costs next to nothing. Blocking sockets, one thread a direction of load,
//! messages that are ready before they are needed, and no more of the protocol
//! than a publisher with confirms and a consumer need.
//!
//! It is the yardstick of the bench, and what the proof publishes with that no client
//! writes: the laboratory itself speaks AMQP through the `broker` crate alone.
//!
//! - [`wire`]: numbers, texts and tables as bytes.
//! - [`frame`]: frames, and a socket's bytes cut into them.
//! - [`method`]: the few methods that are needed.
//! - [`connection`]: from the socket to an open channel, and queues.
//! - [`message`]: events as a sender publishes them, written beforehand.
//! - [`confirms`]: which of the messages under way are confirmed.
//! - [`publish`], [`consume`]: the two loads.
//! - [`octets`]: one message of any octets.

mod confirms;
mod connection;
mod consume;
mod frame;
mod message;
mod method;
mod octets;
mod publish;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use connection::{Address, Connection, arguments_of};
pub(crate) use consume::{Consumed, Consumer};
pub(crate) use message::Target;
pub(crate) use octets::{Octets, Unreadable};
pub(crate) use publish::Publisher;
pub(crate) use wire::Field;
