//! The tasks, in a file of SQLite.

use database::{Database, DatabaseUrl, Error};
use messages::MessageId;
use serde_json::json;
use sqlx::{Any, Row, Transaction, any::AnyRow};

use super::{
    mailing::{
        agreement::{AssignedTicket, EndedTask, correlation},
        letter::Letter,
        mailbox::Take,
        received::{Received, notification},
        store::{is_new, post},
    },
    task::{State, Step, handed_over, taken},
};

const NEXT: &str = "SELECT COALESCE(MAX(number), 0) + 1 FROM tasks";

const ADD: &str = "INSERT INTO tasks (number, ticket, subject, requester, state, message, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const TASKS: &str = "SELECT number, ticket, subject, requester, state, message, source, answer
    FROM tasks ORDER BY number DESC LIMIT 50";

const TASK: &str = "SELECT number, ticket, subject, requester, state, message, source, answer
    FROM tasks WHERE number = $1";

const CHANGE: &str = "UPDATE tasks SET state = $2, answer = $3 WHERE number = $1";

/// A task, as the page shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Task {
    /// Its number.
    pub(crate) number: i64,
    /// The number of its ticket in `ServiceDesk`.
    pub(crate) ticket: i64,
    /// What it is about.
    pub(crate) subject: String,
    /// Who asks.
    pub(crate) requester: String,
    /// Where it stands.
    pub(crate) state: State,
    /// The message that it is from.
    pub(crate) message: MessageId,
    /// The system that sent that.
    pub(crate) source: String,
    /// The message that told its end, once it has come to one.
    pub(crate) answer: Option<String>,
}

/// The tasks. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Store(Database);

/// Redmine's own database.
///
/// # Errors
/// When it cannot be made now.
pub(crate) async fn open(url: &DatabaseUrl) -> Result<Database, Error> {
    let migrations = sqlx::migrate!("examples/redmine/migrations");
    super::mailing::store::open(url, migrations).await
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self(database)
    }

    /// The newest tasks, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn tasks(&self) -> Result<Vec<Task>, Error> {
        let query = sqlx::query(TASKS);
        let rows = self.0.read(async |link| Ok::<_, Error>(query.fetch_all(link).await?)).await?;
        rows.iter().map(task).collect()
    }

    /// Does a step with a task, and puts what is told of it into the outbox; false where
    /// there is no such task, or the step cannot be done with it.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub(crate) async fn step(&self, number: i64, step: Step) -> Result<bool, Error> {
        self.0.write(async |tx| do_step(tx, number, step).await).await
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

/// A message, its effect, and what is told of it: all of that or nothing.
async fn take(tx: &mut Transaction<'_, Any>, message: &Received) -> Result<(), Error> {
    if !is_new(tx, message).await? {
        return Ok(());
    }
    let told = match handed_over(message) {
        Ok(ticket) => taken(add(tx, &ticket, message).await?, ticket.ticket),
        Err(told) => told,
    };
    post(tx, &message.notification(&told)).await
}

/// Makes a task of a ticket; returns its number.
async fn add(
    tx: &mut Transaction<'_, Any>,
    ticket: &AssignedTicket,
    message: &Received,
) -> Result<i64, Error> {
    let number: i64 = sqlx::query(NEXT).fetch_one(&mut **tx).await?.try_get(0)?;
    let query = sqlx::query(ADD)
        .bind(number)
        .bind(ticket.ticket)
        .bind(&ticket.asunto)
        .bind(&ticket.solicitante)
        .bind(State::New.as_str())
        .bind(message.id.to_string())
        .bind(message.source.as_str());
    query.execute(&mut **tx).await?;
    Ok(number)
}

async fn do_step(tx: &mut Transaction<'_, Any>, number: i64, step: Step) -> Result<bool, Error> {
    let row = sqlx::query(TASK).bind(number).fetch_optional(&mut **tx).await?;
    let Some(task) = row.as_ref().map(task).transpose()? else { return Ok(false) };
    let Some(state) = task.state.after(step) else { return Ok(false) };
    let source = task.source.parse().map_err(|_| foreign("source", &task.source))?;
    let belongs = || Some(correlation(task.ticket));
    post(tx, &notification(task.message, &source, belongs(), &step.told(number))).await?;
    let answer = step.kind().map(|kind| {
        let ended = EndedTask { ticket: task.ticket, tarea: number };
        Letter::new(kind, &task.source, belongs(), json!(ended).to_string())
    });
    if let Some(letter) = &answer {
        post(tx, letter).await?;
    }
    let query = sqlx::query(CHANGE)
        .bind(number)
        .bind(state.as_str())
        .bind(answer.map(|letter| letter.id.to_string()));
    query.execute(&mut **tx).await?;
    Ok(true)
}

fn task(row: &AnyRow) -> Result<Task, Error> {
    let (state, message): (String, String) = (row.try_get(4)?, row.try_get(5)?);
    Ok(Task {
        number: row.try_get(0)?,
        ticket: row.try_get(1)?,
        subject: row.try_get(2)?,
        requester: row.try_get(3)?,
        state: State::from_word(&state).ok_or_else(|| foreign("state", &state))?,
        message: message.parse().map_err(|_| foreign("id", &message))?,
        source: row.try_get(6)?,
        answer: row.try_get(7)?,
    })
}

fn foreign(what: &str, stored: &str) -> Error {
    Error::Foreign(format!("the {what} {stored:?}"))
}
