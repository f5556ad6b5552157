//! How a command ends when it does not succeed: exit codes and one message.

use crate::layout::Layout;
use crate::record::unwatched;
use std::fmt;
use std::process::ExitCode;

/// Wrong configuration or an unknown name (`EX_USAGE` of sysexits.h).
pub(crate) const USAGE: u8 = 64;
/// The broker's queues differ from the service's own (`EX_CONFIG`).
pub(crate) const CONFLICT: u8 = 78;
/// The laboratory is not up (as `systemctl status` answers).
pub(crate) const NOT_UP: u8 = 3;
/// Ended by Ctrl-C, as shells report it.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error that carries its own exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Any other end that has a code of its own.
    pub(crate) fn with_code(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The user typed or configured something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::with_code(USAGE, message)
    }

    /// The command needs a laboratory that is up, and that somebody supervises.
    pub(crate) fn not_up(layout: &Layout) -> Self {
        let advice = "el laboratorio no está en marcha; se inicia con: cargo lab up";
        match unwatched(layout) {
            Some(told) => Self::with_code(1, told),
            None => Self::with_code(NOT_UP, advice),
        }
    }

    /// The command needs a laboratory in containers that is up.
    pub(crate) fn not_up_in_containers() -> Self {
        Self::with_code(
            NOT_UP,
            "el laboratorio en contenedores no está en marcha; se inicia con:\n  \
             docker compose up --build",
        )
    }

    /// The user asked a command to stop that had started nothing.
    pub(crate) fn interrupted_command() -> Self {
        Self::with_code(INTERRUPTED, "interrumpido")
    }

    /// The user asked to stop.
    pub(crate) fn interrupted() -> Self {
        Self::with_code(INTERRUPTED, "interrumpido; no queda nada en marcha")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Prints the whole chain of an error, once, and says how to exit.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("cargo lab: {error:#}");
    ExitCode::from(code_of(error))
}

fn code_of(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Failure>().map_or(1, |failure| failure.code)
}

#[cfg(test)]
mod tests {
    use super::{Failure, USAGE, code_of};
    use anyhow::Context;

    #[test]
    fn the_exit_code_survives_added_context() {
        let error = Err::<(), _>(Failure::usage("no")).context("al leer .env").unwrap_err();
        assert_eq!(code_of(&error), USAGE);
    }

    #[test]
    fn any_other_error_is_1() {
        assert_eq!(code_of(&anyhow::anyhow!("algo")), 1);
    }
}
