//! Logging and metrics, set up once in a process.

use std::{sync::OnceLock, time::Duration};

use log::LevelFilter;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How often histograms are emptied into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Bounds of the duration histograms, in seconds: from one message over
/// loopback to a deadline missed.
const DURATION_BOUNDS: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Bounds of the size histograms, in items.
const SIZE_BOUNDS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0];

/// Starts `env_logger`: one line a record on standard error, INFO unless
/// `RUST_LOG` says otherwise.
pub(crate) fn start_logging() {
    let env = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(env)
        // It writes each returned message whole, byte by byte, on the thread
        // that reads confirms; what matters of it is logged where it is decided.
        .filter_module("lapin::returned_messages", LevelFilter::Off)
        // That a channel was closed, and why, is told to who used it, and may be
        // an answer that he expects.
        .filter_module("lapin::channel", LevelFilter::Off)
        // How these two work is nobody's news.
        .filter_module("tracing::span", LevelFilter::Off)
        .filter_module("actix_server", LevelFilter::Warn)
        .format_timestamp_millis()
        .init();
}

/// Moves what histograms have gathered into their buckets, for ever. Without it
/// every measurement is kept until somebody asks for `/metrics`.
pub(crate) async fn keep_metrics_small() {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        metrics().run_upkeep();
    }
}

/// The process's metrics, rendered in `/metrics`. Installed at first use;
/// a histogram named `…_seconds` or `…_size` gets buckets of its own.
pub(crate) fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BOUNDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZE_BOUNDS)
            })
            .and_then(PrometheusBuilder::install_recorder)
            .expect("the buckets are not empty and nobody else installs a recorder")
    })
}
