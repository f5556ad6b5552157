//! `check`: how far a class has come, by what the laboratory itself shows. It
//! changes nothing and remembers nothing: whatever is achieved is seen in the
//! broker, in the counts, or in what the services still know.
//!
//! - [`facts`]: what is looked at.
//! - [`gather`], [`ask`]: how it is read.
//! - [`design`]: how the broker should be.
//! - [`grade`]: facts in, grades out.
//! - [`evidence`], [`retry`], [`switches`]: what counts as having been seen.
//! - [`compared`]: what was confirmed against what was counted, by id.
//! - [`proof`]: what was lost.
//! - [`place`]: what to type there.
//! - [`sheet`]: the grades as text and as JSON.

mod ask;
mod compared;
mod design;
mod evidence;
mod facts;
mod gather;
mod grade;
mod place;
mod proof;
mod retry;
#[cfg(test)]
mod sample;
mod sheet;
mod switches;

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::running::Running;
use crate::signals::Interrupts;
use crate::ui;
use anyhow::Result;

pub(crate) async fn run(layout: &Layout, args: &CheckArgs) -> Result<u8> {
    let running = Running::find(layout, args.compose).await?;
    let mut interrupts = Interrupts::listen()?;
    let step = ui::step("mirando el laboratorio");
    let facts = tokio::select! {
        facts = gather::facts(layout, &running, args.compose) => facts?,
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
    };
    drop(step);
    let items = grade::grade(&facts);
    if args.json {
        ui::say(sheet::json(args.class, &items)?);
    } else {
        ui::say(sheet::text(args.class, &items));
    }
    Ok(u8::from(!grade::is_achieved(&items)))
}
