//! A task's states, and what is told of each step. Pure.

use super::{
    DEFERRED,
    mailing::{
        agreement::{AssignedTicket, SERVICEDESK, TASK_CLOSED, TASK_REJECTED, TICKET_ASSIGNED},
        received::{Received, Told},
    },
};

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// To be done.
    New,
    /// To be done later.
    Deferred,
    /// Done.
    Closed,
    /// Not going to be done.
    Rejected,
}

/// What somebody does with a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// It is done.
    Close,
    /// It has to wait.
    Defer,
    /// It has waited long enough.
    Resume,
    /// Nobody is going to do it.
    Reject,
}

impl State {
    /// All of them.
    const ALL: [Self; 4] = [Self::New, Self::Deferred, Self::Closed, Self::Rejected];

    /// The word for it, on the page and in the store.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::New => "Nueva",
            Self::Deferred => "Aplazada",
            Self::Closed => "Cerrada",
            Self::Rejected => "Rechazada",
        }
    }

    /// The state that a word is for.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Where a step leads; none where it cannot be done.
    pub(crate) fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::New | Self::Deferred, Step::Close) => Some(Self::Closed),
            (Self::New | Self::Deferred, Step::Reject) => Some(Self::Rejected),
            (Self::New, Step::Defer) => Some(Self::Deferred),
            (Self::Deferred, Step::Resume) => Some(Self::New),
            _ => None,
        }
    }

    /// The steps that can be done.
    pub(crate) fn steps(self) -> Vec<Step> {
        Step::ALL.into_iter().filter(|step| self.after(*step).is_some()).collect()
    }
}

impl Step {
    /// All of them, in the order of their buttons.
    const ALL: [Self; 4] = [Self::Close, Self::Defer, Self::Resume, Self::Reject];

    /// The word for it, on its button and in its address.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Close => "cerrar",
            Self::Defer => "aplazar",
            Self::Resume => "retomar",
            Self::Reject => "rechazar",
        }
    }

    /// The step that a word is for.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }

    /// What is told of the message that the task is from.
    pub(crate) fn told(self, task: i64) -> Told {
        let (state, what) = match self {
            Self::Close => ("procesado", "cerrada"),
            Self::Defer => (DEFERRED, "aplazada"),
            Self::Resume => ("procesado", "retomada"),
            Self::Reject => ("rechazado", "rechazada"),
        };
        Told::new(state, format!("tarea {task}: {what}"))
    }

    /// The kind of message that tells `ServiceDesk`, where the step is the end.
    pub(crate) fn kind(self) -> Option<&'static str> {
        match self {
            Self::Close => Some(TASK_CLOSED),
            Self::Reject => Some(TASK_REJECTED),
            Self::Defer | Self::Resume => None,
        }
    }
}

/// Reads what `ServiceDesk` hands over.
///
/// # Errors
/// What is to be told of a message that hands over nothing.
pub(crate) fn handed_over(message: &Received) -> Result<AssignedTicket, Told> {
    match (message.source.as_str(), message.kind.as_str()) {
        (SERVICEDESK, TICKET_ASSIGNED) => message.payload(),
        (source, kind) => Err(Told::error(format!("Redmine no espera «{kind}» de «{source}»"))),
    }
}

/// What is told of a ticket that became a task.
pub(crate) fn taken(task: i64, ticket: i64) -> Told {
    Told::new("procesado", format!("tarea {task}, del ticket {ticket}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_has_ended_stays_as_it_is() {
        for ended in [State::Closed, State::Rejected] {
            assert_eq!(ended.steps(), []);
        }
        assert_eq!(State::New.steps(), [Step::Close, Step::Defer, Step::Reject]);
        assert_eq!(State::Deferred.steps(), [Step::Close, Step::Resume, Step::Reject]);
        assert_eq!(State::Deferred.after(Step::Resume), Some(State::New));
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for state in State::ALL {
            assert_eq!(State::from_word(state.as_str()), Some(state));
        }
        for step in Step::ALL {
            assert_eq!(Step::from_word(step.as_str()), Some(step));
        }
        assert_eq!(Step::from_word("borrar"), None);
    }
}
