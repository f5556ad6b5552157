//! Statements about many rows at once, and the columns of what they return.

use std::collections::HashMap;

use jiff::Timestamp;
use messages::{MessageId, SystemName};
use sqlx::{
    Any, Row, Transaction,
    any::{AnyArguments, AnyRow},
    query::Query,
};
use uuid::Uuid;

use super::{Key, StoreError};

/// `($1,$2),($3,$4)…`: places for so many `rows` of so many `columns`, from
/// `$first` on.
pub(super) fn places(first: usize, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * (columns * 6 + 3));
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let place = first + row * columns + column;
            text.push_str(if column == 0 { "$" } else { ",$" });
            text.push_str(&place.to_string());
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
    identities: impl ExactSizeIterator<Item = (MessageId, &SystemName)>,
) -> Result<HashMap<Key, Identity>, StoreError> {
    // CROSS JOIN: SQLite keeps this order, and looks each one up.
    let statement = format!(
        "WITH asked AS (VALUES {})
         SELECT ids.id, ids.source, ids.key FROM asked CROSS JOIN ids
         WHERE ids.id = column1 AND ids.source = column2",
        places(1, identities.len(), 2)
    );
    let mut query = once(&statement);
    for (id, source) in identities {
        query = query.bind(bytes(id)).bind(source.as_str());
    }
    let rows = query.fetch_all(&mut **tx).await?;
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
    sqlx::query(sqlx::AssertSqlSafe(statement)).persistent(false)
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
