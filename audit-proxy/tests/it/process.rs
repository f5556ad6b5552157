//! The proxy as a process of its own, for what ends one.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::Client;
use serde_json::json;
use test_support::eventually;

use super::{
    caller::Caller,
    running::{USER, World, management},
};

/// Exit code of an end on purpose.
pub(super) const ON_PURPOSE: i32 = 70;

/// A running process that may be broken on purpose; killed when dropped.
pub(super) struct Process {
    child: Child,
    address: String,
    client: Client,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// The proxy, once it can do its work.
    pub(super) async fn start(world: &World) -> Self {
        Self::start_with(world, "").await
    }

    /// The same, with a first account of this password.
    pub(super) async fn start_with(world: &World, password: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_audit-proxy"))
            // Where no `.env` is.
            .current_dir("/")
            .env("LISTEN", "127.0.0.1:0")
            .env("AMQP_URL", world.vhost.url())
            .env("MANAGEMENT_URL", format!("http://{USER}:{USER}@{}", management()))
            .env("AUDIT_DATABASE_URL", world.database_url())
            .env("AUDIT_ADMIN_PASSWORD", password)
            .env("LAB_FAULTS", "1")
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the proxy starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = lines.find_map(|line| {
            let line = line.expect("text");
            eprintln!("{line}");
            Some(format!("http://{}", line.split_once("listening on ")?.1))
        });
        // The rest of the log goes on to ours.
        let log = Arc::new(Mutex::new(String::new()));
        let kept = log.clone();
        std::thread::spawn(move || {
            for line in lines {
                let line = line.expect("text");
                eprintln!("{line}");
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend([line.as_str(), "\n"]);
            }
        });
        let address = address.expect("an address in the log");
        let process = Self { child, address, client: Client::new(), log };
        process.becomes_ready().await;
        process
    }

    /// Somebody without a token.
    pub(super) fn caller(&self) -> Caller {
        Caller::nobody(self.address.clone())
    }

    /// What it has logged since it listens.
    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there is a line in its log that holds all of `parts`, and ends with the
    /// last of them.
    pub(super) async fn logs(&self, parts: &[&str]) {
        eventually("a line in the log", || async {
            let log = self.log();
            let is_it = |line: &str| {
                parts.iter().all(|part| line.contains(part))
                    && parts.last().is_none_or(|last| line.ends_with(last))
            };
            if log.lines().any(is_it) { Ok(()) } else { Err(format!("no {parts:?} in {log}")) }
        })
        .await;
    }

    async fn becomes_ready(&self) {
        eventually("/readyz answers 200", || async {
            let answer = self.client.get(format!("{}/readyz", self.address)).send().await;
            match answer.map_err(|error| error.to_string())? {
                ready if ready.status() == 200 => Ok(()),
                other => Err(other.text().await.map_err(|error| error.to_string())?),
            }
        })
        .await;
    }

    /// How often it has lost a connection to the broker.
    pub(super) async fn reconnects(&self) -> u64 {
        let answer = self.client.get(format!("{}/metrics", self.address)).send().await;
        let metrics = answer.expect("an answer").text().await.expect("text");
        let counted = metrics.lines().filter(|line| line.starts_with("broker_reconnects_total{"));
        let values = counted.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        values.sum()
    }

    /// From now on it ends at `point`; with a message under way, before it has answered.
    pub(super) async fn dies_at(&mut self, point: &str) {
        let switches = json!({ "pausa": false, "muere": point });
        let request = self.client.put(format!("{}/fallos", self.address)).json(&switches);
        match request.send().await {
            Ok(answer) => assert_eq!(answer.status(), 200, "{point}"),
            Err(error) => assert_eq!(self.ends().await, ON_PURPOSE, "{point}: {error}"),
        }
    }

    /// Whether it runs; its exit code where it does not.
    pub(super) fn exit_code(&mut self) -> Option<i32> {
        let ended = self.child.try_wait().expect("a child");
        ended.map(|status| status.code().expect("not killed by others"))
    }

    /// Waits for its end, and tells its exit code.
    pub(super) async fn ends(&mut self) -> i32 {
        let process = Mutex::new(self);
        eventually("the process ends", || async {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            process.exit_code().ok_or_else(|| "it runs".to_owned())
        })
        .await
    }
}

impl Drop for Process {
    /// Without a warning, as a crash.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
