//! The audit proxy as it is measured: two systems that one message after the other
//! goes between, and what would carry them without an audit.
//!
//! - [`link`]: a publisher of the services' own kind.
//! - [`systems`]: who publishes, what, and to whom.
//! - [`mailbox`]: what has arrived, as the broker counts it.
//! - [`forwarder`]: what takes the proxy's place and keeps nothing.
//! - [`arrivals`]: when a message arrives.
//! - [`disk`]: the size of its database.
//! - [`search`]: questions to the audit.

mod arrivals;
pub(crate) mod disk;
mod forwarder;
mod link;
mod mailbox;
mod search;
mod systems;

pub(crate) use arrivals::{Arrivals, Way};
pub(crate) use forwarder::Forwarder;
pub(crate) use mailbox::Growth;
pub(crate) use search::FIELDS;
pub(crate) use systems::Systems;
