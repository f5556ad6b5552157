//! The service as a process of its own, for what ends one, or for its log.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use test_support::eventually;

use super::running::Http;

/// A running process; killed when dropped.
pub(super) struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    pub(super) http: Http,
}

impl Process {
    /// The service, with an environment of `variables`.
    pub(super) fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_analytics-service"));
        // Where no `.env` is.
        command.current_dir("/");
        Self::spawn(command, variables)
    }

    /// Another way to start it.
    pub(super) fn spawn(mut command: Command, variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .env("LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "info")
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let log: Arc<Mutex<String>> = Arc::default();
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let http = Http::to(listening(&mut lines, &log));
        let rest = log.clone();
        std::thread::spawn(move || lines.for_each(|line| keep(&rest, &line.expect("text"))));
        Self { child, log, http }
    }

    /// What it has logged so far.
    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for its end, and tells its exit code.
    pub(super) async fn exit_code(&mut self) -> Option<i32> {
        let child = Mutex::new(&mut self.child);
        eventually("the process ends", || async {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            match child.try_wait().expect("a child") {
                Some(status) => Ok(status.code()),
                None => Err("it runs".to_owned()),
            }
        })
        .await
    }
}

impl Drop for Process {
    /// Without a warning, so that SQLite's files stay as they are.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the log.
fn listening(lines: &mut Lines<BufReader<ChildStderr>>, log: &Mutex<String>) -> String {
    let address = lines.find_map(|line| {
        let line = line.expect("text");
        keep(log, &line);
        Some(line.split_once("listening on ")?.1.to_owned())
    });
    address.expect("an address in the log")
}

/// The log goes on to ours.
fn keep(log: &Mutex<String>, line: &str) {
    eprintln!("{line}");
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.push_str(line);
    log.push('\n');
}
