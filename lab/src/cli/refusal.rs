//! What is wrong with a command line, in the class's language.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;

/// Says so and ends the process; help is no error.
pub(super) fn exit(error: &Error) -> ! {
    match sentence(error) {
        Some(sentence) => {
            eprintln!(
                "cargo lab: {sentence}\nPara ver lo que se puede escribir: cargo lab [ORDEN] --help"
            );
            std::process::exit(error.exit_code());
        }
        None => error.exit(),
    }
}

/// None for help, and for the rest that has no words here.
fn sentence(error: &Error) -> Option<String> {
    let one = |kind| shown(error, kind);
    let told = match error.kind() {
        ErrorKind::UnknownArgument => format!("no se entiende {}", one(ContextKind::InvalidArg)?),
        ErrorKind::InvalidSubcommand => {
            format!("no hay una orden {}", one(ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::MissingRequiredArgument => format!("falta {}", one(ContextKind::InvalidArg)?),
        ErrorKind::MissingSubcommand => "falta la orden".to_owned(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => bad_value(error)?,
        ErrorKind::ArgumentConflict => match one(ContextKind::PriorArg) {
            Some(other) => format!("{} no va con {other}", one(ContextKind::InvalidArg)?),
            None => format!("{} no va con los demás", one(ContextKind::InvalidArg)?),
        },
        ErrorKind::TooManyValues | ErrorKind::NoEquals | ErrorKind::WrongNumberOfValues => {
            format!("{} no lleva esos valores", one(ContextKind::InvalidArg)?)
        }
        ErrorKind::InvalidUtf8 => "un argumento no es UTF-8".to_owned(),
        _ => return None,
    };
    let meant = one(ContextKind::SuggestedArg).or_else(|| one(ContextKind::SuggestedSubcommand));
    Some(meant.map_or_else(|| told.clone(), |meant| format!("{told}; ¿quiso decir {meant}?")))
}

/// Of an argument, or of one that has none.
fn bad_value(error: &Error) -> Option<String> {
    let arg = shown(error, ContextKind::InvalidArg)?;
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if !value.is_empty() => value,
        _ => return Some(format!("falta el valor de {arg}")),
    };
    let told = format!("«{value}» no vale para {arg}");
    if let Some(valid) = shown(error, ContextKind::ValidValue) {
        return Some(format!("{told}; puede ser {valid}"));
    }
    // Of clap's own ranges the two ends, of ours the whole sentence.
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let range = cause.rsplit_once(" is not in ").and_then(|(_, range)| range.split_once("..="));
    Some(match range {
        Some((least, most)) => format!("{told}: debe estar entre {least} y {most}"),
        None if cause.starts_with("debe ") => format!("{told}: {cause}"),
        None => format!("{told}: debe ser un número"),
    })
}

fn shown(error: &Error, kind: ContextKind) -> Option<String> {
    let all = match error.get(kind)? {
        ContextValue::String(one) => std::slice::from_ref(one),
        ContextValue::Strings(all) => all,
        _ => return None,
    };
    let all: Vec<String> = all.iter().map(|one| format!("«{one}»")).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::sentence;
    use clap::ArgMatches;

    fn parsed(line: &str) -> Result<ArgMatches, clap::Error> {
        command().try_get_matches_from(["cargo lab"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn what_is_wrong_is_told_in_spanish_and_by_name() {
        for (line, told) in [
            ("up --detahc", "no se entiende «--detahc»; ¿quiso decir «--detach»?"),
            ("status x", "no se entiende «x»"),
            ("staus", "no hay una orden «staus»; ¿quiso decir «start», «status»?"),
            ("stop", "falta «<SERVICIO>»"),
            ("load --events", "falta el valor de «--events <N>»"),
            ("load --events 0", "«0» no vale para «--events <N>»: debe estar entre 1 y 10000000"),
            ("load --events mil", "«mil» no vale para «--events <N>»: debe ser un número"),
            ("logs -n x", "«x» no vale para «--lines <N>»: debe ser un número"),
            (
                "load --through a",
                "«a» no vale para «--through <CAMINO>»; puede ser «direct», «traefik»",
            ),
            (
                "load --rate 0",
                "«0» no vale para «--rate <N>»: debe ser un número entre 0.1 y 100000",
            ),
            ("bench --full --quick", "«--full» no va con «--quick»"),
            ("bench --plot-from x", "falta «--plots <CARPETA>»"),
            ("up --detach=x", "«--detach» no lleva esos valores"),
            ("up --detach --detach", "«--detach» no va con «--detach»"),
        ] {
            assert_eq!(sentence(&parsed(line).unwrap_err()).as_deref(), Some(told), "{line}");
        }
    }

    #[test]
    fn help_is_no_error() {
        for line in ["", "--help", "up --help", "dead"] {
            assert_eq!(sentence(&parsed(line).unwrap_err()), None, "{line}");
        }
    }
}
