//! The audit proxy's process: configuration in, exit code out.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    service_kit::run_service(audit_proxy::run).await
}
