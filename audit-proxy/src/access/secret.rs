//! What a bearer holds, and what is kept of it: whoever reads the database cannot log in
//! with what is there.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A token: 256 random bits, told once to whom it is for, in 64 hexadecimal digits.
pub struct Secret(String);

/// What is kept of a token. Of so many random bits a plain hash is enough: there is
/// nothing to be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest([u8; 32]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// When the operating system has no random bits.
    pub fn random() -> Result<Self, getrandom::Error> {
        let half = || {
            let mut bits = [0; 16];
            getrandom::fill(&mut bits).map(|()| u128::from_ne_bytes(bits))
        };
        Ok(Self(format!("{:032x}{:032x}", half()?, half()?)))
    }

    /// The token, for its bearer only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Digest {
    /// The digest of what a caller gives for a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// As it is stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_of_its_own_and_shows_none_of_them() {
        let [one, two] = [(); 2].map(|()| Secret::random().expect("random bits"));
        assert_eq!(one.reveal().len(), 64);
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!(one.digest(), Digest::of(one.reveal()));
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }
}
