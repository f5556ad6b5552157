//! How often somebody may do something: so many times at once, and once more every so often.
//! Pure.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// How often that is.
pub(crate) struct Pace {
    /// Turns that each has at once.
    pub(crate) at_once: u32,
    /// How soon one comes back.
    pub(crate) every: Duration,
    /// How many are remembered at most who do not have all of theirs.
    pub(crate) max_known: usize,
}

/// Who had a turn of late, and when each will have all of them again. Who has them all is
/// not here.
#[derive(Debug)]
pub(crate) struct Turns<K>(HashMap<K, Instant>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Takes a turn of `who`.
    ///
    /// # Errors
    /// How long until there is one: there is none now, or others fill the memory.
    pub(crate) fn take(&mut self, who: K, now: Instant, pace: &Pace) -> Result<(), Duration> {
        self.0.retain(|_, full_at| *full_at > now);
        let known = self.0.get(&who).copied();
        let full_at = known.unwrap_or(now) + pace.every;
        let wait = (full_at - now).saturating_sub(pace.every * pace.at_once);
        if !wait.is_zero() {
            return Err(wait);
        }
        if known.is_none() && self.0.len() >= pace.max_known {
            return Err(pace.every);
        }
        self.0.insert(who, full_at);
        Ok(())
    }

    /// Gives all turns back.
    pub(crate) fn give_back(&mut self, who: &K) {
        self.0.remove(who);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
