//! A laboratory of the tests' own.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, resume_unwind},
    path::{Path, PathBuf},
    process::Stdio,
};

use futures_util::FutureExt;
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use test_support::eventually;
use tokio::process::Command;

use crate::{
    Place, Project,
    compose::AUDIT_PASSWORD,
    ports::{curlrc, free_ports},
};

/// The repository's root.
///
/// # Panics
/// Never: this crate lies one folder below it.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
}

/// A laboratory with ports and a folder of its own, natively or in containers.
pub struct Stack {
    ports: BTreeMap<&'static str, u16>,
    folder: TempDir,
    project: Option<Project>,
    /// For requests to it.
    pub http: Client,
}

impl Stack {
    /// One of `cargo lab`: chooses ports and a folder; starts nothing.
    ///
    /// # Panics
    /// When there is no free port, or no place for the folder.
    #[must_use]
    pub fn native() -> Self {
        let (ports, folder) = (free_ports(), TempDir::new().expect("a folder"));
        let stack = Self { ports, folder, project: None, http: Client::new() };
        std::fs::write(stack.path(".curlrc"), curlrc(&stack.ports)).expect("a file");
        stack
    }

    /// One of `docker compose`: the same.
    ///
    /// # Panics
    /// As [`native`](Self::native).
    #[must_use]
    pub fn containers(project: Project) -> Self {
        let stack = Self { project: Some(project), ..Self::native() };
        stack.put_docker_in_front();
        stack
    }

    /// What it runs in.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.project.is_some() { Place::Containers } else { Place::Machine }
    }

    /// Its project of `docker compose`.
    ///
    /// # Panics
    /// Where there is none, natively.
    #[must_use]
    pub fn project(&self) -> &Project {
        self.project.as_ref().expect("a laboratory in containers")
    }

    /// A file or folder of this laboratory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The port that a variable of `.env` stands for here.
    #[must_use]
    pub fn port(&self, variable: &str) -> u16 {
        self.ports[variable]
    }

    /// A URL at one of the ports.
    #[must_use]
    pub fn url(&self, variable: &str, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port(variable))
    }

    /// A shell command that means this laboratory.
    #[must_use]
    pub fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("bash");
        shell.args(["-c", command]).current_dir(repository()).stdin(Stdio::null());
        for (name, port) in &self.ports {
            shell.env(name, port.to_string());
        }
        shell
            .env("LAB_DIR", self.path("lab"))
            .env("CURL_HOME", self.folder.path())
            .env("CARGO_TERM_QUIET", "true");
        if let Some(project) = &self.project {
            project.name_itself_to(&mut shell, self.folder.path());
        } else {
            // With the switches that break it; containers are without.
            shell.env("LAB_FAULTS", "1");
        }
        shell
    }

    /// Runs a shell command to its end.
    ///
    /// # Panics
    /// When there is no bash.
    pub async fn run(&self, command: &str) -> Output {
        let output = self.shell(command).output().await.expect("bash starts");
        Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    /// Runs a command that must succeed, and returns what it printed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn succeed(&self, command: &str) -> String {
        let output = self.run(command).await;
        assert_eq!(output.code, Some(0), "{command}: {output:#?}");
        output.stdout
    }

    /// A command of `cargo lab` about this laboratory.
    #[must_use]
    pub fn lab(&self, command: &str) -> String {
        let compose = if self.project.is_some() { " --compose" } else { "" };
        format!("cargo lab {command}{compose}")
    }

    /// The password of the audit's first account.
    ///
    /// # Panics
    /// When it is not told.
    pub async fn audit_password(&self) -> String {
        match self.project {
            None => self.succeed("cargo lab clave").await.trim().to_owned(),
            Some(_) => AUDIT_PASSWORD.to_owned(),
        }
    }

    /// A command of `rabbitmqctl` at its broker.
    #[must_use]
    pub fn rabbitmqctl(&self, command: &str) -> String {
        match &self.project {
            None => format!("cargo lab rabbitmqctl --quiet {command}"),
            Some(project) => {
                format!("docker exec {} rabbitmqctl --quiet {command}", project.broker())
            }
        }
    }

    /// Stops a part, by the name that it has natively.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub async fn stop(&self, part: &str) {
        self.control("stop", part).await;
    }

    /// Starts a part that was stopped.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start(&self, part: &str) {
        self.control("start", part).await;
    }

    /// Stops a part, has `look` do its part meanwhile, and starts it again
    /// whatever came of that.
    ///
    /// # Panics
    /// When `look` does.
    pub async fn without(&self, part: &str, look: impl AsyncFnOnce()) {
        self.stop(part).await;
        let looked = AssertUnwindSafe(look()).catch_unwind().await;
        self.start(part).await;
        looked.unwrap_or_else(|panic| resume_unwind(panic));
    }

    async fn control(&self, verb: &str, part: &str) {
        match &self.project {
            None => self.succeed(&format!("cargo lab {verb} {part}")).await,
            Some(_) => self.compose(&format!("{verb} {}", self.name_here(part))).await,
        };
    }

    /// What a part is called here: in containers, two have other names.
    fn name_here<'a>(&self, part: &'a str) -> &'a str {
        match part {
            "rabbitmq" if self.project.is_some() => "rabbitmq-service",
            "traefik" if self.project.is_some() => "reverse-proxy",
            _ => part,
        }
    }

    /// `Ok` when every part runs.
    ///
    /// # Errors
    /// The state as it is.
    pub async fn all_running(&self) -> Result<(), String> {
        let parts = self.status().await?;
        let running = parts.values().all(|part| part["state"] == "running");
        if running && !parts.is_empty() { Ok(()) } else { Err(format!("{parts:?}")) }
    }

    /// What `cargo lab status --json` says, by name.
    ///
    /// # Errors
    /// When it says nothing that can be read.
    pub async fn status(&self) -> Result<BTreeMap<String, Value>, String> {
        let output = self.run(&self.lab("status --json")).await;
        let parts: Vec<Value> =
            serde_json::from_str(&output.stdout).map_err(|error| format!("{error}: {output:?}"))?;
        Ok(parts.into_iter().map(|part| (text(&part["name"]), part)).collect())
    }

    /// Waits until a part is in a state.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn wait_for(&self, part: &str, state: &str) {
        eventually(&format!("{part} is {state}"), || async {
            let status = self.status().await?;
            let found = status.get(self.name_here(part)).cloned().unwrap_or_default();
            if found["state"] == state { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    }

    /// The report of analytics.
    ///
    /// # Errors
    /// When there is none.
    pub async fn report(&self) -> Result<Value, String> {
        let answer =
            self.http.get(self.url("ANALYTICS_PORT", "/reporte?limite=10000")).send().await;
        answer.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())
    }

    /// Waits until analytics has counted exactly `count` events of `client`.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn wait_for_count(&self, client: &str, count: u64) {
        eventually(&format!("{client} has {count}"), || async {
            let report = self.report().await?;
            match report["clientes"][client].as_u64().unwrap_or_default() {
                counted if counted == count => Ok(()),
                counted => Err(format!("{counted}")),
            }
        })
        .await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
