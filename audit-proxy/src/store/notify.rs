//! What destinations tell of messages, and the states that follow. Every notification
//! is kept, once, whatever came of it.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use messages::{MessageId, Note, SystemName};
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::{
    Key, Store, StoreError,
    months::Months,
    rows::{Filled, Identity, bytes, execute, fetch, id, keys_of, listed, lock, once, text, time},
    tally::{Counted, Tally, sampled},
};
use crate::{
    lifecycle::{Effect, Known, Told, judge},
    register::Register,
    statistics::Stage,
};

/// Notifications without a message that are looked through at once.
const AT_ONCE: i64 = 500;

/// Of what had no message when it came; the effect as the index has it.
const REUNITED: &str =
    "SELECT notifications.id, teller, message, notifications.source, state, created
    FROM notifications JOIN ids ON ids.id = message AND ids.source = notifications.source
    WHERE effect = 'sin_mensaje' ORDER BY arrived LIMIT $1";

/// A notification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Its own id, within the system that tells it.
    pub id: MessageId,
    /// The message that it is about.
    pub message: MessageId,
    /// The system that this message is from.
    pub source: SystemName,
    /// Who tells what.
    pub told: Told,
    /// What there is to add.
    pub details: Option<Note>,
}

/// A message that a notification is about.
struct Subject {
    key: Key,
    known: Known,
    /// As it was before any of these.
    before: Known,
    counted: Counted,
    forwarded: Option<Timestamp>,
}

impl Subject {
    /// When its destination had it, where its first final state is this one.
    fn first_forwarded(&self) -> Option<Timestamp> {
        self.forwarded.filter(|_| self.before.settled.is_none())
    }
}

/// A notification with what came of it.
struct Judged<'a> {
    notice: &'a Notice,
    key: Option<Key>,
    effect: Effect,
    before: Option<String>,
}

impl Store {
    /// Keeps notifications that are not kept yet, and moves messages to the states that
    /// follow.
    ///
    /// # Errors
    /// Nothing of the batch has been kept then.
    pub async fn notify(
        &self,
        notices: &[Notice],
        register: &Register,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if notices.is_empty() {
            return Ok(());
        }
        self.database
            .write(async |tx| {
                let new = new(tx, notices).await?;
                if !new.is_empty() {
                    let shard = self.keys.process();
                    let judged = apply(tx, &new, register, now, shard).await?;
                    insert(tx, &judged, now).await?;
                }
                Ok(())
            })
            .await
    }

    /// Judges anew the notifications whose message has come after them; returns how many
    /// that were.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn reunite(&self, register: &Register, now: Timestamp) -> Result<usize, StoreError> {
        self.database
            .write(async |tx| {
                let found = self.reunited(tx).await?;
                let notices: Vec<_> = found.iter().collect();
                if notices.is_empty() {
                    return Ok(0);
                }
                let judged = apply(tx, &notices, register, now, self.keys.process()).await?;
                update(tx, &judged).await?;
                Ok(judged.iter().filter(|one| one.key.is_some()).count())
            })
            .await
    }

    /// Notifications that had no message when they came, and have one now; in the order
    /// in which they came.
    async fn reunited(&self, tx: &mut Transaction<'_, Any>) -> Result<Vec<Notice>, StoreError> {
        // Those that another instance is at are left to it.
        let lock =
            if self.is_partitioned() { "FOR UPDATE OF notifications SKIP LOCKED" } else { "" };
        let query = sqlx::query(AssertSqlSafe(format!("{REUNITED} {lock}")));
        let rows = query.bind(AT_ONCE).fetch_all(&mut **tx).await?;
        rows.iter()
            .map(|row| {
                let told = Told {
                    by: text(row.try_get(1)?)?,
                    state: text(row.try_get(4)?)?,
                    at: time(row.try_get(5)?)?,
                };
                let (message, source) = (id(row.try_get(2)?)?, text(row.try_get(3)?)?);
                Ok(Notice { id: id(row.try_get(0)?)?, message, source, told, details: None })
            })
            .collect()
    }
}

/// Those that are not kept yet, each once.
async fn new<'a>(
    tx: &mut Transaction<'_, Any>,
    notices: &'a [Notice],
) -> Result<Vec<&'a Notice>, StoreError> {
    let select = |places: &str| {
        format!(
            "WITH asked AS (VALUES {places})
             SELECT id, teller FROM asked CROSS JOIN notifications
             WHERE id = column1 AND teller = column2"
        )
    };
    let fill =
        |query: Filled, notice: &Notice| query.bind(bytes(notice.id)).bind(notice.told.by.as_str());
    let mut seen: HashSet<Identity> = HashSet::new();
    for row in fetch(tx, &[], notices, 2, select, fill).await? {
        seen.insert((id(row.try_get(0)?)?, text(row.try_get(1)?)?));
    }
    Ok(notices.iter().filter(|notice| seen.insert((notice.id, notice.told.by.clone()))).collect())
}

/// Judges notifications in their order, and writes down what that makes of messages.
async fn apply<'a>(
    tx: &mut Transaction<'_, Any>,
    notices: &[&'a Notice],
    register: &Register,
    now: Timestamp,
    shard: i64,
) -> Result<Vec<Judged<'a>>, StoreError> {
    let mut subjects = subjects(tx, notices).await?;
    let mut judged = Vec::with_capacity(notices.len());
    let mut moved = HashSet::new();
    for notice in notices {
        let identity = (notice.message, notice.source.clone());
        let Some(subject) = subjects.get_mut(&identity) else {
            let effect = Effect::WithoutMessage;
            judged.push(Judged { notice, key: None, effect, before: None });
            continue;
        };
        let teller = register.get(&notice.told.by);
        let effect =
            teller.map_or(Effect::Foreign, |teller| judge(&subject.known, &notice.told, teller));
        let before = Some(subject.known.state.to_string());
        let after = subject.known.clone().after(&notice.told, effect);
        if after != subject.known {
            moved.insert(identity);
            subject.known = after;
        }
        judged.push(Judged { notice, key: Some(subject.key), effect, before });
    }
    let moved: Vec<_> = moved.iter().filter_map(|identity| subjects.get(identity)).collect();
    if !moved.is_empty() {
        settle(tx, &moved, now).await?;
        tally(&moved, now).write(tx, shard).await?;
    }
    Ok(judged)
}

/// What is counted of messages that moved.
fn tally(moved: &[&Subject], now: Timestamp) -> Tally {
    let mut tally = Tally::default();
    for Subject { before, known, counted, .. } in moved {
        tally.change(counted, before.state.as_str(), known.state.as_str(), 1);
    }
    let first: Vec<_> =
        moved.iter().filter_map(|one| Some((&one.counted, one.first_forwarded()?))).collect();
    for ((counted, forwarded), messages) in sampled(&first) {
        tally.took(counted, Stage::Processing, (*forwarded, now), messages);
    }
    tally
}

async fn subjects(
    tx: &mut Transaction<'_, Any>,
    notices: &[&Notice],
) -> Result<HashMap<Identity, Subject>, StoreError> {
    let asked: HashSet<_> = notices.iter().map(|notice| (notice.message, &notice.source)).collect();
    let asked: Vec<_> = asked.into_iter().collect();
    let keys = keys_of(tx, &asked).await?;
    // Of two instances that are told of one message, the other judges by what this one made
    // of it.
    lock(tx, keys.keys()).await?;
    let mut subjects = HashMap::new();
    let Some(months) = Months::of(keys.keys()) else { return Ok(subjects) };
    let statement = format!(
        "SELECT key, destination, state, settled, kind, forwarded FROM messages
         WHERE {} AND key IN ({})",
        Months::CONDITION,
        listed(3, keys.len())
    );
    let mut query = months.bind(once(&statement));
    for key in keys.keys() {
        query = query.bind(key.as_i64());
    }
    for row in query.fetch_all(&mut **tx).await? {
        let key = Key::from(row.try_get::<i64, _>(0)?);
        let known = Known {
            destination: text(row.try_get(1)?)?,
            state: text(row.try_get(2)?)?,
            settled: row.try_get::<Option<i64>, _>(3)?.map(time).transpose()?,
        };
        let Some(identity) = keys.get(&key) else { continue };
        let source = identity.1.as_str();
        let counted = Counted::new(key, source, known.destination.as_str(), row.try_get(4)?);
        let forwarded = row.try_get::<Option<i64>, _>(5)?.map(time).transpose()?;
        let before = known.clone();
        subjects.insert(identity.clone(), Subject { key, known, before, counted, forwarded });
    }
    Ok(subjects)
}

async fn settle(
    tx: &mut Transaction<'_, Any>,
    moved: &[&Subject],
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(months) = Months::of(moved.iter().map(|subject| &subject.key)) else {
        return Ok(());
    };
    let update = |places: &str| {
        format!(
            "UPDATE messages SET state = column2, settled = column3, notified = column4
             FROM (VALUES {places}) AS told WHERE messages.key = column1 AND {}",
            Months::CONDITION
        )
    };
    let fill = |query: Filled, Subject { key, known, .. }: &&Subject| {
        query
            .bind(key.as_i64())
            .bind(known.state.as_str())
            .bind(known.settled.map(Timestamp::as_microsecond))
            .bind(now.as_microsecond())
    };
    execute(tx, &months.ends(), moved, 4, update, fill).await?;
    Ok(())
}

async fn insert(
    tx: &mut Transaction<'_, Any>,
    judged: &[Judged<'_>],
    now: Timestamp,
) -> Result<(), StoreError> {
    let insert = |places: &str| {
        format!(
            "INSERT INTO notifications (id, teller, key, message, source, state, details, created,
                                        arrived, effect, before) VALUES {places}"
        )
    };
    let fill = |query: Filled, Judged { notice, key, effect, before }: &Judged<'_>| {
        let Notice { id, message, source, told, details } = notice;
        query
            .bind(bytes(*id))
            .bind(told.by.as_str())
            .bind(key.map(Key::as_i64))
            .bind(bytes(*message))
            .bind(source.as_str())
            .bind(told.state.as_str())
            .bind(details.as_ref().map(Note::as_str))
            .bind(told.at.as_microsecond())
            .bind(now.as_microsecond())
            .bind(effect.as_str())
            .bind(before.as_deref())
    };
    execute(tx, &[], judged, 11, insert, fill).await?;
    Ok(())
}

/// Writes down what came of notifications that are kept already.
async fn update(tx: &mut Transaction<'_, Any>, judged: &[Judged<'_>]) -> Result<(), StoreError> {
    let update = |places: &str| {
        format!(
            "UPDATE notifications SET key = column3, effect = column4, before = column5
             FROM (VALUES {places}) AS judged WHERE notifications.id = column1 AND teller = column2"
        )
    };
    let fill = |query: Filled, Judged { notice, key, effect, before }: &Judged<'_>| {
        query
            .bind(bytes(notice.id))
            .bind(notice.told.by.as_str())
            .bind(key.map(Key::as_i64))
            .bind(effect.as_str())
            .bind(before.as_deref())
    };
    execute(tx, &[], judged, 5, update, fill).await?;
    Ok(())
}
