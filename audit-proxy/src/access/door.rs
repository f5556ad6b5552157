//! The first account, made when there is none, and the end of what has expired.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::{AccountName, Password, Passwords};
use crate::store::Store;

/// The name of the first account.
const FIRST: &str = "admin";

/// Whose line of passwords ours wait in.
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How soon it is tried again while the database is away.
const AGAIN: Duration = Duration::from_secs(2);

/// How often what has expired is forgotten. It is worth nothing before that.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Sees to it that somebody can log in. Clones share what is known.
#[derive(Clone)]
pub(crate) struct Door {
    store: Store,
    passwords: Passwords,
    first: Option<Password>,
    is_seen_to: Arc<AtomicBool>,
}

impl Door {
    /// `first` is the password of the first account.
    pub(crate) fn new(store: Store, passwords: Passwords, first: Option<Password>) -> Self {
        Self { store, passwords, first, is_seen_to: Arc::default() }
    }

    /// Whether it is known that there is an account, or that there can be none.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.is_seen_to.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err("aún no se sabe qué cuentas hay".to_owned())
    }

    /// Makes the first account where there is none, and forgets what has expired, for
    /// ever.
    pub(crate) async fn run(self) {
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        while let Err(error) = self.make_first().await {
            log::warn!("whether there is an account is not known: {error:#}");
            ticks.tick().await;
        }
        self.is_seen_to.store(true, Ordering::Relaxed);
        self.forget().await;
    }

    async fn make_first(&self) -> anyhow::Result<()> {
        self.store.prepare().await?;
        let name: AccountName = FIRST.parse()?;
        let stored = self.store.password(&name).await?;
        let is_known = match &stored {
            Some(stored) => self.passwords.is_known(stored.clone(), OURS).await?,
            None => false,
        };
        if !is_known && self.store.has_accounts().await? {
            return Ok(());
        }
        let Some(password) = self.first.clone() else {
            log::warn!("nobody logs in as {FIRST:?}: set AUDIT_ADMIN_PASSWORD and start again");
            return Ok(());
        };
        let hash = self.passwords.hash(password, OURS).await?;
        if is_known {
            self.store.change_account(&name, None, Some(&hash)).await?;
            log::info!(
                "{name} had a password that everybody knows; now it is AUDIT_ADMIN_PASSWORD's"
            );
        } else if self.store.add_first_account(&name, &hash, Timestamp::now()).await? {
            log::info!("the first account is {name}; its password is AUDIT_ADMIN_PASSWORD's");
        }
        Ok(())
    }

    async fn forget(&self) {
        let mut ticks = interval(FORGET_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.store.forget_expired(Timestamp::now()).await {
                log::warn!("what has expired is still kept: {error}");
            }
        }
    }
}
