//! What is particular to a laboratory in containers: its project of `docker
//! compose`, and looking into its containers.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command as Blocking, Stdio},
};

use serde_json::Value;
use tokio::process::Command;

use crate::{Stack, repository};

/// What `docker compose up` runs where no profile is named.
const DEFAULT_PROFILE: &str = "basico";

/// How long a laboratory may take until all of it is healthy (seconds); three
/// brokers on two cores take one minute.
const UP_PATIENCE: u32 = 240;

/// What the caller's environment must not say: here `.env` does.
const NOT_INHERITED: [&str; 17] = [
    "ADMIN_PASSWORD",
    "ANALYTICS_PASSWORD",
    "AUDIT_ADMIN_PASSWORD",
    "AUDIT_PASSWORD",
    "CLUSTER_SECRET",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_PROFILES",
    "DIRECT_BIND",
    "EMIT_EVERY",
    "LAB_FAULTS",
    "MONITOR_PASSWORD",
    "PARTITIONS",
    "POSTGRES_PASSWORD",
    "REGISTRAR_PASSWORD",
    "RUST_LOG",
    "SENDER_PASSWORD",
];

/// Of the audit's first account: in containers nobody logs in until one is set.
pub(crate) const AUDIT_PASSWORD: &str = "clave-de-las-pruebas";

/// The README's commands name the broker's container as the class's own
/// laboratory names it: `rabbitmq6`. Here that means this laboratory's. All else
/// is handed on to the docker that comes next on the path.
const DOCKER_IN_FRONT: &str = r#"#!/bin/sh
PATH=${PATH#*:}
for argument do
    shift
    [ "$argument" != rabbitmq6 ] || argument=$RABBITMQ_CONTAINER
    set -- "$@" "$argument"
done
exec docker "$@"
"#;

/// What the name of everything begins with that this run makes.
#[must_use]
pub fn run_name() -> String {
    format!("relevo-e2e-{}", std::process::id())
}

/// A project of `docker compose`; gone with all its volumes when it is dropped.
pub struct Project {
    name: String,
    profile: &'static str,
    settings: Vec<(&'static str, &'static str)>,
}

impl Project {
    /// The one of a profile.
    #[must_use]
    pub fn of(profile: &'static str) -> Self {
        Self::apart(profile, profile)
    }

    /// A further one, with a name of its own.
    #[must_use]
    pub fn apart(name: &str, profile: &'static str) -> Self {
        let run = run_name();
        let name = if name == DEFAULT_PROFILE { run } else { format!("{run}-{name}") };
        Self { name, profile, settings: vec![("AUDIT_ADMIN_PASSWORD", AUDIT_PASSWORD)] }
    }

    /// With a variable of `.env` set to something else.
    #[must_use]
    pub fn with(mut self, variable: &'static str, value: &'static str) -> Self {
        self.settings.push((variable, value));
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The container in which `rabbitmqctl` is asked.
    #[must_use]
    pub fn broker(&self) -> String {
        format!("{}-rabbitmq", self.name)
    }

    /// As the class types it: the default needs no `--profile`.
    fn profile_flag(&self) -> String {
        if self.profile == DEFAULT_PROFILE {
            String::new()
        } else {
            format!("--profile {}", self.profile)
        }
    }

    /// Has commands of a shell mean this project.
    pub(crate) fn name_itself_to(&self, shell: &mut Command, folder: &Path) {
        for variable in NOT_INHERITED {
            shell.env_remove(variable);
        }
        let mut path = folder.join("bin").into_os_string();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        shell
            .env("PATH", path)
            .env("COMPOSE_PROJECT_NAME", &self.name)
            .env("RABBITMQ_CONTAINER", self.broker())
            .envs(self.settings.iter().copied());
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let down = Blocking::new("docker")
            .args(["compose", "--project-name", &self.name, "--profile", "*"])
            .args(["down", "--volumes", "--remove-orphans"])
            .current_dir(repository())
            .stdin(Stdio::null())
            .output();
        match down {
            Ok(output) if output.status.success() => {}
            failed => eprintln!("{} was not taken down: {failed:?}", self.name),
        }
    }
}

impl Stack {
    pub(crate) fn put_docker_in_front(&self) {
        let folder = self.path("bin");
        let docker = folder.join("docker");
        fs::create_dir(&folder).expect("a folder");
        fs::write(&docker, DOCKER_IN_FRONT).expect("a file");
        fs::set_permissions(&docker, Permissions::from_mode(0o755)).expect("a program");
    }

    /// Runs a command of `docker compose` that must succeed, and returns what it
    /// printed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn compose(&self, command: &str) -> String {
        self.succeed(&self.compose_command(command)).await
    }

    /// A command of `docker compose` that means this laboratory and its profile.
    #[must_use]
    pub fn compose_command(&self, command: &str) -> String {
        format!("docker compose {} {command}", self.project().profile_flag())
    }

    /// Has everything run and be healthy, or only what is named; prints the logs
    /// if it does not come to that.
    ///
    /// # Panics
    /// When it does not.
    pub async fn bring_up(&self, services: &str) {
        let up = format!("up --detach --wait --wait-timeout {UP_PATIENCE} {services}");
        let output = self.run(&self.compose_command(&up)).await;
        if output.code != Some(0) {
            eprintln!("{}", self.last_lines().await);
            panic!("{} is not up: {output:#?}", self.project().name());
        }
    }

    /// What each container wrote last.
    pub async fn last_lines(&self) -> String {
        let logs = self.run(&self.compose_command("logs --no-color --tail 50")).await;
        format!("{}{}", logs.stdout, logs.stderr)
    }

    /// What `docker inspect` says of every container there is.
    ///
    /// # Panics
    /// When there is none.
    pub async fn inspect_all(&self) -> Vec<Value> {
        let of_this = format!("label=com.docker.compose.project={}", self.project().name());
        let inspect = format!("docker inspect $(docker ps --all --quiet --filter {of_this})");
        json_array(&self.succeed(&inspect).await)
    }

    /// What it says of a service's container.
    ///
    /// # Panics
    /// When there is none.
    pub async fn inspect(&self, service: &str) -> Value {
        let id = self.compose_command(&format!("ps --all --quiet {service}"));
        let found = json_array(&self.succeed(&format!("docker inspect $({id})")).await);
        found.into_iter().next().unwrap_or_else(|| panic!("{service} has no container"))
    }
}

fn json_array(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Names of containers, volumes and networks of this run that are still there.
///
/// # Panics
/// Without docker.
#[must_use]
pub fn remains() -> Vec<String> {
    let found = script(
        "{ docker ps --all --format '{{.Names}}'; docker volume ls --format '{{.Name}}'
           docker network ls --format '{{.Name}}'; } | mine",
    );
    found.lines().map(ToOwned::to_owned).collect()
}

/// Removes all of this run at once: for whoever is interrupted.
///
/// # Panics
/// Without docker.
pub fn remove_remains() {
    script(
        "docker ps --all --format '{{.Names}}' | mine | xargs -r docker rm --force --volumes
         docker volume ls --format '{{.Name}}' | mine | xargs -r docker volume rm --force
         docker network ls --format '{{.Name}}' | mine | xargs -r docker network rm",
    );
}

/// Runs a script in which `mine` lets pass what is of this run. In a process
/// group of its own, so that the signal that interrupts the tests spares it.
fn script(text: &str) -> String {
    let mine = format!("mine() {{ grep -E '^{}([-_]|$)'; }}", run_name());
    let output = Blocking::new("sh")
        .args(["-c", &format!("{mine}\n{text}")])
        .process_group(0)
        .stdin(Stdio::null())
        .output()
        .expect("sh starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
