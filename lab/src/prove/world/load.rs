//! The loads that scenarios are made of.

use super::World;
use crate::load::{Pace, Spec};
use crate::settings::Port;
use messages::names::CLICK;

impl World {
    /// Two senders whose line to the broker can be cut.
    pub(in crate::prove) fn sender_urls(&self, path: &str) -> Vec<String> {
        [Port::ClienteX, Port::ClienteUno].map(|port| self.running.url(port, path)).to_vec()
    }

    /// Single events at a rate, until stopped.
    pub(in crate::prove) fn steady(&self, rate: f64, retry: bool) -> Spec {
        Spec {
            urls: self.sender_urls("/send"),
            events: u64::MAX,
            pace: Pace::PerSecond(rate),
            connections: 64,
            clients: 20,
            batch: 1,
            kinds: vec![CLICK.to_owned()],
            retry,
        }
    }

    /// So many events, in batches, as fast as they go.
    pub(in crate::prove) fn bulk(&self, events: u64, clients: u64) -> Spec {
        Spec {
            urls: self.sender_urls("/send/batch"),
            events,
            pace: Pace::Closed,
            connections: 2,
            clients,
            batch: 5000.min(events),
            kinds: vec![CLICK.to_owned()],
            retry: true,
        }
    }
}
