//! Configuration from `.env` and the environment, by way of clap: the doc
//! comment of a field is its help. Every bad value is reported, not just the
//! first, by the name of its variable; what a secret holds is never shown.

use std::{error::Error, ffi::OsString, fmt::Write, process::ExitCode};

use clap::{
    Arg, Command, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
    value_parser,
};

use crate::{entry::EXIT_USAGE, healthcheck};

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// `--help`, `--version`, or an unknown argument: clap's own words.
    Usage(clap::Error),
    /// One line for each bad or missing variable.
    Invalid(Vec<String>),
    /// `.env` is there but cannot be read; which line of it.
    Dotenv(String),
}

impl ConfigError {
    /// Prints what is wrong; 0 for `--help` and `--version`, else 64.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Usage(error) => {
                // Nothing is left to tell where the terminal itself is gone.
                let _ = error.print();
                if !error.use_stderr() {
                    return ExitCode::SUCCESS;
                }
            }
            Self::Invalid(lines) => eprintln!("{}", lines.join("\n")),
            Self::Dotenv(place) => eprintln!(".env: {place}"),
        }
        ExitCode::from(EXIT_USAGE)
    }
}

/// What is wrong with `.env`, without anything that it says: it may be a secret, and what
/// dotenvy shows of a line may begin in the middle of one.
fn without_values(error: &dotenvy::Error) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().find_map(|folder| std::fs::read(folder.join(".env")).ok());
    match found.as_deref().and_then(bad_line) {
        Some(number) => format!(
            "line {number} cannot be read: save the file as UTF-8, and put a value with spaces, \
             quotes or $ between single quotes"
        ),
        None => match error {
            dotenvy::Error::LineParse(..) => "a line cannot be read".to_owned(),
            other => other.to_string(),
        },
    }
}

/// The number, from 1, of the first line up to which it cannot be read.
fn bad_line(octets: &[u8]) -> Option<usize> {
    let lines: Vec<&[u8]> = octets.split_inclusive(|octet| *octet == b'\n').collect();
    let is_bad = |count: &usize| {
        let text = lines[..*count].concat();
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
        dotenvy::from_read_iter(text).any(|item| item.is_err())
    };
    (1..=lines.len()).find(is_bad)
}

/// Reads `.env` (of this folder or one above; the environment wins), the
/// environment and `arguments`, the program's name first.
///
/// # Errors
/// All bad values at once, or clap's own message for `--help` and unknown
/// arguments.
pub fn load<C: Parser>(arguments: &[OsString]) -> Result<C, ConfigError> {
    match dotenvy::dotenv() {
        Err(error) if !error.not_found() => {
            return Err(ConfigError::Dotenv(without_values(&error)));
        }
        _ => {}
    }
    parse(arguments)
}

/// The same without `.env`.
///
/// # Errors
/// As [`load`].
pub fn parse<C: Parser>(arguments: &[OsString]) -> Result<C, ConfigError> {
    let mut command = C::command().after_help(healthcheck::HELP);
    let mut complaints = Vec::new();
    // clap stops at the first bad value: take that argument out of play, and
    // ask again until it finds no other.
    loop {
        let error = match command.clone().try_get_matches_from(arguments) {
            Ok(matches) if complaints.is_empty() => {
                return C::from_arg_matches(&matches).map_err(ConfigError::Usage);
            }
            Ok(_) => return Err(ConfigError::Invalid(complaints)),
            Err(error) => error,
        };
        let ids = offenders(&command, &error);
        if ids.is_empty() {
            return Err(ConfigError::Usage(error));
        }
        for id in ids {
            complaints.push(complaint(&command, &id, &error));
            command = command
                .mut_arg(&id, |arg| arg.required(false).value_parser(value_parser!(OsString)));
        }
    }
}

/// Ids of the arguments with a variable that `error` is about.
fn offenders(command: &Command, error: &clap::Error) -> Vec<String> {
    let shown = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::ValueValidation | ErrorKind::InvalidValue, Some(ContextValue::String(one))) => {
            vec![one.clone()]
        }
        (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(all))) => all.clone(),
        _ => return Vec::new(),
    };
    command
        .get_arguments()
        .filter(|arg| arg.get_env().is_some() && shown.iter().any(|text| shows(text, arg)))
        .map(|arg| arg.get_id().to_string())
        .collect()
}

/// Whether `text`, such as `--port <PORT>`, is clap's way to show `arg`.
fn shows(text: &str, arg: &Arg) -> bool {
    let flag = text.split_whitespace().next().and_then(|flag| flag.strip_prefix("--"));
    flag.is_some() && flag == arg.get_long()
}

fn complaint(command: &Command, id: &str, error: &clap::Error) -> String {
    let arg = command.get_arguments().find(|arg| arg.get_id() == id);
    let mut line = arg
        .and_then(Arg::get_env)
        .map_or_else(|| id.to_owned(), |variable| variable.to_string_lossy().into_owned());
    let secret = arg.is_some_and(Arg::is_hide_env_values_set);
    match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if !secret && !value.is_empty() => {
            // Writing to a String cannot fail.
            let _ = write!(line, "={value}");
        }
        None => line.push_str(": not set"),
        _ => {}
    }
    if let Some(cause) = error.source() {
        let _ = write!(line, ": {cause}");
    }
    line
}

/// A value of the configuration that is on or off; what is empty is off, as in
/// `.env`.
///
/// # Errors
/// When it is neither.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" => Ok(true),
        "" | "0" | "false" => Ok(false),
        _ => Err("must be 1, true, 0 or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser, Debug)]
    struct Example {
        /// A port.
        #[arg(long, env = "KIT_TEST_PORT")]
        port: u16,
        /// A password.
        #[arg(long, env = "KIT_TEST_SECRET", hide_env_values = true, value_parser = secret)]
        secret: String,
        /// Something that must be there.
        #[arg(long, env = "KIT_TEST_MISSING")]
        missing: String,
    }

    fn secret(text: &str) -> Result<String, String> {
        if text.starts_with("ok") {
            Ok(text.to_owned())
        } else {
            Err("must start with ok".to_owned())
        }
    }

    fn arguments(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn every_bad_value_is_reported_by_its_variable_and_secrets_are_not_shown() {
        let given = arguments(&["x", "--port", "99999", "--secret", "hunter2"]);
        let lines = match parse::<Example>(&given) {
            Err(ConfigError::Invalid(lines)) => lines,
            other => panic!("bad values must be refused: {other:?}"),
        };
        let text = lines.join("\n");
        assert_eq!(lines.len(), 3, "{text}");
        assert!(text.contains("KIT_TEST_PORT=99999: "), "{text}");
        assert!(text.contains("KIT_TEST_SECRET: must start with ok"), "{text}");
        assert!(text.contains("KIT_TEST_MISSING: not set"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_line_of_dotenv_that_cannot_be_read_is_named_by_its_number() {
        for bad in ["SECRET=hunter 2", "SECRET='hunter", "hunter", "SECRET=\\hunter"] {
            let text = format!("\u{feff}# SECRET=hunter 2\r\nA=1\r\n{bad}\r\nB=2\r\n");
            assert_eq!(bad_line(text.as_bytes()), Some(3), "{bad}");
        }
        assert_eq!(bad_line(b"A=1\n# contrase\xf1a\n"), Some(2));
        assert_eq!(bad_line("\u{feff}A=1\r\nB='a # $b'  \r\n".as_bytes()), None);
    }

    #[test]
    fn nothing_that_a_broken_line_says_is_shown() {
        let broken = dotenvy::Error::LineParse("hunter 2".to_owned(), 7);
        assert!(!without_values(&broken).contains("hunter"));
    }

    #[test]
    fn good_values_are_taken() {
        let given = arguments(&["x", "--port", "80", "--secret", "ok!", "--missing", "m"]);
        let example = parse::<Example>(&given).expect("good values");
        assert_eq!((example.port, example.secret.as_str()), (80, "ok!"));
        assert_eq!(example.missing, "m");
    }
}
