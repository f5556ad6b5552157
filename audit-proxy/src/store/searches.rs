//! Who looked for which text in payloads, and when.

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};

use super::{
    Key, Store, StoreError,
    rows::{foreign, once},
};

const RECORD: &str = "INSERT INTO searches (key, account, text, purpose) VALUES ($1, $2, $3, $4)";

/// What the messages are for that have a text in their payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To see them page by page.
    List,
    /// To have them as a file.
    File,
    /// To send them once more, or to know how many that would be.
    Resend,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::List, Self::File, Self::Resend];

    /// The word for it on the wire and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "lista",
            Self::File => "fichero",
            Self::Resend => "reenvio",
        }
    }
}

/// A text that somebody is about to look for in payloads.
#[derive(Clone, Copy, Debug)]
pub struct TextSearch<'a> {
    /// Who asks.
    pub account: &'a str,
    /// What for.
    pub text: &'a str,
    /// Why.
    pub purpose: Purpose,
}

/// A search that was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Searched {
    /// What it is known by; also when it was.
    pub key: Key,
    /// Who asked.
    pub account: String,
    /// What for.
    pub text: String,
    /// Why.
    pub purpose: Purpose,
}

impl Store {
    /// Writes down that somebody looks for a text.
    ///
    /// # Errors
    /// It has not been written down then, and must not be looked for.
    pub async fn record_search(
        &self,
        search: TextSearch<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = self.keys.take(1, now).next().map(Key::as_i64);
        self.database
            .write(async |tx| {
                let query = sqlx::query(RECORD)
                    .bind(key)
                    .bind(search.account)
                    .bind(search.text)
                    .bind(search.purpose.as_str());
                query.execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }

    /// What `account` looked for, where that is given, or anybody; the latest first, those
    /// before the key `before`, at most so many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn searches(
        &self,
        account: Option<&str>,
        before: Option<Key>,
        limit: i64,
    ) -> Result<Vec<Searched>, StoreError> {
        let condition = account.map_or("", |_| "AND account = $2");
        let statement = format!(
            "SELECT key, account, text, purpose FROM searches
             WHERE key < $1 {condition} ORDER BY key DESC LIMIT {limit}"
        );
        self.database
            .read(async |link| {
                let mut query = once(&statement).bind(before.map_or(i64::MAX, Key::as_i64));
                if let Some(account) = account {
                    query = query.bind(account);
                }
                query.fetch_all(link).await?.iter().map(searched).collect()
            })
            .await
    }
}

fn searched(row: &AnyRow) -> Result<Searched, StoreError> {
    let stored: String = row.try_get(3)?;
    let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == stored);
    Ok(Searched {
        key: row.try_get::<i64, _>(0)?.into(),
        account: row.try_get(1)?,
        text: row.try_get(2)?,
        purpose: purpose.ok_or_else(|| foreign("the purpose", stored))?,
    })
}
