//! What came and what is still to go. Both are written in the transaction that has the
//! effect: so a message counts once, and nothing is sent of what did not happen, nor
//! the other way round.
//!
//! SQL lives in folders of this name only.

use database::{Database, DatabaseUrl, Error};
use messages::MessageId;
use sqlx::{Any, Row, Transaction, any::AnyRow, migrate::Migrator};

use super::{letter::Letter, received::Received};

/// Letters published together.
const AT_ONCE: i64 = 100;

const KNOWN: &str = "UPDATE inbox SET times = times + 1 WHERE source = $1 AND id = $2";

const REMEMBER: &str = "INSERT INTO inbox (source, id, times) VALUES ($1, $2, 1)";

const POST: &str = "INSERT INTO outbox (id, kind, destination, created, correlation, body)
    VALUES ($1, $2, $3, $4, $5, $6)";

const WAITING: &str = "SELECT id, kind, destination, created, correlation, body
    FROM outbox ORDER BY number LIMIT $1";

const SENT: &str = "DELETE FROM outbox WHERE id = $1";

const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM inbox),
    (SELECT COALESCE(SUM(times - 1), 0) FROM inbox), (SELECT COUNT(*) FROM outbox)";

/// The system's own database, as far as it is about messages.
#[derive(Clone)]
pub(crate) struct Mail(Database);

/// How many messages there were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    /// Different ones that came.
    pub(crate) received: i64,
    /// How often one came that was here already.
    pub(crate) repeated: i64,
    /// Those that the broker does not have yet.
    pub(crate) waiting: i64,
}

impl Mail {
    pub(crate) fn new(database: Database) -> Self {
        Self(database)
    }

    /// The oldest letters that wait to be published.
    ///
    /// # Errors
    /// When the database does not answer, or holds something else.
    pub(crate) async fn waiting(&self) -> Result<Vec<Letter>, Error> {
        let query = sqlx::query(WAITING).bind(AT_ONCE);
        let rows = self.0.read(async |link| Ok::<_, Error>(query.fetch_all(link).await?)).await?;
        rows.iter().map(letter).collect()
    }

    /// Forgets letters that the broker has.
    ///
    /// # Errors
    /// Nothing is forgotten then: they are going to be published once more, under
    /// their ids.
    pub(crate) async fn sent(&self, ids: &[MessageId]) -> Result<(), Error> {
        let forget = async |tx: &mut Transaction<'_, Any>| {
            for id in ids {
                sqlx::query(SENT).bind(id.to_string()).execute(&mut **tx).await?;
            }
            Ok(())
        };
        self.0.write(forget).await
    }

    /// How many messages there were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn counts(&self) -> Result<Counts, Error> {
        let row =
            self.0.read(async |link| Ok::<_, Error>(sqlx::query(COUNTS).fetch_one(link).await?));
        let row = row.await?;
        let (received, repeated) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Counts { received, repeated, waiting: row.try_get(2)? })
    }
}

/// A system's own database, with its tables.
///
/// # Errors
/// When it cannot be made now.
pub(crate) async fn open(url: &DatabaseUrl, migrations: Migrator) -> Result<Database, Error> {
    let database = Database::new(url, migrations)?;
    database.write(async |_| Ok::<_, Error>(())).await?;
    Ok(database)
}

/// A system of the pilot keeps what it has in a file.
///
/// # Errors
/// When it is no file of SQLite.
pub(crate) fn file(text: &str) -> Result<DatabaseUrl, String> {
    match text.parse() {
        Ok(url @ DatabaseUrl::Sqlite(_)) => Ok(url),
        _ => Err("expected sqlite://path".to_owned()),
    }
}

/// Whether a message came for the first time; from now on it did.
///
/// # Errors
/// When the database does not take it.
pub(crate) async fn is_new(
    tx: &mut Transaction<'_, Any>,
    received: &Received,
) -> Result<bool, Error> {
    let (source, id) = (received.source.as_str(), received.id.to_string());
    let known = sqlx::query(KNOWN).bind(source).bind(&id).execute(&mut **tx).await?;
    if known.rows_affected() > 0 {
        return Ok(false);
    }
    sqlx::query(REMEMBER).bind(source).bind(&id).execute(&mut **tx).await?;
    Ok(true)
}

/// Puts a letter into the outbox.
///
/// # Errors
/// When the database does not take it.
pub(crate) async fn post(tx: &mut Transaction<'_, Any>, letter: &Letter) -> Result<(), Error> {
    let query = sqlx::query(POST)
        .bind(letter.id.to_string())
        .bind(&letter.kind)
        .bind(&letter.to)
        .bind(letter.created.to_string())
        .bind(letter.correlation.as_ref())
        .bind(&letter.body);
    query.execute(&mut **tx).await?;
    Ok(())
}

fn letter(row: &AnyRow) -> Result<Letter, Error> {
    let (id, created): (String, String) = (row.try_get(0)?, row.try_get(3)?);
    Ok(Letter {
        id: id.parse().map_err(|_| Error::Foreign(format!("the id {id:?}")))?,
        kind: row.try_get(1)?,
        to: row.try_get(2)?,
        created: created.parse().map_err(|_| Error::Foreign(format!("the time {created:?}")))?,
        correlation: row.try_get(4)?,
        body: row.try_get(5)?,
    })
}
