//! How often somebody may look for a text in payloads. Each time reads thousands of them,
//! and many times in a row are how one would puzzle out what is in them. Pure.

use std::time::{Duration, Instant};

use crate::turns::{Pace, Turns};

/// Searches that an account has at once.
pub const AT_ONCE: u32 = 30;

/// How often it gets one back: 30 a minute.
pub const EVERY: Duration = Duration::from_secs(2);

/// Accounts that are remembered at most: more than any laboratory has.
const MAX_KNOWN: usize = 10_000;

/// The searches of late, by account.
#[derive(Default, Debug)]
pub struct Allowances(Turns<String>);

impl Allowances {
    /// Takes a search of `account`.
    ///
    /// # Errors
    /// How long until there is one, where there is none now.
    pub fn take(&mut self, account: &str, now: Instant) -> Result<(), Duration> {
        const PACE: Pace = Pace { at_once: AT_ONCE, every: EVERY, max_known: MAX_KNOWN };
        self.0.take(account.to_owned(), now, &PACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_so_many_searches_one_comes_back_at_a_time() {
        let (mut allowances, now) = (Allowances::default(), Instant::now());
        for _ in 0..AT_ONCE {
            assert_eq!(allowances.take("ana", now), Ok(()));
        }
        for _ in 0..100 {
            assert_eq!(allowances.take("ana", now), Err(EVERY), "asking makes it no longer");
        }
        assert_eq!(allowances.take("eva", now), Ok(()), "others are not concerned");
        assert_eq!(allowances.take("ana", now + EVERY), Ok(()));
        assert_eq!(allowances.take("ana", now + EVERY), Err(EVERY));
        let later = now + EVERY * (AT_ONCE + 1);
        assert_eq!(allowances.take("eva", later), Ok(()));
        assert_eq!(allowances.0.len(), 1, "who has them all is forgotten");
    }
}
