//! What of payloads nobody is shown: places in their JSON, by kind of message or in all.

use jiff::Timestamp;
use messages::MessageKind;
use sqlx::Row;

use super::{
    Store, StoreError,
    rows::{foreign, text, time},
};
use crate::redact::{ALL, Place, Rules};

const RULES: &str = "SELECT kind, place FROM hidden_places";

const RULE_SETS: &str = "SELECT kind, place, changed, changed_by FROM hidden_places
    ORDER BY kind, place";

const REMOVE: &str = "DELETE FROM hidden_places WHERE kind = $1";

const ADD: &str = "INSERT INTO hidden_places (kind, place, changed, changed_by)
    VALUES ($1, $2, $3, $4) ON CONFLICT (kind, place) DO NOTHING";

/// What is hidden in payloads of one kind, or of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleSet {
    /// The kind of message; none for all, whatever is hidden in some of them.
    pub kind: Option<MessageKind>,
    /// At least one.
    pub places: Vec<Place>,
    /// Since when.
    pub changed: Timestamp,
    /// Who said so.
    pub changed_by: String,
}

impl Store {
    /// All that is hidden.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rules(&self) -> Result<Rules, StoreError> {
        self.database
            .read(async |link| {
                let rows = sqlx::query(RULES).fetch_all(link).await?;
                rows.iter()
                    .map(|row| Ok((kind(row.try_get(0)?)?, place(row.try_get(1)?)?)))
                    .collect()
            })
            .await
    }

    /// The same for whoever keeps the rules; by kind, what is for all of them first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rule_sets(&self) -> Result<Vec<RuleSet>, StoreError> {
        self.database
            .read(async |link| {
                let mut sets: Vec<RuleSet> = Vec::new();
                for row in sqlx::query(RULE_SETS).fetch_all(link).await? {
                    let kind = kind(row.try_get(0)?)?;
                    let place = place(row.try_get(1)?)?;
                    match sets.last_mut().filter(|set| set.kind == kind) {
                        Some(set) => set.places.push(place),
                        None => sets.push(RuleSet {
                            kind,
                            places: vec![place],
                            changed: time(row.try_get(2)?)?,
                            changed_by: row.try_get(3)?,
                        }),
                    }
                }
                Ok(sets)
            })
            .await
    }

    /// Hides these places in payloads of a kind, or of all, from now on, and no others.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn set_rule(&self, rule: &RuleSet) -> Result<(), StoreError> {
        let RuleSet { kind, places, changed, changed_by } = rule;
        self.database
            .write(async |tx| {
                sqlx::query(REMOVE).bind(stored(kind.as_ref())).execute(&mut **tx).await?;
                for place in places {
                    let query = sqlx::query(ADD).bind(stored(kind.as_ref())).bind(place.as_str());
                    let query = query.bind(changed.as_microsecond()).bind(changed_by);
                    query.execute(&mut **tx).await?;
                }
                Ok(())
            })
            .await
    }

    /// Hides nothing any more in payloads of a kind, or in all; false where nothing was.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn remove_rule(&self, kind: Option<&MessageKind>) -> Result<bool, StoreError> {
        let query = sqlx::query(REMOVE).bind(stored(kind));
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }
}

fn stored(kind: Option<&MessageKind>) -> &str {
    kind.map_or(ALL, MessageKind::as_str)
}

fn kind(stored: String) -> Result<Option<MessageKind>, StoreError> {
    (stored != ALL).then(|| text(stored)).transpose()
}

fn place(stored: &str) -> Result<Place, StoreError> {
    Place::read(stored).map_err(|_| foreign("the place", stored))
}
