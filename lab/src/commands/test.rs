//! `test`: gives every test a real broker and a real database, and runs cargo.
//!
//! - [`broker`], [`postgres`]: what the tests stand on.
//! - [`containers`]: the tests of the laboratory in containers.

mod broker;
mod containers;
mod postgres;

use crate::failure::Failure;
use crate::layout::Layout;
use crate::part::Part;
use crate::process::ProcessId;
use crate::signals::Interrupts;
use crate::tools::{self, apt, on_path};
use crate::ui;
use anyhow::{Context, Result};
use broker::Broker;
use nix::sys::signal::Signal;
use postgres::Postgres;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long interrupted tests may take to clean up.
const STOP_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run(layout: &Layout, compose: bool, args: &[String]) -> Result<u8> {
    layout.create()?;
    let mut interrupts = Interrupts::listen()?;
    if compose {
        return containers::run(layout, args, &mut interrupts).await;
    }
    tokio::select! {
        prepared = prepare(layout) => prepared?,
        () = interrupts.next() => return Err(Failure::interrupted().into()),
    }
    let mut broker = Broker::start(layout, &mut interrupts).await?;
    let tested = with_database(layout, &broker, args, &mut interrupts).await;
    broker.stop().await?;
    tested
}

async fn with_database(
    layout: &Layout,
    broker: &Broker,
    args: &[String],
    interrupts: &mut Interrupts,
) -> Result<u8> {
    let mut postgres = Postgres::start(broker.layout()).await?;
    let tested = run_cargo(layout, broker, &postgres, args, interrupts).await;
    postgres.stop().await?;
    tested
}

/// Installs what tests use and builds what the end-to-end tests run.
async fn prepare(layout: &Layout) -> Result<()> {
    broker::remove_remains(layout).await?;
    install_missing(&[
        ("rabbitmq-server", tools::rabbitmq::installed().is_some()),
        ("postgresql", postgres::programs().is_some()),
    ])
    .await?;
    tools::traefik::ensure(layout).await?;
    ui::note("… construyendo los servicios");
    tools::cargo::build_services(layout.root(), &Part::START_ORDER).await?;
    Ok(())
}

/// Installs these packages where they are missing, and what drives a laboratory
/// from outside: a browser, curl, jq.
async fn install_missing(packages: &[(&str, bool)]) -> Result<()> {
    let outside = [
        ("chromium", on_path("chromium").is_some()),
        ("chromium-driver", on_path("chromedriver").is_some()),
        ("curl", on_path("curl").is_some()),
        ("jq", on_path("jq").is_some()),
    ];
    let missing = packages.iter().chain(&outside).filter(|(_, is_there)| !is_there);
    let missing: Vec<&str> = missing.map(|(package, _)| *package).collect();
    if !missing.is_empty() {
        apt::install(&missing, "lo que piden las pruebas").await?;
    }
    Ok(())
}

async fn run_cargo(
    layout: &Layout,
    broker: &Broker,
    postgres: &Postgres,
    args: &[String],
    interrupts: &mut Interrupts,
) -> Result<u8> {
    let mut command = Command::new(tools::cargo::program());
    command
        .current_dir(layout.root())
        .args(["test", "--workspace", "--features", tools::cargo::MISTAKES])
        .args(["--features", tools::cargo::APPARATUS])
        .args(args)
        .env("RELEVO_TEST_AMQP", broker.amqp())
        .env("RELEVO_TEST_MANAGEMENT", broker.management())
        .env("RELEVO_TEST_POSTGRES", postgres.url());
    to_its_end(command, interrupts).await
}

/// Runs cargo; its exit code.
async fn to_its_end(mut command: Command, interrupts: &mut Interrupts) -> Result<u8> {
    let mut child = command
        // A group of its own, so that an interruption ends the tests too, and
        // only through us.
        .process_group(0)
        .stdin(Stdio::null())
        .spawn()
        .context("no se pudo ejecutar cargo")?;
    let status = tokio::select! {
        status = child.wait() => status?,
        () = interrupts.next() => return interrupt(&mut child).await,
    };
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Ends cargo and every test it runs.
async fn interrupt(child: &mut Child) -> Result<u8> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(process) = pid.and_then(ProcessId::of) {
        process.end_group(Signal::SIGINT, STOP_LIMIT).await?;
    }
    child.wait().await?;
    Err(Failure::interrupted().into())
}
