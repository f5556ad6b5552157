//! Locks between commands. The kernel drops them when their process ends, so a
//! crash leaves none behind.

use crate::layout::Layout;
use crate::ui;
use anyhow::{Context, Result};
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a command waits for another one to finish.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Taken by whoever supervises the laboratory, for as long as it is up.
pub(crate) fn try_supervisor(layout: &Layout) -> Result<Option<Lock>> {
    try_lock(&layout.run().join("supervisor.lock"))
}

/// Waits until nobody supervises any more; none if it takes longer.
pub(crate) async fn supervisor_within(layout: &Layout, limit: Duration) -> Result<Option<Lock>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(lock) = try_supervisor(layout)? {
            return Ok(Some(lock));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        sleep(POLL).await;
    }
}

/// Taken while a command changes something: two never act at once.
pub(crate) async fn command(layout: &Layout) -> Result<Lock> {
    let lock = command_within(layout, PATIENCE).await?;
    lock.context("otra orden de cargo lab sigue trabajando; espere a que termine")
}

/// The same with another patience: what comes before the first start takes minutes.
pub(crate) async fn command_within(layout: &Layout, limit: Duration) -> Result<Option<Lock>> {
    let path = layout.run().join("command.lock");
    let deadline = Instant::now() + limit;
    let mut told = false;
    loop {
        if let Some(lock) = try_lock(&path)? {
            return Ok(Some(lock));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        if !told {
            ui::note("otra orden de cargo lab está trabajando; espero a que termine…");
            told = true;
        }
        sleep(POLL).await;
    }
}

fn try_lock(path: &Path) -> Result<Option<Lock>> {
    let lock = || -> std::io::Result<Option<Lock>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    };
    lock().with_context(|| {
        format!(
            "no se pudo bloquear {} (el laboratorio necesita una carpeta en la que este \
             usuario pueda escribir; otra: LAB_DIR=…)",
            path.display()
        )
    })
}
