//! A laboratory in containers, for the proof: a project of `docker compose` of
//! its own, which is broken with `docker kill`, `pause` and `network disconnect`.

use super::{Ground, Line, PATIENCE, Size, World};
use crate::compose::{Compose, Container, FILES, NOT_INHERITED, docker};
use crate::failure::Failure;
use crate::first_password::random_word;
use crate::layout::Layout;
use crate::part::Part;
use crate::prove::wait::until;
use crate::running::{Administrator, Running};
use crate::scratch;
use crate::settings::Port;
use crate::signals::Interrupts;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use tokio::process::Command;

/// The folder of these runs.
const KIND: &str = "prove-compose";

/// The longest that everything may take to be healthy, in seconds.
const UP_LIMIT: &str = "240";

/// The network on which everybody reaches the broker.
const BUS: &str = "bus";

/// How an engine reports the end of a process by SIGKILL.
const KILLED: &str = "137";

/// What of the laboratory runs: a profile of `docker-compose.yml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::prove) enum Profile {
    /// As it runs without a word.
    Basico,
    /// A broker of three nodes, PostgreSQL, and two who count.
    Cluster,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Basico => "basico",
            Self::Cluster => "cluster",
        }
    }

    /// The parts that it has.
    fn parts(self) -> &'static [Part] {
        match self {
            Self::Basico => &Part::LAB_1,
            Self::Cluster => &Part::START_ORDER,
        }
    }
}

/// A project of `docker compose`.
pub(in crate::prove) struct Containers {
    compose: Compose,
    layout: Layout,
    project: String,
    profile: Profile,
    /// Of the audit's first account, for this project alone.
    audit_password: String,
    /// Ids by service.
    ids: BTreeMap<String, String>,
}

/// Removes what earlier proofs left that could not end in order.
pub(in crate::prove) async fn remove_remains(layout: &Layout) -> Result<()> {
    for run in scratch::abandoned(layout, KIND) {
        if let Some(pid) = run.dir().file_name().and_then(|name| name.to_str()) {
            remove(&Compose::apart(layout, identity(&project(pid), Profile::Cluster))).await?;
            remove(&Compose::apart(layout, identity(&project(pid), Profile::Basico))).await?;
        }
        scratch::remove(run.dir())?;
    }
    Ok(())
}

/// Starts every container of a profile. The images are there.
pub(in crate::prove) async fn start(
    layout: &Layout,
    profile: Profile,
    size: Size,
    interrupts: &mut Interrupts,
) -> Result<World> {
    let own = scratch::own(layout, KIND);
    own.create()?;
    let ports = scratch::free_ports()?;
    let project = project(&std::process::id().to_string());
    let mut variables = identity(&project, profile);
    let number = |port: Port| (port.variable().to_owned(), ports.get(port).to_string());
    variables.extend(Port::ALL.map(number));
    let audit_password = random_word::<8>()?;
    variables.push(("AUDIT_ADMIN_PASSWORD".to_owned(), audit_password.clone()));
    let compose = Compose::apart(layout, variables);
    let up = tokio::select! {
        biased;
        () = interrupts.next() => Ok(None),
        up = up(&compose) => up.map(Some),
    };
    let mut containers =
        Containers { compose, layout: own, project, profile, audit_password, ids: BTreeMap::new() };
    match up {
        Ok(Some(ids)) => containers.ids = ids,
        Ok(None) => {
            containers.stop(false).await?;
            return Err(Failure::interrupted().into());
        }
        Err(error) => {
            let kept = containers.stop(true).await?.unwrap_or_default();
            return Err(error.context(format!("los registros quedan en {kept}")));
        }
    }
    let running = Running { ports, administrator: Administrator::guest() };
    World::on(Ground::Containers(containers), running, size)
}

/// Has everything run and be healthy; the containers' ids by service.
async fn up(compose: &Compose) -> Result<BTreeMap<String, String>> {
    compose.run(["up", "--detach", "--wait", "--wait-timeout", UP_LIMIT]).await?;
    let containers = compose.containers().await?.into_iter();
    Ok(containers.map(|Container { service, id, .. }| (service, id)).collect())
}

fn project(pid: &str) -> String {
    format!("relevo-prove-{pid}")
}

/// What sets a project apart from the class's own. `.env` is not read: the proof
/// does not depend on anybody's.
fn identity(project: &str, profile: Profile) -> Vec<(String, String)> {
    [
        ("COMPOSE_PROJECT_NAME", project.to_owned()),
        ("COMPOSE_FILE", FILES.to_owned()),
        ("COMPOSE_PROFILES", profile.name().to_owned()),
        ("RABBITMQ_CONTAINER", format!("{project}-rabbitmq")),
        ("DIRECT_BIND", "127.0.0.1".to_owned()),
        ("ADMIN_PASSWORD", String::new()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

async fn remove(compose: &Compose) -> Result<()> {
    compose.run(["down", "--volumes", "--remove-orphans", "--timeout", "5"]).await?;
    Ok(())
}

impl Containers {
    /// The container that does a part's work, or the first of those.
    pub(super) fn service(&self, part: Part) -> &'static str {
        match (part, self.profile) {
            (Part::RabbitMq, Profile::Basico) => "rabbitmq-service",
            (Part::RabbitMq, Profile::Cluster) => "rabbitmq-uno",
            (Part::Analytics, Profile::Cluster) => "analiticas_uno",
            (Part::Audit, Profile::Cluster) => "auditoria_uno",
            (Part::Traefik, _) => "reverse-proxy",
            (other, _) => other.name(),
        }
    }

    /// Those that there are.
    pub(super) fn parts(&self) -> &'static [Part] {
        self.profile.parts()
    }

    pub(super) fn audit_password(&self) -> &str {
        &self.audit_password
    }

    fn id(&self, service: &str) -> Result<&str> {
        let id = self.ids.get(service).with_context(|| format!("no hay un servicio {service}"))?;
        Ok(id)
    }

    /// `docker kill`, and `docker start`.
    pub(in crate::prove) async fn kill(&self, service: &str) -> Result<()> {
        self.end(service).await?;
        self.launch(service).await
    }

    /// `docker kill`: it stays dead.
    pub(in crate::prove) async fn end(&self, service: &str) -> Result<()> {
        docker(["kill", self.id(service)?]).await?;
        Ok(())
    }

    /// `docker stop`, which must end with the service's own exit code.
    pub(in crate::prove) async fn halt(&self, service: &str) -> Result<()> {
        let id = self.id(service)?;
        docker(["stop", id]).await?;
        let code = docker(["inspect", "--format", "{{.State.ExitCode}}", id]).await?;
        ensure!(code.trim() != KILLED, "{service} no terminó al recibir SIGTERM");
        Ok(())
    }

    /// `docker start`, which waits for nothing.
    pub(in crate::prove) async fn launch(&self, service: &str) -> Result<()> {
        docker(["start", self.id(service)?]).await?;
        Ok(())
    }

    /// Every process of the container stands still: its connections stay open,
    /// and nobody answers.
    pub(in crate::prove) async fn pause(&self, service: &str) -> Result<()> {
        let id = self.id(service)?;
        // With control groups of version 1 an engine cannot always freeze processes
        // that are just starting others.
        until("una pausa", PATIENCE, async || match docker(["pause", id]).await {
            Err(error) if error.to_string().contains("unable to freeze") => Ok(None),
            paused => paused.map(Some),
        })
        .await?;
        Ok(())
    }

    /// The end of [`pause`](Self::pause).
    pub(in crate::prove) async fn unpause(&self, service: &str) -> Result<()> {
        docker(["unpause", self.id(service)?]).await?;
        Ok(())
    }

    /// Whether the engine's own look at it finds it healthy.
    pub(in crate::prove) async fn is_healthy(&self, service: &str) -> Result<bool> {
        let containers = self.compose.containers().await?;
        let found = containers.into_iter().find(|container| container.service == service);
        Ok(found.is_some_and(|container| container.health == "healthy"))
    }

    /// `docker network disconnect`: what was on its way is lost without a word.
    pub(super) async fn unplug(&self, line: Line) -> Result<()> {
        for service in self.services_on(line) {
            docker(["network", "disconnect", &self.bus(), self.id(service)?]).await?;
        }
        Ok(())
    }

    pub(super) async fn plug(&self, line: Line) -> Result<()> {
        for service in self.services_on(line) {
            let id = self.id(service)?;
            let format = "{{json .NetworkSettings.Networks}}";
            let networks = docker(["inspect", "--format", format, id]).await?;
            if !networks.contains(&format!("\"{}\"", self.bus())) {
                docker(["network", "connect", &self.bus(), id]).await?;
            }
        }
        Ok(())
    }

    fn services_on(&self, line: Line) -> Vec<&'static str> {
        match line {
            Line::Senders => vec![self.service(Part::ClienteX), self.service(Part::ClienteUno)],
            Line::Analytics => vec![self.service(Part::Analytics)],
        }
    }

    fn bus(&self) -> String {
        format!("{}_{BUS}", self.project)
    }

    /// Undoes what scenarios left: pauses, ends, missing networks.
    pub(super) async fn restore(&self) -> Result<()> {
        for container in self.compose.containers().await? {
            match container.state.as_str() {
                "paused" => self.unpause(&container.service).await?,
                "exited" | "created" | "dead" => self.launch(&container.service).await?,
                _ => {}
            }
        }
        self.plug(Line::Senders).await?;
        self.plug(Line::Analytics).await
    }

    /// The services that ended and were started by the engine alone.
    pub(super) async fn restarted(&self) -> Result<String> {
        let mut found = Vec::new();
        for (service, id) in &self.ids {
            let told = docker(["inspect", "--format", "{{.RestartCount}}", id]).await?;
            if told.trim() != "0" {
                found.push(service.as_str());
            }
        }
        Ok(found.join(", "))
    }

    pub(super) async fn rabbitmqctl(&self, args: &[&str]) -> Result<()> {
        let id = self.id(self.service(Part::RabbitMq))?;
        docker(["exec", id, "rabbitmqctl"].iter().chain(args)).await?;
        Ok(())
    }

    /// Runs this program as a person would, with `--compose`.
    pub(super) async fn lab(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(env::current_exe()?);
        command.args(args).arg("--compose").current_dir(self.layout.root());
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command.envs(self.compose.variables().iter().map(|(name, value)| (name, value)));
        super::output_of(command, args).await
    }

    /// Memory of the container in MiB, by what the engine tells.
    pub(super) async fn resident(&self, service: &str) -> Result<u64> {
        let args = ["stats", "--no-stream", "--format", "{{.MemUsage}}", self.id(service)?];
        let told = docker(args).await?;
        mebibytes(&told).with_context(|| format!("docker stats dice «{}»", told.trim()))
    }

    /// Removes everything, volumes as well; with `keep`, what it wrote stays.
    pub(super) async fn stop(self, keep: bool) -> Result<Option<String>> {
        let kept = if keep { Some(self.keep_logs().await) } else { None };
        remove(&self.compose).await?;
        match kept {
            Some(path) => Ok(Some(path?.display().to_string())),
            None => scratch::remove(self.layout.dir()).map(|()| None),
        }
    }

    async fn keep_logs(&self) -> Result<PathBuf> {
        let path = self.layout.logs().join("compose.log");
        fs::write(&path, self.compose.run(["logs", "--no-color", "--timestamps"]).await?)?;
        Ok(path)
    }
}

/// The first size of `12.5MiB / 256MiB`, in whole MiB.
fn mebibytes(told: &str) -> Option<u64> {
    let used = told.split('/').next()?.trim();
    let digits = used.find(|sign: char| sign.is_ascii_alphabetic())?;
    let (number, unit) = used.split_at(digits);
    let factor = match unit {
        "B" => 1.0 / 1024.0 / 1024.0,
        "KiB" => 1.0 / 1024.0,
        "MiB" => 1.0,
        "GiB" => 1024.0,
        _ => return None,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a memory's size")]
    number.parse::<f64>().ok().map(|number| (number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::mebibytes;

    #[test]
    fn sizes_of_the_engine_are_understood() {
        assert_eq!(mebibytes("12.56MiB / 256MiB\n"), Some(13));
        assert_eq!(mebibytes("1.5GiB / 2GiB"), Some(1536));
        assert_eq!(mebibytes("900KiB / 2GiB"), Some(1));
        assert_eq!(mebibytes("0B / 0B"), Some(0));
        assert_eq!(mebibytes("-- / --"), None);
    }
}
