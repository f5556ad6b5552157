//! Users: made, permitted, shut out and removed. Every call may be made again,
//! and then changes nothing. The management user needs the tag `administrator`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Error, Management, Password, PasswordHash, error::optional, url::segment};

/// What is asked for of users: not the hash of their passwords.
const COLUMNS: &str = "columns=name,tags";

/// A user, as the broker knows it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct User {
    /// The name.
    pub name: String,
    /// What the user may do with the management API; empty for who only speaks AMQP.
    pub tags: Vec<String>,
}

/// What a user may do in the virtual host: for each kind of act a regular
/// expression, which the names of the queues and exchanges must match.
///
/// RabbitMQ looks for the expression anywhere in the name: write `^cola_ana$`, not
/// `cola_ana`, which is part of `cola_anabel` as well. An empty one matches
/// nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rights {
    /// Declare and delete.
    pub configure: String,
    /// Publish to.
    pub write: String,
    /// Consume from.
    pub read: String,
}

/// How much of the broker a user may have open at once, in every virtual host together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Connections; one more is refused.
    pub max_connections: u32,
    /// Channels of all connections; one more ends its connection.
    pub max_channels: u32,
}

/// The limits of one user, as the API tells them.
#[derive(Deserialize)]
struct Limited {
    user: String,
    value: Map<String, Value>,
}

impl Management {
    /// Makes a user, or gives the one there is this password and these tags (`&[]`
    /// for who only speaks AMQP). Rights stay; a new user has none. Connections that
    /// are open stay too, whatever the password was:
    /// [`close_connections_of`](Self::close_connections_of) ends them.
    ///
    /// # Errors
    /// When the API does not answer or refuses, or when the broker has rules for
    /// passwords and this one breaks them (400).
    pub async fn put_user(
        &self,
        name: &str,
        password: &Password,
        tags: &[&str],
    ) -> Result<(), Error> {
        let definition = json!({ "password": password.as_str(), "tags": tags.join(",") });
        self.put(&user(name), definition).await
    }

    /// The same of a user who only speaks AMQP, by what the broker keeps of the
    /// password: whoever has only that cannot come in with it.
    ///
    /// # Errors
    /// When the API does not answer or refuses.
    pub async fn put_user_by_hash(&self, name: &str, hash: &PasswordHash) -> Result<(), Error> {
        let (hash, algorithm) = (hash.as_str(), PasswordHash::ALGORITHM);
        let definition =
            json!({ "password_hash": hash, "hashing_algorithm": algorithm, "tags": "" });
        self.put(&user(name), definition).await
    }

    /// What the broker keeps of a user's password; `None` where there is no such user.
    ///
    /// # Errors
    /// When the API does not answer or refuses.
    pub async fn password_hash_of(&self, name: &str) -> Result<Option<PasswordHash>, Error> {
        let told: Option<Kept> = optional(self.ask(&user(name), "columns=password_hash").await)?;
        Ok(told.map(|kept| PasswordHash::from(kept.password_hash)))
    }

    /// A user's rights in the virtual host; `None` where there are none.
    ///
    /// # Errors
    /// When the API does not answer or refuses.
    pub async fn rights_of(&self, name: &str) -> Result<Option<Rights>, Error> {
        optional(self.ask(&self.rights(name), "columns=configure,write,read").await)
    }

    /// Gives a user these rights in the virtual host, instead of those there were.
    /// A channel that is open may remember what it was once allowed.
    ///
    /// # Errors
    /// When the API does not answer or refuses; when there is no such user or virtual
    /// host, or an expression is malformed (400).
    pub async fn permit(&self, name: &str, rights: &Rights) -> Result<(), Error> {
        self.put(&self.rights(name), json!(rights)).await
    }

    /// Gives a user these limits, instead of those there were. What is open stays.
    ///
    /// # Errors
    /// When the API does not answer or refuses, or when there is no such user (400).
    pub async fn limit(&self, name: &str, limits: Limits) -> Result<(), Error> {
        let Limits { max_connections, max_channels } = limits;
        for (limit, value) in [("max-connections", max_connections), ("max-channels", max_channels)]
        {
            let path = format!("user-limits/{}/{limit}", segment(name));
            self.put(&path, json!({ "value": value })).await?;
        }
        Ok(())
    }

    /// The limits of all users that have both.
    ///
    /// # Errors
    /// When the API does not answer or refuses, or when there are more users than fit
    /// into an answer.
    pub async fn limits(&self) -> Result<BTreeMap<String, Limits>, Error> {
        let told: Vec<Limited> = self.ask("user-limits", "").await?;
        let both = |Limited { user, value }| {
            let limits = serde_json::from_value(Value::Object(value)).ok()?;
            Some((user, limits))
        };
        Ok(told.into_iter().filter_map(both).collect())
    }

    /// A user; `None` where there is none.
    ///
    /// # Errors
    /// When the API does not answer, or refuses.
    pub async fn user(&self, name: &str) -> Result<Option<User>, Error> {
        optional(self.ask(&user(name), COLUMNS).await)
    }

    /// All users of the broker, whichever virtual host is theirs.
    ///
    /// # Errors
    /// When the API does not answer or refuses, or when there are more users than fit
    /// into an answer: some thousands.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        self.ask("users", COLUMNS).await
    }

    /// Removes a user with all rights, in every virtual host: true where there was
    /// one. The broker then closes the user's connections by itself, a moment after
    /// it has answered; what was not acknowledged goes back to its queues. Who must
    /// be sure of that calls [`close_connections_of`](Self::close_connections_of) next.
    ///
    /// # Errors
    /// When the API does not answer, or refuses.
    pub async fn delete_user(&self, name: &str) -> Result<bool, Error> {
        let deleted = optional(self.delete(&user(name)).await)?;
        Ok(deleted.is_some())
    }

    /// Closes all connections of a user, in every virtual host; whoever still knows
    /// the password may come back at once. A connection that was opened in this very
    /// moment may be missed: the broker notes connections a little after it lets
    /// them in.
    ///
    /// # Errors
    /// When the API does not answer, or refuses; also a
    /// [failure](Error::is_failure) where one of them ends by itself at this moment.
    pub async fn close_connections_of(&self, name: &str) -> Result<(), Error> {
        self.delete(&format!("connections/username/{}", segment(name))).await
    }

    fn rights(&self, name: &str) -> String {
        format!("permissions/{}/{}", self.vhost, segment(name))
    }
}

/// What the API says of a password.
#[derive(Deserialize)]
struct Kept {
    password_hash: String,
}

/// Where a user is found.
fn user(name: &str) -> String {
    format!("users/{}", segment(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_with_tags_or_without() {
        let told = r#"[{"name":"guest","tags":["administrator"]},{"name":"ana","tags":[]}]"#;
        let users: Vec<User> = serde_json::from_str(told).expect("understood");
        let tags = users.iter().map(|user| user.tags.len());
        assert_eq!(tags.collect::<Vec<_>>(), [1, 0]);
    }
}
