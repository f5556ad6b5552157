//! `.env` as people save it, on whichever system: what cannot be read is named by its line
//! and its variable, and not repeated, as it may be a password.

use crate::failure::Failure;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::Path;

/// Some editors begin a file with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

type Variables = HashMap<String, String>;

/// The variables of a `.env` file; none if there is no such file.
pub(super) fn read(path: &Path) -> Result<Variables> {
    if !path.exists() {
        return Ok(HashMap::new());
    }
    let octets = fs::read(path).context("no se pudo leer .env")?;
    Ok(parse(octets.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&octets))?)
}

fn parse(octets: &[u8]) -> Result<Variables, Failure> {
    let lines: Vec<&[u8]> = octets.split_inclusive(|octet| *octet == b'\n').collect();
    let is_foreign = |line: &&[u8]| str::from_utf8(line).is_err();
    if let Some(index) = lines.iter().position(is_foreign) {
        return Err(bad(&lines, index, "no es UTF-8; guarde el archivo como UTF-8"));
    }
    let form = "no tiene la forma VARIABLE=valor (un valor con espacios, # o $ va entre comillas \
                simples)";
    let Some(variables) = variables(octets) else {
        // The first line up to which it cannot be read is the one that cannot.
        let is_bad = |count: &usize| variables(&lines[..*count].concat()).is_none();
        let count = (1..lines.len()).find(is_bad).unwrap_or(lines.len());
        return Err(bad(&lines, count - 1, form));
    };
    let loses_text = |line: &&[u8]| mentions_nothing(&String::from_utf8_lossy(line), &variables);
    match lines.iter().position(loses_text) {
        Some(index) => Err(bad(&lines, index, "tiene un $ que no va entre comillas simples")),
        None => Ok(variables),
    }
}

fn variables(octets: &[u8]) -> Option<Variables> {
    dotenvy::from_read_iter(octets).collect::<Result<_, _>>().ok()
}

/// Whether a line has a `$` that stands for a variable, and there is none: its value would
/// be cut there without a word.
fn mentions_nothing(line: &str, variables: &Variables) -> bool {
    if line.trim_start().starts_with('#') {
        return false;
    }
    let outside: String = line.split('\'').step_by(2).collect();
    let outside = outside.split(" #").next().unwrap_or_default().replace("\\$", "");
    outside.split('$').skip(1).any(|rest| {
        let name: String = rest
            .trim_start_matches('{')
            .chars()
            .take_while(|letter| is_of_a_name(*letter))
            .collect();
        !variables.contains_key(&name) && env::var_os(&name).is_none()
    })
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn bad(lines: &[&[u8]], index: usize, what: &str) -> Failure {
    let line = String::from_utf8_lossy(lines[index]);
    let name =
        line.trim_start().trim_start_matches("export ").split('=').next().unwrap_or_default();
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(is_of_a_name) && line.contains('=');
    let shown = if is_name { format!(" ({name})") } else { String::new() };
    Failure::usage(format!(".env: la línea {}{shown} {what}", index + 1))
}

#[cfg(test)]
mod tests {
    use super::{parse, read};
    use std::io::Write;

    fn told(octets: &[u8]) -> String {
        parse(octets).unwrap_err().to_string()
    }

    #[test]
    fn a_file_as_windows_saves_it_says_the_same() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text =
            "\u{feff}HTTP_PORT=81\r\nexport SENDER_PASSWORD='a b'  \r\n\r\n# ñ $ \r\nX=ñ \t\r\n";
        file.write_all(text.as_bytes()).unwrap();
        let found = read(file.path()).unwrap();
        let pairs = [("HTTP_PORT", "81"), ("SENDER_PASSWORD", "a b"), ("X", "ñ")];
        assert_eq!(found.len(), pairs.len());
        for (name, value) in pairs {
            assert_eq!(found[name], value, "{name}");
        }
    }

    #[test]
    fn a_value_between_single_quotes_holds_anything_else() {
        let all = r#"a$b #c "d" @/:%\ñ ${X} =e"#;
        assert_eq!(parse(format!("P='{all}'\n").as_bytes()).unwrap()["P"], all);
        for (written, value) in [
            ("a#b@/:%=", "a#b@/:%="),
            (r#""it's""#, "it's"),
            (r"a\$b", "a$b"),
            ("a # comment with $nothing", "a"),
        ] {
            assert_eq!(parse(format!("P={written}").as_bytes()).unwrap()["P"], value, "{written}");
        }
        let mentioned = parse(b"A=x\nB=${A}y$A\n").unwrap();
        assert_eq!(mentioned["B"], "xyx");
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line_and_variable_and_not_repeated() {
        for (bad, place) in [
            ("S=top secret", "la línea 3 (S) "),
            ("S='top secret", "la línea 3 (S) "),
            ("S=top$ecret", "la línea 3 (S) "),
            ("S=\"top$ecret\"", "la línea 3 (S) "),
            ("export S=top\\secret", "la línea 3 (S) "),
            ("top secret", "la línea 3 "),
            ("S", "la línea 3 "),
            ("1S=secret", "la línea 3 "),
        ] {
            let text = format!("# S=top secret: $ # '\r\nA=1\r\n{bad}\r\nB=2\r\n");
            let told = told(text.as_bytes());
            assert!(told.contains(place), "{bad}: {told}");
            assert!(!told.contains("ecret"), "{told}");
        }
        let told = told(b"A=1\n# \xf1\nS=contrase\xf1a\n");
        assert!(told.contains("la línea 2 no es UTF-8"), "{told}");
    }

    #[test]
    fn an_octet_of_another_encoding_is_named_with_its_variable() {
        assert!(told(b"A=1\nS=contrase\xf1a\n").contains("la línea 2 (S) no es UTF-8"));
    }
}
