//! What tests stand on: a vhost of their own on a real broker, a database of
//! their own on a real PostgreSQL, a line that can be cut, and waiting that is
//! bounded and never blind.
//!
//! The servers are started once per run by `cargo lab test`, which tells where
//! they are in `RELEVO_TEST_…` variables. Where one is missing a test fails:
//! it never skips.

mod any_message;
mod database;
pub mod raw;
mod rights;
mod session;
mod vhost;
mod wait;

pub use any_message::{AnyMessage, Published};
pub use cut_proxy::CutProxy;
pub use database::TestDatabase;
pub use raw::{RawProperties, RawPublisher};
pub use rights::{try_bind, try_bind_exchange, try_consume, try_declare, try_publish};
pub use session::Session;
pub use vhost::{QueueState, Vhost};
pub use wait::{PATIENCE, eventually, eventually_within};

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo lab test`"))
}
