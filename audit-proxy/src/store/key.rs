//! What a message is known by in the store: when it was received, told apart from
//! others of the same moment.

use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;

use crate::statistics::DAY;

/// Bits below those of the time. They tell apart processes that receive at the same
/// microsecond; where two chose the same, the database refuses the second, which is
/// stored under a later time then.
const LOW_BITS: u32 = 10;

/// The key of a message: sorts by when it was received.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key(i64);

impl Key {
    /// Before every key of a message.
    pub(crate) const FIRST: Self = Self(0);

    /// Keys of one day: those of another give another number when divided by it.
    pub(super) const A_DAY: i64 = DAY << LOW_BITS;

    /// The next that there can be.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// When the message was received, to the microsecond.
    #[must_use]
    pub fn received(self) -> Timestamp {
        Timestamp::from_microsecond(self.0 >> LOW_BITS).unwrap_or_default()
    }

    /// The first key that a message can have that is received at `time`; for a
    /// time that no key can tell, the nearest that one can: the year 1684 or 2255.
    #[must_use]
    pub fn first_at(time: Timestamp) -> Self {
        let most = i64::MAX >> LOW_BITS;
        Self(time.as_microsecond().clamp(-most, most) << LOW_BITS)
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl From<i64> for Key {
    fn from(stored: i64) -> Self {
        Self(stored)
    }
}

/// As a program is told it: JSON's numbers are not as long in all languages.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes keys, each greater than the one before.
pub(super) struct Keys {
    low: i64,
    last: AtomicI64,
}

impl Keys {
    /// `process` is any number that other processes do not have.
    pub(super) fn new(process: u128) -> Self {
        let low = i64::try_from(process % (1 << LOW_BITS)).unwrap_or_default();
        Self { low, last: AtomicI64::new(0) }
    }

    /// A number that other processes hardly have.
    pub(super) fn process(&self) -> i64 {
        self.low
    }

    /// Keys for so many messages that were received `now`.
    pub(super) fn take(&self, count: usize, now: Timestamp) -> impl Iterator<Item = Key> + use<> {
        let (now, count) = (now.as_microsecond(), i64::try_from(count).unwrap_or_default());
        let before = self.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| {
            Some(last.max(now - 1) + count)
        });
        let first = before.unwrap_or_default().max(now - 1) + 1;
        let low = self.low;
        (first..first + count).map(move |microsecond| Key((microsecond << LOW_BITS) | low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microsecond: i64) -> Timestamp {
        Timestamp::from_microsecond(microsecond).expect("in range")
    }

    #[test]
    fn keys_grow_even_where_the_clock_goes_back_and_tell_when() {
        let keys = Keys::new(5);
        let first: Vec<_> = keys.take(3, at(1_800_000_000_000_000)).collect();
        let second: Vec<_> = keys.take(2, at(1_700_000_000_000_000)).collect();
        let all = [first, second].concat();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert_eq!(all[0].received(), at(1_800_000_000_000_000));
        assert_eq!(all[4].received(), at(1_800_000_000_000_004));
        assert!(
            Key::first_at(all[1].received()) <= all[1] && all[0] < Key::first_at(all[1].received())
        );
    }

    #[test]
    fn the_ends_of_all_time_come_before_and_after_all_keys() {
        let now = Key::first_at(at(1_800_000_000_000_000));
        assert!(Key::first_at(Timestamp::MIN) < now && now < Key::first_at(Timestamp::MAX));
    }

    #[test]
    fn two_processes_do_not_make_the_same() {
        let [one, two] = [5, 6].map(|process| Keys::new(process).take(1, at(7)).next());
        assert_ne!(one, two);
    }
}
