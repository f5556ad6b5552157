//! What the end-to-end tests stand on: a whole laboratory with ports and a
//! folder of its own, of processes or of containers; a shell in which the
//! README's commands mean that laboratory; and a browser.

mod browser;
mod compose;
mod native;
mod ports;
mod readme;
mod stack;

pub use browser::Browser;
pub use compose::{Project, remains, remove_remains, run_name};
pub use readme::{Place, Step, steps};
pub use stack::{Output, Stack, repository};
