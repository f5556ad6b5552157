//! `cargo lab`: runs the whole laboratory on one machine, without containers; and
//! looks after one in containers.
//!
//! - [`cli`]: what can be typed.
//! - [`commands`]: one module per command.
//! - [`part`]: the parts of the stack, their names and order.
//! - [`settings`], [`layout`], [`plan`]: what is configured, where it lies on
//!   disk, and what one `up` decided.
//! - [`tools`]: what has to be installed or built first.
//! - [`parts`]: how each part is started, and when it is ready.
//! - [`images`]: stand-ins for the official container images.
//! - [`compose`]: the laboratory in containers.
//! - [`running`]: where a laboratory is reached, whichever of the two.
//! - [`load`]: sends events, and judges what became of them.
//! - [`prove`]: breaks a laboratory of its own, under load.
//! - [`mod@bench`]: measures a laboratory of its own.
//! - [`scratch`]: laboratories for one run.
//! - [`supervisor`]: starts, watches, restarts and stops the parts.
//! - [`process`], [`record`], [`lock`]: processes and what is known of them.
//! - [`first_password`]: who may look at the audit at first.
//! - [`ports`], [`holders`]: which ports are taken, and by whom.
//! - [`limits`]: how much the parts may open.
//! - [`signals`], [`ui`], [`failure`]: the terminal's side.

#![cfg_attr(
    not(feature = "apparatus"),
    allow(dead_code, reason = "the apparatus uses more of what the laboratory is made of")
)]

#[cfg(feature = "apparatus")]
mod bench;
mod cli;
mod commands;
mod compose;
mod failure;
mod first_password;
mod holders;
#[cfg(feature = "apparatus")]
mod images;
mod layout;
mod limits;
#[cfg(feature = "apparatus")]
mod load;
mod lock;
mod part;
mod parts;
mod plan;
mod ports;
mod process;
#[cfg(feature = "apparatus")]
mod prove;
mod record;
mod running;
#[cfg(feature = "apparatus")]
mod scratch;
mod settings;
mod signals;
mod supervisor;
mod tools;
mod ui;

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match commands::run(cli::parse()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => failure::report(&error),
    }
}
