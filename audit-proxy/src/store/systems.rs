//! Who may exchange messages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use messages::{StateName, SystemName};
use sqlx::{AnyConnection, Row};

use super::{
    Store, StoreError,
    rows::{foreign, text, time},
};
use crate::register::{Register, Standing, System};

const SYSTEMS: &str =
    "SELECT name, standing, description, states, created FROM systems ORDER BY name";

const CREDENTIALS: &str =
    "SELECT account, system, created FROM credentials ORDER BY created, account";

const ADD: &str = "INSERT INTO systems (name, standing, description, states, created)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING";

const CHANGE: &str =
    "UPDATE systems SET standing = $2, description = $3, states = $4 WHERE name = $1";

const ADD_CREDENTIAL: &str = "INSERT INTO credentials (account, system, created)
    VALUES ($1, $2, $3) ON CONFLICT (account) DO NOTHING";

const REMOVE_CREDENTIAL: &str = "DELETE FROM credentials WHERE account = $1";

/// What an administrator says of a system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// What it may do.
    pub standing: Standing,
    /// What people are told of it.
    pub description: String,
    /// Final states that it may assign beside the common ones.
    pub states: Vec<StateName>,
}

/// A system as it is registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// Its name, also that of its queue.
    pub name: SystemName,
    /// What is said of it.
    pub profile: Profile,
    /// Since when it is registered.
    pub created: Timestamp,
    /// Its users of the broker, oldest first.
    pub credentials: Vec<Credential>,
}

/// A user of the broker that is a system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// The user's name.
    pub user: String,
    /// Since when.
    pub created: Timestamp,
}

impl Store {
    /// All systems that there ever were, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn systems(&self) -> Result<Vec<Registered>, StoreError> {
        self.database.read(async |link| systems(link).await).await
    }

    /// The same, for whoever only has to decide.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn register(&self) -> Result<Register, StoreError> {
        Ok(self.systems().await?.into_iter().map(Registered::into_system).collect())
    }

    /// Adds a system; false where there is one of this name, which stays as it is.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn add_system(
        &self,
        name: &SystemName,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(ADD)
            .bind(name.as_str())
            .bind(profile.standing.as_str())
            .bind(&profile.description)
            .bind(listed(&profile.states))
            .bind(now.as_microsecond());
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }

    /// Changes a system; false where there is none of this name.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn change_system(
        &self,
        name: &SystemName,
        profile: &Profile,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(CHANGE)
            .bind(name.as_str())
            .bind(profile.standing.as_str())
            .bind(&profile.description)
            .bind(listed(&profile.states));
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }

    /// Says that a user of the broker is a system; false where it is said already.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn add_credential(
        &self,
        user: &str,
        system: &SystemName,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let query =
            sqlx::query(ADD_CREDENTIAL).bind(user).bind(system.as_str()).bind(now.as_microsecond());
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }

    /// Says that a user is no system any more; false where it was none.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn remove_credential(&self, user: &str) -> Result<bool, StoreError> {
        let query = sqlx::query(REMOVE_CREDENTIAL).bind(user);
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }
}

impl Registered {
    fn into_system(self) -> (SystemName, System) {
        let system = System {
            standing: self.profile.standing,
            users: self.credentials.into_iter().map(|credential| credential.user).collect(),
            states: self.profile.states.into_iter().collect(),
        };
        (self.name, system)
    }
}

async fn systems(link: &mut AnyConnection) -> Result<Vec<Registered>, StoreError> {
    let mut credentials = credentials(link).await?;
    let rows = sqlx::query(SYSTEMS).fetch_all(link).await?;
    rows.iter()
        .map(|row| {
            let name: SystemName = text(row.try_get(0)?)?;
            let profile = Profile {
                standing: standing(row.try_get(1)?)?,
                description: row.try_get(2)?,
                states: states(row.try_get(3)?)?,
            };
            let credentials = credentials.remove(name.as_str()).unwrap_or_default();
            Ok(Registered { name, profile, created: time(row.try_get(4)?)?, credentials })
        })
        .collect()
}

async fn credentials(
    link: &mut AnyConnection,
) -> Result<BTreeMap<String, Vec<Credential>>, StoreError> {
    let mut credentials: BTreeMap<String, Vec<Credential>> = BTreeMap::new();
    for row in sqlx::query(CREDENTIALS).fetch_all(link).await? {
        let credential = Credential { user: row.try_get(0)?, created: time(row.try_get(2)?)? };
        credentials.entry(row.try_get(1)?).or_default().push(credential);
    }
    Ok(credentials)
}

fn standing(stored: &str) -> Result<Standing, StoreError> {
    Standing::from_word(stored).ok_or_else(|| foreign("the standing", stored))
}

fn listed(states: &[StateName]) -> String {
    serde_json::json!(states).to_string()
}

fn states(stored: &str) -> Result<Vec<StateName>, StoreError> {
    serde_json::from_str(stored).map_err(|_| foreign("the states", stored))
}
