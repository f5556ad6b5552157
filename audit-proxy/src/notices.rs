//! From the queue of notifications into the store.

use std::{sync::Arc, time::Duration};

use broker::{Handler, HandlerError, Incoming, Verdicts};
use jiff::Timestamp;
use messages::{InvalidNotification, Notification, names};
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
        let now = Timestamp::now();
        let (register, read) = self.read(batch).await?;
        let (mut notices, mut refused, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for (message, read) in batch.iter().zip(read) {
            match read {
                Ok(notice) => {
                    notices.push(notice);
                    reasons.push(None);
                }
                Err(refusal) => {
                    let reason = refusal.to_string();
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
    /// Reads notifications, and by what they are to be judged: nobody is refused, and no
    /// state unknown, for what the register said some seconds ago.
    async fn read(&self, batch: &[Incoming]) -> Result<(Arc<Register>, Vec<Read>), HandlerError> {
        let all = |register: &Register| -> Vec<_> {
            batch.iter().map(|message| read(message, register)).collect()
        };
        let register = self.registry.current()?;
        let read = all(&register);
        if !read.iter().any(|read| may_be_outdated(read, &register)) {
            return Ok((register, read));
        }
        self.registry.read().await?;
        let register = self.registry.current()?;
        let read = all(&register);
        Ok((register, read))
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

/// A notification, or why it cannot be one.
type Read = Result<Notice, NoNotice>;

#[derive(Debug, thiserror::Error)]
enum NoNotice {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("su type no es {}", names::NOTIFICATION_TYPE)]
    OtherKind,
    #[error(transparent)]
    Body(#[from] InvalidNotification),
}

/// Whether the register may have been changed since, so that this is read or judged
/// otherwise.
fn may_be_outdated(read: &Read, register: &Register) -> bool {
    match read {
        Ok(Notice { told: Told { by, state, .. }, .. }) => {
            register.get(by).is_none_or(|system| !system.may_assign(state))
        }
        Err(NoNotice::Refused(refusal)) => refusal.may_be_outdated(),
        Err(_) => false,
    }
}

fn read(message: &Incoming, register: &Register) -> Read {
    admit::readable(message)?;
    let (id, by) = (admit::id(message)?, admit::source(message, register)?);
    let at = admit::created(message)?;
    if message.kind() != Some(names::NOTIFICATION_TYPE) {
        return Err(NoNotice::OtherKind);
    }
    let Notification { mensaje, origen, estado, detalles } = Notification::decode(&message.body)?;
    let told = Told { by, state: estado, at };
    Ok(Notice { id, message: mensaje.into(), source: origen, told, details: detalles })
}
