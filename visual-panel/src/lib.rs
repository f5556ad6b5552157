//! The visual panel: pages that show what the laboratory has
//! counted, and say so when they can no longer know.
//!
//! The panel asks analytics and the senders over HTTP, twice a second for any
//! number of browsers, and draws every page from the last answers it has.
//!
//! - [`config`]: where to listen, whom to ask.
//! - [`report`] and [`states`]: what services answer, as it is on the wire.
//! - [`neighbour`]: asking them, and what may come of that.
//! - [`knowledge`]: what the panel knows, with [`growth`], [`history`] and
//!   [`instances`].
//!   [`poll`]: the tasks that keep it fresh.
//! - [`proof`]: whether anything was lost, by id. [`remember`]: what everybody
//!   remembers of one message. [`faults`]: the switches that break things.
//! - [`view`]: what each page shows, from what is known and a clock; with
//!   [`chart`], [`wording`] and [`lang`] it is the part without I/O.
//! - [`audit`]: asking the audit proxy, for each reader with the reader's own login.
//! - [`prefix`]: under which path a browser sees the panel.
//! - [`routes`] and [`assets`]: pages, streams and files over HTTP.
//!
//! A further laboratory adds a view, a template that extends `base.html`, a
//! route, and a line in the navigation.

pub mod assets;
pub mod audit;
pub mod chart;
pub mod clock;
pub mod config;
pub mod faults;
pub mod growth;
pub mod history;
pub mod instances;
pub mod knowledge;
pub mod lang;
pub mod neighbour;
pub mod poll;
pub mod prefix;
pub mod proof;
pub mod remember;
pub mod report;
pub mod routes;
pub mod states;
pub mod view;
pub mod wording;

use std::{future::Future, io, net::TcpListener};

use actix_web::web::Data;
use anyhow::Context;
use service_kit::{Failure, Readiness, Server, Shutdown};
use tokio::{sync::watch, task::JoinHandle};
use utoipa::OpenApi;

use crate::{audit::Audit, faults::Services, knowledge::Knowledge, neighbour::Neighbour};

pub use crate::config::Config;

/// Serves the panel until the shutdown signal.
///
/// # Errors
/// When the listener cannot be served, or the task that asks the services died.
pub async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let senders = config.sender_urls.into_iter().map(Neighbour::at).collect::<Result<_, _>>()?;
    let services = Services::new(Neighbour::at(config.analytics_url)?, senders);
    let (tell, known) = watch::channel(Knowledge::of(&services, config.lab_faults));
    let poller = tokio::spawn(poll::keep_asking(services.clone(), tell, shutdown.clone()));
    let audit = config.audit_url.0.map(Audit::at).transpose()?;
    let panel = routes::Panel::new(known, services, shutdown.clone()).auditing(audit);
    let server = Server {
        listener,
        shutdown: shutdown.clone(),
        // No check: the panel does its work as soon as it serves. With
        // analytics away that work is to say so, and to show the last counts.
        readiness: Readiness::default(),
        openapi: routes::Documentation::openapi(),
    };
    let proxies = Data::new(config.trusted_proxies);
    let serving = server.serve(move |routes| {
        routes::configure(routes.app_data(proxies.clone()), panel.clone());
    });
    end_together(serving, poller, &shutdown).await
}

/// Waits for both parts; the end of either is the end of the other.
async fn end_together(
    serving: impl Future<Output = io::Result<()>>,
    poller: JoinHandle<()>,
    shutdown: &Shutdown,
) -> Result<(), Failure> {
    let serving = then_raise(serving, shutdown);
    let asking = then_raise(poller, shutdown);
    let (served, asked) = tokio::join!(serving, asking);
    served.context("serving the panel")?;
    asked.context("the task that asks the services died")?;
    Ok(())
}

async fn then_raise<F: Future>(part: F, shutdown: &Shutdown) -> F::Output {
    let ended = part.await;
    shutdown.raise();
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_poller_ends_the_service_with_a_failure() {
        let shutdown = Shutdown::default();
        let raised = shutdown.raised();
        let serving = async {
            raised.await;
            Ok(())
        };
        let poller = tokio::spawn(async { panic!("on purpose") });
        let ended = end_together(serving, poller, &shutdown).await;
        let Err(Failure::Fault(error)) = ended else { panic!("must fail, was {ended:?}") };
        assert!(format!("{error:#}").contains("asks the services"), "{error:#}");
    }

    #[tokio::test]
    async fn a_dead_server_ends_the_poller_and_is_reported() {
        let shutdown = Shutdown::default();
        let poller = tokio::spawn(shutdown.raised());
        let serving = std::future::ready(Err(io::Error::other("on purpose")));
        let ended = end_together(serving, poller, &shutdown).await;
        assert!(ended.is_err(), "{ended:?}");
    }
}
