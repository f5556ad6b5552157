//! The checker: what was promised against what was counted, by id. Pure.
//!
//! In the manner of Jepsen's `total-queue`, and stricter. With A all events
//! attempted, K those answered with 2xx, N those definitely refused, U the
//! rest, and O the multiset of what was counted:
//! lost = K∖O, unexpected = O∖A, phantom = O∩N, duplicated = Σ(multiplicity−1),
//! and recovered = O∩U, which is legal.

use super::answer::Fate;
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// What was counted of one load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// Ids that analytics remembers as counted, as often as it lists them.
    pub(crate) ids: Vec<Uuid>,
    /// How much the counts themselves grew: another witness, since a service
    /// may remember an id once and count it twice.
    pub(crate) total: u64,
}

/// How a load went, in numbers of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) attempted: u64,
    pub(crate) confirmed: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) counted: u64,
    /// Confirmed, and never counted.
    pub(crate) lost: u64,
    /// Counted more than once.
    pub(crate) duplicated: u64,
    /// Counted, and never sent.
    pub(crate) unexpected: u64,
    /// Counted, though definitely refused.
    pub(crate) phantom: u64,
    /// Counted, of those whose sender knew nothing: legal.
    pub(crate) recovered: u64,
}

impl Verdict {
    /// Nothing lost, nothing twice, nothing that was not sent or was refused.
    pub(crate) fn is_exact(&self) -> bool {
        [self.lost, self.duplicated, self.unexpected, self.phantom] == [0; 4]
    }

    /// Two loads together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            attempted: self.attempted + other.attempted,
            confirmed: self.confirmed + other.confirmed,
            refused: self.refused + other.refused,
            unknown: self.unknown + other.unknown,
            counted: self.counted + other.counted,
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            unexpected: self.unexpected + other.unexpected,
            phantom: self.phantom + other.phantom,
            recovered: self.recovered + other.recovered,
        }
    }
}

/// Compares. `sent` holds each event once.
pub(crate) fn check(sent: impl Iterator<Item = (Uuid, Fate)>, counted: &Counted) -> Verdict {
    let mut verdict = Verdict { counted: counted.total, ..Verdict::default() };
    let mut times = multiplicities(&counted.ids);
    let distinct = count(times.len());
    for (id, fate) in sent {
        let is_counted = times.remove(&id).is_some();
        verdict.attempted += 1;
        let (of_fate, finding) = match (fate, is_counted) {
            (Fate::Confirmed, false) => (&mut verdict.confirmed, Some(&mut verdict.lost)),
            (Fate::Confirmed, true) => (&mut verdict.confirmed, None),
            (Fate::Refused, true) => (&mut verdict.refused, Some(&mut verdict.phantom)),
            (Fate::Refused, false) => (&mut verdict.refused, None),
            (Fate::Unknown, true) => (&mut verdict.unknown, Some(&mut verdict.recovered)),
            (Fate::Unknown, false) => (&mut verdict.unknown, None),
        };
        *of_fate += 1;
        if let Some(finding) = finding {
            *finding += 1;
        }
    }
    verdict.unexpected = count(times.len());
    // The counts may be larger than what is remembered (counted twice), or
    // smaller (remembered and never counted).
    let counted_times = counted.total.max(count(counted.ids.len()));
    verdict.duplicated = counted_times - distinct;
    verdict.lost += distinct.saturating_sub(counted.total);
    verdict
}

fn multiplicities(ids: &[Uuid]) -> HashMap<Uuid, u64> {
    let mut times = HashMap::with_capacity(ids.len());
    for id in ids {
        *times.entry(*id).or_default() += 1;
    }
    times
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Counted, Fate, Verdict, check};
    use uuid::Uuid;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    /// Events 1 and 2 confirmed, 3 refused, 4 unknown; these ids counted, and
    /// this many in the counts.
    fn verdict(ids: &[u128], total: u64) -> Verdict {
        let sent = [
            (id(1), Fate::Confirmed),
            (id(2), Fate::Confirmed),
            (id(3), Fate::Refused),
            (id(4), Fate::Unknown),
        ];
        check(sent.into_iter(), &Counted { ids: ids.iter().copied().map(id).collect(), total })
    }

    #[test]
    fn exactly_what_was_confirmed_is_exact_with_or_without_what_is_unknown() {
        let exact = verdict(&[1, 2], 2);
        assert!(exact.is_exact());
        assert_eq!((exact.attempted, exact.confirmed, exact.refused, exact.unknown), (4, 2, 1, 1));
        let recovered = verdict(&[2, 1, 4], 3);
        assert!(recovered.is_exact());
        assert_eq!(recovered.recovered, 1);
    }

    #[test]
    fn each_kind_of_error_is_found_alone() {
        let found = |verdict: Verdict| {
            assert!(!verdict.is_exact());
            [verdict.lost, verdict.duplicated, verdict.unexpected, verdict.phantom]
        };
        assert_eq!(found(verdict(&[1], 1)), [1, 0, 0, 0], "confirmed, not counted");
        assert_eq!(found(verdict(&[1, 2, 2], 3)), [0, 1, 0, 0], "listed twice");
        assert_eq!(found(verdict(&[1, 2], 3)), [0, 1, 0, 0], "remembered once, counted twice");
        assert_eq!(found(verdict(&[1, 2], 1)), [1, 0, 0, 0], "remembered, not counted");
        assert_eq!(found(verdict(&[1, 2, 9], 3)), [0, 0, 1, 0], "never sent");
        assert_eq!(found(verdict(&[1, 2, 3], 3)), [0, 0, 0, 1], "refused, and counted");
    }

    #[test]
    fn a_loss_and_a_duplicate_do_not_cancel_out() {
        let verdict = verdict(&[1, 1], 2);
        assert_eq!((verdict.lost, verdict.duplicated), (1, 1));
    }
}
