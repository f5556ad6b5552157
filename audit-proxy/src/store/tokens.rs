//! Programs that may ask, each by a token of its own.

use jiff::Timestamp;
use sqlx::Row;
use uuid::Uuid;

use super::{
    Store, StoreError,
    accounts::role,
    rows::{foreign, text, time},
};
use crate::access::{AccountName, Digest, Role};

const TOKENS: &str = "SELECT id, name, role, maker, created, expires FROM tokens
    WHERE expires > $1 ORDER BY name";

/// The name of one that has expired is free.
const FREE: &str = "DELETE FROM tokens WHERE name = $1 AND expires <= $2";

const ADD: &str = "INSERT INTO tokens (digest, id, name, role, maker, created, expires)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING";

/// A program's token, as administrators see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptToken {
    /// What it is known by.
    pub id: Uuid,
    /// What the program is called.
    pub name: AccountName,
    /// What it may do.
    pub role: Role,
    /// The account that made it, which may be gone.
    pub maker: String,
    /// Since when it is worth something.
    pub created: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

impl Store {
    /// Adds a token; false where one of this name is worth something, which stays.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn add_token(&self, token: &KeptToken, digest: &Digest) -> Result<bool, StoreError> {
        let [created, expires] = [token.created, token.expires].map(Timestamp::as_microsecond);
        self.database
            .write(async |tx| {
                let query = sqlx::query(FREE).bind(token.name.as_str()).bind(created);
                query.execute(&mut **tx).await?;
                let query = sqlx::query(ADD)
                    .bind(digest.as_bytes())
                    .bind(token.id.as_bytes().as_slice())
                    .bind(token.name.as_str())
                    .bind(token.role.as_str())
                    .bind(&token.maker)
                    .bind(created)
                    .bind(expires);
                Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
            })
            .await
    }

    /// The tokens that are worth something `now`, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tokens(&self, now: Timestamp) -> Result<Vec<KeptToken>, StoreError> {
        self.database
            .read(async |link| {
                let query = sqlx::query(TOKENS).bind(now.as_microsecond());
                query.fetch_all(link).await?.iter().map(token).collect()
            })
            .await
    }

    /// Makes a token worthless; false where there is none of this id.
    ///
    /// # Errors
    /// It may be worth something still then.
    pub async fn revoke_token(&self, id: Uuid) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM tokens WHERE id = $1").bind(id.as_bytes().as_slice());
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }
}

fn token(row: &sqlx::any::AnyRow) -> Result<KeptToken, StoreError> {
    let id: &[u8] = row.try_get(0)?;
    Ok(KeptToken {
        id: Uuid::from_slice(id).map_err(|_| foreign("an id", id))?,
        name: text(row.try_get(1)?)?,
        role: role(row.try_get(2)?)?,
        maker: row.try_get(3)?,
        created: time(row.try_get(4)?)?,
        expires: time(row.try_get(5)?)?,
    })
}
