//! Redmine's process: configuration in, exit code out.

use std::process::ExitCode;

#[path = "../mailing/mod.rs"]
mod mailing;
mod tracker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    service_kit::run_service(tracker::run).await
}
