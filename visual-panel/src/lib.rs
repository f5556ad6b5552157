//! The visual panel: pages in Spanish that show what the laboratory has
//! counted, and say so when they can no longer know.
//!
//! The panel asks analytics over HTTP, once a second for any number of
//! browsers, and draws every page from the last answer it has.
//!
//! - [`config`]: where to listen, whom to ask.
//! - [`report`]: what analytics answers, as it is on the wire.
//! - [`analytics`]: asking it, and what may come of that.
//! - [`poll`]: what the panel knows, and the task that keeps it fresh.
//! - [`view`]: what the page of a laboratory shows, from what is known and a
//!   clock; with [`chart`] and [`wording`] it is the part without I/O.
//! - [`prefix`]: under which path a browser sees the panel.
//! - [`routes`] and [`assets`]: pages, fragments and files over HTTP.
//!
//! A further laboratory adds a view, a template that extends `base.html`, a
//! route, and a line in the navigation.

pub mod analytics;
pub mod assets;
pub mod chart;
pub mod clock;
pub mod config;
pub mod poll;
pub mod prefix;
pub mod report;
pub mod routes;
pub mod view;
pub mod wording;

use std::{future::Future, io, net::TcpListener};

use anyhow::Context;
use service_kit::{Failure, Readiness, Server, Shutdown};
use tokio::{sync::watch, task::JoinHandle};
use utoipa::OpenApi;

use crate::{analytics::Analytics, poll::Knowledge};

pub use crate::config::Config;

/// Serves the panel until the shutdown signal.
///
/// # Errors
/// When the listener cannot be served, or the task that asks analytics died.
pub async fn run(config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), Failure> {
    let analytics = Analytics::at(config.analytics_url)?;
    let (tell, known) = watch::channel(Knowledge::default());
    let poller = tokio::spawn(poll::keep_asking(analytics, tell, shutdown.clone()));
    let server = Server {
        listener,
        shutdown: shutdown.clone(),
        // No check: the panel does its work as soon as it serves. With
        // analytics away that work is to say so, and to show the last counts.
        readiness: Readiness::default(),
        openapi: routes::Documentation::openapi(),
    };
    let serving = server.serve(move |routes| routes::configure(routes, known.clone()));
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
    asked.context("the task that asks analytics died")?;
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
        assert!(format!("{error:#}").contains("asks analytics"), "{error:#}");
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
