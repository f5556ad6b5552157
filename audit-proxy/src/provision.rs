//! Makes RabbitMQ follow the register: mailboxes when systems are registered, users as
//! long as they are to come in.
//!
//! A mailbox is made before its system is registered: a crash in between leaves an
//! empty queue, and registering again goes on from there. One that is missing later has
//! been deleted by somebody, with what was in it: it is not made again unasked, so that
//! this is noticed. A user is written down before it is made, so that none is left on
//! the broker that nobody knows of; what a crash leaves undone is done by the next round.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use management::{Exchange, Management, Password, PasswordHash, Rights};
use messages::{SystemName, names};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{
    access::Secret,
    orders::{Seen, Step, oddities, steps},
    register::{LIMITS, rights},
    store::{Issued, Phase, Registered, Store, StoreError},
    topology,
};

/// How often the broker is compared with the register.
const AGAIN: Duration = Duration::from_mins(1);

/// Names that are tried for one user: another virtual host may have a system of the same
/// name, and users are of the whole broker.
const TRIES: usize = 20;

/// How often connections are tried to be closed again, and after how long.
const CLOSINGS: usize = 5;
const BETWEEN_CLOSINGS: Duration = Duration::from_millis(200);

/// Whoever does this. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Provision {
    store: Store,
    management: Management,
}

/// Why the broker does not follow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker does not answer, or refuses.
    #[error(transparent)]
    Broker(#[from] management::Error),
}

/// What became of asking for a user.
pub(crate) enum Made {
    /// It can come in.
    User {
        /// Its name.
        user: String,
        /// Its password, which is known nowhere else.
        password: String,
        /// Since when.
        created: Timestamp,
    },
    /// It was not made. Never [`Issued::User`].
    Not(Issued),
    /// It was taken back while it was made, or all of its names are taken.
    Lost,
}

impl Provision {
    pub(crate) fn new(store: Store, management: Management) -> Self {
        Self { store, management }
    }

    /// Makes a system's mailbox where it is missing, and the way to it.
    ///
    /// # Errors
    /// When the broker does not answer, refuses, or has something else of that name.
    pub(crate) async fn make_mailbox(&self, system: &SystemName) -> Result<(), management::Error> {
        let (queue, management) = (names::mailbox(system), &self.management);
        let delivery = Exchange { name: names::DELIVERY_EXCHANGE, kind: "direct" };
        let refused = Exchange { name: names::REFUSED_EXCHANGE, kind: "fanout" };
        for exchange in [delivery, refused] {
            match management.declare_exchange(exchange).await {
                // Whoever may not declare it finds it: the proxy makes it as well.
                Err(error) if error.is_refused() => log::debug!("{error}"),
                declared => declared?,
            }
        }
        management.declare_queue(&queue, &topology::mailbox_arguments()).await?;
        management.bind(names::DELIVERY_EXCHANGE, &queue, system.as_str()).await
    }

    /// Makes a user for a system, with a password of 256 random bits.
    ///
    /// # Errors
    /// When the database or the broker does not answer. Nobody can come in then.
    pub(crate) async fn make_user(&self, system: &Registered) -> Result<Made, Fault> {
        let (password, hash) = random().map_err(|error| StoreError::Foreign(error.to_string()))?;
        for _ in 0..TRIES {
            let created = Timestamp::now();
            let user = match self.store.issue_credential(&system.name, &hash, created).await? {
                Issued::User(user) => user,
                other => return Ok(Made::Not(other)),
            };
            match self.management.password_hash_of(&user).await {
                Ok(None) => return self.finish(system, user, password, hash, created).await,
                Ok(Some(_)) => log::warn!("the user {user} exists already and is not touched"),
                Err(error) => {
                    self.store.forget_credential(&user).await?;
                    return Err(error.into());
                }
            }
            self.store.forget_credential(&user).await?;
        }
        Ok(Made::Lost)
    }

    /// What fails here the next round takes back.
    async fn finish(
        &self,
        system: &Registered,
        user: String,
        password: String,
        hash: PasswordHash,
        created: Timestamp,
    ) -> Result<Made, Fault> {
        self.management.put_user_by_hash(&user, &hash).await?;
        self.management.limit(&user, LIMITS).await?;
        let rights = rights(&system.name, system.profile.standing);
        self.management.permit(&user, &rights).await?;
        if self.store.credential_made(&user).await? {
            log::info!("made the user {user} for {}", system.name);
            // It may have been suspended meanwhile, when there was nobody to shut out yet.
            if let Err(error) = self.follow(&system.name).await {
                log::warn!("{user} has the rights of {} as it was: {error}", system.name);
            }
            return Ok(Made::User { user, password, created });
        }
        self.management.delete_user(&user).await?;
        Ok(Made::Lost)
    }

    /// Makes the users of one system be as the register says.
    ///
    /// # Errors
    /// When the database or the broker does not answer; the next round goes on.
    pub(crate) async fn follow(&self, system: &SystemName) -> Result<(), Fault> {
        let seen = self.look().await?;
        match self.store.system(system).await? {
            Some(system) => self.take(steps(&system, &seen, Timestamp::now())).await,
            None => Ok(()),
        }
    }

    /// Does the same for all systems once a minute, for ever.
    pub(crate) async fn run(self) {
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = BTreeSet::new();
        loop {
            ticks.tick().await;
            match self.round().await {
                Ok(found) => {
                    found.difference(&known).for_each(|oddity| log::warn!("{oddity}"));
                    known = found;
                }
                Err(error) => log::error!("the broker does not follow the register: {error}"),
            }
        }
    }

    /// Returns what people should look at. What fails for one system does not keep the
    /// others waiting, unless the broker or the database is away.
    async fn round(&self) -> Result<BTreeSet<String>, Fault> {
        let seen = self.look().await?;
        let systems = self.store.systems().await?;
        for system in &systems {
            match self.take(steps(system, &seen, Timestamp::now())).await {
                Err(Fault::Broker(error)) if !error.is_away() => {
                    log::error!(
                        "the broker does not follow what holds for {}: {error}",
                        system.name
                    );
                }
                done => done?,
            }
        }
        Ok(oddities(&systems, &seen))
    }

    async fn look(&self) -> Result<Seen, Fault> {
        let users = self.management.users().await?.into_iter().map(|user| user.name).collect();
        let columns = "columns=user,configure,write,read";
        let rights: Vec<Permitted> =
            self.management.get("vhosts", &["permissions"], columns).await?;
        let rights = rights.into_iter().map(|one| (one.user, one.rights)).collect();
        let limits = self.management.limits().await?;
        let mailboxes = self.management.queues(names::MAILBOX_PREFIX).await?;
        Ok(Seen { users, rights, limits, mailboxes })
    }

    async fn take(&self, steps: Vec<Step>) -> Result<(), Fault> {
        for step in steps {
            self.step(step).await?;
        }
        Ok(())
    }

    /// Each can be done again, by several processes at once.
    async fn step(&self, step: Step) -> Result<(), Fault> {
        match step {
            Step::ShutOut { user, is_ours } => {
                if is_ours {
                    self.shut_out(&user).await?;
                }
                self.store.credential_gone(&user).await?;
            }
            Step::Forget(user, hash) => {
                self.remove_if(&user, &hash).await?;
                self.store.forget_credential(&user).await?;
            }
            Step::Expel(user, hash) => self.remove_if(&user, &hash).await?,
            Step::Make(user, hash) => self.make_again(&user, &hash).await?,
            Step::Permit(user, rights) => self.management.permit(&user, &rights).await?,
            Step::Limit(user, limits) => self.management.limit(&user, limits).await?,
            Step::Close(user) => self.close(&user).await?,
        }
        Ok(())
    }

    async fn shut_out(&self, user: &str) -> Result<(), Fault> {
        if self.management.delete_user(user).await? {
            log::info!("removed the user {user}");
        }
        Ok(self.close(user).await?)
    }

    /// The broker fails at it where a connection ends by itself meanwhile.
    async fn close(&self, user: &str) -> Result<(), management::Error> {
        for _ in 0..CLOSINGS {
            match self.management.close_connections_of(user).await {
                Err(error) if error.is_failure() => sleep(BETWEEN_CLOSINGS).await,
                done => return done,
            }
        }
        self.management.close_connections_of(user).await
    }

    async fn remove_if(&self, user: &str, hash: &PasswordHash) -> Result<(), Fault> {
        if self.management.password_hash_of(user).await?.as_ref() == Some(hash) {
            log::warn!("the user {user} should not be there any more");
            self.shut_out(user).await?;
        }
        Ok(())
    }

    /// Somebody may be shutting it out at this moment: it must not stay then.
    async fn make_again(&self, user: &str, hash: &PasswordHash) -> Result<(), Fault> {
        if self.is_made(user).await? {
            log::warn!("the user {user} was missing");
            self.management.put_user_by_hash(user, hash).await?;
            if !self.is_made(user).await? {
                self.shut_out(user).await?;
            }
        }
        Ok(())
    }

    async fn is_made(&self, user: &str) -> Result<bool, StoreError> {
        let systems = self.store.systems().await?;
        let mut users = systems.iter().flat_map(|system| &system.credentials);
        Ok(users.any(|credential| credential.user == user && credential.phase == Phase::Made))
    }
}

/// An entry of rights, as the API tells it.
#[derive(Deserialize)]
struct Permitted {
    user: String,
    #[serde(flatten)]
    rights: Rights,
}

/// A password, and what the broker is to keep of it.
fn random() -> Result<(String, PasswordHash), getrandom::Error> {
    let (secret, mut salt) = (Secret::random()?, [0; 4]);
    getrandom::fill(&mut salt)?;
    let text = secret.reveal().to_owned();
    let hash = PasswordHash::new(&Password::new(text.as_str()), salt);
    Ok((text, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_never_the_same() {
        let [(one, _), (other, _)] = [random().expect("random"), random().expect("random")];
        assert!(one.len() == 64 && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
        assert_ne!(one, other);
    }
}
