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

use super::{Key, StoreError, months::Months};

/// A statement with what was filled in.
pub(super) type Filled = Query<'static, Any, AnyArguments>;

/// Rows of one statement at most.
const AT_ONCE: usize = 128;

/// Does `statement` with all `rows`, many at once: it is given places for these, which
/// `fill` fills, so many `columns` each. `head` fills the places before them. How many rows
/// that changed.
pub(super) async fn execute<T>(
    tx: &mut Transaction<'_, Any>,
    head: &[i64],
    rows: &[T],
    columns: usize,
    statement: impl Fn(&str) -> String,
    fill: impl Fn(Filled, &T) -> Filled,
) -> Result<u64, StoreError> {
    let queries = queries(tx, head, rows, columns, statement, fill);
    let mut changed = 0;
    for query in queries {
        changed += query.execute(&mut **tx).await?.rows_affected();
    }
    Ok(changed)
}

/// Does the same, and returns what the statement returns.
pub(super) async fn fetch<T>(
    tx: &mut Transaction<'_, Any>,
    head: &[i64],
    rows: &[T],
    columns: usize,
    statement: impl Fn(&str) -> String,
    fill: impl Fn(Filled, &T) -> Filled,
) -> Result<Vec<AnyRow>, StoreError> {
    let queries = queries(tx, head, rows, columns, statement, fill);
    let mut found = Vec::new();
    for query in queries {
        found.extend(query.fetch_all(&mut **tx).await?);
    }
    Ok(found)
}

fn queries<T>(
    tx: &Transaction<'_, Any>,
    head: &[i64],
    rows: &[T],
    columns: usize,
    statement: impl Fn(&str) -> String,
    fill: impl Fn(Filled, &T) -> Filled,
) -> Vec<Filled> {
    // SQLite looks for a place's name among those of all the places before it: a statement
    // with thousands would take longer for their names than for their rows.
    let nameless = head.is_empty() && is_sqlite(tx);
    let query = |rows: &[T]| {
        let places = if nameless {
            nameless_places(rows.len(), columns)
        } else {
            places(head.len() + 1, rows.len(), columns)
        };
        let query = sqlx::query(AssertSqlSafe(statement(&places)));
        let query = head.iter().fold(query, |query, value| query.bind(*value));
        rows.iter().fold(query, &fill)
    };
    in_powers(rows).map(query).collect()
}

/// Belongs behind `INSERT` or `UPDATE` where many rows are written. After an error the
/// whole transaction is undone in any case; SQLite, where it is told so, need not copy each
/// page first, to be able to undo the statement alone: a sixth of its time.
pub(super) fn or_rollback(tx: &Transaction<'_, Any>) -> &'static str {
    if is_sqlite(tx) { "OR ROLLBACK" } else { "" }
}

fn is_sqlite(tx: &Transaction<'_, Any>) -> bool {
    tx.backend_name() == "SQLite"
}

/// Splits rows into powers of two: there are few statements then, and the connection keeps
/// each for the next time.
fn in_powers<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let power = rows.len().min(AT_ONCE).checked_ilog2()?;
        let (first, rest) = rows.split_at(1 << power);
        rows = rest;
        Some(first)
    })
}

/// `(?,?),(?,?)…`: so many `rows` of so many `columns`.
fn nameless_places(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    vec![row; rows].join(",")
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
    let rows = fetch(tx, &[], identities, 2, select, fill).await?;
    let key = |row: &AnyRow| {
        let identity = (id(row.try_get(0)?)?, text(row.try_get(1)?)?);
        Ok((row.try_get::<i64, _>(2)?.into(), identity))
    };
    rows.iter().map(key).collect()
}

/// Whoever does with messages what another must not do at the same time calls this first,
/// and looks at them only then: until the end of the transaction nobody else gets past it.
/// Of those who write to SQLite there is only one at a time anyway.
pub(super) async fn lock(
    tx: &mut Transaction<'_, Any>,
    keys: impl Iterator<Item = &Key> + Clone,
) -> Result<(), StoreError> {
    let Some(months) = Months::of(keys.clone()).filter(|_| !is_sqlite(tx)) else { return Ok(()) };
    // All in one order, so that no two wait for each other.
    let statement = format!(
        "SELECT key FROM messages WHERE {} AND key IN ({}) ORDER BY key FOR UPDATE",
        Months::CONDITION,
        listed(3, keys.clone().count())
    );
    let query = months.bind(once(&statement));
    let query = keys.fold(query, |query, key| query.bind(key.as_i64()));
    query.fetch_all(&mut **tx).await?;
    Ok(())
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
    fn rows_are_split_into_powers_of_two() {
        let split =
            |rows: usize| -> Vec<_> { in_powers(&vec![0_u8; rows]).map(<[_]>::len).collect() };
        assert_eq!(split(0), [0; 0]);
        assert_eq!(split(1), [1]);
        assert_eq!(split(125), [64, 32, 16, 8, 4, 1]);
        assert_eq!(split(300), [128, 128, 32, 8, 4]);
        assert_eq!(nameless_places(2, 3), "(?,?,?),(?,?,?)");
    }

    #[test]
    fn places_are_numbered_through_all_rows() {
        assert_eq!(places(2, 2, 3), "($2,$3,$4),($5,$6,$7)");
        assert_eq!(places(1, 1, 1), "($1)");
        assert_eq!(listed(3, 2), "$3,$4");
    }
}
