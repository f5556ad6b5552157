//! `prove`: breaks a laboratory of its own, and says whether anything was lost.

use crate::cli::ProveArgs;
use crate::layout::Layout;
use crate::signals::Interrupts;
use crate::{prove, ui};
use anyhow::Result;

pub(crate) async fn run(layout: &Layout, args: &ProveArgs) -> Result<u8> {
    if args.list {
        ui::say(prove::list(args.compose));
        return Ok(0);
    }
    layout.create()?;
    let mut interrupts = Interrupts::listen()?;
    let held = prove::run(layout, args, &mut interrupts).await?;
    Ok(u8::from(!held))
}
