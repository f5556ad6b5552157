//! The latest report, computed once for everybody who watches.

use std::{future::ready, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::WatchStream;

use crate::{
    store::{Order, ReportQuery, Store},
    writing::Writing,
};

/// Clients in a live report.
const LIVE_CLIENTS: i64 = 100;

/// Shortest time between two reports.
const INTERVAL: Duration = Duration::from_millis(200);

/// How much longer to wait where nothing was counted here: another instance may
/// have counted something.
const IDLE: Duration = Duration::from_millis(800);

/// A report as watchers get it.
#[derive(Clone, Debug)]
pub(crate) struct LiveReport {
    /// Events counted.
    pub(crate) total: i64,
    /// The report, as JSON.
    pub(crate) json: Arc<str>,
}

#[derive(Clone)]
struct State {
    report: Option<LiveReport>,
    error: Option<Arc<str>>,
}

impl State {
    fn report_if_fresh(self) -> Option<LiveReport> {
        if self.error.is_none() { self.report } else { None }
    }
}

/// Computes the reports.
pub(crate) struct Live {
    store: Store,
    writing: Writing,
    state: watch::Sender<State>,
}

/// Watches them.
#[derive(Clone)]
pub(crate) struct LiveWatch(watch::Receiver<State>);

impl Live {
    pub(crate) fn new(store: Store, writing: Writing) -> (Self, LiveWatch) {
        let error = Some("the counts have not been read yet".into());
        let (state, watch) = watch::channel(State { report: None, error });
        (Self { store, writing, state }, LiveWatch(watch))
    }

    /// Keeps the report fresh, for ever.
    pub(crate) async fn run(mut self) {
        loop {
            // Whether something was counted or the time is up: look. At first,
            // that gives the tables time to be made.
            let _ = timeout(IDLE, self.writing.changed()).await;
            self.refresh().await;
            sleep(INTERVAL).await;
        }
    }

    async fn refresh(&self) {
        let query = ReportQuery {
            client: None,
            order: Order::Count,
            limit: LIVE_CLIENTS,
            page: 1,
            after: None,
        };
        let fresh = match self.store.report(&query).await {
            Ok(report) => serde_json::to_string(&report)
                .map(|json| LiveReport { total: report.total, json: json.into() })
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        self.state.send_if_modified(|state| apply(state, fresh));
    }
}

/// Takes over what is new; a report that could not be made leaves the last one.
fn apply(state: &mut State, fresh: Result<LiveReport, String>) -> bool {
    match fresh {
        Ok(report) => {
            let same = state.report.as_ref().is_some_and(|last| last.json == report.json);
            let changed = !same || state.error.is_some();
            state.report = Some(report);
            state.error = None;
            changed
        }
        Err(error) => {
            let changed = state.error.as_deref() != Some(error.as_str());
            if changed {
                log::error!("no report: {error}");
            }
            state.error = Some(error.into());
            changed
        }
    }
}

impl LiveWatch {
    /// `Ok` when the counts could be read last time.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.0.borrow().error {
            None => Ok(()),
            Some(error) => Err(format!("no se puede leer: {error}")),
        }
    }

    /// Events counted, as of the last report; 0 before the first.
    pub(crate) fn total(&self) -> i64 {
        self.0.borrow().report.as_ref().map_or(0, |report| report.total)
    }

    /// The report there is, then each new one; a slow watcher misses some.
    pub(crate) fn reports(&self) -> impl Stream<Item = LiveReport> + use<> {
        WatchStream::new(self.0.clone()).filter_map(|state| ready(state.report_if_fresh()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{store::Limits, writing::Writer};

    #[tokio::test]
    async fn before_the_first_report_it_is_not_ready() {
        let url = "sqlite://nowhere.db".parse().expect("a url");
        let store = Store::new(&url, Limits::default()).expect("a store");
        let (_writer, writing) = Writer::new(store.clone());
        let (_live, watch) = Live::new(store, writing);
        assert!(watch.check().expect_err("not read yet").contains("not been read"));
    }
}
