//! RabbitMQ's management API over HTTP, as far as services need it: what a queue
//! holds and who reads it, what is declared, and users that are made, permitted and
//! removed. What is asked for is known to RabbitMQ 3.10 to 4.3.
//!
//! - [`ManagementUrl`], [`VirtualHost`]: where the API is, and what it is asked
//!   about; the password is never printed.
//! - [`Management`]: asks, and tells what to do.
//! - [`Queue`]: why something has not been processed yet.
//! - [`Exchange`], [`Arguments`]: what is declared.
//! - [`User`], [`Password`], [`PasswordHash`], [`Rights`], [`Limits`]: who may come in, and do
//!   what.
//! - [`Error`]: what was attempted, on what, and why it failed.
//!
//! It is a neighbour, on this machine or its network: every request has
//! [`DEADLINE`], no proxy of the environment lies in between, and passwords are
//! sent as RabbitMQ wants them, in the clear.

mod client;
mod declare;
mod error;
mod password;
mod queue;
mod url;
mod users;

pub use client::{DEADLINE, MAX_BODY, Management};
pub use declare::{Arguments, Exchange};
pub use error::{Error, Reason};
pub use password::{Password, PasswordHash};
pub use queue::{Numbers, Queue};
pub use url::{ManagementUrl, VirtualHost};
pub use users::{Limits, Rights, User};
