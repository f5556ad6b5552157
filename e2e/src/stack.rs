//! A laboratory of the tests' own.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use test_support::{eventually, eventually_within};
use tokio::process::{Child, Command};

/// Every port of `.env`, with the number that the README's commands use.
const PORTS: [(&str, u16); 13] = [
    ("HTTP_PORT", 80),
    ("TRAEFIK_PORT", 8080),
    ("DASHBOARD_PORT", 8081),
    ("CLIENTE_X_PORT", 5046),
    ("CLIENTE_UNO_PORT", 5047),
    ("CLIENTE_DOS_PORT", 5048),
    ("ANALYTICS_PORT", 5064),
    ("PANEL_PORT", 5065),
    ("AMQP_PORT", 5672),
    ("MANAGEMENT_PORT", 15672),
    ("PROMETHEUS_PORT", 15692),
    ("RABBITMQ_DIST_PORT", 25680),
    ("EPMD_PORT", 4380),
];

/// How long the first `up` may take: it builds everything.
const UP_PATIENCE: Duration = Duration::from_mins(15);

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

/// A laboratory that is up, with ports and a folder of its own.
pub struct Stack {
    ports: BTreeMap<&'static str, u16>,
    folder: TempDir,
    /// For requests to it.
    pub http: Client,
}

impl Stack {
    /// Chooses ports and a folder; starts nothing.
    ///
    /// # Panics
    /// When there is no free port, or no place for the folder.
    #[must_use]
    pub fn prepare() -> Self {
        let folder = TempDir::new().expect("a folder");
        let ports = free_ports();
        let stack = Self { ports, folder, http: Client::new() };
        std::fs::write(stack.path(".curlrc"), stack.curlrc()).expect("a file");
        stack
    }

    /// Maps the README's ports to this laboratory's, so that its curl commands
    /// run as they are printed.
    fn curlrc(&self) -> String {
        let line = |(name, port): &(&str, u16)| {
            format!("connect-to = \"localhost:{port}:127.0.0.1:{}\"\n", self.ports[name])
        };
        let quiet = "silent\nshow-error\n".to_owned();
        quiet + &PORTS.iter().map(line).collect::<String>()
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

    /// Starts `cargo lab up` in the foreground.
    ///
    /// # Panics
    /// When there is no bash.
    #[must_use]
    pub fn up(&self) -> Child {
        let log = std::fs::File::create(self.path("up.log")).expect("a file");
        self.shell("exec cargo lab up")
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("bash starts")
    }

    /// Waits until all is ready, or `up` has ended.
    ///
    /// # Panics
    /// When neither happens.
    pub async fn is_up(&self, up: &mut Child) -> bool {
        eventually_within(UP_PATIENCE, "the laboratory is up", || {
            let ended = up.try_wait().expect("a child of ours").is_some();
            async move {
                if ended {
                    return Ok(false);
                }
                self.all_running().await.map(|()| true)
            }
        })
        .await
    }

    /// What `cargo lab up` has printed.
    #[must_use]
    pub fn up_log(&self) -> String {
        std::fs::read_to_string(self.path("up.log")).unwrap_or_default()
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
        let output = self.run("cargo lab status --json").await;
        let parts: Vec<Value> =
            serde_json::from_str(&output.stdout).map_err(|error| format!("{error}: {output:?}"))?;
        Ok(parts.into_iter().map(|part| (text(&part["name"]), part)).collect())
    }

    /// Process id of a part that runs.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn pid(&self, part: &str) -> i32 {
        let status = self.status().await.expect("a status");
        let pid = status.get(part).and_then(|part| part["pid"].as_i64());
        pid.and_then(|pid| pid.try_into().ok()).unwrap_or_else(|| panic!("{part}: {status:?}"))
    }

    /// Waits until a part is in a state, and has another pid than `before`.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn wait_for(&self, part: &str, state: &str, before: Option<i32>) {
        eventually(&format!("{part} is {state}"), || async {
            let status = self.status().await?;
            let found = status.get(part).cloned().unwrap_or_default();
            let same = before.is_some() && found["pid"].as_i64() == before.map(i64::from);
            if found["state"] == state && !same { Ok(()) } else { Err(found.to_string()) }
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

/// Ports that nobody listens on now; all held at once, so that they differ.
fn free_ports() -> BTreeMap<&'static str, u16> {
    let held =
        PORTS.map(|(name, _)| (name, TcpListener::bind("127.0.0.1:0").expect("a free port")));
    let port = |listener: &TcpListener| listener.local_addr().expect("a bound address").port();
    held.iter().map(|(name, listener)| (*name, port(listener))).collect()
}
