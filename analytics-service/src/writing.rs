//! Writing, and what others may know of how it goes.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    judge::Event,
    store::{Store, StoreError},
};

/// Why the last write failed; none where it did not.
type LastError = Option<Arc<str>>;

/// Writes to the store, and tells how that goes.
#[derive(Clone)]
pub(crate) struct Writer {
    store: Store,
    state: Arc<watch::Sender<LastError>>,
}

/// How writing goes.
#[derive(Clone)]
pub(crate) struct Writing(watch::Receiver<LastError>);

impl Writer {
    pub(crate) fn new(store: Store) -> (Self, Writing) {
        let (state, writing) = watch::channel(Some("the database has not been opened yet".into()));
        (Self { store, state: Arc::new(state) }, Writing(writing))
    }

    /// As [`Store::record`].
    pub(crate) async fn record(
        &self,
        events: &[Event],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.told(self.store.record(events, now).await)
    }

    /// As [`Store::forget`].
    pub(crate) async fn forget(&self, before: Timestamp, at_most: i64) -> Result<u64, StoreError> {
        self.told(self.store.forget(before, at_most).await)
    }

    /// Where others had the database, it is for them to tell.
    fn told<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if !matches!(outcome, Err(StoreError::Busy)) {
            let now: LastError = outcome.as_ref().err().map(|error| error.to_string().into());
            let before = self.state.send_replace(now.clone());
            log_change(before.as_deref(), now.as_deref());
        }
        outcome
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
        match &*self.0.borrow() {
            None => Ok(()),
            Some(error) => Err(format!("no se puede guardar: {error}")),
        }
    }

    /// Waits until writing fails, whoever noticed; not at all where it does.
    pub(crate) async fn fails(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
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
        assert!(reason.contains("cannot make the folder"), "{reason}");
        writing.fails().await;

        std::fs::remove_file(&folder).expect("removed");
        write(&writer).await.expect("written");
        assert_eq!(writing.check(), Ok(()));
    }
}
