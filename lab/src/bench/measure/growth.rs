//! What an event costs as the laboratory grows: clients, remembered ids, senders.
//! Each begins with counts of its own, so these come after everything else.

use super::count;
use super::publish::{self, CONFIRMED, CONNECTIONS};
use crate::bench::figures::Figures;
use crate::bench::ground::{ASIDE, Ground};
use crate::bench::guest::{Guest, NAMES, free_address};
use crate::bench::http::{Request, Spec};
use crate::bench::raw::Target;
use crate::bench::series::IDS;
use crate::part::Part;
use crate::parts::services;
use crate::prove::wait::until;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Clients where there are few, as in a class.
const FEW: u64 = 1000;

/// Events that are put into the queue at once while the table is filled: fewer
/// than the queue holds.
const CHUNK: u64 = 1_000_000;

/// How the files of analytics' database begin: others have theirs beside them.
const COUNTS: &str = "analiticas.db";

/// How long a further sender may take until it is ready.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// A backlog with at least one event of each of so many clients, into empty counts.
pub(super) async fn clients(ground: &Ground, clients: u64) -> Result<Figures> {
    ground.begin_with(None).await?;
    drain(ground, clients, clients.max(ground.size.growth)).await
}

/// A backlog of few clients, where so many ids are remembered already.
pub(super) async fn ids(ground: &Ground, ids: u64) -> Result<Figures> {
    let template = remembering(ground, ids).await?;
    ground.begin_with(template.as_deref()).await?;
    drain(ground, FEW, ground.size.growth).await
}

/// A database that remembers so many ids, made once in a run and put aside; none
/// for none. It is made of the largest that is there already.
async fn remembering(ground: &Ground, ids: u64) -> Result<Option<PathBuf>> {
    let template = |ids: u64| ground.layout().dir().join(format!("ids-{ids}"));
    let smaller = IDS.points.iter().rev().map(|(_, ids)| *ids).filter(|step| *step <= ids);
    let largest = smaller.filter(|step| template(*step).exists()).max().unwrap_or_default();
    let begin = (largest > 0).then(|| template(largest));
    if largest == ids {
        return Ok(begin);
    }
    ground.begin_with(begin.as_deref()).await?;
    remember(ground, ids - largest).await?;
    ground.keep_counts(&template(ids)).await?;
    Ok(Some(template(ids)))
}

/// Has so many further events counted since analytics was started.
async fn remember(ground: &Ground, events: u64) -> Result<()> {
    let mut counted = 0;
    while counted < events {
        let chunk = CHUNK.min(events - counted);
        ground.fill(Target { clients: FEW, ..ground.to_count() }, chunk).await?;
        counted += chunk;
        ground.until_counted(counted).await?;
    }
    Ok(())
}

async fn drain(ground: &Ground, clients: u64, events: u64) -> Result<Figures> {
    count::drain(ground, Target { clients, ..ground.to_count() }, events).await
}

/// So many senders, each with as many users of its own as the one usually has.
pub(super) async fn senders(ground: &Ground, number: usize) -> Result<Figures> {
    load(ground, number, number * CONNECTIONS).await
}

/// The usual load of one, shared out among so many senders.
pub(super) async fn shared_out(ground: &Ground, number: usize) -> Result<Figures> {
    load(ground, number, CONNECTIONS).await
}

async fn load(ground: &Ground, senders: usize, connections: usize) -> Result<Figures> {
    let mut guests = Vec::new();
    let figures = with_senders(ground, (senders, connections), &mut guests).await;
    for guest in guests {
        guest.stop().await?;
    }
    figures
}

async fn with_senders(
    ground: &Ground,
    (senders, connections): (usize, usize),
    guests: &mut Vec<Guest>,
) -> Result<Figures> {
    let names = NAMES.into_iter().filter(|name| name.starts_with("emisor-"));
    for name in names.take(senders) {
        guests.push(sender(ground, name).await?);
    }
    let mut sessions = ground.sessions();
    for guest in guests.iter() {
        sessions.extend(guest.session());
    }
    let spec = Spec {
        addresses: guests.iter().map(|guest| guest.address).collect(),
        request: Request::event("/send", ASIDE, ground.size.clients),
        connections,
        expected: CONFIRMED,
        pause: Duration::ZERO,
    };
    publish::publish(ground, spec, sessions).await
}

/// Another sender, like the laboratory's own.
async fn sender(ground: &Ground, name: &'static str) -> Result<Guest> {
    let address = free_address()?;
    let mut launch = services::sender(ground.stack(), Part::ClienteX)?;
    launch.set("LISTEN", address.to_string());
    launch.set("SENDER_NAME", name);
    let guest = Guest::start(ground.layout(), name, &launch, address).await?;
    let ready = until(name, READY_LIMIT, async || Ok(ground.is_ready(address).await.then_some(())));
    match ready.await {
        Ok(()) => Ok(guest),
        Err(error) => {
            guest.stop().await?;
            Err(error)
        }
    }
}

impl Ground {
    /// Has analytics begin with these counts, or with none.
    async fn begin_with(&self, template: Option<&Path>) -> Result<()> {
        self.halt_analytics().await?;
        let data = self.layout().data();
        let what = || format!("no se pudo preparar {}", data.display());
        for file in counts_in(&data).with_context(what)? {
            fs::remove_file(file).with_context(what)?;
        }
        if let Some(template) = template {
            copy(template, &data).with_context(what)?;
        }
        self.launch_analytics().await
    }

    /// Keeps a copy of what is counted; analytics is stopped meanwhile.
    async fn keep_counts(&self, template: &Path) -> Result<()> {
        self.halt_analytics().await?;
        // Under its name it is whole: a copy that fails is not taken for one.
        let unfinished = template.with_extension("nueva");
        let what = "no se pudieron copiar los recuentos";
        fs::create_dir_all(&unfinished).context(what)?;
        copy(&self.layout().data(), &unfinished).context(what)?;
        fs::rename(&unfinished, template).context(what)?;
        self.launch_analytics().await
    }
}

/// The files of analytics' database.
fn counts_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let files: Vec<PathBuf> = files.collect::<std::io::Result<_>>()?;
    let is_its = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(COUNTS))
    };
    Ok(files.into_iter().filter(is_its).collect())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for file in counts_in(from)? {
        if let Some(name) = file.file_name() {
            fs::copy(&file, to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::copy;
    use std::fs;

    #[test]
    fn of_the_databases_only_that_of_the_counts_is_copied() {
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for name in ["analiticas.db", "analiticas.db-wal", "auditoria.db"] {
            fs::write(from.path().join(name), name).unwrap();
        }
        copy(from.path(), to.path()).unwrap();
        let copied = |name| to.path().join(name).exists();
        assert!(copied("analiticas.db") && copied("analiticas.db-wal"));
        assert!(!copied("auditoria.db"));
    }
}
