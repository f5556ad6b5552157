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

/// What was counted of one load, by two witnesses: the ids that analytics
/// remembers, and the counts themselves. A service may remember an id once and
/// count it twice, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// As often as they are listed.
    pub(crate) ids: Vec<Uuid>,
    /// By how much the counts are larger than what is remembered, summed over
    /// the clients where they are.
    pub(crate) surplus: u64,
    /// By how much they are smaller.
    pub(crate) deficit: u64,
}

impl Counted {
    /// Adds what the witnesses say of one client.
    pub(crate) fn add(&mut self, ids: Vec<Uuid>, total: u64) {
        let remembered = count(ids.len());
        self.surplus += total.saturating_sub(remembered);
        self.deficit += remembered.saturating_sub(total);
        self.ids.extend(ids);
    }

    /// Adds what was counted under the common name, of clients over the limit;
    /// the counts are no witness where others may be in them.
    pub(crate) fn add_common(&mut self, ids: Vec<Uuid>, total: Option<u64>) {
        let remembered = count(ids.len());
        self.add(ids, total.unwrap_or(remembered));
    }
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
    let listed = count(counted.ids.len());
    let mut verdict =
        Verdict { counted: listed + counted.surplus - counted.deficit, ..Verdict::default() };
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
    verdict.duplicated = listed - distinct + counted.surplus;
    verdict.lost += counted.deficit;
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
    /// this many in the counts, of one client.
    fn verdict(ids: &[u128], total: u64) -> Verdict {
        verdict_of(&[(ids, total)])
    }

    fn verdict_of(clients: &[(&[u128], u64)]) -> Verdict {
        let sent = [
            (id(1), Fate::Confirmed),
            (id(2), Fate::Confirmed),
            (id(3), Fate::Refused),
            (id(4), Fate::Unknown),
        ];
        let mut counted = Counted::default();
        for (ids, total) in clients {
            counted.add(ids.iter().copied().map(id).collect(), *total);
        }
        check(sent.into_iter(), &counted)
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
        let by_id = verdict(&[1, 1], 2);
        assert_eq!((by_id.lost, by_id.duplicated), (1, 1));
        let by_count = verdict_of(&[(&[1], 2), (&[2], 0)]);
        assert_eq!((by_count.lost, by_count.duplicated), (1, 1));
    }
}
