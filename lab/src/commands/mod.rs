//! The commands, one module each.

#[cfg(feature = "apparatus")]
mod bench;
#[cfg(feature = "apparatus")]
mod check;
#[cfg(feature = "apparatus")]
mod compare;
pub(crate) mod control;
mod dead;
mod down;
#[cfg(feature = "apparatus")]
mod images;
#[cfg(feature = "apparatus")]
mod load;
mod logs;
#[cfg(feature = "apparatus")]
mod prove;
mod rabbitmqctl;
mod status;
#[cfg(feature = "apparatus")]
mod test;
mod up;
mod watch;

#[cfg(feature = "apparatus")]
use crate::cli::Apparatus;
use crate::cli::{Cli, Command};
use crate::first_password;
use crate::layout::Layout;
use crate::part::{self, Part};
use crate::ui;
use anyhow::Result;

/// Runs a command; its exit code.
pub(crate) async fn run(cli: Cli) -> Result<u8> {
    let layout = Layout::find()?;
    match cli.command {
        Command::Up { labs, detach } => up::run(&layout, &part::of_labs(&labs)?, detach).await,
        Command::Down => down::run(&layout).await,
        Command::Status { json, compose } => status::run(&layout, compose, json).await,
        Command::Logs(wanted) => logs::run(&layout, &wanted).await,
        Command::Stop(wanted) => control::stop(&layout, Part::parse(&wanted.service)?).await,
        Command::Start(wanted) => control::start(&layout, Part::parse(&wanted.service)?).await,
        Command::Restart(wanted) => control::restart(&layout, Part::parse(&wanted.service)?).await,
        Command::Clave => {
            ui::say(first_password::shown(&layout)?);
            Ok(0)
        }
        Command::Dead(asked) => dead::run(&layout, &asked).await,
        Command::Rabbitmqctl { args } => rabbitmqctl::run(&layout, &args),
        Command::Watch => watch::run(&layout).await,
        #[cfg(feature = "apparatus")]
        Command::Apparatus(asked) => apparatus(&layout, asked).await,
        #[cfg(not(feature = "apparatus"))]
        Command::Apparatus(_) => Err(crate::tools::cargo::go_on_with_apparatus(layout.root())),
    }
}

#[cfg(feature = "apparatus")]
async fn apparatus(layout: &Layout, asked: Apparatus) -> Result<u8> {
    match asked {
        Apparatus::Load(args) => load::run(layout, &args).await,
        Apparatus::Compare(args) => compare::run(layout, &args).await,
        Apparatus::Prove(args) => prove::run(layout, &args).await,
        Apparatus::Bench(args) => bench::run(layout, &args).await,
        Apparatus::Check(args) => check::run(layout, &args).await,
        Apparatus::Test { compose, args } => test::run(layout, compose, &args).await,
        Apparatus::Images { rebuild } => images::run(layout, rebuild).await,
    }
}
