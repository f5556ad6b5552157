//! Users of the broker, each of one system. They are written down here before the
//! broker knows of them, and for longer, so that a crash leaves none unaccounted for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use management::PasswordHash;
use messages::SystemName;
use sqlx::{Any, AnyConnection, Row, Transaction};

use super::{
    Store, StoreError,
    rows::{foreign, time},
};
use crate::register::Standing;

/// Users that a system has at a time: an old one and a new one, while its programs move.
pub const AT_A_TIME: i64 = 2;

/// The words of [`Phase`].
pub(super) const MAKING: &str = "nueva";
pub(super) const MADE: &str = "hecha";
pub(super) const LEAVING: &str = "saliente";
const GONE: &str = "retirada";

const CREDENTIALS: &str = "SELECT account, system, created, phase, secret FROM credentials
    ORDER BY created, account";

const ADD: &str = "INSERT INTO credentials (account, system, created)
    VALUES ($1, $2, $3) ON CONFLICT (account) DO NOTHING";

/// Changes nothing, and keeps others from changing the system meanwhile.
const LOCK: &str = "UPDATE systems SET issued = issued WHERE name = $1 RETURNING standing, issued";

const COUNT: &str =
    "SELECT COUNT(*) FROM credentials WHERE system = $1 AND (phase = $2 OR phase = $3)";

const COUNT_ON: &str = "UPDATE systems SET issued = $2 WHERE name = $1";

const ISSUE: &str = "INSERT INTO credentials (account, system, created, phase, secret)
    VALUES ($1, $2, $3, $4, $5)";

const MOVE: &str = "UPDATE credentials SET phase = $3 WHERE account = $1 AND phase = $2";

const WITHDRAW: &str = "UPDATE credentials SET phase = $3
    WHERE account = $1 AND system = $2 AND phase = $4";

const FORGET: &str = "DELETE FROM credentials WHERE account = $1 AND phase = $2";

const REMOVE: &str = "DELETE FROM credentials WHERE account = $1";

/// How far a user has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It is being made; nobody has its password.
    Making,
    /// It can come in.
    Made,
    /// It is being shut out.
    Leaving,
    /// It is known for what it published, and is no user of the broker any more.
    Gone,
}

/// A user of the broker that is a system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// The user's name.
    pub user: String,
    /// Since when.
    pub created: Timestamp,
    /// How far it has come.
    pub phase: Phase,
    /// What the broker keeps of its password; none where the user was not made by the
    /// register, which leaves it alone then.
    pub hash: Option<PasswordHash>,
}

/// What became of issuing a credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Issued {
    /// The user of this name is to be made.
    User(String),
    /// There is no such system.
    NoSystem,
    /// It is gone for good.
    Retired,
    /// It has [`AT_A_TIME`] already.
    Enough,
}

impl Store {
    /// Writes down that a user is to be made, under a name that no other ever had.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn issue_credential(
        &self,
        system: &SystemName,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<Issued, StoreError> {
        self.database.write(async |tx| issue(tx, system, hash, now).await).await
    }

    /// Says that the broker has a user that was to be made; false where that has been
    /// taken back meanwhile.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn credential_made(&self, user: &str) -> Result<bool, StoreError> {
        self.change(sqlx::query(MOVE).bind(user).bind(MAKING).bind(MADE)).await
    }

    /// Says that a system's user is to be shut out; false where it has none of this name
    /// that could come in.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn withdraw_credential(
        &self,
        system: &SystemName,
        user: &str,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(WITHDRAW).bind(user).bind(system.as_str());
        self.change(query.bind(LEAVING).bind(MADE)).await
    }

    /// Says that the broker does not have a user any more that was to be shut out.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn credential_gone(&self, user: &str) -> Result<bool, StoreError> {
        self.change(sqlx::query(MOVE).bind(user).bind(LEAVING).bind(GONE)).await
    }

    /// Forgets a user that was to be made and was not: it never published anything.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn forget_credential(&self, user: &str) -> Result<bool, StoreError> {
        self.change(sqlx::query(FORGET).bind(user).bind(MAKING)).await
    }

    /// Says that a user that the register did not make is a system; false where it is
    /// said already.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn add_credential(
        &self,
        user: &str,
        system: &SystemName,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(ADD).bind(user).bind(system.as_str());
        self.change(query.bind(now.as_microsecond())).await
    }

    /// Says that a user is no system and never was; false where it was none.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn remove_credential(&self, user: &str) -> Result<bool, StoreError> {
        self.change(sqlx::query(REMOVE).bind(user)).await
    }

    /// Whether that changed anything.
    async fn change(
        &self,
        query: sqlx::query::Query<'_, Any, sqlx::any::AnyArguments>,
    ) -> Result<bool, StoreError> {
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }
}

async fn issue(
    tx: &mut Transaction<'_, Any>,
    system: &SystemName,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<Issued, StoreError> {
    let name = system.as_str();
    let Some(row) = sqlx::query(LOCK).bind(name).fetch_optional(&mut **tx).await? else {
        return Ok(Issued::NoSystem);
    };
    if row.try_get::<&str, _>(0)? == Standing::Retired.as_str() {
        return Ok(Issued::Retired);
    }
    let count = sqlx::query(COUNT).bind(name).bind(MAKING).bind(MADE);
    if count.fetch_one(&mut **tx).await?.try_get::<i64, _>(0)? >= AT_A_TIME {
        return Ok(Issued::Enough);
    }
    let number = row.try_get::<i64, _>(1)? + 1;
    sqlx::query(COUNT_ON).bind(name).bind(number).execute(&mut **tx).await?;
    let user = format!("{system}-{number}");
    let query = sqlx::query(ISSUE).bind(&user).bind(name).bind(now.as_microsecond());
    query.bind(MAKING).bind(hash.as_str()).execute(&mut **tx).await?;
    Ok(Issued::User(user))
}

/// All users there ever were, oldest first, by the name of their system.
pub(super) async fn credentials(
    link: &mut AnyConnection,
) -> Result<BTreeMap<String, Vec<Credential>>, StoreError> {
    let mut credentials: BTreeMap<String, Vec<Credential>> = BTreeMap::new();
    for row in sqlx::query(CREDENTIALS).fetch_all(link).await? {
        let credential = Credential {
            user: row.try_get(0)?,
            created: time(row.try_get(2)?)?,
            phase: phase(row.try_get(3)?)?,
            hash: row.try_get::<Option<String>, _>(4)?.map(PasswordHash::from),
        };
        credentials.entry(row.try_get(1)?).or_default().push(credential);
    }
    Ok(credentials)
}

fn phase(stored: &str) -> Result<Phase, StoreError> {
    match stored {
        MAKING => Ok(Phase::Making),
        MADE => Ok(Phase::Made),
        LEAVING => Ok(Phase::Leaving),
        GONE => Ok(Phase::Gone),
        other => Err(foreign("the phase", other)),
    }
}
