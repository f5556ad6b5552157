//! What is told of a message, in which order, and what has to come of it. Pure.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// What is told of one message, and what has to come of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// In the order in which it is told.
    told: &'static [Told],
    /// Whether that is before there is the message.
    pub(super) is_told_first: bool,
    /// The message's last state; none where there never is a message.
    pub(super) ends: Option<&'static str>,
}

/// A notification.
pub(super) struct Told {
    pub(super) state: &'static str,
    /// When the destination made it, by its own clock, in seconds.
    second: i64,
    /// How often it is published under its own id.
    pub(super) copies: usize,
    effect: &'static str,
}

const fn told(state: &'static str, second: i64, copies: usize, effect: &'static str) -> Told {
    Told { state, second, copies, effect }
}

pub(super) static CASES: [Case; 5] = [
    Case {
        name: "antes",
        told: &[told("procesado", 1, 1, "aplicada")],
        is_told_first: true,
        ends: Some("procesado"),
    },
    Case {
        name: "de nadie",
        told: &[told("procesado", 1, 1, "sin_mensaje")],
        is_told_first: true,
        ends: None,
    },
    Case {
        name: "dos veces",
        told: &[told("procesado", 1, 2, "aplicada"), told("procesado", 2, 2, "repetida")],
        is_told_first: false,
        ends: Some("procesado"),
    },
    Case {
        name: "tarde",
        told: &[told("error", 9, 1, "aplicada"), told("procesado", 1, 1, "tardia")],
        is_told_first: false,
        ends: Some("error"),
    },
    Case {
        name: "otra vez",
        told: &[told("error", 1, 1, "aplicada"), told("procesado", 9, 1, "aplicada")],
        is_told_first: false,
        ends: Some("procesado"),
    },
];

/// A message of a case.
pub(super) struct Trial {
    pub(super) case: &'static Case,
    pub(super) message: Uuid,
    pub(super) notices: Vec<Notice>,
}

/// A notification of it.
pub(super) struct Notice {
    pub(super) id: Uuid,
    pub(super) told: &'static Told,
    pub(super) created: Timestamp,
}

impl Trial {
    pub(super) fn of(case: &'static Case) -> Self {
        let now = Timestamp::now();
        let notice = |told: &'static Told| Notice {
            id: Uuid::now_v7(),
            told,
            created: now.saturating_add(SignedDuration::from_secs(told.second)).unwrap_or(now),
        };
        let notices = case.told.iter().map(notice).collect();
        Self { case, message: Uuid::now_v7(), notices }
    }

    /// How many of its notifications are kept.
    pub(super) fn kept(&self, story: &Value) -> usize {
        let kept = kept_ids(story);
        self.notices.iter().filter(|notice| kept.contains(&notice.id)).count()
    }

    /// Whether the message is in the state that it has to be in, and each notification
    /// had the effect that it has to have.
    pub(super) fn is_right(&self, story: &Value) -> bool {
        let has_effect = |notice: &Notice| {
            let id = notice.id.to_string();
            steps(story).any(|step| step == (id.as_str(), notice.told.effect))
        };
        story["mensajes"][0]["estado"].as_str() == self.case.ends
            && self.notices.iter().all(has_effect)
    }
}

/// Whether the message had a final state, and then none any more: it is without one now,
/// or was given a first one twice.
pub(super) fn goes_back(story: &Value) -> bool {
    let is_open = |state: &Value| ["recibido", "reenviado"].iter().any(|open| state == open);
    let message = &story["mensajes"][0];
    let applied = || steps_of(&message["pasos"]).filter(|step| step["efecto"] == "aplicada");
    let firsts = applied().filter(|step| is_open(&step["antes"])).count();
    firsts > 1 || (applied().count() > 0 && is_open(&message["estado"]))
}

/// The ids of the notifications that are kept, as often as they are.
pub(super) fn kept_ids(story: &Value) -> Vec<Uuid> {
    steps(story).filter_map(|(id, _)| id.parse().ok()).collect()
}

/// Id and effect of each notification that is kept, with or without its message.
fn steps(story: &Value) -> impl Iterator<Item = (&str, &str)> {
    let of_message = steps_of(&story["mensajes"][0]["pasos"]);
    of_message
        .chain(steps_of(&story["sin_mensaje"]))
        .filter_map(|step| Some((step["id"].as_str()?, step["efecto"].as_str()?)))
}

fn steps_of(steps: &Value) -> impl Iterator<Item = &Value> {
    let steps = steps.as_array().map(Vec::as_slice).unwrap_or_default();
    steps.iter().map(|step| &step["notificacion"]).filter(|step| !step.is_null())
}

#[cfg(test)]
mod tests {
    use super::{CASES, Trial, goes_back};
    use serde_json::{Value, json};

    /// A story in which each notification had these effects.
    fn story(trial: &Trial, state: &str, effects: &[&str]) -> Value {
        let step = |(notice, effect): (&super::Notice, &&str)| {
            json!({ "notificacion": {
                "id": notice.id, "efecto": effect, "estado": notice.told.state, "antes": "reenviado",
            }})
        };
        let steps: Vec<_> = trial.notices.iter().zip(effects).map(step).collect();
        json!({ "mensajes": [{ "estado": state, "pasos": steps }], "sin_mensaje": [] })
    }

    #[test]
    fn a_wrong_state_or_effect_or_a_missing_one_is_seen() {
        let trial = Trial::of(CASES.iter().find(|case| case.name == "tarde").unwrap());
        let is_right = |state, effects: &[&str]| trial.is_right(&story(&trial, state, effects));
        assert!(is_right("error", &["aplicada", "tardia"]));
        assert!(!is_right("procesado", &["aplicada", "tardia"]));
        assert!(!is_right("error", &["aplicada", "aplicada"]));
        assert!(!is_right("error", &["aplicada"]));
        assert_eq!(trial.kept(&story(&trial, "error", &["aplicada"])), 1);
    }

    #[test]
    fn a_message_that_loses_its_final_state_goes_back() {
        let trial = Trial::of(&CASES[0]);
        assert!(!goes_back(&story(&trial, "procesado", &["aplicada"])));
        assert!(goes_back(&story(&trial, "reenviado", &["aplicada"])));
        let twice = Trial::of(CASES.iter().find(|case| case.name == "otra vez").unwrap());
        assert!(goes_back(&story(&twice, "procesado", &["aplicada", "aplicada"])));
    }
}
