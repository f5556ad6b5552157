//! From the command line to an exit code: the part of `main` that is the same
//! in every service.

use std::{future::Future, net::SocketAddr, net::TcpListener, process::ExitCode};

use anyhow::Context;

use crate::{Shutdown, config, healthcheck, telemetry};

/// Exit code for bad configuration (`EX_USAGE` of sysexits.h).
pub(crate) const EXIT_USAGE: u8 = 64;

/// Exit code where starting again cannot help: what the service finds around
/// it contradicts its configuration (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIG: u8 = 78;

/// A configuration that says where to listen.
pub trait Listen {
    /// The address of the HTTP listener; port 0 takes any free one.
    fn listen(&self) -> SocketAddr;
}

/// Why a service ended before it was told to.
#[derive(Debug)]
pub enum Failure {
    /// Starting again cannot help; exit code 78.
    Configuration(anyhow::Error),
    /// Anything else; exit code 1.
    Fault(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Failure {
    fn report(&self) -> u8 {
        let (error, code) = match self {
            Self::Configuration(error) => (error, EXIT_CONFIG),
            Self::Fault(error) => (error, 1),
        };
        log::error!("stopped: {error:#}");
        code
    }
}

/// Reads the configuration, binds, runs `service` until it ends or a SIGTERM
/// or Ctrl-C has been obeyed, and says with the exit code how it went.
///
/// With `healthcheck` as the first argument it does none of that, but asks the
/// instance that runs with the same configuration whether it is ready: exit
/// code 0 or 1, as container engines want it.
///
/// Exit codes: 0 told to stop · 1 fault · 64 bad configuration · 78 see
/// [`Failure::Configuration`].
pub async fn run_service<C, F, S>(service: S) -> ExitCode
where
    C: clap::Parser + Listen,
    S: FnOnce(C, TcpListener, Shutdown) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let is_check = healthcheck::is_asked_for(&mut arguments);
    let config: C = match config::load(&arguments) {
        Ok(config) => config,
        Err(error) => return error.report(),
    };
    if is_check {
        return healthcheck::run(config.listen());
    }
    telemetry::start_logging();
    match start(config, service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.report()),
    }
}

async fn start<C, F, S>(config: C, service: S) -> Result<(), Failure>
where
    C: Listen,
    S: FnOnce(C, TcpListener, Shutdown) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let shutdown = Shutdown::on_signals()?;
    let address = config.listen();
    let listener = TcpListener::bind(address).with_context(|| format!("LISTEN={address}"))?;
    log::info!("listening on {}", listener.local_addr()?);
    service(config, listener, shutdown).await?;
    log::info!("stopped in order");
    Ok(())
}
