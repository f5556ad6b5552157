//! Who may exchange messages.

use jiff::Timestamp;
use messages::{StateName, SystemName};
use sqlx::{AnyConnection, Row};

use super::{
    Credential, Store, StoreError,
    credentials::{LEAVING, MADE, MAKING, credentials},
    rows::{foreign, text, time},
};
use crate::register::{Register, Standing, System};

const SYSTEMS: &str =
    "SELECT name, standing, description, states, created FROM systems ORDER BY name";

const ADD: &str = "INSERT INTO systems (name, standing, description, states, created)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING";

const CHANGE: &str = "UPDATE systems SET standing = COALESCE($2, standing),
        description = COALESCE($3, description), states = COALESCE($4, states)
    WHERE name = $1 AND standing <> $5";

const ALL_LEAVE: &str = "UPDATE credentials SET phase = $2
    WHERE system = $1 AND (phase = $3 OR phase = $4)";

const RETIRE: &str = "UPDATE systems SET standing = $2 WHERE name = $1";

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

/// What is to be said of a system from now on; what is none stays.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Change {
    /// What it may do.
    pub standing: Option<Standing>,
    /// What people are told of it.
    pub description: Option<String>,
    /// Final states that it may assign beside the common ones.
    pub states: Option<Vec<StateName>>,
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

    /// Changes a system; false where there is none of this name, or it is retired, which
    /// is for good.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn change_system(
        &self,
        name: &SystemName,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(CHANGE)
            .bind(name.as_str())
            .bind(change.standing.map(Standing::as_str))
            .bind(change.description.as_deref())
            .bind(change.states.as_deref().map(listed))
            .bind(Standing::Retired.as_str());
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }

    /// Retires a system and, with it, its users; false where there is none of this name.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn retire_system(&self, name: &SystemName) -> Result<bool, StoreError> {
        self.database
            .write(async |tx| {
                let query = sqlx::query(RETIRE).bind(name.as_str());
                let query = query.bind(Standing::Retired.as_str()).execute(&mut **tx);
                let is_known = query.await?.rows_affected() > 0;
                let query = sqlx::query(ALL_LEAVE).bind(name.as_str()).bind(LEAVING);
                query.bind(MAKING).bind(MADE).execute(&mut **tx).await?;
                Ok(is_known)
            })
            .await
    }

    /// A system; none where there never was one of this name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn system(&self, name: &SystemName) -> Result<Option<Registered>, StoreError> {
        Ok(self.systems().await?.into_iter().find(|system| system.name == *name))
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

fn standing(stored: &str) -> Result<Standing, StoreError> {
    Standing::from_word(stored).ok_or_else(|| foreign("the standing", stored))
}

fn listed(states: &[StateName]) -> String {
    serde_json::json!(states).to_string()
}

fn states(stored: &str) -> Result<Vec<StateName>, StoreError> {
    serde_json::from_str(stored).map_err(|_| foreign("the states", stored))
}
