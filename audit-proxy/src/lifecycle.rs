//! What a notification does to a message's state. Pure.
//!
//! A message is `recibido`, then `reenviado`, then in a final state that its
//! destination assigns; it may stay at either of the first two. It never goes back.

use jiff::Timestamp;
use messages::{StateName, SystemName};

use crate::register::System;

/// The copy is on disk; the destination does not have it yet.
pub const RECEIVED: &str = "recibido";

/// The destination's queue has it.
pub const FORWARDED: &str = "reenviado";

/// It was outside the standard, or between systems that may not exchange messages: it
/// is in the dead-letter queue.
pub const REFUSED: &str = "no_admitido";

/// What there is to know of a message to judge a notification of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// The system that it is for.
    pub destination: SystemName,
    /// Its state now.
    pub state: StateName,
    /// Where that is a final one: when the destination assigned it, by its own clock.
    pub settled: Option<Timestamp>,
}

/// What a system tells of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Who tells it.
    pub by: SystemName,
    /// The state that it says the message to be in.
    pub state: StateName,
    /// When it said so, by its own clock.
    pub at: Timestamp,
}

/// What becomes of a notification. Whatever it is, the notification is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The message is in the state told now.
    Applied,
    /// It was in that state already.
    Repeated,
    /// Another state was assigned later than this one: it stays.
    Late,
    /// The message is for another system, which alone may say so.
    Foreign,
    /// No state that this system may assign.
    UnknownState,
    /// No message has this id, so far.
    WithoutMessage,
}

impl Effect {
    /// The word for it on the wire and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "aplicada",
            Self::Repeated => "repetida",
            Self::Late => "tardia",
            Self::Foreign => "ajena",
            Self::UnknownState => "estado_desconocido",
            Self::WithoutMessage => "sin_mensaje",
        }
    }
}

/// Judges what is `told` of a message that is `known`; `teller` is the system that
/// tells it.
#[must_use]
pub fn judge(known: &Known, told: &Told, teller: &System) -> Effect {
    if told.by != known.destination {
        Effect::Foreign
    } else if !teller.may_assign(&told.state) {
        Effect::UnknownState
    } else {
        match known.settled {
            Some(_) if told.state == known.state => Effect::Repeated,
            Some(settled) if told.at <= settled => Effect::Late,
            _ => Effect::Applied,
        }
    }
}

impl Known {
    /// The message after a notification with this effect.
    #[must_use]
    pub fn after(self, told: &Told, effect: Effect) -> Self {
        match effect {
            Effect::Applied => Self { state: told.state.clone(), settled: Some(told.at), ..self },
            // The state was assigned once more: what was told before that is late.
            Effect::Repeated => Self { settled: self.settled.max(Some(told.at)), ..self },
            Effect::Late | Effect::Foreign | Effect::UnknownState | Effect::WithoutMessage => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::register::{FINAL_STATES, Standing};

    fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().expect("a name")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn redmine() -> System {
        System { standing: Standing::Active, users: BTreeSet::new(), states: BTreeSet::new() }
    }

    fn message(state: &str, settled: Option<i64>) -> Known {
        let (destination, settled) = (name("redmine"), settled.map(at));
        Known { destination, state: name(state), settled }
    }

    fn told(by: &str, state: &str, second: i64) -> Told {
        Told { by: name(by), state: name(state), at: at(second) }
    }

    #[test]
    fn the_destination_moves_a_message_even_before_it_is_known_to_be_forwarded() {
        for state in [RECEIVED, FORWARDED] {
            let effect = judge(&message(state, None), &told("redmine", "procesado", 5), &redmine());
            assert_eq!(effect, Effect::Applied);
        }
    }

    #[test]
    fn nobody_else_does_nor_to_a_state_that_is_none() {
        let known = message(FORWARDED, None);
        let judged = |by, state| judge(&known, &told(by, state, 5), &redmine());
        assert_eq!(judged("servicedesk", "procesado"), Effect::Foreign);
        for state in [RECEIVED, FORWARDED, REFUSED, "inventado"] {
            assert_eq!(judged("redmine", state), Effect::UnknownState, "{state}");
        }
    }

    #[test]
    fn twice_is_once_and_late_is_too_late() {
        let known = message("error", Some(5));
        let judged = |state, second| judge(&known, &told("redmine", state, second), &redmine());
        assert_eq!(judged("error", 9), Effect::Repeated);
        assert_eq!(judged("procesado", 4), Effect::Late);
        assert_eq!(judged("procesado", 6), Effect::Applied);
    }

    proptest! {
        /// In whatever order notifications come, the message ends as the last one says
        /// that the destination made.
        #[test]
        fn the_order_of_arrival_does_not_matter(
            seconds in proptest::sample::subsequence((1..50).collect::<Vec<i64>>(), 1..20).prop_shuffle(),
            states in proptest::collection::vec(0..FINAL_STATES.len(), 50),
        ) {
            let state = |second: i64| FINAL_STATES[states[usize::try_from(second).expect("small")]];
            let mut known = message(FORWARDED, None);
            for second in &seconds {
                let told = told("redmine", state(*second), *second);
                let effect = judge(&known, &told, &redmine());
                known = known.after(&told, effect);
            }
            let last = seconds.iter().copied().max().expect("at least one");
            prop_assert_eq!(known.state.as_str(), state(last));
        }
    }
}
