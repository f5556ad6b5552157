//! The commands, one module each.

mod bench;
mod check;
mod compare;
pub(crate) mod control;
mod dead;
mod down;
mod images;
mod load;
mod logs;
mod prove;
mod rabbitmqctl;
mod status;
mod test;
mod up;
mod watch;

use crate::cli::{Cli, Command};
use crate::first_password;
use crate::layout::Layout;
use crate::part::Part;
use crate::ui;
use anyhow::Result;

/// Runs a command; its exit code.
pub(crate) async fn run(cli: Cli) -> Result<u8> {
    let layout = Layout::find()?;
    match cli.command {
        Command::Up { detach } => up::run(&layout, detach).await,
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
        Command::Load(args) => load::run(&layout, &args).await,
        Command::Compare(args) => compare::run(&layout, &args).await,
        Command::Prove(args) => prove::run(&layout, &args).await,
        Command::Bench(args) => bench::run(&layout, &args).await,
        Command::Dead(asked) => dead::run(&layout, &asked).await,
        Command::Check(args) => check::run(&layout, &args).await,
        Command::Test { compose, args } => test::run(&layout, compose, &args).await,
        Command::Images { rebuild } => images::run(&layout, rebuild).await,
        Command::Rabbitmqctl { args } => rabbitmqctl::run(&layout, &args),
        Command::Watch => watch::run(&layout).await,
    }
}
