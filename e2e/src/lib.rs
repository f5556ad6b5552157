//! What the end-to-end tests stand on: a whole laboratory with ports and a
//! folder of its own, a shell in which the README's commands mean that
//! laboratory, and a browser.

mod browser;
mod readme;
mod stack;

pub use browser::Browser;
pub use readme::{Step, steps};
pub use stack::{Output, Stack, repository};
