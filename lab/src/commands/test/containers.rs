//! `test --compose`: the laboratory in containers, from its images to its end.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::signals::Interrupts;
use crate::{compose, images, tools, ui};
use anyhow::Result;
use tokio::process::Command;

pub(super) async fn run(
    layout: &Layout,
    args: &[String],
    interrupts: &mut Interrupts,
) -> Result<u8> {
    tokio::select! {
        // First: Ctrl-C ends programs of ours as well, and is why they failed.
        biased;
        () = interrupts.next() => return Err(Failure::interrupted().into()),
        prepared = prepare(layout) => prepared?,
    }
    let mut command = Command::new(tools::cargo::program());
    command
        .current_dir(layout.root())
        .args(["test", "--package", "e2e", "--test", "compose"])
        .args(args)
        .env("RELEVO_TEST_COMPOSE", "1");
    super::to_its_end(command, interrupts).await
}

/// Everything that is there afterwards stays for the next time.
async fn prepare(layout: &Layout) -> Result<()> {
    tools::engine::answers().await?;
    super::install_missing(&[]).await?;
    images::obtain(layout).await?;
    images::tell_stand_ins().await?;
    images::plugins::ensure_compose(layout).await?;
    ui::note("… construyendo las imágenes (docker compose build)");
    compose::build(layout).await
}
