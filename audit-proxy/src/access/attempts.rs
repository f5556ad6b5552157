//! How often a password may be tried. Pure.
//!
//! Each name has a number of attempts at once, and gets one back every so often: trying
//! is slow, and no account is ever shut for good. A good password gives all of them
//! back. Names that are no accounts count as well, or the limit would tell which are.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::AccountName;

/// Attempts that a name has at once: as many of its people log in at the same moment.
pub(crate) const AT_ONCE: u32 = 20;

/// How often a name gets an attempt back: 2,880 a day at most.
pub(crate) const EVERY: Duration = Duration::from_secs(30);

/// Names that are remembered at most, some 100 bytes each.
const MAX_NAMES: usize = 10_000;

/// The attempts of late. A name that is not here has all of its attempts.
#[derive(Default)]
pub(super) struct Attempts(HashMap<AccountName, Instant>);

impl Attempts {
    /// Takes an attempt at the password of `name`.
    ///
    /// # Errors
    /// How long until there is one: it has none now, or others fill the memory.
    pub(super) fn take(&mut self, name: &AccountName, now: Instant) -> Result<(), Duration> {
        let full_at = self.0.get(name).copied().unwrap_or(now).max(now) + EVERY;
        let wait = (full_at - now).saturating_sub(EVERY * AT_ONCE);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.make_room(name, now)?;
        self.0.insert(name.clone(), full_at);
        Ok(())
    }

    /// Gives all attempts back: somebody knows the password.
    pub(super) fn give_back(&mut self, name: &AccountName) {
        self.0.remove(name);
    }

    fn make_room(&mut self, name: &AccountName, now: Instant) -> Result<(), Duration> {
        if self.0.len() < MAX_NAMES || self.0.contains_key(name) {
            return Ok(());
        }
        self.0.retain(|_, full_at| *full_at > now);
        if self.0.len() < MAX_NAMES { Ok(()) } else { Err(EVERY) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AccountName {
        text.parse().expect("a name")
    }

    /// With no attempt left at the returned moment.
    fn exhausted(name: &AccountName) -> (Attempts, Instant) {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..AT_ONCE {
            attempts.take(name, now).expect("one is left");
        }
        (attempts, now)
    }

    #[test]
    fn after_so_many_attempts_one_comes_back_at_a_time() {
        let (mut attempts, now) = exhausted(&name("ana"));
        assert_eq!(attempts.take(&name("ana"), now), Err(EVERY));
        let later = now + Duration::from_secs(29);
        assert_eq!(attempts.take(&name("ana"), later), Err(Duration::from_secs(1)));
        let later = now + EVERY;
        assert_eq!(attempts.take(&name("ana"), later), Ok(()));
        assert_eq!(attempts.take(&name("ana"), later), Err(EVERY));
    }

    #[test]
    fn being_refused_does_not_make_it_longer() {
        let (mut attempts, now) = exhausted(&name("ana"));
        for _ in 0..1000 {
            assert_eq!(attempts.take(&name("ana"), now), Err(EVERY));
        }
        assert_eq!(attempts.take(&name("ana"), now + EVERY), Ok(()));
    }

    #[test]
    fn others_are_not_concerned_and_a_good_password_ends_it() {
        let (mut attempts, now) = exhausted(&name("ana"));
        assert_eq!(attempts.take(&name("luis"), now), Ok(()));
        attempts.give_back(&name("ana"));
        assert_eq!(attempts.take(&name("ana"), now), Ok(()));
    }

    #[test]
    fn any_number_of_names_takes_a_bounded_memory_and_frees_it_again() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for index in 0..MAX_NAMES {
            attempts.take(&name(&format!("n{index}")), now).expect("room");
        }
        assert_eq!(attempts.take(&name("ana"), now), Err(EVERY));
        assert_eq!(attempts.take(&name("n0"), now), Ok(()), "it is known");
        assert_eq!(attempts.take(&name("ana"), now + EVERY), Ok(()));
        assert_eq!(attempts.0.len(), 2, "those with all of their attempts are forgotten");
    }
}
