//! From the queue of notifications into the store.

use std::{sync::Arc, time::Duration};

use broker::{Handler, HandlerError, Incoming, Verdicts};
use jiff::Timestamp;
use messages::{Notification, names};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    admit::{self, Refusal},
    crash::{Crash, Point},
    lifecycle::Told,
    refusal::Refuser,
    register::Register,
    registry::Registry,
    store::{Notice, Refused, Store, StoreError},
};

/// How soon a notification that came first finds its message.
const AGAIN: Duration = Duration::from_secs(1);

/// Takes notifications.
pub(crate) struct Notices {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) crash: Crash,
    pub(crate) refuser: Refuser,
}

impl Handler for Notices {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let register = self.register(batch).await?;
        let now = Timestamp::now();
        let (mut notices, mut refused, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for message in batch {
            match read(message, &register) {
                Ok(notice) => {
                    notices.push(notice);
                    reasons.push(None);
                }
                Err(reason) => {
                    refused.push(Refused { message, reason: reason.clone() });
                    reasons.push(Some(reason));
                }
            }
        }
        self.store.notify(&notices, &register, now).await?;
        self.store.refuse(&refused, now).await?;
        let verdicts = self.refuser.verdicts(batch, reasons).await;
        self.crash.at(Point::Notified);
        Ok(verdicts.into())
    }
}

impl Notices {
    /// Nobody is refused for what the register said some seconds ago.
    async fn register(&self, batch: &[Incoming]) -> Result<Arc<Register>, HandlerError> {
        let register = self.registry.current()?;
        let is_outdated = |message: &Incoming| {
            admit::source(message, &register).is_err_and(|refusal| refusal.may_be_outdated())
        };
        if batch.iter().any(is_outdated) {
            self.registry.read().await?;
            return Ok(self.registry.current()?);
        }
        Ok(register)
    }
}

/// Lets notifications that came before their message find it, once a second, for ever.
pub(crate) async fn reunite(store: Store, registry: Registry) {
    let mut ticks = interval(AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = reunite_once(&store, &registry).await {
            log::error!("notifications stay without their messages: {error}");
        }
    }
}

async fn reunite_once(store: &Store, registry: &Registry) -> Result<(), StoreError> {
    let Ok(register) = registry.current() else { return Ok(()) };
    while store.reunite(&register, Timestamp::now()).await? > 0 {}
    Ok(())
}

/// Reads a notification; where it cannot be one, says why not.
fn read(message: &Incoming, register: &Register) -> Result<Notice, String> {
    let refused = |refusal: Refusal| refusal.to_string();
    let id = admit::id(message).map_err(refused)?;
    let by = admit::source(message, register).map_err(refused)?;
    let at = admit::created(message).map_err(refused)?;
    if message.kind() != Some(names::NOTIFICATION_TYPE) {
        return Err(format!("su type no es {}", names::NOTIFICATION_TYPE));
    }
    let Notification { mensaje, origen, estado, detalles } =
        Notification::decode(&message.body).map_err(|error| error.to_string())?;
    let told = Told { by, state: estado, at };
    Ok(Notice { id, message: mensaje.into(), source: origen, told, details: detalles })
}
