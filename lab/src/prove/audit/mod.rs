//! The audit proxy is broken while systems exchange messages, and what was confirmed to
//! who published is compared with the copies and with what the destination has.
//!
//! - [`api`]: the proxy, as its administrator asks it.
//! - [`systems`]: two systems, and how they publish and take.
//! - [`flow`]: messages without pause, and the comparison.
//! - [`mod@killed`], [`mod@notices`], [`mod@without_database`], [`mod@without_mailbox`],
//!   [`mod@ways_round`], [`mod@poison`], [`node`]: the faults.

mod api;
mod flow;
mod killed;
mod node;
mod notices;
mod poison;
mod systems;
mod ways_round;
mod without_database;
mod without_mailbox;

pub(super) use killed::{killed, killed_with_a_batch};
pub(super) use node::node_killed;
pub(super) use notices::notices;
pub(super) use poison::poison;
pub(super) use ways_round::ways_round;
pub(super) use without_database::{database_killed, full_disk, without_database};
pub(super) use without_mailbox::without_mailbox;
