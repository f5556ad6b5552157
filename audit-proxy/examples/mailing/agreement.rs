//! What `ServiceDesk` and Redmine have agreed to tell each other. Who changes the form of
//! a payload gives its kind another version.

use serde::{Deserialize, Serialize};

/// The help desk, as the register knows it.
pub(crate) const SERVICEDESK: &str = "servicedesk";

/// The support team's tracker, as the register knows it.
pub(crate) const REDMINE: &str = "redmine";

/// Kind of [`AssignedTicket`], from `ServiceDesk` to Redmine.
pub(crate) const TICKET_ASSIGNED: &str = "ticket.asignado.v1";

/// Kind of [`EndedTask`], from Redmine to `ServiceDesk`: the task was done.
pub(crate) const TASK_CLOSED: &str = "tarea.cerrada.v1";

/// Kind of [`EndedTask`], from Redmine to `ServiceDesk`: nobody is going to do the task.
pub(crate) const TASK_REJECTED: &str = "tarea.rechazada.v1";

/// A ticket that support is to see to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct AssignedTicket {
    /// Its number in `ServiceDesk`.
    pub(crate) ticket: i64,
    /// What it is about, in one line.
    pub(crate) asunto: String,
    /// Who asks.
    pub(crate) solicitante: String,
}

/// A task of Redmine that came to its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct EndedTask {
    /// The number of its ticket in `ServiceDesk`.
    pub(crate) ticket: i64,
    /// Its number in Redmine.
    pub(crate) tarea: i64,
}

/// What all messages about a ticket have in common.
pub(crate) fn correlation(ticket: i64) -> String {
    format!("ticket-{ticket}")
}
