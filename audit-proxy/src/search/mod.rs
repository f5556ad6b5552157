//! What is asked of the messages that are kept. Pure.
//!
//! - [`parameters`]: what a caller gave, each value read or named as wrong.
//! - [`filter`]: which messages are meant.
//! - [`page`]: in which order, how many at once, and after which one.
//! - [`allowance`]: how often text may be looked for.
//! - [`text`]: whether a payload has a text in it.

pub mod allowance;
pub mod filter;
pub mod page;
pub mod parameters;
pub mod text;

pub use filter::Filter;
pub use page::{Order, Page};
pub use parameters::{Fault, Parameters};
