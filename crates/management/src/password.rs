//! Passwords, and what the broker keeps of them.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// A password, kept from being printed, and from being taken for a name.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// What is to be typed. RabbitMQ lets nobody in with an empty one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What the broker keeps of a password, in its own form: the Base64 of a salt of four
/// bytes and the SHA-256 of salt and password (RabbitMQ, "Credentials and Passwords").
/// One round of a fast hash protects random passwords, and no others.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The broker's name for how it is made: its default.
    pub(crate) const ALGORITHM: &str = "rabbit_password_hashing_sha256";

    /// That of `password` with a random `salt`.
    #[must_use]
    pub fn new(password: &Password, salt: [u8; 4]) -> Self {
        let hash = Sha256::new().chain_update(salt).chain_update(&password.0).finalize();
        Self(STANDARD.encode([&salt[..], &hash[..]].concat()))
    }

    /// As the broker has it, and takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As the broker told it once, or [`PasswordHash::as_str`] did.
impl From<String> for PasswordHash {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let password = Password::new("s3cret");
        let hash = PasswordHash::new(&password, [1; 4]);
        assert_eq!(format!("{password:?} {hash:?}"), "Password(…) PasswordHash(…)");
    }

    /// The example of RabbitMQ's documentation: `test12`, salt 908DC60A.
    #[test]
    fn the_hash_is_the_one_that_the_broker_makes() {
        let hash = PasswordHash::new(&Password::new("test12"), [0x90, 0x8D, 0xC6, 0x0A]);
        assert_eq!(hash.as_str(), "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
    }
}
