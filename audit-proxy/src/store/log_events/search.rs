//! Log events that were asked for, newest first, and what was lost beside them.

use jiff::Timestamp;
use messages::{LogLevel, SystemName};
use sqlx::{AnyConnection, Row, any::AnyRow};

use super::{KeptLogEvent, LogStore, rank};
use crate::folding::folded;
use crate::store::{
    Key, StoreError,
    rows::{foreign, text, time},
};

/// Bytes of texts and fields on a page at most, unless one event alone has more: JSON may
/// write each as six.
const MAX_BYTES: usize = 512 * 1024;

/// Losses told with a page at most.
const MAX_LOSSES: i64 = 1000;

const LOSSES: &str = "SELECT since, until, system, reason, events FROM log_losses
    WHERE until >= $1 AND since <= $2 AND ($3 = '' OR system = '' OR system = $3)
    ORDER BY until DESC, since DESC, system, reason LIMIT $4";

/// Which log events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogQuery {
    /// Of this system alone.
    pub system: Option<SystemName>,
    /// At least of this level.
    pub level: LogLevel,
    /// Received then or later.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// With this in their text, whatever its case and its Unicode normal form.
    pub text: Option<String>,
    /// Older than the one of this key.
    pub before: Option<Key>,
    /// On a page at most, 1 or more: long ones fill it sooner.
    pub limit: i64,
}

/// A page of log events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogPage {
    /// Newest first.
    pub events: Vec<KeptLogEvent>,
    /// What was lost in the time that the page covers, the latest first.
    pub losses: Vec<TellableLoss>,
    /// Where the next page begins, unless this one is the last.
    pub next: Option<Key>,
}

/// Log events that were lost, as that was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TellableLoss {
    /// Since when, if anybody knows.
    pub since: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
    /// The system that they were from, if anybody knows.
    pub system: Option<SystemName>,
    /// Why.
    pub reason: String,
    /// How if anybody knows.
    pub events: Option<i64>,
}

impl LogStore {
    /// A page of the log events that are asked for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn search(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        self.database
            .read(async |link| {
                let mut events = events(link, query).await?;
                let is_full = i64::try_from(events.len()) == Ok(query.limit);
                let is_full = cut(&mut events) || is_full;
                let next = events.last().filter(|_| is_full).map(|event| event.key);
                let losses = losses(link, query, next).await?;
                Ok(LogPage { events, losses, next })
            })
            .await
    }
}

/// Leaves as many as a page has room for, and says whether there were more.
fn cut(events: &mut Vec<KeptLogEvent>) -> bool {
    let mut bytes = 0;
    let too_many = events.iter().skip(1).position(|event| {
        bytes += event.text.len() + event.fields.as_ref().map_or(0, String::len);
        bytes > MAX_BYTES
    });
    events.truncate(too_many.map_or(events.len(), |place| place + 1));
    too_many.is_some()
}

async fn events(
    link: &mut AnyConnection,
    query: &LogQuery,
) -> Result<Vec<KeptLogEvent>, StoreError> {
    let first = query.since.map_or(i64::MIN, |since| Key::first_at(since).as_i64());
    let until = query.until.map_or(i64::MAX, |until| Key::first_at(until).as_i64());
    let until = query.before.map_or(until, |before| before.as_i64().min(until));
    let statement = statement(query);
    let mut asked = sqlx::query(sqlx::AssertSqlSafe(&*statement));
    asked = asked.bind(first).bind(until).bind(query.limit);
    if let Some(system) = &query.system {
        asked = asked.bind(system.as_str());
    }
    if let Some(text) = &query.text {
        asked = asked.bind(pattern(text));
    }
    asked.fetch_all(link).await?.iter().map(event).collect()
}

/// The level stands in it, so that the index of the grave ones can be used.
fn statement(query: &LogQuery) -> String {
    let mut statement = format!(
        "SELECT key, system, level, time, text, fields FROM log_events
         WHERE key >= $1 AND key < $2 AND level >= {}",
        rank(query.level)
    );
    statement.push_str(match (&query.system, &query.text) {
        (None, None) => "",
        (Some(_), None) => " AND system = $4",
        (None, Some(_)) => r" AND coalesce(folded, lower(text)) LIKE $4 ESCAPE '\'",
        (Some(_), Some(_)) => {
            r" AND system = $4 AND coalesce(folded, lower(text)) LIKE $5 ESCAPE '\'"
        }
    });
    statement.push_str(" ORDER BY key DESC LIMIT $3");
    statement
}

/// Any text with `text` in it: nothing in that stands for anything else.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in folded(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn event(row: &AnyRow) -> Result<KeptLogEvent, StoreError> {
    let stored: i64 = row.try_get(2)?;
    let level = usize::try_from(stored).ok().and_then(|place| LogLevel::ALL.get(place));
    Ok(KeptLogEvent {
        key: row.try_get::<i64, _>(0)?.into(),
        system: text(row.try_get(1)?)?,
        level: *level.ok_or_else(|| foreign("the level", stored))?,
        time: time(row.try_get(3)?)?,
        text: row.try_get(4)?,
        fields: row.try_get(5)?,
    })
}

/// From the page's oldest event, or all that is asked for on the last one.
async fn losses(
    link: &mut AnyConnection,
    query: &LogQuery,
    oldest: Option<Key>,
) -> Result<Vec<TellableLoss>, StoreError> {
    let since = oldest.map(Key::received).or(query.since);
    let until = query.before.map(Key::received).or(query.until);
    let rows = sqlx::query(LOSSES)
        .bind(since.map_or(i64::MIN, Timestamp::as_microsecond))
        .bind(until.map_or(i64::MAX, Timestamp::as_microsecond))
        .bind(query.system.as_ref().map_or("", SystemName::as_str))
        .bind(MAX_LOSSES)
        .fetch_all(link)
        .await?;
    rows.iter().map(loss).collect()
}

fn loss(row: &AnyRow) -> Result<TellableLoss, StoreError> {
    let (since, system): (i64, String) = (row.try_get(0)?, row.try_get(2)?);
    Ok(TellableLoss {
        since: (since != 0).then(|| time(since)).transpose()?,
        until: time(row.try_get(1)?)?,
        system: (!system.is_empty()).then(|| text(system)).transpose()?,
        reason: row.try_get(3)?,
        events: row.try_get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_long_events_ends_sooner_and_has_one_at_least() {
        let event = |text: String| KeptLogEvent {
            key: Key::from(1),
            system: "redmine".parse().expect("a name"),
            level: LogLevel::Info,
            time: Timestamp::UNIX_EPOCH,
            text: String::new(),
            fields: Some(text),
        };
        for (bytes, count, kept) in
            [(1, 1000, 1000), (MAX_BYTES / 4, 9, 5), (MAX_BYTES + 1, 3, 1), (MAX_BYTES + 1, 1, 1)]
        {
            let mut events = vec![event("x".repeat(bytes)); count];
            assert_eq!((cut(&mut events), events.len()), (kept < count, kept), "{bytes}");
        }
    }

    #[test]
    fn nothing_in_a_text_that_is_looked_for_stands_for_anything_else() {
        assert_eq!(pattern("50%_\\Ñ A"), "%50\\%\\_\\\\ñ a%");
    }
}
