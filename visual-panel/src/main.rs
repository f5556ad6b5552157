//! The panel that a class looks at: counts of the laboratory, in a browser.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    service_kit::run_service(visual_panel::run).await
}
