//! The laboratory that the proof breaks: its own ports and its own state, either
//! natively or in containers.
//!
//! - [`native`]: processes of this machine, with lines to the broker that can be
//!   cut, and everything that takes files and environments.
//! - [`containers`]: a project of `docker compose`, broken with `docker`'s own
//!   commands.
//! - [`broker`], [`load`]: what is the same in both.

mod broker;
pub(super) mod containers;
mod load;
pub(super) mod native;

use super::outcome::Outcome;
use super::wait::until;
use crate::first_password;
use crate::load::Ledger;
use crate::part::Part;
use crate::parts::readiness::Prober;
use crate::running::Running;
use crate::scratch::laboratory;
use anyhow::{Context, Result, ensure};
use containers::Containers;
use native::Native;
use reqwest::Client;
use std::time::Duration;
use tokio::process::Command;

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

/// Whose way to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Of `cliente_x` and `cliente_uno`.
    Senders,
    Analytics,
}

/// Everything a scenario may touch.
pub(super) struct World {
    pub(super) running: Running,
    pub(super) size: Size,
    pub(super) ledger: Ledger,
    http: Client,
    prober: Prober,
    ground: Ground,
}

/// What the laboratory stands on.
pub(super) enum Ground {
    Native(Box<Native>),
    Containers(Containers),
}

impl World {
    /// Of a laboratory that runs.
    pub(super) fn on(ground: Ground, running: Running, size: Size) -> Result<Self> {
        let http = Client::builder().no_proxy().timeout(ANSWER_LIMIT).build()?;
        let ledger = Ledger::of(&running, true)?;
        let prober = Prober::new(running.administrator.clone())?;
        Ok(Self { running, size, ledger, http, prober, ground })
    }

    /// What only a native laboratory lets one touch.
    pub(super) fn native(&self) -> Result<&Native> {
        match &self.ground {
            Ground::Native(native) => Ok(native),
            Ground::Containers(_) => anyhow::bail!("esto no se puede hacer en contenedores"),
        }
    }

    /// What only a laboratory in containers has.
    pub(super) fn containers(&self) -> Result<&Containers> {
        match &self.ground {
            Ground::Native(_) => anyhow::bail!("esto se hace solo en contenedores"),
            Ground::Containers(containers) => Ok(containers),
        }
    }

    /// The password of the audit's first administrator.
    pub(super) fn audit_password(&self) -> Result<String> {
        match &self.ground {
            Ground::Native(native) => first_password::of(native.layout(), native.settings()),
            Ground::Containers(containers) => Ok(containers.audit_password().to_owned()),
        }
    }

    /// Makes everything as it was, whatever a scenario left.
    pub(super) async fn whole(&self) -> Result<()> {
        let parts: &[Part] = match &self.ground {
            Ground::Native(native) => {
                for part in native.restored() {
                    self.anew(part).await?;
                }
                &laboratory::PARTS
            }
            Ground::Containers(containers) => {
                containers.restore().await?;
                containers.parts()
            }
        };
        for part in parts {
            if self.until_ready(*part).await.is_err() {
                self.anew(*part).await?;
            }
        }
        Ok(())
    }

    /// Containers that ended without anybody's order are a finding: the engine
    /// starts them again, and nothing else would tell.
    pub(super) async fn with_restarts(&self, outcome: Outcome) -> Result<Outcome> {
        let Ground::Containers(containers) = &self.ground else { return Ok(outcome) };
        let restarted = containers.restarted().await?;
        if restarted.is_empty() {
            return Ok(outcome);
        }
        Ok(outcome.check(false, format!("terminaron sin que nadie lo pidiera: {restarted}")))
    }

    async fn anew(&self, part: Part) -> Result<()> {
        self.halt(part).await?;
        self.launch(part).await
    }

    /// Stops every part, and removes everything but what may explain something:
    /// where that is, with `keep`.
    pub(super) async fn stop(self, keep: bool) -> Result<Option<String>> {
        match self.ground {
            Ground::Native(native) => native.stop(keep).await,
            Ground::Containers(containers) => containers.stop(keep).await,
        }
    }

    /// Kills a part and has it started again at once.
    pub(super) async fn kill(&self, part: Part) -> Result<()> {
        match &self.ground {
            Ground::Native(native) => native.kill(part).await,
            Ground::Containers(containers) => containers.kill(containers.service(part)).await,
        }
    }

    /// Asks a part to end, and waits for that.
    ///
    /// # Errors
    /// When it does not end within its limit, and had to be killed.
    pub(super) async fn halt(&self, part: Part) -> Result<()> {
        match &self.ground {
            Ground::Native(native) => native.halt(part).await,
            Ground::Containers(containers) => containers.halt(containers.service(part)).await,
        }
    }

    /// Starts a part, and waits until it is ready.
    pub(super) async fn launch(&self, part: Part) -> Result<()> {
        match &self.ground {
            Ground::Native(native) => native.launch(part).await,
            Ground::Containers(containers) => {
                containers.launch(containers.service(part)).await?;
                self.until_ready(part).await
            }
        }
    }

    /// Nothing passes on a line to the broker any more, and nobody is told.
    pub(super) async fn silence(&self, line: Line) -> Result<()> {
        match &self.ground {
            Ground::Native(native) => native.line(line).silence(),
            Ground::Containers(containers) => containers.unplug(line).await?,
        }
        Ok(())
    }

    /// The end of [`silence`](Self::silence).
    pub(super) async fn restore(&self, line: Line) -> Result<()> {
        match &self.ground {
            Ground::Native(native) => native.line(line).restore(),
            Ground::Containers(containers) => containers.plug(line).await?,
        }
        Ok(())
    }

    /// Runs rabbitmqctl, which must succeed.
    pub(super) async fn rabbitmqctl(&self, args: &[&str]) -> Result<()> {
        match &self.ground {
            Ground::Native(native) => native.rabbitmqctl(args).await,
            Ground::Containers(containers) => containers.rabbitmqctl(args).await,
        }
    }

    /// Runs another command of this program on this laboratory; what it prints.
    pub(super) async fn lab(&self, args: &[&str]) -> Result<String> {
        match &self.ground {
            Ground::Native(native) => native.lab(args).await,
            Ground::Containers(containers) => containers.lab(args).await,
        }
    }

    /// Memory that a part holds now, in MiB.
    pub(super) async fn resident(&self, part: Part) -> Result<u64> {
        match &self.ground {
            Ground::Native(native) => native.resident(part),
            Ground::Containers(containers) => containers.resident(containers.service(part)).await,
        }
    }

    pub(super) async fn is_ready(&self, part: Part) -> bool {
        self.prober.is_ready(&self.running.ports, part).await
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
        Ok(self.running.url(*own, ""))
    }

    /// A value of a part's `/metrics`; 0 where it has none yet.
    pub(super) async fn metric(&self, part: Part, series: &str) -> Result<f64> {
        let url = format!("{}/metrics", self.url_of(part)?);
        let ask = async || self.http.get(&url).send().await?.error_for_status()?.text().await;
        // A service may close a connection that was kept while the question is on
        // its way: what changes nothing is asked again (RFC 9112 §9.3.1).
        let text = match ask().await {
            Err(error) if error.is_request() => ask().await?,
            told => told?,
        };
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or_default())
    }

    /// Waits until a consumer has been handed a batch that it cannot store.
    pub(super) async fn until_a_batch_fails(&self, part: Part) -> Result<()> {
        until("un lote que no se puede guardar", PATIENCE, async || {
            let failed = self.metric(part, "broker_batches_failed_total ").await;
            Ok(failed.is_ok_and(|failed| failed >= 1.0).then_some(()))
        })
        .await
    }

    pub(super) fn http(&self) -> &Client {
        &self.http
    }
}

/// Runs another command of this program, which must succeed; what it prints.
async fn output_of(mut command: Command, args: &[&str]) -> Result<String> {
    let output = command.output().await.context("no se pudo ejecutar cargo lab")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo lab {}: {told}", args.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
