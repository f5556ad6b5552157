//! How long what is kept: the rules of an administrator. Without any, everything is
//! kept for ever. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use messages::MessageKind;

/// Days in a rule at most: a century.
pub const MAX_DAYS: i64 = 36_500;

/// What may go on its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// What messages carry.
    Payloads,
    /// Messages with all that is known of them, the payload included.
    Messages,
}

/// For how many days a kind of messages is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    payload_days: Option<i64>,
    message_days: Option<i64>,
}

/// A rule that cannot be. `Display` is a Spanish sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidRule {
    /// It says nothing.
    #[error("indique «contenido_dias», «mensaje_dias» o ambos; DELETE quita la regla")]
    Empty,
    /// Fewer than a day, or more than a century.
    #[error("los días van de 1 a {MAX_DAYS}")]
    Days,
    /// A payload cannot outlive its message.
    #[error("«contenido_dias» no puede ser mayor que «mensaje_dias»")]
    PayloadOutlives,
}

impl Rule {
    /// A rule.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn new(payload_days: Option<i64>, message_days: Option<i64>) -> Result<Self, InvalidRule> {
        let mut days = payload_days.iter().chain(&message_days);
        if days.any(|days| !(1..=MAX_DAYS).contains(days)) {
            return Err(InvalidRule::Days);
        }
        match (payload_days, message_days) {
            (None, None) => Err(InvalidRule::Empty),
            (Some(payload), Some(message)) if payload > message => {
                Err(InvalidRule::PayloadOutlives)
            }
            _ => Ok(Self { payload_days, message_days }),
        }
    }

    /// Days until the payload goes; none where it goes with its message.
    #[must_use]
    pub fn payload_days(self) -> Option<i64> {
        self.payload_days
    }

    /// Days until the message goes; none where it never does.
    #[must_use]
    pub fn message_days(self) -> Option<i64> {
        self.message_days
    }

    fn days(self, part: Part) -> Option<i64> {
        match part {
            Part::Payloads => self.payload_days,
            Part::Messages => self.message_days,
        }
    }

    /// What was received before this moment goes; `None` where nothing does.
    #[must_use]
    pub fn cutoff(self, part: Part, now: Timestamp) -> Option<Timestamp> {
        let age = SignedDuration::from_hours(24 * self.days(part)?);
        now.checked_sub(age).ok()
    }
}

/// All rules.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Rules {
    /// For all kinds without their own, and for what was refused without any.
    pub general: Option<Rule>,
    /// For one kind each.
    pub of_kinds: BTreeMap<MessageKind, Rule>,
}

impl Rules {
    /// The rule for messages of a kind, or of what came without or with an impossible one.
    #[must_use]
    pub fn rule(&self, kind: Option<&MessageKind>) -> Option<Rule> {
        let own = kind.and_then(|kind| self.of_kinds.get(kind));
        own.copied().or(self.general)
    }

    /// Of what was received at this moment or later, every message keeps this part.
    #[must_use]
    pub fn horizon(&self, part: Part, now: Timestamp) -> Option<Timestamp> {
        let rules = self.general.iter().chain(self.of_kinds.values());
        rules.filter_map(|rule| rule.cutoff(part, now)).max()
    }

    /// Which kinds keep this part of what was received before `moment`.
    #[must_use]
    pub fn keepers(&self, part: Part, moment: Timestamp, now: Timestamp) -> Keepers {
        let goes = |rule: Rule| rule.cutoff(part, now).is_some_and(|cutoff| moment <= cutoff);
        let (going, keeping): (Vec<_>, Vec<_>) =
            self.of_kinds.iter().partition(|(_, rule)| goes(**rule));
        let kinds = |rules: Vec<(&MessageKind, &Rule)>| {
            rules.into_iter().map(|(kind, _)| kind.clone()).collect()
        };
        if self.general.is_some_and(goes) {
            Keepers::These(kinds(keeping))
        } else {
            Keepers::AllBut(kinds(going))
        }
    }
}

/// Kinds that keep something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Keepers {
    /// These alone.
    These(Vec<MessageKind>),
    /// All others, and what has none.
    AllBut(Vec<MessageKind>),
}

/// What a message counts as, beside its payload: its row, its entries in indexes, its
/// id, and a notification of it.
pub const BYTES_PER_MESSAGE: i64 = 1024;

/// How much may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SizeLimits {
    /// Bytes of all payloads.
    pub payload_bytes: Option<i64>,
    /// Bytes of everything: payloads, and [`BYTES_PER_MESSAGE`] for each message.
    pub bytes: Option<i64>,
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Kept {
    /// Messages.
    pub messages: i64,
    /// Bytes of all payloads.
    pub payload_bytes: i64,
}

impl Kept {
    /// Bytes of everything.
    #[must_use]
    pub fn bytes(self) -> i64 {
        self.payload_bytes.saturating_add(self.messages.saturating_mul(BYTES_PER_MESSAGE))
    }
}

impl SizeLimits {
    /// Bytes that must go, of payloads or of everything; 0 where none must.
    #[must_use]
    pub fn excess(self, part: Part, kept: Kept) -> i64 {
        let over = |limit: Option<i64>, bytes: i64| limit.map_or(0, |limit| (bytes - limit).max(0));
        let of_all = over(self.bytes, kept.bytes());
        match part {
            Part::Payloads => over(self.payload_bytes, kept.payload_bytes).max(of_all),
            Part::Messages => of_all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).expect("in range")
    }

    fn rule(payload: i64, message: i64) -> Rule {
        let days = |days: i64| (days > 0).then_some(days);
        Rule::new(days(payload), days(message)).expect("a rule")
    }

    fn kind(text: &str) -> MessageKind {
        text.parse().expect("a name")
    }

    #[test]
    fn a_payload_goes_no_later_than_its_message_and_a_rule_says_something() {
        for (payload, message, error) in [
            (None, None, InvalidRule::Empty),
            (Some(0), None, InvalidRule::Days),
            (None, Some(-1), InvalidRule::Days),
            (Some(1), Some(MAX_DAYS + 1), InvalidRule::Days),
            (Some(8), Some(7), InvalidRule::PayloadOutlives),
        ] {
            assert_eq!(Rule::new(payload, message), Err(error));
        }
        assert!(Rule::new(Some(7), Some(7)).is_ok());
    }

    #[test]
    fn a_kind_has_its_own_rule_as_a_whole_or_the_general_one() {
        let of_kinds = BTreeMap::from([(kind("alta"), rule(0, 9))]);
        let rules = Rules { general: Some(rule(2, 5)), of_kinds };
        assert_eq!(rules.rule(Some(&kind("alta"))), Some(rule(0, 9)));
        assert_eq!(rules.rule(Some(&kind("baja"))), Some(rule(2, 5)));
        assert_eq!(rules.rule(None), Some(rule(2, 5)));
        assert_eq!(rules.horizon(Part::Payloads, day(10)), Some(day(8)));
        assert_eq!(rules.horizon(Part::Messages, day(10)), Some(day(5)));
        assert_eq!(Rules::default().horizon(Part::Messages, day(10)), None);
    }

    #[test]
    fn what_is_over_either_limit_must_go_and_messages_only_for_that_of_everything() {
        let kept = Kept { messages: 2, payload_bytes: 1000 };
        assert_eq!(kept.bytes(), 3048);
        for (payload_bytes, bytes, excess) in [
            (None, None, [0, 0]),
            (Some(1000), Some(3048), [0, 0]),
            (Some(900), None, [100, 0]),
            (Some(900), Some(3000), [100, 48]),
            (None, Some(2000), [1048, 1048]),
        ] {
            let limits = SizeLimits { payload_bytes, bytes };
            let parts = [Part::Payloads, Part::Messages];
            assert_eq!(parts.map(|part| limits.excess(part, kept)), excess);
        }
    }

    #[test]
    fn everything_before_a_moment_goes_but_for_the_kinds_that_keep_it() {
        let of_kinds = BTreeMap::from([(kind("alta"), rule(0, 9)), (kind("baja"), rule(0, 3))]);
        let rules = Rules { general: Some(rule(0, 5)), of_kinds };
        let keepers = |rules: &Rules, moment| rules.keepers(Part::Messages, moment, day(10));
        assert_eq!(keepers(&rules, day(1)), Keepers::These(vec![]));
        assert_eq!(keepers(&rules, day(5)), Keepers::These(vec![kind("alta")]));
        assert_eq!(keepers(&rules, day(6)), Keepers::AllBut(vec![kind("baja")]));
        let rules = Rules { general: None, ..rules };
        assert_eq!(keepers(&rules, day(1)), Keepers::AllBut(vec![kind("alta"), kind("baja")]));
        let nothing = Keepers::AllBut(vec![]);
        assert_eq!(rules.keepers(Part::Payloads, day(1), day(10)), nothing);
    }
}
