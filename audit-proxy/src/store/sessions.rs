//! Who is logged in, and who a token is.

use jiff::Timestamp;
use sqlx::Row;

use super::{
    Store, StoreError,
    accounts::role,
    rows::{foreign, text, time},
};
use crate::access::{Account, AccountName, Digest, Role};

/// Sessions that an account has at once: a class may share one. A further one ends the
/// oldest.
const MAX_SESSIONS: i64 = 100;

/// As long as it lasts, nobody else changes or removes the account.
const ENTER: &str = "UPDATE accounts SET entered = $3 WHERE name = $1 AND password = $2";

const OPEN: &str =
    "INSERT INTO sessions (digest, account, created, expires) VALUES ($1, $2, $3, $4)";

const END_OLDEST: &str = "DELETE FROM sessions WHERE account = $1 AND digest NOT IN (
    SELECT digest FROM sessions WHERE account = $1 ORDER BY created DESC, digest LIMIT $2)";

const BEARER: &str = "SELECT 'session', account, role, expires
    FROM sessions JOIN accounts ON accounts.name = account
    WHERE digest = $1 AND expires > $2
    UNION ALL
    SELECT 'token', name, role, expires FROM tokens WHERE digest = $1 AND expires > $2";

/// Who holds a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bearer {
    /// Who that is, with the role of this moment.
    pub account: Account,
    /// The account that is logged in; none where it is a program.
    pub person: Option<AccountName>,
    /// Until when.
    pub expires: Timestamp,
}

impl Store {
    /// Opens a session for an account whose password is still stored as `hash`; returns
    /// its role, none where the account has changed.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn open_session(
        &self,
        name: &AccountName,
        hash: &str,
        digest: &Digest,
        [now, expires]: [Timestamp; 2],
    ) -> Result<Option<Role>, StoreError> {
        let (now, expires) = (now.as_microsecond(), expires.as_microsecond());
        self.database
            .write(async |tx| {
                let query = sqlx::query(ENTER).bind(name.as_str()).bind(hash).bind(now);
                if query.execute(&mut **tx).await?.rows_affected() == 0 {
                    return Ok(None);
                }
                let query = sqlx::query(OPEN).bind(digest.as_bytes()).bind(name.as_str());
                query.bind(now).bind(expires).execute(&mut **tx).await?;
                let query = sqlx::query(END_OLDEST).bind(name.as_str()).bind(MAX_SESSIONS);
                query.execute(&mut **tx).await?;
                let query = sqlx::query("SELECT role FROM accounts WHERE name = $1");
                let row = query.bind(name.as_str()).fetch_one(&mut **tx).await?;
                role(row.try_get(0)?).map(Some)
            })
            .await
    }

    /// Who holds the token of this digest `now`, if anybody does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bearer(
        &self,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Bearer>, StoreError> {
        self.database
            .read(async |link| {
                let query = sqlx::query(BEARER).bind(digest.as_bytes()).bind(now.as_microsecond());
                query.fetch_optional(link).await?.as_ref().map(bearer).transpose()
            })
            .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// It has not ended then.
    pub async fn close_session(&self, digest: &Digest) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM sessions WHERE digest = $1").bind(digest.as_bytes());
        self.database
            .write(async |tx| {
                query.execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }

    /// Removes sessions and tokens that have expired, which are worth nothing any more.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn forget_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        let now = now.as_microsecond();
        self.database
            .write(async |tx| {
                for statement in [
                    "DELETE FROM sessions WHERE expires <= $1",
                    "DELETE FROM tokens WHERE expires <= $1",
                ] {
                    sqlx::query(statement).bind(now).execute(&mut **tx).await?;
                }
                Ok(())
            })
            .await
    }
}

fn bearer(row: &sqlx::any::AnyRow) -> Result<Bearer, StoreError> {
    let (name, role): (AccountName, _) = (text(row.try_get(1)?)?, role(row.try_get(2)?)?);
    let expires = time(row.try_get(3)?)?;
    let (shown, person) = match row.try_get(0)? {
        "session" => (name.to_string(), Some(name)),
        "token" => (format!("token:{name}"), None),
        other => return Err(foreign("a bearer", other)),
    };
    Ok(Bearer { account: Account { name: shown, role }, person, expires })
}
