//! Chromium's driver: a process, and a window of its.

use std::{path::Path, process::Stdio};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Chromium without a sandbox (which root cannot have) and without any
/// connection of its own.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Opens a window that keeps what it remembers in `profile`.
pub(super) async fn open(profile: &Path) -> (Child, Client) {
    let (driver, port) = start().await;
    let mut flags: Vec<_> = FLAGS.iter().map(ToString::to_string).collect();
    flags.push(format!("--user-data-dir={}", profile.display()));
    let wanted = json!({ "goog:chromeOptions": { "args": flags } });
    let page = ClientBuilder::new(HttpConnector::new())
        .capabilities(wanted.as_object().cloned().unwrap_or_default())
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .expect("the driver opens a window");
    (driver, page)
}

/// Attempts to start the driver: it wants the port that it chose on IPv4 on IPv6
/// too, and ends where somebody else has that.
const STARTS: usize = 5;

async fn start() -> (Child, u16) {
    for _ in 0..STARTS {
        if let Some(started) = try_start().await {
            return started;
        }
    }
    panic!("chromedriver ended {STARTS} times without saying its port");
}

/// The driver chooses a free port and says which; none where it ends.
async fn try_start() -> Option<(Child, u16)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver is installed");
    let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines();
    while let Some(line) = lines.next_line().await.expect("text") {
        let port =
            line.split("on port ").nth(1).and_then(|rest| rest.trim_end_matches('.').parse().ok());
        if let (true, Some(port)) = (line.contains("started successfully"), port) {
            // Whatever else it says must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some((driver, port));
        }
    }
    None
}
