//! What the parts of the proxy have in common: the register, the store, and the way to
//! the destinations.

use std::sync::Arc;

use broker::Publisher;
use management::Management;

use crate::{
    again::Resender, blocked::Blocked, config::BrokerUrl, crash::Crash, forward::Forwarder,
    inquiry::Inquiry, notices::Notices, outbox::Outbox, provision::Provision, proxy::Proxy,
    refusal::Refuser, registry::Registry, routes::Administration, store::Store,
};

/// What parts are made of.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) forwarder: Forwarder,
    blocked: Blocked,
    refuser: Refuser,
    crash: Crash,
    max_payload: usize,
}

impl Ground {
    pub(crate) fn new(
        store: Store,
        registry: Registry,
        publisher: Publisher,
        crash: Crash,
        max_payload: usize,
    ) -> Self {
        let blocked = Blocked::default();
        let refuser = Refuser::new(publisher.clone());
        let forwarder = Forwarder::new(store.clone(), publisher, blocked.clone(), crash.clone());
        Self { store, registry, forwarder, blocked, refuser, crash, max_payload }
    }

    /// From the entry to the destinations.
    pub(crate) fn proxy(&self) -> Proxy {
        Proxy {
            store: self.store.clone(),
            registry: self.registry.clone(),
            forwarder: self.forwarder.clone(),
            refuser: self.refuser.clone(),
            blocked: self.blocked.clone(),
            max_payload: self.max_payload,
            crash: self.crash.clone(),
            has_acked: Arc::default(),
        }
    }

    /// What destinations tell.
    pub(crate) fn notices(&self) -> Notices {
        Notices {
            store: self.store.clone(),
            registry: self.registry.clone(),
            refuser: self.refuser.clone(),
            crash: self.crash.clone(),
        }
    }

    /// What waits to be forwarded.
    pub(crate) fn outbox(&self) -> Outbox {
        let (store, forwarder) = (self.store.clone(), self.forwarder.clone());
        Outbox::new(store, forwarder, self.blocked.clone(), self.registry.clone())
    }

    /// Sending once more.
    pub(crate) fn resender(&self) -> Resender {
        Resender {
            store: self.store.clone(),
            registry: self.registry.clone(),
            forwarder: self.forwarder.clone(),
            blocked: self.blocked.clone(),
            max_payload: self.max_payload,
        }
    }

    /// Why a message has not been processed.
    pub(crate) fn inquiry(&self, management: Management) -> Inquiry {
        Inquiry {
            store: self.store.clone(),
            registry: self.registry.clone(),
            blocked: self.blocked.clone(),
            management,
        }
    }

    /// Administering the register.
    pub(crate) fn administration(
        &self,
        provision: Provision,
        management: Management,
        address: BrokerUrl,
    ) -> Administration {
        let (store, registry) = (self.store.clone(), self.registry.clone());
        Administration { store, registry, provision, management, address }
    }
}
