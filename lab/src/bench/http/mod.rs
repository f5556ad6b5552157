//! A load over HTTP that costs little: requests that are ready before they are
//! sent, over plain sockets, and of an answer no more is read than its status
//! and its length. One thread for all connections, so that on a small machine
//! most of the time is left to what is measured.
//!
//! `cargo lab load` knows each event's id and fate; this one knows only how many
//! were confirmed, and how long each took.
//!
//! - [`request`]: bytes to send.
//! - [`answer`]: the head of an answer.
//! - [`exchange`]: one connection: request, answer.
//! - [`load`]: so many of them, each waiting for its answers.

mod answer;
mod exchange;
mod load;
mod request;

pub(crate) use load::{Load, Spec};
pub(crate) use request::Request;
