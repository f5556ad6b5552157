//! Who may log in.

use jiff::Timestamp;
use sqlx::{Any, Row, Transaction};

use super::{
    Store, StoreError,
    rows::{foreign, text, time},
};
use crate::access::{AccountName, Digest, Role};

const ACCOUNTS: &str = "SELECT name, role, created, entered FROM accounts ORDER BY name";

const ADD: &str = "INSERT INTO accounts (name, role, password, created)
    VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";

/// Two that find none at once give it the same name, and one is first.
const ADD_FIRST: &str = "INSERT INTO accounts (name, role, password, created)
    SELECT $1, $2, $3, CAST($4 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM accounts)
    ON CONFLICT (name) DO NOTHING";

/// Others that would change an administrator wait until this transaction has ended, and
/// see then what it did: two never take the role from each other.
const LOCK_ADMINISTRATORS: &str = "UPDATE accounts SET role = role WHERE role = $1";

const OTHERS: &str = "SELECT COUNT(*) FROM accounts WHERE role = $1 AND name <> $2";

const CHANGE: &str = "UPDATE accounts
    SET role = COALESCE($2, role), password = COALESCE($3, password) WHERE name = $1";

const CHANGE_OWN: &str = "UPDATE accounts SET password = $3 WHERE name = $1 AND password = $2";

/// An account, as administrators see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptAccount {
    /// Its name.
    pub name: AccountName,
    /// What it may do.
    pub role: Role,
    /// Since when there is one.
    pub created: Timestamp,
    /// When it logged in last.
    pub entered: Option<Timestamp>,
}

/// What became of a change to an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountChange {
    /// It is as wanted, and its sessions have ended.
    Done,
    /// There is no such account.
    Unknown,
    /// Nobody would be left to keep accounts: nothing has been changed.
    LastAdministrator,
}

impl Store {
    /// Whether there is any account.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        self.database
            .read(async |link| {
                let found = sqlx::query("SELECT name FROM accounts LIMIT 1");
                Ok(found.fetch_optional(link).await?.is_some())
            })
            .await
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accounts(&self) -> Result<Vec<KeptAccount>, StoreError> {
        self.database
            .read(async |link| {
                let rows = sqlx::query(ACCOUNTS).fetch_all(link).await?;
                rows.iter().map(account).collect()
            })
            .await
    }

    /// What is stored of an account's password; none where there is no such account.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn password(&self, name: &AccountName) -> Result<Option<String>, StoreError> {
        self.database
            .read(async |link| {
                let query = sqlx::query("SELECT password FROM accounts WHERE name = $1");
                let row = query.bind(name.as_str()).fetch_optional(link).await?;
                row.map(|row| Ok(row.try_get(0)?)).transpose()
            })
            .await
    }

    /// Adds an account with a hashed password; false where there is one of this name,
    /// which stays as it is.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn add_account(
        &self,
        name: &AccountName,
        role: Role,
        hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.insert_account(ADD, name, role, hash, now).await
    }

    /// Adds an administrator where there is no account at all; else false.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn add_first_account(
        &self,
        name: &AccountName,
        hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.insert_account(ADD_FIRST, name, Role::Administrator, hash, now).await
    }

    async fn insert_account(
        &self,
        statement: &'static str,
        name: &AccountName,
        role: Role,
        hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(statement)
            .bind(name.as_str())
            .bind(role.as_str())
            .bind(hash)
            .bind(now.as_microsecond());
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }

    /// Gives an account another role or password, and ends its sessions.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn change_account(
        &self,
        name: &AccountName,
        role: Option<Role>,
        hash: Option<&str>,
    ) -> Result<AccountChange, StoreError> {
        self.database
            .write(async |tx| {
                let after = role.unwrap_or(Role::Administrator);
                if let Some(hindrance) = hindrance(tx, name, after).await? {
                    return Ok(hindrance);
                }
                let query =
                    sqlx::query(CHANGE).bind(name.as_str()).bind(role.map(Role::as_str)).bind(hash);
                query.execute(&mut **tx).await?;
                end_sessions(tx, name).await
            })
            .await
    }

    /// Removes an account and its sessions.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn remove_account(&self, name: &AccountName) -> Result<AccountChange, StoreError> {
        self.database
            .write(async |tx| {
                if let Some(hindrance) = hindrance(tx, name, Role::Reader).await? {
                    return Ok(hindrance);
                }
                let query = sqlx::query("DELETE FROM accounts WHERE name = $1");
                query.bind(name.as_str()).execute(&mut **tx).await?;
                end_sessions(tx, name).await
            })
            .await
    }

    /// Gives an account another password in place of `old`, and ends its sessions but
    /// one; false where `old` is not what is stored any more.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn change_own_password(
        &self,
        name: &AccountName,
        [old, new]: [&str; 2],
        kept: &Digest,
    ) -> Result<bool, StoreError> {
        self.database
            .write(async |tx| {
                let query = sqlx::query(CHANGE_OWN).bind(name.as_str()).bind(old).bind(new);
                if query.execute(&mut **tx).await?.rows_affected() == 0 {
                    return Ok(false);
                }
                let query = sqlx::query("DELETE FROM sessions WHERE account = $1 AND digest <> $2");
                query.bind(name.as_str()).bind(kept.as_bytes()).execute(&mut **tx).await?;
                Ok(true)
            })
            .await
    }
}

/// Why an account cannot come to have this role, if so.
async fn hindrance(
    tx: &mut Transaction<'_, Any>,
    name: &AccountName,
    after: Role,
) -> Result<Option<AccountChange>, StoreError> {
    let administrator = Role::Administrator.as_str();
    sqlx::query(LOCK_ADMINISTRATORS).bind(administrator).execute(&mut **tx).await?;
    let query = sqlx::query("SELECT role FROM accounts WHERE name = $1").bind(name.as_str());
    let Some(row) = query.fetch_optional(&mut **tx).await? else {
        return Ok(Some(AccountChange::Unknown));
    };
    if role(row.try_get(0)?)? < Role::Administrator || after == Role::Administrator {
        return Ok(None);
    }
    let others = sqlx::query(OTHERS).bind(administrator).bind(name.as_str());
    let others: i64 = others.fetch_one(&mut **tx).await?.try_get(0)?;
    Ok((others == 0).then_some(AccountChange::LastAdministrator))
}

async fn end_sessions(
    tx: &mut Transaction<'_, Any>,
    name: &AccountName,
) -> Result<AccountChange, StoreError> {
    let query = sqlx::query("DELETE FROM sessions WHERE account = $1");
    query.bind(name.as_str()).execute(&mut **tx).await?;
    Ok(AccountChange::Done)
}

fn account(row: &sqlx::any::AnyRow) -> Result<KeptAccount, StoreError> {
    Ok(KeptAccount {
        name: text(row.try_get(0)?)?,
        role: role(row.try_get(1)?)?,
        created: time(row.try_get(2)?)?,
        entered: row.try_get::<Option<i64>, _>(3)?.map(time).transpose()?,
    })
}

/// The role that is stored.
pub(super) fn role(stored: &str) -> Result<Role, StoreError> {
    Role::from_word(stored).ok_or_else(|| foreign("the role", stored))
}
