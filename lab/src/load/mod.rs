//! A bounded load, and what became of each of its events.
//!
//! - [`identity`]: ids that are known before anything is sent.
//! - [`run`]: sends, measures, remembers.
//! - [`answer`]: what an answer says of an event.
//! - [`latency`]: how long it took.
//! - [`ledger`]: what analytics has counted.
//! - [`mod@check`]: the verdict.

pub(crate) mod answer;
pub(crate) mod check;
mod identity;
pub(crate) mod latency;
pub(crate) mod ledger;
mod run;

pub(crate) use answer::Fate;
pub(crate) use check::{Verdict, check};
pub(crate) use ledger::{Before, Ledger};
pub(crate) use run::{History, Load, Pace, Spec};
