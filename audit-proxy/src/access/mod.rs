//! Who may do what: people with accounts, and programs with tokens.
//!
//! - here: roles, names and passwords. Pure.
//! - `secret`: tokens, and what is kept of them.
//! - `attempts`: how often a password may be tried. Pure.
//! - `passwords`: hashing, a few at a time.
//! - `door`: the first account, and the end of what has expired.

mod attempts;
mod door;
mod passwords;
mod secret;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use door::Door;
pub(crate) use passwords::{Checked, Passwords, Unchecked};
pub use secret::{Digest, Secret};

/// Longest name of an account, in characters.
const MAX_NAME: usize = 64;

/// Shortest password, in characters: with the attempts that `attempts` leaves, a
/// random one of this length is not found by trying.
pub const MIN_PASSWORD: usize = 12;

/// Longest password, in characters.
pub const MAX_PASSWORD: usize = 128;

/// The password that the first account of every laboratory once had. Everybody knows it:
/// it opens nothing, and cannot be chosen.
const KNOWN: &str = "admin-auditoria";

/// What people choose first where twelve characters are asked for (and may repeat, or end with
/// digits): whoever guesses begins with these.
const COMMON: [&str; 18] = [
    "123",
    "1234567890",
    "0123456789",
    "9876543210",
    "1q2w3e4r5t6y",
    "abc123",
    "abcdefghijkl",
    "admin",
    "administrador",
    "administrator",
    "auditoria",
    "contraseña",
    "contrasena",
    "iloveyou",
    "password",
    "qwerty",
    "qwertyuiop",
    "relevo",
];

/// What an account may do; each may do what those before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
pub enum Role {
    /// Looks.
    #[serde(rename = "lector")]
    Reader,
    /// Sends again.
    #[serde(rename = "operador")]
    Operator,
    /// Keeps systems and accounts.
    #[serde(rename = "administrador")]
    Administrator,
}

impl Role {
    /// All of them, from the weakest.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Operator, Self::Administrator];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "lector",
            Self::Operator => "operador",
            Self::Administrator => "administrador",
        }
    }

    /// The role that a word is for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// An account's name; of a program `token:` and its token's name, which no
    /// account can have.
    pub name: String,
    /// What it may do now.
    pub role: Role,
}

/// The name of an account, or of a program's token: 1 to 64 of `a` to `z`, digits, `_`,
/// `-` and `.`. Without capitals, so that no two look alike.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountName(String);

impl AccountName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
        };
        let fits = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_allowed);
        if fits { Ok(Self(text)) } else { Err(InvalidName) }
    }
}

impl FromStr for AccountName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "el nombre de una cuenta admite de 1 a {MAX_NAME} caracteres: minúsculas sin acento, \
     dígitos, «_», «-» y «.»"
)]
pub struct InvalidName;

/// A password that is long enough to be one. It is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

impl Password {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether it can be the password of `name`.
    ///
    /// # Errors
    /// It is the name itself.
    pub(crate) fn suits(&self, name: &AccountName) -> Result<(), InvalidPassword> {
        let is_name = repeats(&self.0.to_lowercase(), name.as_str());
        if is_name { Err(InvalidPassword::Name) } else { Ok(()) }
    }
}

fn is_common(text: &str) -> bool {
    let is_one_character = text.chars().zip(text.chars().skip(1)).all(|(one, next)| one == next);
    is_one_character || COMMON.iter().any(|common| repeats(text, common))
}

/// Whether a text is a word of three characters or more over and over, as it is or with
/// digits and signs behind it.
fn repeats(text: &str, word: &str) -> bool {
    let is = |text: &str| {
        let length = text.chars().count();
        let cycle = text.chars().zip(word.chars().cycle());
        length >= word.chars().count().max(3) && cycle.into_iter().all(|(one, other)| one == other)
    };
    is(text) || is(text.trim_end_matches(|last: char| !last.is_alphabetic()))
}

impl TryFrom<String> for Password {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (MIN_PASSWORD..=MAX_PASSWORD).contains(&text.chars().count());
        let lower = text.to_lowercase();
        match text.as_str() {
            KNOWN => Err(InvalidPassword::Known),
            _ if !fits => Err(InvalidPassword::Length),
            _ if is_common(&lower) => Err(InvalidPassword::Known),
            _ => Ok(Self(text)),
        }
    }
}

impl FromStr for Password {
    type Err = InvalidPassword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a text is no password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidPassword {
    /// Too short or too long.
    #[error("una clave tiene de {MIN_PASSWORD} a {MAX_PASSWORD} caracteres")]
    Length,
    /// It was once the password of every laboratory, or is what everybody tries first.
    #[error("esa clave la conoce cualquiera")]
    Known,
    /// It is the name of its account.
    #[error("la clave no puede ser el nombre de la cuenta")]
    Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_what_the_weaker_ones_may() {
        assert!(Role::ALL.is_sorted_by(|a, b| a < b));
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.as_str()), Some(role));
            assert_eq!(serde_json::json!(role), role.as_str());
        }
        assert_eq!(Role::from_word("Administrador"), None);
    }

    #[test]
    fn a_name_has_nothing_that_could_be_taken_for_something_else() {
        for good in ["a", "ana.gil-2_x", &"z".repeat(MAX_NAME)] {
            assert_eq!(good.parse::<AccountName>().expect(good).as_str(), good);
        }
        for bad in ["", "Ana", "token:a", "a b", "ñ", "a\n", &"z".repeat(MAX_NAME + 1)] {
            assert_eq!(bad.parse::<AccountName>(), Err(InvalidName), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_counted_in_characters_and_never_shown() {
        let password: Password = "ñ¿".repeat(MIN_PASSWORD / 2).parse().expect("long enough");
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert!("ñ¿".repeat(MAX_PASSWORD / 2).parse::<Password>().is_ok());
        for bad in ["", "once letras", &"x".repeat(MAX_PASSWORD + 1)] {
            let error = bad.parse::<Password>().expect_err(bad);
            assert_eq!(error.to_string(), "una clave tiene de 12 a 128 caracteres");
        }
        for known in [
            KNOWN,
            "AAAAAAAAAAAA",
            "123456789012",
            "Password1234!",
            "contraseña 2026",
            "adminadmin12",
        ] {
            assert_eq!(known.parse::<Password>(), Err(InvalidPassword::Known), "{known}");
        }
        for good in ["739204817263", "a739204817263", "mi clave admin", "administrador de redes"] {
            assert!(good.parse::<Password>().is_ok(), "{good}");
        }
        let (name, password) = ("ana.lopez_de_la_o", "Ana.Lopez_de_la_o7");
        let password: Password = password.parse().expect("long enough");
        assert_eq!(password.suits(&name.parse().expect("a name")), Err(InvalidPassword::Name));
        assert_eq!(password.suits(&"ana".parse().expect("a name")), Ok(()));
    }
}
