//! `rabbitmqctl`: Debian's tool, pointed at the private node.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::part::Part;
use crate::parts::rabbitmq;
use crate::plan::{Changes, Plan, Stack};
use crate::record::Record;
use crate::settings::Settings;
use anyhow::{Context, Result};
use std::process::Command;

pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<u8> {
    let alive = Record::load(layout, Part::RabbitMq).filter(|record| record.process.is_alive());
    let plan = Plan::load(layout).filter(|_| alive.is_some());
    let stack = Stack {
        layout: layout.clone(),
        settings: Settings::load(&layout.dotenv())?,
        plan: plan.ok_or_else(|| Failure::not_up(layout))?,
        changes: Changes::default(),
    };
    let launch = rabbitmq::ctl(&stack);
    let status = Command::new(&launch.program)
        .args(args)
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .status()
        .with_context(|| format!("no se pudo ejecutar {}", launch.program.display()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
