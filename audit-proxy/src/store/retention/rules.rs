//! What an administrator says of how long what is kept.

use messages::MessageKind;
use sqlx::{Row, any::AnyRow};

use crate::{
    retention::{Rule, Rules},
    store::{
        Store, StoreError,
        rows::{foreign, text},
    },
};

/// In the place of a kind: all without a rule of their own.
const GENERAL: &str = "*";

const RULES: &str = "SELECT kind, payload_days, message_days FROM retention";

const SET: &str = "INSERT INTO retention (kind, payload_days, message_days) VALUES ($1, $2, $3)
    ON CONFLICT (kind) DO UPDATE SET payload_days = $2, message_days = $3";

const REMOVE: &str = "DELETE FROM retention WHERE kind = $1";

impl Store {
    /// All rules.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retention(&self) -> Result<Rules, StoreError> {
        self.database
            .read(async |link| {
                let mut rules = Rules::default();
                for row in sqlx::query(RULES).fetch_all(link).await? {
                    let (kind, rule): (String, Rule) = (row.try_get(0)?, rule(&row)?);
                    if kind == GENERAL {
                        rules.general = Some(rule);
                    } else {
                        rules.of_kinds.insert(text(kind)?, rule);
                    }
                }
                Ok(rules)
            })
            .await
    }

    /// Sets the rule for a kind, or for all without their own.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn set_retention(
        &self,
        kind: Option<&MessageKind>,
        rule: Rule,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(SET)
            .bind(kind.map_or(GENERAL, MessageKind::as_str))
            .bind(rule.payload_days())
            .bind(rule.message_days());
        self.database
            .write(async |tx| {
                query.execute(&mut **tx).await?;
                Ok(())
            })
            .await
    }

    /// Takes a rule away; false where there is none.
    ///
    /// # Errors
    /// Nothing has been changed then.
    pub async fn remove_retention(&self, kind: Option<&MessageKind>) -> Result<bool, StoreError> {
        let query = sqlx::query(REMOVE).bind(kind.map_or(GENERAL, MessageKind::as_str));
        self.database
            .write(async |tx| Ok(query.execute(&mut **tx).await?.rows_affected() > 0))
            .await
    }
}

fn rule(row: &AnyRow) -> Result<Rule, StoreError> {
    let (payload, message) = (row.try_get(1)?, row.try_get(2)?);
    Rule::new(payload, message).map_err(|_| foreign("the rule", (payload, message)))
}
