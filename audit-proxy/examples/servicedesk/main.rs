//! `ServiceDesk`'s process: configuration in, exit code out.

use std::process::ExitCode;

mod desk;
#[path = "../mailing/mod.rs"]
mod mailing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    service_kit::run_service(desk::run).await
}
