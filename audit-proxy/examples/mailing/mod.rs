//! What a system needs to exchange messages with others by way of the audit proxy, and
//! to lose none: the pilot's two systems share it, and so may one of your own.
//!
//! - [`account`]: who it is at the broker.
//! - [`agreement`]: what the two systems tell each other.
//! - [`letter`]: a message on its way out.
//! - [`received`]: a message that came, and what is told of it.
//! - [`store`]: what came and what is still to go, in the system's own database.
//! - [`courier`]: from there to the broker.
//! - [`mailbox`]: from the system's queue into its database.
//! - [`service`]: all of that running, with a page.
//! - [`page`]: what the pages share.

pub(crate) mod account;
pub(crate) mod agreement;
pub(crate) mod courier;
pub(crate) mod letter;
pub(crate) mod mailbox;
pub(crate) mod page;
pub(crate) mod received;
pub(crate) mod service;
pub(crate) mod store;
