//! The laboratory in containers, by way of `docker compose`: the same commands
//! that a class types.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::part::Part;
use crate::running::{Administrator, Running};
use crate::settings::{Port, Ports, Settings};
use crate::tools::engine;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use tokio::process::Command;

const NO_PLUGIN: &str = "falta el plugin de Docker que responde a docker compose.\n\
                         cargo lab images lo trae; sin él, docker-compose lo maneja a mano.";

/// Lines of an error that are worth showing.
const LAST_LINES: usize = 12;

/// What a project of its own does not take from the caller's environment.
pub(crate) const NOT_INHERITED: [&str; 13] = [
    "ANALYTICS_PASSWORD",
    "AUDIT_ADMIN_PASSWORD",
    "AUDIT_PASSWORD",
    "CLUSTER_SECRET",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "EMIT_EVERY",
    "LAB_FAULTS",
    "MONITOR_PASSWORD",
    "PARTITIONS",
    "POSTGRES_PASSWORD",
    "REGISTRAR_PASSWORD",
    "SENDER_PASSWORD",
];

/// One project of `docker compose`.
#[derive(Clone)]
pub(crate) struct Compose {
    root: PathBuf,
    dotenv: PathBuf,
    /// What its own environment says. None for the class's own laboratory, where
    /// the caller's environment and `.env` say everything.
    variables: Option<Vec<(String, String)>>,
}

/// A container of the project, as `docker compose ps` tells.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Container {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) service: String,
    /// created, running, paused, restarting, exited or dead.
    pub(crate) state: String,
    /// starting, healthy, unhealthy, or empty where nobody looks.
    #[serde(default)]
    pub(crate) health: String,
    #[serde(default)]
    pub(crate) exit_code: i32,
    #[serde(default)]
    publishers: Option<Vec<Publisher>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publisher {
    target_port: u16,
    published_port: u16,
}

impl Container {
    /// Whether a process of it is there.
    pub(crate) fn is_alive(&self) -> bool {
        ["running", "paused", "restarting"].contains(&self.state.as_str())
    }

    /// The ports under which this machine reaches it, in order.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.published().map(|(_, port)| port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Its own ports, and those under which this machine reaches them.
    fn published(&self) -> impl Iterator<Item = (u16, u16)> {
        let publishers = self.publishers.iter().flatten();
        let pairs = publishers.map(|publisher| (publisher.target_port, publisher.published_port));
        pairs.filter(|(_, published)| *published > 0)
    }
}

impl Compose {
    /// The class's own laboratory.
    pub(crate) fn of(layout: &Layout) -> Self {
        Self { root: layout.root().to_owned(), dotenv: layout.dotenv(), variables: None }
    }

    /// A project apart from it, which sees nothing of `.env`.
    pub(crate) fn apart(layout: &Layout, variables: Vec<(String, String)>) -> Self {
        Self { variables: Some(variables), ..Self::of(layout) }
    }

    /// What names the project to any command that is run with it.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        self.variables.as_deref().unwrap_or_default()
    }

    /// Where it is reached.
    ///
    /// # Errors
    /// When nothing of it runs, or nobody may ask its broker.
    pub(crate) async fn running(&self) -> Result<Running> {
        let containers = self.containers().await?;
        if !containers.iter().any(Container::is_alive) {
            return Err(Failure::not_up_in_containers().into());
        }
        let settings = Settings::load(&self.dotenv)?;
        let ports = ports_of(&containers, settings.ports.clone());
        Ok(Running { ports, administrator: administrator(&settings)? })
    }

    /// All containers of the project, those that ended as well.
    pub(crate) async fn containers(&self) -> Result<Vec<Container>> {
        engine::answers().await?;
        if self.run(["version"]).await.is_err() {
            return Err(Failure::with_code(1, NO_PLUGIN).into());
        }
        parse(&self.run(["ps", "--all", "--format", "json"]).await?)
    }

    /// What the containers of a part have written, those that ended as well.
    pub(crate) async fn logs(&self, part: Part) -> Result<String> {
        let mut text = String::new();
        for container in self.containers().await? {
            if part_of(&container.service) == Some(part) {
                text += &self
                    .run(["logs", "--no-color", "--no-log-prefix", &container.service])
                    .await?;
            }
        }
        Ok(text)
    }

    /// Runs a command of `docker compose`, which must succeed; what it prints.
    pub(crate) async fn run<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        let mut command = engine::docker();
        command.arg("compose").current_dir(&self.root);
        if let Some(variables) = &self.variables {
            command.args(["--env-file", "/dev/null"]);
            for name in NOT_INHERITED {
                command.env_remove(name);
            }
            command.envs(variables.iter().map(|(name, value)| (name, value)));
        }
        command.args(args);
        output_of(command).await
    }
}

/// Every file that describes the laboratory, as `.env` says in `COMPOSE_FILE`. A
/// project apart knows the first alone, which is lab 1, unless it is told.
pub(crate) const FILES: &str = "docker-compose.yml:docker-compose.auditoria.yml";

/// Builds the images of all services, as far as their sources changed.
pub(crate) async fn build(layout: &Layout) -> Result<()> {
    let variables = [("COMPOSE_FILE", FILES), ("COMPOSE_PROFILES", "todo")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Compose::apart(layout, variables.to_vec()).run(["build", "--quiet"]).await?;
    Ok(())
}

/// Runs a command of `docker`, which must succeed; what it prints.
pub(crate) async fn docker<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Result<String> {
    let mut command = engine::docker();
    command.args(args);
    output_of(command).await
}

async fn output_of(command: Command) -> Result<String> {
    let output = engine::output_apart(command).await.context("no se pudo ejecutar docker")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = told.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ");
    bail!("docker no pudo hacerlo:\n  {last}")
}

/// One object a line, or one array in versions before 2.21.
fn parse(text: &str) -> Result<Vec<Container>> {
    let parsed = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
    };
    parsed.context("docker compose ps dice algo que no se entiende")
}

/// The ports as they are published now; the others as they would be.
fn ports_of(containers: &[Container], mut ports: Ports) -> Ports {
    for container in containers {
        for (target, published) in container.published() {
            if let Some(port) = port_of(&container.service, target) {
                ports.set(port, published);
            }
        }
    }
    ports
}

/// What listens behind a port of a container.
fn port_of(service: &str, target: u16) -> Option<Port> {
    let port = match (service, target) {
        ("reverse-proxy", 80) => Port::Http,
        ("reverse-proxy", 8080) => Port::Traefik,
        ("reverse-proxy", 8081) => Port::Dashboard,
        ("cliente_x", _) => Port::ClienteX,
        ("cliente_uno", _) => Port::ClienteUno,
        ("cliente_dos", _) => Port::ClienteDos,
        ("analiticas" | "analiticas_uno", _) => Port::Analytics,
        ("auditoria" | "auditoria_uno", _) => Port::Audit,
        ("panel-visual", _) => Port::Panel,
        ("rabbitmq-service" | "rabbitmq-proxy", 5672) => Port::Amqp,
        ("rabbitmq-service" | "rabbitmq-proxy", 15672) => Port::Management,
        ("rabbitmq-service" | "rabbitmq-proxy", 15692) => Port::Prometheus,
        _ => return None,
    };
    Some(port)
}

/// To a container, who comes from this machine comes from the network: where the
/// network may come too, `guest` may not.
fn administrator(settings: &Settings) -> Result<Administrator, Failure> {
    match &settings.admin_password {
        Some(password) => {
            Ok(Administrator { name: "admin".to_owned(), password: password.clone() })
        }
        None if settings.direct_bind == Ipv4Addr::LOCALHOST => Ok(Administrator::guest()),
        None => Err(Failure::usage(
            "con DIRECT_BIND=0.0.0.0 el usuario guest de RabbitMQ no entra en los contenedores:\n\
             da a su administrador una contraseña en .env (ADMIN_PASSWORD=…) y repite\n\
             docker compose up -d",
        )),
    }
}

/// The part that a service is, or one of those that do its work.
pub(crate) fn part_of(service: &str) -> Option<Part> {
    match service {
        "analiticas_uno" | "analiticas_dos" => Some(Part::Analytics),
        "auditoria_uno" | "auditoria_dos" => Some(Part::Audit),
        "rabbitmq-uno" | "rabbitmq-dos" | "rabbitmq-tres" => Some(Part::RabbitMq),
        _ => Part::parse(service).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{administrator, parse, part_of, ports_of};
    use crate::part::Part;
    use crate::settings::{Port, Ports, Settings};

    const TWO: &str = r#"{"ID":"a","Name":"x-cliente_x-1","Service":"cliente_x","State":"running","Health":"healthy","ExitCode":0,"Publishers":[{"URL":"127.0.0.1","TargetPort":5046,"PublishedPort":15046,"Protocol":"tcp"},{"URL":"::","TargetPort":5046,"PublishedPort":15046,"Protocol":"tcp"}]}
{"ID":"b","Name":"rabbitmq6","Service":"rabbitmq-service","State":"exited","Health":"","ExitCode":137,"Publishers":[{"URL":"","TargetPort":4369,"PublishedPort":0,"Protocol":"tcp"}]}
"#;

    #[test]
    fn lines_and_an_array_say_the_same() {
        let lines = parse(TWO).unwrap();
        let array = format!("[{}]", TWO.trim().replace('\n', ","));
        assert_eq!(format!("{lines:?}"), format!("{:?}", parse(&array).unwrap()));
        assert!(lines[0].is_alive() && !lines[1].is_alive());
        assert_eq!((lines[0].ports(), lines[1].ports()), (vec![15046], vec![]));
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn published_ports_win_over_those_of_the_settings() {
        let ports = ports_of(&parse(TWO).unwrap(), Ports::default());
        assert_eq!((ports.get(Port::ClienteX), ports.get(Port::Amqp)), (15046, 5672));
    }

    #[test]
    fn guest_is_for_this_machine_alone() {
        const OPEN: [(&str, &str); 6] = [
            ("DIRECT_BIND", "0.0.0.0"),
            ("SENDER_PASSWORD", "una"),
            ("ANALYTICS_PASSWORD", "otra"),
            ("MONITOR_PASSWORD", "otra.mas"),
            ("AUDIT_PASSWORD", "una.distinta"),
            ("REGISTRAR_PASSWORD", "la.ultima"),
        ];
        let administrator = |pairs: &'static [(&str, &str)]| {
            let lookup = |name: &str| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            administrator(&Settings::from_lookup(lookup).unwrap()).map(|user| user.name)
        };
        assert_eq!(administrator(&[]).unwrap(), "guest");
        assert_eq!(administrator(&[("ADMIN_PASSWORD", "x")]).unwrap(), "admin");
        let refused = administrator(&OPEN).unwrap_err().to_string();
        assert!(refused.contains("ADMIN_PASSWORD"), "{refused}");
    }

    #[test]
    fn every_part_is_a_service_of_the_compose_files() {
        let files = [
            include_str!("../../docker-compose.yml"),
            include_str!("../../docker-compose.auditoria.yml"),
        ];
        let services = files.into_iter().flat_map(str::lines).filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
                .and_then(|line| line.split(':').next())
        });
        let found: Vec<Part> = services.filter_map(part_of).collect();
        for part in Part::START_ORDER {
            assert!(found.contains(&part), "{part:?}");
        }
        assert_eq!(part_of("postgres"), None);
    }
}
