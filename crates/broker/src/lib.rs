//! The only crate that knows lapin: connections that come back by themselves,
//! a publisher whose every message ends in exactly one [`Outcome`], and a
//! consumer that acknowledges only what its handler has stored.
//!
//! - [`AmqpUrl`]: where the broker is; its password is never printed.
//! - [`Properties`]: what a message says of itself, octet for octet.
//! - [`LinkStatus`]: whether the connection can be used now, and why not.
//! - [`Topology`]: exchanges, queues and bindings, declared at every connection.
//! - [`Publisher`]: confirmed, mandatory, persistent.
//! - [`consume`]: batches; commit first, then one `ack(multiple)`.
//! - [`ConsumerFaults`]: what a class switches on to see a consumer fail.
//! - [`Leftovers`]: queues of an earlier topology that there still are.
//! - [`DeadLetters`]: what was rejected, for a person to look at and decide on.
//!
//! lapin's own recovery stays off: under load it did not always come back. A
//! broken connection is dropped and built anew, at most a second after the
//! last attempt.

mod consumer;
mod content_header;
mod dead_letters;
mod fault;
mod handler;
mod leftovers;
mod link;
mod message;
mod mistake;
mod properties;
mod publisher;
mod room;
mod subscription;
mod topology;
mod unsettled;
mod url;

pub use consumer::consume;
pub use dead_letters::{DeadLetter, DeadLetters, DeadLettersError, Death, Retried, Taken};
pub use fault::{ConsumerFault, ConsumerFaults, Crash};
pub use handler::{Handler, HandlerError, Verdict, Verdicts};
pub use leftovers::Leftovers;
pub use link::{LinkStatus, NotUsable};
pub use message::{Incoming, JSON, Outgoing, Relayed, TRACEPARENT};
pub use mistake::Mistake;
pub use properties::{InvalidProperties, Properties, Unreadable};
pub use publisher::{Handed, NotSent, Outcome, Publisher, PublisherTask, publisher, together};
pub use room::PREFETCH;
pub use subscription::Subscription;
pub use topology::{
    Binding, Destination, Exchange, ExchangeKind, Overflow, Queue, Topology, TopologyMismatch,
};
pub use url::AmqpUrl;
