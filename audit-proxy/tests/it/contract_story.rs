//! What every store must tell of one message; each test runs on both databases.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use audit_proxy::{
    lifecycle::FORWARDED,
    store::{Record, Records, Refused},
};
use broker::Incoming;

use super::{
    Backend, Database,
    contract::{at, forward, key, message, notice, notify, record},
};

contract!(
    a_state_and_what_told_of_it_are_seen_together,
    of_many_notifications_and_refusals_the_last_hundred_are_told,
);

async fn a_state_and_what_told_of_it_are_seen_together(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    forward(&store, key(&store, &message).await).await;
    let is_told = AtomicBool::new(false);
    let tell = async {
        for second in 3..63 {
            let state = if second % 2 == 0 { "error" } else { "procesado" };
            notify(&store, &[notice(&message, state, second)]).await;
        }
        is_told.store(true, Relaxed);
    };
    let read = async {
        while !is_told.load(Relaxed) {
            let Record { entry, notices, .. } = record(&store, message.id).await;
            let last = notices.last().map_or(FORWARDED, |notice| notice.state.as_str());
            assert_eq!(entry.state, last);
        }
    };
    tokio::join!(tell, read);
}

async fn of_many_notifications_and_refusals_the_last_hundred_are_told(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    let records = async || store.records(message.id).await.expect("an answer");
    forward(&store, key(&store, &message).await).await;
    let told: Vec<_> = (3..103).map(|second| notice(&message, "error", second)).collect();
    notify(&store, &told).await;
    assert!(!records().await.has_older);
    notify(&store, &[notice(&message, "procesado", 200)]).await;
    let Record { entry, notices, .. } = record(&store, message.id).await;
    assert_eq!((entry.state.as_str(), notices.len()), ("procesado", 100));
    assert_eq!(notices[99].state, "procesado", "the oldest is left out");
    assert!(records().await.has_older);

    let other = self::message();
    key(&store, &other).await;
    let id = other.id.as_uuid().to_string();
    let copy = |place: u8| Incoming::new(Some(&id), None, vec![place]);
    let copies: Vec<_> = (0..101).map(copy).collect();
    let refused: Vec<_> =
        copies.iter().map(|message| Refused { message, reason: "no".to_owned() }).collect();
    store.refuse(&refused, at(3)).await.expect("kept");
    let Records { messages, has_older, .. } = store.records(other.id).await.expect("an answer");
    assert_eq!((messages.len(), has_older), (101, true));
    assert_eq!(messages[0].entry.reason, None, "what was admitted is never left out");
}
