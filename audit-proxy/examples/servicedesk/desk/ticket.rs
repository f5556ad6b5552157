//! A ticket's states, and what a message does to them. Pure.

use super::mailing::{
    agreement::{EndedTask, REDMINE, TASK_CLOSED, TASK_REJECTED},
    received::{Received, Told},
};

/// Where a ticket stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Nobody sees to it yet.
    Open,
    /// It was handed to support.
    Assigned,
    /// Support has done its task.
    Solved,
    /// Support is not going to do it: it may be handed over once more.
    Returned,
}

impl State {
    /// All of them.
    const ALL: [Self; 4] = [Self::Open, Self::Assigned, Self::Solved, Self::Returned];

    /// The word for it, on the page and in the store.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "Abierto",
            Self::Assigned => "Asignado",
            Self::Solved => "Resuelto",
            Self::Returned => "Devuelto",
        }
    }

    /// The state that a word is for.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether a ticket may be handed to support.
    pub(crate) fn may_be_assigned(self) -> bool {
        matches!(self, Self::Open | Self::Returned)
    }
}

/// What a message says of a ticket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    /// The ticket, and the task that was for it.
    pub(crate) task: EndedTask,
    /// The state that the ticket comes to.
    pub(crate) state: State,
}

impl Change {
    /// Reads a message.
    ///
    /// # Errors
    /// What is to be told of one that says nothing of a ticket.
    pub(crate) fn read(message: &Received) -> Result<Self, Told> {
        let state = match (message.source.as_str(), message.kind.as_str()) {
            (REDMINE, TASK_CLOSED) => State::Solved,
            (REDMINE, TASK_REJECTED) => State::Returned,
            (source, kind) => {
                return Err(Told::error(format!("ServiceDesk no espera «{kind}» de «{source}»")));
            }
        };
        Ok(Self { task: message.payload()?, state })
    }

    /// What is told once the ticket is changed, or there was none.
    pub(crate) fn told(&self, done: bool) -> Told {
        let (ticket, state) = (self.task.ticket, self.state.as_str());
        if done {
            Told::new("procesado", format!("ticket {ticket}: {state}"))
        } else {
            Told::error(format!("aquí no hay ningún ticket {ticket} asignado"))
        }
    }
}
