//! The short name of a dead message. Its own id will not do: poison may have
//! none, or that of another.

use crate::failure::Failure;
use broker::DeadLetter;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Hexadecimal digits of a key.
const LENGTH: usize = 8;

/// The key of a message: the same whenever it is looked at, also after a retry
/// that brought it back.
pub(super) fn key(letter: &DeadLetter) -> String {
    digest(letter).simple().to_string()[..LENGTH].to_owned()
}

/// Over everything that its publisher gave it, but for what a retry changes: it
/// makes every message persistent.
fn digest(letter: &DeadLetter) -> Uuid {
    let mut bytes = Vec::new();
    for (name, value) in letter.properties.iter().filter(|(name, _)| name != "delivery_mode") {
        // With its length, so that a value cannot pass for two.
        bytes.extend(format!("{name} {} {value}\n", value.len()).bytes());
    }
    bytes.extend(&letter.body);
    Uuid::new_v5(&Uuid::nil(), &bytes)
}

/// Whether `text` is the key or the message id of this one.
pub(super) fn is_named(letter: &DeadLetter, text: &str) -> bool {
    letter.id.as_deref() == Some(text) || key(letter).eq_ignore_ascii_case(text)
}

/// Checks that each of `keys` names one of the messages, or equal ones.
pub(super) fn check(keys: &[String], letters: &[DeadLetter]) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for text in keys {
        let named = || letters.iter().filter(|letter| is_named(letter, text));
        let different: BTreeSet<Uuid> = named().map(digest).collect();
        match different.len() {
            0 => problems.push(format!("«{text}» no es la clave de un mensaje muerto")),
            1 => {}
            _ => {
                let keys: BTreeSet<String> = named().map(key).collect();
                let keys: Vec<String> = keys.into_iter().collect();
                problems.push(format!("«{text}» nombra a varios: {}", keys.join(", ")));
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!("{}; las claves: cargo lab dead list", problems.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::{check, is_named, key};
    use broker::DeadLetter;

    fn letter(id: Option<&str>, body: &str) -> DeadLetter {
        DeadLetter::new(id, body.as_bytes().to_vec())
    }

    #[test]
    fn a_key_is_eight_digits_and_depends_on_id_properties_and_body() {
        let one = letter(Some("a"), "{}");
        assert_eq!(key(&one), key(&letter(Some("a"), "{}")));
        let mut typed = one.clone();
        typed.properties.push(("type".to_owned(), "otro.v1".to_owned()));
        let others = [letter(None, "{}"), letter(Some("b"), "{}"), letter(Some("a"), "[]"), typed];
        for other in others {
            assert_ne!(key(&one), key(&other), "{other:?}");
        }
        let key = key(&one);
        assert!(key.len() == 8 && key.bytes().all(|digit| digit.is_ascii_hexdigit()), "{key}");
    }

    #[test]
    fn neither_a_look_nor_a_retry_changes_the_key() {
        let mut seen = letter(Some("a"), "{}");
        seen.redelivered = true;
        seen.properties.push(("delivery_mode".to_owned(), "2".to_owned()));
        assert_eq!(key(&seen), key(&letter(Some("a"), "{}")));
    }

    #[test]
    fn a_message_is_named_by_its_key_and_by_its_whole_id() {
        let one = letter(Some("0195e2a0-1234-7000-8000-000000000000"), "{}");
        assert!(is_named(&one, &key(&one)) && is_named(&one, &key(&one).to_uppercase()));
        assert!(is_named(&one, "0195e2a0-1234-7000-8000-000000000000"));
        assert!(!is_named(&one, "0195e2a0") && !is_named(&one, ""));
    }

    #[test]
    fn an_unknown_key_is_named_and_so_is_an_id_of_several() {
        let letters = [letter(Some("a"), "1"), letter(Some("a"), "2"), letter(None, "3")];
        let third = key(&letters[2]);
        assert!(check(std::slice::from_ref(&third), &letters).is_ok());
        let error = check(&["a".to_owned(), third, "nada".to_owned()], &letters).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("«nada» no es") && error.contains("«a» nombra a varios"), "{error}");
        assert!(error.contains(&key(&letters[0])) && error.contains(&key(&letters[1])), "{error}");
    }

    #[test]
    fn equal_messages_share_a_key_that_names_them_all() {
        let letters = [letter(Some("a"), "1"), letter(Some("a"), "1")];
        assert!(check(&["a".to_owned()], &letters).is_ok());
    }
}
