//! Statements about many rows at once, and the columns of what they return.

use std::{collections::HashMap, fmt::Write};

use jiff::Timestamp;
use messages::{MessageId, SystemName};
use sqlx::{
    Any, AssertSqlSafe, Row, Transaction,
    any::{AnyArguments, AnyRow},
    query::Query,
};
use uuid::Uuid;

use super::{Key, StoreError};

/// A statement with what was filled in.
pub(super) type Filled = Query<'static, Any, AnyArguments>;

/// Places for rows in one statement, at most. SQLite looks for the name of each among
/// all those before it, so that a statement with thousands takes longer for their names
/// than for their rows.
const PLACES: usize = 256;

/// `statement` of all `rows`, with as many of them at once as there are places for; it is
/// given those. `head` fills the places before them, and `fill` those of a row, which has
/// so many `columns`.
pub(super) fn many<'a, T>(
    head: &'a [i64],
    rows: &'a [T],
    columns: usize,
    statement: impl Fn(&str) -> String + 'a,
    fill: impl Fn(Filled, &T) -> Filled + 'a,
) -> impl Iterator<Item = Filled> + 'a {
    let at_once = PLACES / columns;
    rows.chunks(at_once).map(move |rows| {
        let statement = statement(&places(head.len() + 1, rows.len(), columns));
        // Those with another number of rows are too many to be kept.
        let query = sqlx::query(AssertSqlSafe(statement)).persistent(rows.len() == at_once);
        let query = head.iter().fold(query, |query, value| query.bind(*value));
        rows.iter().fold(query, &fill)
    })
}

/// Does [`many`], none of which returns rows. How many rows that changed.
pub(super) async fn execute(
    tx: &mut Transaction<'_, Any>,
    queries: impl Iterator<Item = Filled>,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    for query in queries {
        changed += query.execute(&mut **tx).await?.rows_affected();
    }
    Ok(changed)
}

/// The rows that [`many`] return.
pub(super) async fn fetch(
    tx: &mut Transaction<'_, Any>,
    queries: impl Iterator<Item = Filled>,
) -> Result<Vec<AnyRow>, StoreError> {
    let mut rows = Vec::new();
    for query in queries {
        rows.extend(query.fetch_all(&mut **tx).await?);
    }
    Ok(rows)
}

/// `($1,$2),($3,$4)…`: places for so many `rows` of so many `columns`, from
/// `$first` on.
pub(super) fn places(first: usize, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * (columns * 6 + 3));
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let place = first + row * columns + column;
            let comma = if column == 0 { "" } else { "," };
            write!(text, "{comma}${place}").expect("memory");
        }
        text.push(')');
    }
    text
}

/// `$3,$4…`: so many places from `$first` on.
pub(super) fn listed(first: usize, count: usize) -> String {
    let places: Vec<_> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(",")
}

/// A message has one identity: its id, within its source.
pub(super) type Identity = (MessageId, SystemName);

/// The keys of those admitted messages that there are.
pub(super) async fn keys_of(
    tx: &mut Transaction<'_, Any>,
    identities: &[(MessageId, &SystemName)],
) -> Result<HashMap<Key, Identity>, StoreError> {
    // CROSS JOIN: SQLite keeps this order, and looks each one up.
    let select = |places: &str| {
        format!(
            "WITH asked AS (VALUES {places})
             SELECT ids.id, ids.source, ids.key FROM asked CROSS JOIN ids
             WHERE ids.id = column1 AND ids.source = column2"
        )
    };
    let fill = |query: Filled, (id, source): &(MessageId, &SystemName)| {
        query.bind(bytes(*id)).bind(source.as_str())
    };
    let rows = fetch(tx, many(&[], identities, 2, select, fill)).await?;
    let key = |row: &AnyRow| {
        let identity = (id(row.try_get(0)?)?, text(row.try_get(1)?)?);
        Ok((row.try_get::<i64, _>(2)?.into(), identity))
    };
    rows.iter().map(key).collect()
}

/// An id as it is stored: 16 bytes.
pub(super) fn bytes(id: MessageId) -> Vec<u8> {
    id.as_uuid().as_bytes().to_vec()
}

/// The id that is stored.
pub(super) fn id(stored: &[u8]) -> Result<MessageId, StoreError> {
    let id = Uuid::from_slice(stored).map_err(|_| foreign("an id", stored))?;
    Ok(MessageId::from(id))
}

/// A text that is stored, as what it was parsed into when it came.
pub(super) fn text<T: TryFrom<String>>(stored: String) -> Result<T, StoreError> {
    let shown = stored.clone();
    stored.try_into().map_err(|_| foreign("the text", &shown))
}

/// The same, where there need not be one.
pub(super) fn optional<T: TryFrom<String>>(
    stored: Option<String>,
) -> Result<Option<T>, StoreError> {
    stored.map(text).transpose()
}

/// The time that is stored: microseconds since 1970.
pub(super) fn time(stored: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(stored).map_err(|_| foreign("the time", stored))
}

pub(super) fn foreign(what: &str, stored: impl std::fmt::Debug) -> StoreError {
    StoreError::Foreign(format!("{what} {stored:?}"))
}

/// A statement that is made for a number of rows, and not kept for others.
pub(super) fn once(statement: &str) -> Query<'_, Any, AnyArguments> {
    sqlx::query(AssertSqlSafe(statement)).persistent(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_through_all_rows() {
        assert_eq!(places(2, 2, 3), "($2,$3,$4),($5,$6,$7)");
        assert_eq!(places(1, 1, 1), "($1)");
        assert_eq!(listed(3, 2), "$3,$4");
    }
}
