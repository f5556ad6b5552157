//! The ledger: which messages were counted, so that a checker can compare them
//! by id with what was confirmed.

use std::{fmt, str::FromStr};

use database::Error;
use jiff::Timestamp;
use messages::{ClientName, MessageId};
use serde::{Deserialize, Serialize, Serializer};
use sqlx::{AnyConnection, Row, any::AnyRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Store, StoreError,
    write::{parse_id, rows},
};

/// Which part of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerQuery {
    /// Counted at this second or later; all that is remembered where none.
    pub since: Option<Timestamp>,
    /// Behind this place.
    pub after: Option<Cursor>,
    /// Messages on a page, 1 or more.
    pub limit: i64,
}

/// A page of the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Ledger {
    /// Oldest first.
    pub contados: Vec<Counted>,
    /// `tras` of the next page; null where this one is not full.
    #[schema(value_type = Option<String>)]
    pub siguiente: Option<Cursor>,
}

/// A message that was counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Counted {
    /// The message's UUID.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Whose; an id counts once for each client.
    pub cliente: String,
    /// When it was counted, by our clock, to the second.
    #[schema(value_type = String, format = DateTime)]
    pub contado: Timestamp,
}

/// A place in the ledger, right behind one message. As text it consists of
/// characters that need no escape in a URL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor {
    second: i64,
    id: Uuid,
    client: String,
}

impl Store {
    /// A page of the ledger, in the order of time, id and client. Messages are
    /// remembered for the deduplication window only.
    ///
    /// A reader who wants them all must read while nothing is being counted: what
    /// is counted in the second that was read last may sort before its cursor.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ledger(&self, query: &LedgerQuery) -> Result<Ledger, StoreError> {
        self.database.read(async |connection| self.page(connection, query).await).await
    }

    /// When, and for whom, a message was counted: where several clients share its
    /// id, the first of them. `None` unless it is remembered.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counted(&self, id: MessageId) -> Result<Option<Counted>, StoreError> {
        self.database
            .read(async |connection| {
                let found = sqlx::query(self.dialect.counted).bind(id.to_string());
                found.fetch_optional(connection).await?.as_ref().map(counted).transpose()
            })
            .await
    }

    /// Those of `messages`, ids with their clients, that were not counted, or so
    /// long ago that it is forgotten.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn missing(
        &self,
        messages: &[(Uuid, ClientName)],
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        let asked = rows(messages.iter().map(|(id, client)| (id, client)));
        let missing = |row: &AnyRow| {
            let (id, client): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            Ok((parse_id(&id)?, client))
        };
        self.database
            .read(async |connection| {
                let found = sqlx::query(self.dialect.missing).bind(asked.clone());
                found.fetch_all(connection).await?.iter().map(missing).collect()
            })
            .await
    }

    async fn page(
        &self,
        connection: &mut AnyConnection,
        query: &LedgerQuery,
    ) -> Result<Ledger, StoreError> {
        let Cursor { second, id, client } = query.start();
        let rows = sqlx::query(self.dialect.ledger)
            .bind(second)
            .bind(id.to_string())
            .bind(client)
            .bind(query.limit)
            .fetch_all(connection)
            .await?;
        let contados = rows.iter().map(counted).collect::<Result<Vec<_>, _>>()?;
        let is_full = i64::try_from(contados.len()) == Ok(query.limit);
        let siguiente = contados.last().filter(|_| is_full).map(Cursor::behind);
        Ok(Ledger { contados, siguiente })
    }
}

impl LedgerQuery {
    fn start(&self) -> Cursor {
        let since = Cursor::before(self.since.unwrap_or(Timestamp::MIN));
        self.after.clone().map_or(since.clone(), |after| after.max(since))
    }
}

impl Cursor {
    /// Before everything that was counted in the second of `time`: no client's
    /// name is empty.
    fn before(time: Timestamp) -> Self {
        Self { second: time.as_second(), id: Uuid::nil(), client: String::new() }
    }

    fn behind(message: &Counted) -> Self {
        let Counted { id, cliente, contado } = message;
        Self { second: contado.as_second(), id: *id, client: cliente.clone() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.second, self.id.simple(), self.client)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(InvalidCursor);
        let second = part()?.parse().map_err(|_| InvalidCursor)?;
        let id: MessageId = part()?.parse().map_err(|_| InvalidCursor)?;
        let client: ClientName = part()?.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { second, id: id.as_uuid(), client: client.to_string() })
    }
}

impl TryFrom<String> for Cursor {
    type Error = InvalidCursor;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("«tras» debe ser el valor «siguiente» de la página anterior")]
pub struct InvalidCursor;

fn counted(row: &AnyRow) -> Result<Counted, StoreError> {
    let (id, second): (String, i64) = (row.try_get(0)?, row.try_get(2)?);
    let contado = Timestamp::from_second(second)
        .map_err(|_| Error::Foreign(format!("the time {second} s")))?;
    Ok(Counted { id: parse_id(&id)?, cliente: row.try_get(1)?, contado })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text_and_needs_no_escape() {
        for client in ["ana", "a.b-c_D.9", "."] {
            for second in [0, 1_800_000_000, -1] {
                let cursor = Cursor { second, id: Uuid::now_v7(), client: client.to_owned() };
                let text = cursor.to_string();
                let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                assert!(text.chars().all(is_plain), "{text}");
                assert_eq!(text.parse(), Ok(cursor));
            }
        }
    }

    #[test]
    fn other_texts_are_no_cursors() {
        let id = Uuid::nil().simple();
        for text in
            ["", "x", "1", "..", &format!("1.{id}"), &format!("1.{id}."), &format!("1.{id}.ñ")]
        {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn the_later_of_cursor_and_time_is_where_it_starts() {
        let time = |second| Timestamp::from_second(second).expect("in range");
        let cursor: Cursor = format!("5.{}.ana", Uuid::max().simple()).parse().expect("a cursor");
        for (since, second) in [(3, 5), (5, 5), (6, 6)] {
            let query =
                LedgerQuery { since: Some(time(since)), after: Some(cursor.clone()), limit: 1 };
            assert_eq!(query.start().second, second);
        }
    }
}
