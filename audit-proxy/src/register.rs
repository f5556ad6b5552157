//! The systems that may exchange messages. Pure: a snapshot, and questions to it.

use std::collections::{BTreeSet, HashMap};

use messages::{StateName, SystemName, names};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The final states that every system may assign; one may register more of its own.
pub const FINAL_STATES: [&str; 3] = ["procesado", "rechazado", "error"];

/// What a system may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub enum Standing {
    /// Sends and receives.
    #[serde(rename = "activo")]
    Active,
    /// Neither sends nor receives, until it is active again.
    #[serde(rename = "suspendido")]
    Suspended,
    /// Gone for good; what it exchanged stays known.
    #[serde(rename = "retirado")]
    Retired,
}

impl Standing {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "activo",
            Self::Suspended => "suspendido",
            Self::Retired => "retirado",
        }
    }

    /// The standing that a word is for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Active, Self::Suspended, Self::Retired];
        all.into_iter().find(|standing| standing.as_str() == word)
    }
}

/// A system, as far as messages are concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct System {
    /// What it may do.
    pub standing: Standing,
    /// Users of the broker that are this system.
    pub users: BTreeSet<String>,
    /// Final states that it may assign beside [`FINAL_STATES`].
    pub states: BTreeSet<StateName>,
}

impl System {
    /// Whether `state` is one that it may assign.
    #[must_use]
    pub fn may_assign(&self, state: &StateName) -> bool {
        FINAL_STATES.contains(&state.as_str()) || self.states.contains(state)
    }
}

/// All systems that there ever were, as known at one moment.
#[derive(Clone, Default, Debug)]
pub struct Register(HashMap<SystemName, System>);

impl Register {
    /// The system of this name.
    #[must_use]
    pub fn get(&self, name: &SystemName) -> Option<&System> {
        self.0.get(name)
    }
}

impl FromIterator<(SystemName, System)> for Register {
    fn from_iter<I: IntoIterator<Item = (SystemName, System)>>(systems: I) -> Self {
        Self(systems.into_iter().collect())
    }
}

/// Whether a system may have this name: not that of the way to the proxy itself.
#[must_use]
pub fn is_free(name: &SystemName) -> bool {
    name.as_str() != names::NOTIFICATIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_assigns_the_common_states_and_its_own() {
        let system = System {
            standing: Standing::Active,
            users: BTreeSet::new(),
            states: BTreeSet::from(["aplazado".parse().expect("a name")]),
        };
        for (state, may) in [("procesado", true), ("aplazado", true), ("reenviado", false)] {
            assert_eq!(system.may_assign(&state.parse().expect("a name")), may, "{state}");
        }
    }
}
