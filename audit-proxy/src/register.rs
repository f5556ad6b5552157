//! The systems that may exchange messages. Pure: a snapshot, and questions to it.

use std::collections::{BTreeSet, HashMap};

use management::{Limits, Rights};
use messages::{StateName, SystemName, names};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The final states that every system may assign; one may register more of its own.
pub const FINAL_STATES: [&str; 3] = ["procesado", "rechazado", "error"];

/// Who says it where the proxy itself does: no system has this name.
pub const PROXY: &str = "audit-proxy";

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

    /// The same with every system active.
    #[must_use]
    pub fn all_active(&self) -> Self {
        let active = |(name, system): (&SystemName, &System)| {
            (name.clone(), System { standing: Standing::Active, ..system.clone() })
        };
        self.0.iter().map(active).collect()
    }
}

impl FromIterator<(SystemName, System)> for Register {
    fn from_iter<I: IntoIterator<Item = (SystemName, System)>>(systems: I) -> Self {
        Self(systems.into_iter().collect())
    }
}

/// Why a system cannot have a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnusableName {
    /// It is that of the way to the proxy, or of the proxy itself.
    #[error("está reservado")]
    Reserved,
    /// In an address it would lead elsewhere.
    #[error("debe empezar por una letra o un dígito")]
    Beginning,
}

/// Whether a new system may have this name.
///
/// # Errors
/// Why not.
pub fn usable(name: &SystemName) -> Result<(), UnusableName> {
    if [names::NOTIFICATIONS, PROXY].contains(&name.as_str()) {
        return Err(UnusableName::Reserved);
    }
    let begins_well = name.as_str().starts_with(|first: char| first.is_ascii_alphanumeric());
    if begins_well { Ok(()) } else { Err(UnusableName::Beginning) }
}

/// How much a user of the broker that is a system may have open there at once: more than
/// any program needs, and so little that the others find room.
pub const LIMITS: Limits = Limits { max_connections: 20, max_channels: 200 };

/// What a user of the broker that is a system may do there: publish to the entry, to the
/// exchange of log events and to the one that leads nowhere, and read its own mailbox. A
/// suspended one reads nothing; it publishes, so that what it publishes is refused where
/// everybody can see it.
#[must_use]
pub fn rights(name: &SystemName, standing: Standing) -> Rights {
    let mailbox = names::mailbox(name).replace('.', r"\.");
    let read = if standing == Standing::Active { format!("^{mailbox}$") } else { "^$".to_owned() };
    let (entry, log, probe) = (names::ENTRY_EXCHANGE, names::LOG_EXCHANGE, names::PROBE_EXCHANGE);
    let write = format!("^({entry}|{log}|{probe})$");
    Rights { configure: "^$".to_owned(), write, read }
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

    #[test]
    fn a_name_that_means_something_else_is_not_given() {
        for (name, wanted) in [
            ("redmine", Ok(())),
            ("4711", Ok(())),
            ("notificaciones", Err(UnusableName::Reserved)),
            ("audit-proxy", Err(UnusableName::Reserved)),
            ("..", Err(UnusableName::Beginning)),
            ("-x", Err(UnusableName::Beginning)),
        ] {
            assert_eq!(usable(&name.parse().expect("a name")), wanted, "{name}");
        }
    }

    #[test]
    fn a_system_may_do_what_it_needs_and_a_suspended_one_reads_nothing() {
        let name = "mi.sistema".parse().expect("a name");
        let active = rights(&name, Standing::Active);
        assert_eq!(active.configure, "^$");
        assert_eq!(active.write, "^(mensajeria_entrada|eventos_log|mensajeria_sonda)$");
        assert_eq!(active.read, r"^buzon_mi\.sistema$");
        let suspended = rights(&name, Standing::Suspended);
        assert_eq!(suspended, Rights { read: "^$".to_owned(), ..active });
    }
}
