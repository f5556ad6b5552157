//! The laboratory that the proof breaks: its own ports, folder and broker,
//! with lines to the broker that can be cut.

mod broker;
mod load;

use super::wait::until;
use crate::commands::control;
use crate::layout::Layout;
use crate::load::Ledger;
use crate::part::Part;
use crate::parts::readiness::Prober;
use crate::plan::{Change, Changes, Plan, Stack};
use crate::process::{Ended, ProcessId};
use crate::record::{self, Record, Request, Watcher};
use crate::scratch;
use crate::settings::{Port, Settings};
use crate::signals::Interrupts;
use crate::supervisor::{Supervisor, stop};
use crate::tools;
use anyhow::{Context, Result, ensure};
use cut_proxy::CutProxy;
use nix::sys::signal::Signal;
use reqwest::Client;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The folder of these runs.
const KIND: &str = "prove";

/// How long anything may take that should happen by itself.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// How soon a fault of the broker is told to who sends: two seconds, and one
/// for a busy machine.
pub(super) const TOLD_WITHIN: Duration = Duration::from_secs(3);

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Messages that came again, by what analytics counts of itself.
pub(super) const DUPLICATES: &str = r#"analytics_consumed_total{result="duplicate"} "#;

/// How often things are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Full,
    Short,
}

impl Size {
    /// The one or the other.
    pub(super) fn of<T>(self, full: T, short: T) -> T {
        match self {
            Self::Full => full,
            Self::Short => short,
        }
    }
}

/// Everything a scenario may touch.
pub(super) struct World {
    pub(super) stack: Stack,
    pub(super) size: Size,
    pub(super) ledger: Ledger,
    /// The line of `cliente_x` and `cliente_uno` to the broker.
    pub(super) senders_line: CutProxy,
    /// The line of analytics to the broker.
    pub(super) analytics_line: CutProxy,
    http: Client,
    prober: Prober,
    watching: Watching,
}

/// The supervisor, at work in the background.
struct Watching {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Supervisor>,
}

/// Stops and removes what earlier proofs left that could not end in order.
pub(super) async fn remove_remains(layout: &Layout) -> Result<()> {
    for run in scratch::abandoned(layout, KIND) {
        stop::all(&run).await?;
        scratch::remove(run.dir())?;
    }
    Ok(())
}

impl World {
    /// Builds nothing: `binaries` are there. Starts every part.
    pub(super) async fn start(
        layout: &Layout,
        size: Size,
        binaries: BTreeMap<String, PathBuf>,
        interrupts: &mut Interrupts,
    ) -> Result<Self> {
        let stack = stack(layout, binaries).await?;
        stack.layout.create()?;
        stack.plan.save(&stack.layout)?;
        let broker = format!("127.0.0.1:{}", stack.port(Port::Amqp));
        let senders_line = CutProxy::to(broker.clone()).await?;
        let analytics_line = CutProxy::to(broker).await?;
        for (part, line) in [
            (Part::ClienteX, &senders_line),
            (Part::ClienteUno, &senders_line),
            (Part::Analytics, &analytics_line),
        ] {
            let port = line.address().port();
            stack.changes.change(part, |change| change.amqp_port = Some(port));
        }
        let http = Client::builder().no_proxy().timeout(ANSWER_LIMIT).build()?;
        let (analytics, management) =
            (stack.local_url(Port::Analytics), stack.local_url(Port::Management));
        let ledger = Ledger::new(analytics, management, true)?;
        let mut supervisor = Supervisor::new(stack.clone())?;
        Watcher::announce(&stack.layout, false)?;
        if let Err(error) = supervisor.start(&Part::START_ORDER, interrupts).await {
            // What it says holds the last words of the part that failed.
            scratch::remove(stack.layout.dir())?;
            return Err(error);
        }
        Watcher::announce(&stack.layout, true)?;
        let (prober, watching) = (Prober::new()?, Watching::start(supervisor));
        Ok(Self { stack, size, ledger, senders_line, analytics_line, http, prober, watching })
    }

    /// Makes everything as it was, whatever a scenario left.
    pub(super) async fn whole(&self) -> Result<()> {
        self.senders_line.restore();
        self.analytics_line.restore();
        for part in Part::START_ORDER {
            if self.stack.changes.reset(part) || self.until_ready(part).await.is_err() {
                self.halt(part).await?;
                self.launch(part).await?;
            }
        }
        Ok(())
    }

    /// Stops every part; the folder stays when it may explain something.
    pub(super) async fn stop(self, keep: bool) -> Result<()> {
        let watched = self.watching.end().await;
        // Also what a supervisor that died has left.
        let stopped = stop::all(&self.stack.layout).await;
        Watcher::withdraw(&self.stack.layout)?;
        watched.and(stopped)?;
        if keep {
            return Ok(());
        }
        scratch::remove(self.stack.layout.dir())
    }

    /// Where the logs of this run are.
    pub(super) fn logs(&self) -> PathBuf {
        self.stack.layout.logs()
    }

    /// Kills a part and has it started again at once.
    pub(super) async fn kill(&self, part: Part) -> Result<()> {
        let process = self.process(part)?;
        record::request(&self.stack.layout, part, Request::Start)?;
        process.signal(Signal::SIGKILL)?;
        until("un proceso nuevo", PATIENCE, async || {
            let new = self.process(part).ok().filter(|new| *new != process && new.is_alive());
            Ok(new)
        })
        .await?;
        Ok(())
    }

    pub(super) fn process(&self, part: Part) -> Result<ProcessId> {
        let record = Record::load(&self.stack.layout, part);
        Ok(record.with_context(|| format!("{} no está en marcha", part.name()))?.process)
    }

    /// Asks a part to end, and waits for that.
    ///
    /// # Errors
    /// When it does not end within its limit, and had to be killed.
    pub(super) async fn halt(&self, part: Part) -> Result<()> {
        let ended = control::halt(&self.stack.layout, part).await?;
        ensure!(ended != Ended::Killed, "{} no terminó al recibir SIGTERM", part.name());
        Ok(())
    }

    pub(super) async fn launch(&self, part: Part) -> Result<()> {
        control::launch(&self.stack.layout, part).await?;
        Ok(())
    }

    /// Has a part started anew, and without waiting for it to be ready.
    pub(super) async fn launch_unready(&self, part: Part) -> Result<()> {
        let before = Record::load(&self.stack.layout, part).map(|record| record.process);
        record::request(&self.stack.layout, part, Request::Start)?;
        record::withdraw(&self.stack.layout, part, Request::Stop)?;
        until("un proceso nuevo", PATIENCE, async || {
            let new = self.process(part).ok();
            Ok(new.filter(|new| Some(new) != before.as_ref() && new.is_alive()))
        })
        .await?;
        Ok(())
    }

    /// Starts a part in another way from now on.
    pub(super) async fn restart_with(
        &self,
        part: Part,
        change: impl FnOnce(&mut Change),
    ) -> Result<()> {
        self.halt(part).await?;
        self.stack.changes.change(part, change);
        self.launch(part).await
    }

    pub(super) async fn is_ready(&self, part: Part) -> bool {
        self.prober.is_ready(&self.stack.plan.ports, part).await
    }

    pub(super) async fn until_ready(&self, part: Part) -> Result<()> {
        let what = format!("{} listo", part.name());
        until(&what, PATIENCE, async || Ok(self.is_ready(part).await.then_some(()))).await
    }

    /// Waits until a part says that it is not ready, and why; `why` is in it.
    pub(super) async fn until_unready(&self, part: Part, why: &str) -> Result<()> {
        let url = format!("{}/readyz", self.url_of(part)?);
        let what = format!("{} no listo por «{why}»", part.name());
        until(&what, PATIENCE, async || {
            let Ok(answer) = self.http.get(&url).send().await else { return Ok(None) };
            let unready = answer.status() == 503;
            let text = answer.text().await.unwrap_or_default();
            Ok((unready && text.contains(why)).then_some(()))
        })
        .await
    }

    pub(super) fn url_of(&self, part: Part) -> Result<String> {
        let own = part.ports().first().context("un servicio sin puerto")?;
        Ok(self.stack.local_url(*own))
    }

    /// Memory that a part holds now, in MiB.
    pub(super) fn resident(&self, part: Part) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process(part)?.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(kib.context("sin VmRSS")?.parse::<u64>()? / 1024)
    }

    /// A value of a part's `/metrics`; 0 where it has none yet.
    pub(super) async fn metric(&self, part: Part, series: &str) -> Result<f64> {
        let url = format!("{}/metrics", self.url_of(part)?);
        let text = self.http.get(url).send().await?.error_for_status()?.text().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or_default())
    }

    /// Waits until analytics has been handed a batch that it cannot store.
    pub(super) async fn until_a_batch_fails(&self) -> Result<()> {
        until("un lote que no se puede guardar", PATIENCE, async || {
            let failed = self.metric(Part::Analytics, "broker_batches_failed_total ").await;
            Ok(failed.is_ok_and(|failed| failed >= 1.0).then_some(()))
        })
        .await
    }

    /// The file that analytics counts in.
    pub(super) fn database(&self) -> PathBuf {
        self.stack.layout.data().join("analiticas.db")
    }

    pub(super) fn http(&self) -> &Client {
        &self.http
    }
}

impl Watching {
    fn start(mut supervisor: Supervisor) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            supervisor.watch(stopped).await;
            supervisor
        });
        Self { stop, task }
    }

    async fn end(self) -> Result<()> {
        // It may have died: then the next line says so.
        let _ = self.stop.send(());
        let mut supervisor = self.task.await.context("la vigilancia se interrumpió")?;
        supervisor.stop().await
    }
}

async fn stack(layout: &Layout, binaries: BTreeMap<String, PathBuf>) -> Result<Stack> {
    Ok(Stack {
        layout: scratch::own(layout, KIND),
        // The laboratory's defaults: the proof does not depend on anybody's .env.
        settings: Settings::from_lookup(|_| None)?,
        plan: Plan {
            ports: scratch::free_ports()?,
            rabbitmq: tools::rabbitmq::ensure().await?,
            traefik: tools::traefik::ensure(layout).await?,
            binaries,
        },
        changes: Changes::default(),
    })
}

/// The services' binaries in a folder, by package.
pub(super) fn binaries_in(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let packages = Part::START_ORDER.iter().filter_map(|part| part.package());
    packages
        .map(|package| {
            let path = std::path::absolute(folder.join(package))?;
            ensure!(path.is_file(), "falta el programa {}", path.display());
            Ok((package.to_owned(), path))
        })
        .collect()
}
