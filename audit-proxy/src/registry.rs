//! The register in memory: read from the store, and read again when it changes.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    register::Register,
    store::{Store, StoreError},
};

/// How soon a change that another process made is known here.
const AGAIN: Duration = Duration::from_secs(2);

/// The register, as it was read last. Clones share it.
#[derive(Clone)]
pub(crate) struct Registry {
    store: Store,
    known: Arc<watch::Sender<Known>>,
    /// Of two who read, the one who began later must end later.
    turn: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Known {
    register: Option<Arc<Register>>,
    /// Why it could not be read the last time, if it could not.
    error: Option<String>,
}

/// The register has not been read yet, so that nobody can say who may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("el registro de sistemas aún no se ha leído")]
pub(crate) struct Unread;

impl Registry {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, known: Arc::default(), turn: Arc::default() }
    }

    /// The register as it was read last.
    pub(crate) fn current(&self) -> Result<Arc<Register>, Unread> {
        self.known.borrow().register.clone().ok_or(Unread)
    }

    /// `Ok` while it can be read.
    ///
    /// # Errors
    /// Why it could not be the last time, in a Spanish sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        let known = self.known.borrow();
        match (&known.error, &known.register) {
            (Some(error), _) => Err(format!("no se puede leer: {error}")),
            (None, None) => Err(Unread.to_string()),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Reads it now: after a change, or at the beginning, when there may be no tables yet.
    pub(crate) async fn read(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let (register, read) = match self.stored().await {
            Ok(register) => (Some(Arc::new(register)), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.known.send_modify(|known| {
            // Where others had the database, it answers them, and what was read last holds.
            if !(matches!(read, Err(StoreError::Busy)) && known.register.is_some()) {
                known.error = read.as_ref().err().map(StoreError::to_string);
            }
            known.register = register.or_else(|| known.register.take());
        });
        read
    }

    async fn stored(&self) -> Result<Register, StoreError> {
        if self.current().is_err() {
            self.store.prepare().await?;
        }
        self.store.register().await
    }

    /// Reads it again and again, for ever. While the database does not answer, what was
    /// read last holds.
    pub(crate) async fn run(self) {
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.read().await {
                log::warn!("the register of systems was not read: {error}");
            }
        }
    }
}
