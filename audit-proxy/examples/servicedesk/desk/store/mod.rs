//! The tickets, in a file of SQLite.

use database::{Database, DatabaseUrl, Error};
use serde_json::json;
use sqlx::{Any, Row, Transaction, any::AnyRow};

use super::{
    mailing::{
        agreement::{AssignedTicket, REDMINE, TICKET_ASSIGNED, correlation},
        letter::Letter,
        mailbox::Take,
        received::Received,
        store::{is_new, post},
    },
    ticket::{Change, State},
};

/// The first ticket has the number after this one.
const OPEN: &str = "INSERT INTO tickets (number, subject, requester, state)
    VALUES ((SELECT COALESCE(MAX(number), 4710) + 1 FROM tickets), $1, $2, $3)";

const TICKETS: &str = "SELECT number, subject, requester, state, task, message
    FROM tickets ORDER BY number DESC LIMIT 50";

const TICKET: &str = "SELECT number, subject, requester, state, task, message
    FROM tickets WHERE number = $1";

const ASSIGN: &str = "UPDATE tickets SET state = $2, message = $3, task = NULL WHERE number = $1";

const CHANGE: &str = "UPDATE tickets SET state = $2, task = $3 WHERE number = $1 AND state = $4";

/// A ticket, as the page shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ticket {
    /// Its number.
    pub(crate) number: i64,
    /// What it is about.
    pub(crate) subject: String,
    /// Who asks.
    pub(crate) requester: String,
    /// Where it stands.
    pub(crate) state: State,
    /// The task at Redmine that ended it.
    pub(crate) task: Option<i64>,
    /// The message by which it was handed over last.
    pub(crate) message: Option<String>,
}

impl Ticket {
    /// What all messages about it have in common.
    pub(crate) fn correlation(&self) -> String {
        correlation(self.number)
    }
}

/// The tickets. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Store(Database);

/// `ServiceDesk`'s own database.
///
/// # Errors
/// When it cannot be made now.
pub(crate) async fn open(url: &DatabaseUrl) -> Result<Database, Error> {
    let migrations = sqlx::migrate!("examples/servicedesk/migrations");
    super::mailing::store::open(url, migrations).await
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self(database)
    }

    /// Opens a ticket.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub(crate) async fn open(&self, subject: &str, requester: &str) -> Result<(), Error> {
        let query = sqlx::query(OPEN).bind(subject).bind(requester).bind(State::Open.as_str());
        self.0
            .write(async |tx| {
                query.execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }

    /// The newest tickets, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn tickets(&self) -> Result<Vec<Ticket>, Error> {
        let query = sqlx::query(TICKETS);
        let rows = self.0.read(async |link| Ok::<_, Error>(query.fetch_all(link).await?)).await?;
        rows.iter().map(ticket).collect()
    }

    /// Hands a ticket to support, and puts the message that says so into the outbox;
    /// false where there is no such ticket, or it was handed over already.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub(crate) async fn assign(&self, number: i64) -> Result<bool, Error> {
        self.0.write(async |tx| assign(tx, number).await).await
    }
}

impl Take for Store {
    async fn take(&self, batch: &[Received]) -> Result<(), Error> {
        let all = async |tx: &mut Transaction<'_, Any>| {
            for message in batch {
                take(tx, message).await?;
            }
            Ok(())
        };
        self.0.write(all).await
    }
}

async fn assign(tx: &mut Transaction<'_, Any>, number: i64) -> Result<bool, Error> {
    let row = sqlx::query(TICKET).bind(number).fetch_optional(&mut **tx).await?;
    let Some(ticket) = row.as_ref().map(ticket).transpose()? else { return Ok(false) };
    if !ticket.state.may_be_assigned() {
        return Ok(false);
    }
    let body =
        AssignedTicket { ticket: number, asunto: ticket.subject, solicitante: ticket.requester };
    let letter =
        Letter::new(TICKET_ASSIGNED, REDMINE, Some(correlation(number)), json!(body).to_string());
    let state = State::Assigned.as_str();
    let query = sqlx::query(ASSIGN).bind(number).bind(state).bind(letter.id.to_string());
    query.execute(&mut **tx).await?;
    post(tx, &letter).await?;
    Ok(true)
}

/// A message, its effect, and what is told of it: all of that or nothing.
async fn take(tx: &mut Transaction<'_, Any>, message: &Received) -> Result<(), Error> {
    if !is_new(tx, message).await? {
        return Ok(());
    }
    let told = match Change::read(message) {
        Ok(change) => change.told(apply(tx, &change).await?),
        Err(told) => told,
    };
    post(tx, &message.notification(&told)).await
}

async fn apply(tx: &mut Transaction<'_, Any>, change: &Change) -> Result<bool, Error> {
    let query = sqlx::query(CHANGE)
        .bind(change.task.ticket)
        .bind(change.state.as_str())
        .bind(change.task.tarea)
        .bind(State::Assigned.as_str());
    Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
}

fn ticket(row: &AnyRow) -> Result<Ticket, Error> {
    let word: String = row.try_get(3)?;
    let state = State::from_word(&word);
    Ok(Ticket {
        number: row.try_get(0)?,
        subject: row.try_get(1)?,
        requester: row.try_get(2)?,
        state: state.ok_or_else(|| Error::Foreign(format!("the state {word:?}")))?,
        task: row.try_get(4)?,
        message: row.try_get(5)?,
    })
}
