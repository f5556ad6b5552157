//! A laboratory that runs, as its clients see it: natively or in containers.

use crate::compose::Compose;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::parts::services::percent_encoded;
use crate::plan::Plan;
use crate::record::Watcher;
use crate::settings::{Port, Ports};
use anyhow::Result;

/// Where it is reached, and as whom.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) ports: Ports,
    pub(crate) administrator: Administrator,
}

/// A user of the broker who may see and do everything. It holds a password: it
/// is never printed.
#[derive(Clone)]
pub(crate) struct Administrator {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl Administrator {
    /// The one that every laboratory has, and who comes from this machine only.
    pub(crate) fn guest() -> Self {
        Self { name: "guest".to_owned(), password: "guest".to_owned() }
    }
}

impl Running {
    /// The laboratory that runs, of the two that may.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) async fn find(layout: &Layout, compose: bool) -> Result<Self> {
        if compose {
            return Compose::of(layout).running().await;
        }
        let plan = Plan::load(layout).filter(|_| Watcher::living(layout).is_some());
        Ok(Self::native(plan.ok_or_else(|| Failure::not_up(layout))?.ports))
    }

    /// A laboratory of `cargo lab up`.
    pub(crate) fn native(ports: Ports) -> Self {
        Self { ports, administrator: Administrator::guest() }
    }

    /// The broker's, as its administrator.
    pub(crate) fn amqp_url(&self) -> String {
        let Administrator { name, password } = &self.administrator;
        let password = percent_encoded(password);
        format!("amqp://{name}:{password}@127.0.0.1:{}/%2f", self.port(Port::Amqp))
    }

    pub(crate) fn port(&self, port: Port) -> u16 {
        self.ports.get(port)
    }

    /// An address that processes of this machine reach.
    pub(crate) fn url(&self, port: Port, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port(port))
    }
}
