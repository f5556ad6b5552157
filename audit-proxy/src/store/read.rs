//! One message with all that happened to it.

use jiff::Timestamp;
use messages::{MediaType, MessageId};
use sqlx::{AnyConnection, Row, any::AnyRow};

use crate::lifecycle::Effect;

use super::{
    Again, Key, Store, StoreError,
    again::again,
    payload::properties,
    rows::{bytes, id, listed, once, time},
};

/// Notifications of one id at most, and messages that were refused: anybody may send any
/// number of either. One more is asked for, to know whether there are.
const AT_MOST: usize = 100;

/// A reason as [`excerpt`](messages::excerpt()) gives it: there are rows from before it was
/// bounded.
pub(super) const COLUMNS: &str =
    "key, id, source, destination, kind, created, correlation, content_type,
    size, state, forwarded, settled, notified,
    CASE WHEN length(reason) <= 1000 THEN reason
         ELSE substr(reason, 1, 900) || '… (cortado, de ' || length(reason) || ' caracteres)' END,
    (SELECT count(*) FROM payloads WHERE payloads.key = messages.key)";

pub(super) const OF_ID: &str = "SELECT key FROM ids WHERE id = $1
    UNION ALL SELECT key FROM messages WHERE id = $1 AND reason IS NOT NULL";

const ADMITTED: &str = "SELECT key FROM ids WHERE id = $1";

const REFUSED: &str = "SELECT key FROM messages WHERE id = $1 AND reason IS NOT NULL
    ORDER BY key DESC LIMIT 101";

const NOTICES: &str = "SELECT id, teller, key, state, details, created, arrived, effect, before
    FROM notifications WHERE message = $1
    ORDER BY arrived DESC, created DESC, id DESC LIMIT 101";

const NOTICES_OF_KEY: &str =
    "SELECT id, teller, key, state, details, created, arrived, effect, before
    FROM notifications WHERE message = $1 AND key = $2
    ORDER BY arrived DESC, created DESC, id DESC LIMIT 101";

/// A message as it is kept. What was refused may lack anything, and its texts are
/// whatever came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is known by; also when it was received.
    pub key: Key,
    /// Its id.
    pub id: Option<MessageId>,
    /// The system that it is from, or says to be from.
    pub source: Option<String>,
    /// The system that it is for.
    pub destination: Option<String>,
    /// What kind of message it is.
    pub kind: Option<String>,
    /// When it was made, by the clock of its source.
    pub created: Option<Timestamp>,
    /// What it belongs to.
    pub correlation: Option<String>,
    /// The payload's media type.
    pub content_type: Option<String>,
    /// The payload's size in bytes.
    pub size: i64,
    /// Its state now.
    pub state: String,
    /// When the broker confirmed that the destination's queue has it.
    pub forwarded: Option<Timestamp>,
    /// When its final state was assigned, by the clock of its destination.
    pub settled: Option<Timestamp>,
    /// When the proxy learnt of that.
    pub notified: Option<Timestamp>,
    /// Why it was not admitted.
    pub reason: Option<String>,
    /// Whether what it carried is still there.
    pub has_payload: bool,
}

/// A notification as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptNotice {
    /// Its own id.
    pub id: MessageId,
    /// The system that told it.
    pub teller: String,
    /// The message that it is about, if it has come.
    pub key: Option<Key>,
    /// The state that it told.
    pub state: String,
    /// What it added.
    pub details: Option<String>,
    /// When it was made, by the teller's clock.
    pub created: Timestamp,
    /// When the proxy got it.
    pub arrived: Timestamp,
    /// What came of it.
    pub effect: String,
    /// The message's state until then.
    pub before: Option<String>,
}

/// A message with all that happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The message.
    pub entry: Entry,
    /// What was told of it, in the order in which it came.
    pub notices: Vec<KeptNotice>,
    /// What was done with it after the first attempt.
    pub again: Again,
    /// All that it said of itself (an AMQP property list), where that is still kept.
    pub properties: Option<Vec<u8>>,
}

/// All that is kept of one id.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Records {
    /// Its messages, in the order in which they were received.
    pub messages: Vec<Record>,
    /// What was told of it and has found no message, in the order in which it came.
    pub without_message: Vec<KeptNotice>,
    /// Whether older notifications are kept than these, or older messages that were refused.
    pub has_older: bool,
}

impl Entry {
    /// Whether its payload says to be JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let media_type = self.content_type.clone().map(MediaType::try_from);
        media_type.is_some_and(|media_type| media_type.is_ok_and(|it| it.is_json()))
    }
}

impl Record {
    /// What its destination added when it told its state now.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        let moved = |notice: &&KeptNotice| {
            notice.state == self.entry.state && notice.effect == Effect::Applied.as_str()
        };
        self.notices.iter().rfind(moved)?.details.as_deref()
    }
}

impl Store {
    /// The messages of this id, in the order in which they were received: those that were
    /// admitted, and the last hundred that were not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn messages(&self, id: MessageId) -> Result<Vec<Entry>, StoreError> {
        self.database.snapshot(async |link| Ok(of_id(link, id).await?.0)).await
    }

    /// The message of this key, if there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn message(&self, key: Key) -> Result<Option<Entry>, StoreError> {
        self.database.read(async |link| Ok(entries(link, &[key.as_i64()]).await?.pop())).await
    }

    /// The message of this key with all that happened to it, as it was at one moment; of
    /// what it was told the last hundred notifications.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_of(&self, key: Key) -> Result<Records, StoreError> {
        self.database
            .snapshot(async |link| {
                let Some(entry) = entries(link, &[key.as_i64()]).await?.pop() else {
                    return Ok(Records::default());
                };
                let (notices, has_older) = match entry.id {
                    Some(id) => notices_of(link, id, key).await?,
                    None => (Vec::new(), false),
                };
                let again = again(link, key).await?;
                let properties = properties(link, key).await?;
                let messages = vec![Record { entry, notices, again, properties }];
                Ok(Records { messages, has_older, ..Records::default() })
            })
            .await
    }

    /// All that is kept of this id, as it was at one moment; of what anybody may add to
    /// without end the last hundred.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn records(&self, id: MessageId) -> Result<Records, StoreError> {
        self.database
            .snapshot(async |link| {
                let mut messages = Vec::new();
                let (mut without_message, more_notices) = notices(link, id).await?;
                let (entries, more_refused) = of_id(link, id).await?;
                for entry in entries {
                    let its = |notice: &mut KeptNotice| notice.key == Some(entry.key);
                    let notices = without_message.extract_if(.., its).collect();
                    let again = again(link, entry.key).await?;
                    let properties = properties(link, entry.key).await?;
                    messages.push(Record { entry, notices, again, properties });
                }
                Ok(Records { messages, without_message, has_older: more_notices || more_refused })
            })
            .await
    }
}

/// Messages in the order in which they were received, and whether older ones were refused.
async fn of_id(link: &mut AnyConnection, id: MessageId) -> Result<(Vec<Entry>, bool), StoreError> {
    let mut keys = keys(link, ADMITTED, id).await?;
    let (refused, has_older) = newest(self::keys(link, REFUSED, id).await?);
    keys.extend(refused);
    Ok((entries(link, &keys).await?, has_older))
}

async fn keys(
    link: &mut AnyConnection,
    statement: &'static str,
    id: MessageId,
) -> Result<Vec<i64>, StoreError> {
    let rows = sqlx::query(statement).bind(bytes(id)).fetch_all(link).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Notifications in the order in which they came, and whether there are older ones.
async fn notices(
    link: &mut AnyConnection,
    message: MessageId,
) -> Result<(Vec<KeptNotice>, bool), StoreError> {
    let rows = sqlx::query(NOTICES).bind(bytes(message)).fetch_all(link).await?;
    let notices: Result<Vec<_>, _> = rows.iter().map(notice).collect();
    Ok(newest(notices?))
}

/// Those that are about one of the messages of this id.
async fn notices_of(
    link: &mut AnyConnection,
    id: MessageId,
    key: Key,
) -> Result<(Vec<KeptNotice>, bool), StoreError> {
    let query = sqlx::query(NOTICES_OF_KEY).bind(bytes(id)).bind(key.as_i64());
    let notices: Result<Vec<_>, _> = query.fetch_all(link).await?.iter().map(notice).collect();
    Ok(newest(notices?))
}

/// Of what came newest first, so many in the order in which they came; whether there are
/// older ones.
fn newest<T>(mut all: Vec<T>) -> (Vec<T>, bool) {
    let has_older = all.len() > AT_MOST;
    all.truncate(AT_MOST);
    all.reverse();
    (all, has_older)
}

/// The messages of these keys, in their order.
async fn entries(link: &mut AnyConnection, keys: &[i64]) -> Result<Vec<Entry>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let places = listed(1, keys.len());
    let statement = format!("SELECT {COLUMNS} FROM messages WHERE key IN ({places}) ORDER BY key");
    let mut query = once(&statement);
    for key in keys {
        query = query.bind(*key);
    }
    query.fetch_all(link).await?.iter().map(entry).collect()
}

pub(super) fn entry(row: &AnyRow) -> Result<Entry, StoreError> {
    let stored: Option<Vec<u8>> = row.try_get(1)?;
    Ok(Entry {
        key: row.try_get::<i64, _>(0)?.into(),
        id: stored.as_deref().map(id).transpose()?,
        source: row.try_get(2)?,
        destination: row.try_get(3)?,
        kind: row.try_get(4)?,
        created: when(row, 5)?,
        correlation: row.try_get(6)?,
        content_type: row.try_get(7)?,
        size: row.try_get(8)?,
        state: row.try_get(9)?,
        forwarded: when(row, 10)?,
        settled: when(row, 11)?,
        notified: when(row, 12)?,
        reason: row.try_get(13)?,
        has_payload: row.try_get::<i64, _>(14)? > 0,
    })
}

fn notice(row: &AnyRow) -> Result<KeptNotice, StoreError> {
    Ok(KeptNotice {
        id: id(row.try_get(0)?)?,
        teller: row.try_get(1)?,
        key: row.try_get::<Option<i64>, _>(2)?.map(Key::from),
        state: row.try_get(3)?,
        details: row.try_get(4)?,
        created: time(row.try_get(5)?)?,
        arrived: time(row.try_get(6)?)?,
        effect: row.try_get(7)?,
        before: row.try_get(8)?,
    })
}

fn when(row: &AnyRow, column: usize) -> Result<Option<Timestamp>, StoreError> {
    row.try_get::<Option<i64>, _>(column)?.map(time).transpose()
}
