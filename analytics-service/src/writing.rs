//! Writing, and what others may know of how it goes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use database::Error;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    judge::Event,
    store::{Recorded, Store, StoreError},
};

/// How long an event that could not be counted is told of, unless counting goes
/// well before: longer than a failing batch takes to come again. Something else
/// that was stored meanwhile does not make it good: a full disk may have room for
/// little.
const MEMORY: Duration = Duration::from_secs(15);

/// Why writing failed; none where it did not.
type LastError = Option<Arc<str>>;

/// What came of the last writes.
#[derive(Clone, Debug)]
struct State {
    counting: Option<(Arc<str>, Instant)>,
    forgetting: LastError,
}

impl State {
    fn error(&self) -> LastError {
        let counting = self.counting.as_ref().map(|(error, _)| error.clone());
        counting.or_else(|| self.forgetting.clone())
    }

    fn forgotten(&mut self, error: LastError) {
        if error.is_none() {
            self.counting.take_if(|(_, failed)| failed.elapsed() > MEMORY);
        }
        self.forgetting = error;
    }
}

/// Writes to the store, and tells how that goes.
#[derive(Clone)]
pub(crate) struct Writer {
    store: Store,
    state: Arc<watch::Sender<State>>,
}

/// How writing goes.
#[derive(Clone)]
pub(crate) struct Writing(watch::Receiver<State>);

impl Writer {
    pub(crate) fn new(store: Store) -> (Self, Writing) {
        let unopened = Some("the database has not been opened yet".into());
        let (state, writing) = watch::channel(State { counting: None, forgetting: unopened });
        (Self { store, state: Arc::new(state) }, Writing(writing))
    }

    /// As [`Store::record`].
    pub(crate) async fn record(
        &self,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let outcome = self.store.record(events, now).await;
        self.tell(&outcome, |state, error| {
            state.counting = error.map(|error| (error, Instant::now()));
        });
        outcome
    }

    /// As [`Store::forget`].
    pub(crate) async fn forget(&self, before: Timestamp, at_most: i64) -> Result<u64, StoreError> {
        let outcome = self.store.forget(before, at_most).await;
        self.tell(&outcome, State::forgotten);
        outcome
    }

    /// Where others had the database, it is for them to tell.
    fn tell<T>(&self, outcome: &Result<T, StoreError>, change: impl FnOnce(&mut State, LastError)) {
        if matches!(outcome, Err(StoreError::Database(Error::Busy))) {
            return;
        }
        let error = outcome.as_ref().err().map(|error| error.to_string().into());
        self.state.send_modify(|state| {
            let before = state.error();
            change(state, error);
            log_change(before.as_deref(), state.error().as_deref());
        });
    }
}

fn log_change(before: Option<&str>, now: Option<&str>) {
    match now {
        Some(error) if before != now => log::error!("the database cannot be written: {error}"),
        None if before.is_some() => log::info!("the database can be written"),
        _ => {}
    }
}

impl Writing {
    /// `Ok` when the last write was stored.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.0.borrow().error() {
            None => Ok(()),
            Some(error) => Err(format!("no se puede guardar: {error}")),
        }
    }

    /// Waits until writing fails, whoever noticed; not at all where it does.
    pub(crate) async fn fails(&mut self) {
        if self.0.wait_for(|state| state.error().is_some()).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until a write was tried; never returns once writing is over.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::Limits;

    #[test]
    fn what_could_not_be_counted_is_told_until_something_is_or_time_has_passed() {
        let full = |ago| {
            let failed = Instant::now().checked_sub(ago).expect("a running clock");
            State { counting: Some(("full".into(), failed)), forgetting: None }
        };
        let mut state = full(Duration::ZERO);
        state.forgotten(None);
        assert_eq!(state.error().as_deref(), Some("full"), "little was stored, and not the batch");
        let mut state = full(MEMORY + Duration::from_secs(1));
        state.forgotten(None);
        assert_eq!(state.error(), None);
    }

    async fn write(writer: &Writer) -> Result<u64, StoreError> {
        writer.forget(Timestamp::MIN, 1).await
    }

    #[tokio::test]
    async fn it_is_ready_while_the_last_write_was_stored_and_not_before_the_first() {
        let place = TempDir::new().expect("a folder");
        let folder = place.path().join("data");
        let url = format!("sqlite://{}/a.db", folder.display()).parse().expect("a url");
        let store = Store::new(&url, Limits::default()).expect("a store");
        let (writer, mut writing) = Writer::new(store);
        assert!(writing.check().expect_err("nothing was tried").contains("not been opened"));

        std::fs::write(&folder, "").expect("written");
        write(&writer).await.expect_err("a file where the folder should be");
        let reason = writing.check().expect_err("not ready");
        assert!(reason.contains("there is no folder"), "{reason}");
        writing.fails().await;

        std::fs::remove_file(&folder).expect("removed");
        std::fs::create_dir(&folder).expect("made");
        write(&writer).await.expect("written");
        assert_eq!(writing.check(), Ok(()));
    }
}
