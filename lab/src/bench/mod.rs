//! `cargo lab bench`: what the laboratory costs, beside what the broker alone can do.
#![allow(dead_code, reason = "in the making")]

pub(crate) mod figures;
pub(crate) mod flow;
pub(crate) mod http;
pub(crate) mod processes;
pub(crate) mod raw;
pub(crate) mod target;
