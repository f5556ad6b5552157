//! What every binary of Relevo needs, so that a service holds only its own work.
//!
//! - [`run_service`]: configuration, logging, listener, signals, exit code.
//! - [`config`]: `.env` and environment into one struct; all bad values at once.
//! - [`shutdown`]: the signal that ends everything in order.
//! - [`http`]: the server with its limits, `/healthz`, `/readyz`, `/metrics`,
//!   `/openapi.json` and `/docs`.
//! - [`health`]: what `/readyz` asks.
//! - [`problem`]: errors as `application/problem+json` (RFC 9457).
//! - [`body`]: request bodies, read within limits.
//! - [`csv`]: tables that people open in a spreadsheet.
//! - [`header`]: headers of a request, as types.
//! - [`caller`]: where a request comes from, and who acts by it.
//! - [`clock`]: the time of day, to the millisecond.
//! - `healthcheck`: the same program asks a running instance whether it is ready.
//! - [`request_id`]: one id per request, in the answer and in the log.

pub mod body;
pub mod caller;
pub mod clock;
pub mod config;
pub mod csv;
pub mod header;
pub mod health;
pub mod http;
pub mod problem;
pub mod request_id;
pub mod shutdown;

mod entry;
mod head;
mod healthcheck;
mod host;
mod observe;
mod telemetry;

pub use entry::{Failure, Listen, run_service};
pub use health::Readiness;
pub use http::Server;
pub use problem::Problem;
pub use shutdown::Shutdown;

/// Every message is some twenty small pieces of memory that one thread makes and
/// another one frees: of that the system's allocator makes more work.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
