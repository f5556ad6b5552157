//! Which of the messages that are kept are meant, page by page.
//!
//! Each field has an index that goes on by key, so that what one of them asks lies
//! there in its order. Where several ask, the index with the fewest messages for a
//! stretch of time is gone through and the others are looked at message by message, for
//! at most [`WALK`] of them: a page may end before it is full.

use sqlx::{Any, AnyConnection, Row, any::AnyArguments, query::Query};

use super::{
    Dialect, Key, Store, StoreError,
    read::{COLUMNS, Entry, OF_ID, entry},
    rows::{bytes, once},
};
use crate::search::{Filter, Order};

/// Messages that are looked at for one page where no single index has the answer.
pub const WALK: usize = 1000;

/// A stretch of what there is, in an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The first key in it.
    from: i64,
    /// The first key behind it.
    to: i64,
    order: Order,
}

/// Messages that were found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// After which key to go on, where there may be more.
    pub next: Option<Key>,
}

/// A column that has an index with the key behind it, and the value asked for.
type Asked<'a> = (&'static str, &'a str);

impl Stretch {
    /// What a filter lets through by its time, after a key in that order.
    #[must_use]
    pub fn new(filter: &Filter, order: Order, after: Option<Key>) -> Self {
        let from = filter.since.map_or(i64::MIN, |since| Key::first_at(since).as_i64());
        let to = filter.until.map_or(i64::MAX, |until| Key::first_at(until).as_i64());
        let whole = Self { from, to, order };
        match (after.map(Key::as_i64), order) {
            (None, _) => whole,
            (Some(after), Order::Newest) => Self { to: to.min(after), ..whole },
            (Some(after), Order::Oldest) => {
                Self { from: from.max(after.saturating_add(1)), ..whole }
            }
        }
    }

    /// The same as far as a key, that one included.
    fn as_far_as(self, key: i64) -> Self {
        match self.order {
            Order::Newest => Self { from: key, ..self },
            Order::Oldest => Self { to: key.saturating_add(1), ..self },
        }
    }

    /// Of two keys the one that comes later in this order.
    fn is_farther(self, one: i64, other: i64) -> bool {
        match self.order {
            Order::Newest => one < other,
            Order::Oldest => one > other,
        }
    }

    fn direction(self) -> &'static str {
        match self.order {
            Order::Newest => "DESC",
            Order::Oldest => "ASC",
        }
    }
}

impl Store {
    /// At most `limit` messages that `filter` lets through, its text aside, in a stretch
    /// that is bounded by its times already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn search(
        &self,
        filter: &Filter,
        stretch: Stretch,
        limit: usize,
    ) -> Result<Found, StoreError> {
        let dialect = self.dialect;
        self.database
            .snapshot(async |link| {
                let mut asked = asked(filter);
                if filter.id.is_some() || asked.len() < 2 {
                    let index = if filter.id.is_none() { asked.pop() } else { None };
                    let walk = Walk { dialect, filter, stretch, index, others: asked };
                    return walk.page(link, limit, None).await;
                }
                let (index, bound) = fewest(link, dialect, &asked, stretch).await?;
                let index = asked.swap_remove(index);
                let stretch = bound.map_or(stretch, |bound| stretch.as_far_as(bound));
                let walk = Walk { dialect, filter, stretch, index: Some(index), others: asked };
                walk.page(link, limit, bound).await
            })
            .await
    }
}

fn asked(filter: &Filter) -> Vec<Asked<'_>> {
    let Filter { correlation, source, destination, kind, state, .. } = filter;
    let columns = [
        ("correlation", correlation),
        ("source", source),
        ("destination", destination),
        ("kind", kind),
        ("state", state),
    ];
    columns.into_iter().filter_map(|(column, value)| Some((column, value.as_deref()?))).collect()
}

/// Which index goes farthest with [`WALK`] messages, and as far as which key that is;
/// none where it goes to the end.
async fn fewest(
    link: &mut AnyConnection,
    dialect: Dialect,
    asked: &[Asked<'_>],
    stretch: Stretch,
) -> Result<(usize, Option<i64>), StoreError> {
    let mut farthest = (0, None);
    for (place, (column, value)) in asked.iter().enumerate() {
        let statement = format!(
            "SELECT key FROM messages WHERE {} ORDER BY {} LIMIT 1 OFFSET {}",
            within(dialect, column),
            sorted(dialect, Some(column), stretch),
            WALK - 1
        );
        let query = once(&statement).bind(stretch.from).bind(stretch.to).bind(*value);
        let Some(row) = query.fetch_optional(&mut *link).await? else { return Ok((place, None)) };
        let key = row.try_get(0)?;
        if farthest.1.is_none_or(|farthest| stretch.is_farther(key, farthest)) {
            farthest = (place, Some(key));
        }
    }
    Ok(farthest)
}

/// Going through an index, or through all messages, and looking at the rest.
struct Walk<'a> {
    dialect: Dialect,
    filter: &'a Filter,
    stretch: Stretch,
    index: Option<Asked<'a>>,
    others: Vec<Asked<'a>>,
}

impl Walk<'_> {
    /// The first messages of it; `bound` is the last key that it reaches, where there is
    /// more behind that.
    async fn page(
        &self,
        link: &mut AnyConnection,
        limit: usize,
        bound: Option<i64>,
    ) -> Result<Found, StoreError> {
        let statement = self.statement(limit.saturating_add(1));
        let rows = self.bound(once(&statement)).fetch_all(link).await?;
        let mut entries: Vec<_> = rows.iter().map(entry).collect::<Result<_, _>>()?;
        let is_more = entries.len() > limit;
        entries.truncate(limit);
        let last = entries.last().map(|last| last.key).filter(|_| is_more);
        let next = last.or_else(|| bound.filter(|_| !is_more).map(Key::from));
        Ok(Found { entries, next })
    }

    /// Places are, in this order: both ends of the stretch, what the index is asked, the
    /// id, what the others are asked.
    fn statement(&self, limit: usize) -> String {
        let first = match self.index {
            Some((column, _)) => within(self.dialect, column),
            None => "key >= $1 AND key < $2".to_owned(),
        };
        let mut conditions = vec![first];
        let mut places = 3 + usize::from(self.index.is_some())..;
        let mut place = || places.next().map(|place| format!("${place}")).unwrap_or_default();
        if self.filter.id.is_some() {
            conditions.push(format!("key IN ({})", OF_ID.replace("$1", &place())));
        }
        // As expressions, which no index is for.
        let others = self.others.iter().map(|(column, _)| format!("{column} || '' = {}", place()));
        conditions.extend(others);
        format!(
            "SELECT {COLUMNS} FROM messages WHERE {} ORDER BY {} LIMIT {limit}",
            conditions.join(" AND "),
            sorted(self.dialect, self.index.map(|(column, _)| column), self.stretch)
        )
    }

    fn bound<'q>(&self, query: Query<'q, Any, AnyArguments>) -> Query<'q, Any, AnyArguments> {
        let mut query = query.bind(self.stretch.from).bind(self.stretch.to);
        if let Some((_, value)) = self.index {
            query = query.bind(value.to_owned());
        }
        if let Some(id) = self.filter.id {
            query = query.bind(bytes(id));
        }
        self.others.iter().fold(query, |query, (_, value)| query.bind((*value).to_owned()))
    }
}

/// What lies in an index between two keys. PostgreSQL would go through all messages where
/// it takes the value for a common one, unless what is asked is the order of the index;
/// SQLite uses no more than the first column of that. Behind `<=` and not `<`, as PostgreSQL
/// guesses by the value alone: it would expect next to nothing, and sort all there is. An
/// index without what has no value is one for PostgreSQL only where that is said.
fn within(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("{column} = $3 AND key >= $1 AND key < $2"),
        Dialect::Postgres => format!(
            "({column}, key) >= ($3, $1) AND ({column}, key) <= ($3, $2) AND key >= $1 AND key < $2
             AND {column} IS NOT NULL"
        ),
    }
}

fn sorted(dialect: Dialect, index: Option<&str>, stretch: Stretch) -> String {
    let direction = stretch.direction();
    match (dialect, index) {
        (Dialect::Postgres, Some(column)) => format!("{column} {direction}, key {direction}"),
        _ => format!("key {direction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_begins_after_a_key_and_stays_within_its_times() {
        let filter = Filter {
            since: "2026-11-01T00:00:00Z".parse().ok(),
            until: "2026-12-01T00:00:00Z".parse().ok(),
            ..Filter::default()
        };
        let whole = Stretch::new(&filter, Order::Newest, None);
        let middle = Key::first_at("2026-11-15T00:00:00Z".parse().expect("a time"));
        let stretch = |order, after| Stretch::new(&filter, order, Some(after));
        let Stretch { from, to, .. } = stretch(Order::Newest, middle);
        assert_eq!((from, to), (whole.from, middle.as_i64()));
        let Stretch { from, to, .. } = stretch(Order::Oldest, middle);
        assert_eq!((from, to), (middle.as_i64() + 1, whole.to));
        let before = stretch(Order::Oldest, Key::from(5));
        assert_eq!((before.from, before.to), (whole.from, whole.to));
    }
}
