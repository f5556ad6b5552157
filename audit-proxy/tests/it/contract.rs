//! What every store must do; each test runs on both databases.

use std::collections::BTreeSet;

use audit_proxy::{
    lifecycle::{FORWARDED, RECEIVED, REFUSED, Told},
    register::{Register, Standing, System},
    store::{
        Change, Entry, Forwarded, KeptNotice, Key, Notice, Profile, Receipt, Record, Records,
        Refused, Store,
    },
};
use broker::Incoming;
use jiff::Timestamp;
use messages::{MessageId, StandardMessage, StateName, SystemName};
use uuid::Uuid;

use super::{Backend, Database};

contract!(
    a_message_is_stored_once_however_often_it_comes,
    one_id_is_one_message_of_each_system,
    another_message_of_the_same_id_is_told_apart,
    what_waits_goes_in_its_order_until_it_is_forwarded,
    what_was_forwarded_is_known_as_that_when_it_comes_again,
    a_notification_moves_its_message_and_is_kept,
    a_notification_before_the_forward_is_not_undone_by_it,
    notifications_that_change_nothing_are_kept_with_what_came_of_them,
    a_notification_that_comes_first_waits_for_its_message,
    what_was_refused_is_kept_with_its_reason_and_once,
    any_bytes_and_any_text_come_back_as_they_were,
    systems_are_registered_changed_and_known_by_their_users,
    five_hundred_in_one_batch,
);

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

pub(super) fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

pub(super) fn register() -> Register {
    let system = |name: &str| {
        let (users, states) = (BTreeSet::from([format!("{name}-1")]), BTreeSet::new());
        (self::name(name), System { standing: Standing::Active, users, states })
    };
    Register::from_iter([system("servicedesk"), system("redmine")])
}

pub(super) fn message() -> StandardMessage {
    StandardMessage {
        id: MessageId::from(Uuid::now_v7()),
        source: name("servicedesk"),
        destination: name("redmine"),
        kind: name("ticket.asignado"),
        created: at(-1),
        correlation: Some("ticket 4711".to_owned().try_into().expect("a correlation")),
        content_type: "application/json".to_owned().try_into().expect("a type"),
        payload: br#"{"ticket":4711}"#.to_vec(),
        properties: None,
    }
}

pub(super) fn notice(message: &StandardMessage, state: &str, second: i64) -> Notice {
    Notice {
        id: MessageId::from(Uuid::now_v7()),
        message: message.id,
        source: message.source.clone(),
        told: Told { by: name("redmine"), state: name(state), at: at(second) },
        details: None,
    }
}

pub(super) async fn receive(store: &Store, message: &StandardMessage) -> Receipt {
    let receipts = store.receive(&[message], at(0)).await.expect("received");
    receipts[0]
}

pub(super) async fn key(store: &Store, message: &StandardMessage) -> Key {
    match receive(store, message).await {
        Receipt::ToForward(key) => key,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn forward(store: &Store, key: Key) {
    store.forwarded(&[Forwarded { key, at: at(1) }]).await.expect("written down");
}

pub(super) async fn notify(store: &Store, notices: &[Notice]) {
    store.notify(notices, &register(), at(2)).await.expect("kept");
}

pub(super) async fn only(store: &Store, id: MessageId) -> Entry {
    let mut found = store.messages(id).await.expect("an answer");
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The only message of this id, with all that happened to it.
pub(super) async fn record(store: &Store, id: MessageId) -> Record {
    let mut messages = store.records(id).await.expect("an answer").messages;
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

/// What was told of this id, whether it has found its message or not.
pub(super) async fn notices(store: &Store, id: MessageId) -> Vec<KeptNotice> {
    let Records { messages, without_message, .. } = store.records(id).await.expect("an answer");
    messages.into_iter().flat_map(|record| record.notices).chain(without_message).collect()
}

async fn effects(store: &Store, id: MessageId) -> Vec<(String, String)> {
    notices(store, id).await.into_iter().map(|notice| (notice.state, notice.effect)).collect()
}

async fn a_message_is_stored_once_however_often_it_comes(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    let receipts = store.receive(&[&message, &message], at(0)).await.expect("received");
    let Receipt::ToForward(key) = receipts[0] else { panic!("{receipts:?}") };
    assert_eq!(receipts[1], Receipt::Repeated);
    assert_eq!(receive(&store, &message).await, Receipt::ToForward(key), "after a crash");
    let entry = only(&store, message.id).await;
    assert_eq!((entry.key, entry.state.as_str(), entry.forwarded), (key, RECEIVED, None));
    assert_eq!(entry.key.received(), at(0));
}

async fn one_id_is_one_message_of_each_system(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, one) = (database.store(), message());
    let other = StandardMessage {
        source: name("redmine"),
        destination: name("servicedesk"),
        ..one.clone()
    };
    assert_ne!(key(&store, &one).await, key(&store, &other).await);
    assert_eq!(store.messages(one.id).await.expect("an answer").len(), 2);
}

async fn another_message_of_the_same_id_is_told_apart(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, one) = (database.store(), message());
    key(&store, &one).await;
    for other in [
        StandardMessage { payload: b"{}".to_vec(), ..one.clone() },
        StandardMessage { destination: name("servicedesk"), ..one.clone() },
        StandardMessage { kind: name("otra"), ..one.clone() },
    ] {
        assert_eq!(receive(&store, &other).await, Receipt::OtherMessage);
    }
    let again = StandardMessage { created: at(9), ..one };
    assert!(matches!(receive(&store, &again).await, Receipt::ToForward(_)), "a retry is none");
}

async fn what_waits_goes_in_its_order_until_it_is_forwarded(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let redmine: SystemName = name("redmine");
    let waiting: Vec<_> = (0..3).map(|_| message()).collect();
    store.receive(&waiting.iter().collect::<Vec<_>>(), at(0)).await.expect("received");
    let destinations = async |before| {
        store.destinations_waited_for(Key::first_at(before)).await.expect("an answer")
    };
    assert_eq!(destinations(at(1)).await, std::slice::from_ref(&redmine));
    assert!(destinations(at(0)).await.is_empty(), "it came later");
    let found = store.waiting(&redmine, 2).await.expect("an answer");
    let sent: Vec<_> = found.iter().map(|waiting| waiting.message.clone()).collect();
    assert_eq!(sent, waiting[..2]);
    let done: Vec<_> = found.iter().map(|one| Forwarded { key: one.key, at: at(1) }).collect();
    store.forwarded(&done).await.expect("written down");
    let left = store.waiting(&redmine, 9).await.expect("an answer");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].message, waiting[2]);
    assert!(store.waiting(&name("servicedesk"), 9).await.expect("an answer").is_empty());
}

async fn what_was_forwarded_is_known_as_that_when_it_comes_again(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    forward(&store, key(&store, &message).await).await;
    assert_eq!(receive(&store, &message).await, Receipt::Repeated);
    let entry = only(&store, message.id).await;
    assert_eq!((entry.state.as_str(), entry.forwarded), (FORWARDED, Some(at(1))));
}

async fn a_notification_moves_its_message_and_is_kept(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    forward(&store, key(&store, &message).await).await;
    let details = "con «ñ» y <b>".to_owned().try_into().expect("a note");
    let told = Notice { details: Some(details), ..notice(&message, "procesado", 7) };
    for _ in 0..2 {
        notify(&store, std::slice::from_ref(&told)).await;
    }
    let entry = only(&store, message.id).await;
    assert_eq!(entry.state, "procesado");
    assert_eq!((entry.settled, entry.notified), (Some(at(7)), Some(at(2))));
    let kept = notices(&store, message.id).await;
    assert_eq!(kept.len(), 1, "it came twice");
    assert_eq!(kept[0].details.as_deref(), Some("con «ñ» y <b>"));
    assert_eq!(kept[0].before.as_deref(), Some(FORWARDED));
    assert_eq!(kept[0].key, Some(entry.key));
}

async fn a_notification_before_the_forward_is_not_undone_by_it(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    let key = key(&store, &message).await;
    notify(&store, &[notice(&message, "procesado", 7)]).await;
    forward(&store, key).await;
    let entry = only(&store, message.id).await;
    assert_eq!((entry.state.as_str(), entry.forwarded), ("procesado", Some(at(1))));
}

async fn notifications_that_change_nothing_are_kept_with_what_came_of_them(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    forward(&store, key(&store, &message).await).await;
    let by_source = notice(&message, "procesado", 3);
    let told = Told { by: name("servicedesk"), ..by_source.told.clone() };
    notify(
        &store,
        &[
            Notice { told, ..by_source },
            notice(&message, "inventado", 4),
            notice(&message, "error", 5),
            notice(&message, "error", 6),
            notice(&message, "rechazado", 4),
            notice(&message, "procesado", 8),
        ],
    )
    .await;
    let mut kept = effects(&store, message.id).await;
    kept.sort();
    let word = |state: &str, effect: &str| (state.to_owned(), effect.to_owned());
    assert_eq!(
        kept,
        [
            word("error", "aplicada"),
            word("error", "repetida"),
            word("inventado", "estado_desconocido"),
            word("procesado", "ajena"),
            word("procesado", "aplicada"),
            word("rechazado", "tardia"),
        ]
    );
    assert_eq!(only(&store, message.id).await.state, "procesado");
}

async fn a_notification_that_comes_first_waits_for_its_message(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, message) = (database.store(), message());
    notify(&store, &[notice(&message, "procesado", 7)]).await;
    assert_eq!(effects(&store, message.id).await, [("procesado".into(), "sin_mensaje".into())]);
    assert_eq!(store.reunite(&register(), at(3)).await.expect("done"), 0, "no message yet");
    forward(&store, key(&store, &message).await).await;
    assert_eq!(store.reunite(&register(), at(4)).await.expect("done"), 1);
    assert_eq!(store.reunite(&register(), at(5)).await.expect("done"), 0);
    assert_eq!(effects(&store, message.id).await, [("procesado".into(), "aplicada".into())]);
    assert_eq!(only(&store, message.id).await.state, "procesado");
}

async fn what_was_refused_is_kept_with_its_reason_and_once(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, id) = (database.store(), Uuid::now_v7().to_string());
    let mut bare = Incoming::new(Some(&id), Some("a\0b"), vec![7; 100_000]);
    let refuse = async |message: &Incoming| {
        let refused = Refused { message, reason: "no lleva app_id".to_owned() };
        store.refuse(&[refused], at(0)).await.expect("kept");
    };
    refuse(&bare).await;
    bare.redelivered = true;
    refuse(&bare).await;
    let entry = only(&store, name(&id)).await;
    assert_eq!((entry.state.as_str(), entry.size), (REFUSED, 100_000));
    assert_eq!(entry.reason.as_deref(), Some("no lleva app_id"));
    assert_eq!(entry.kind.as_deref(), Some("a\u{fffd}b"));
    assert_eq!((entry.source, entry.created), (None, None));
    let destinations = store.destinations_waited_for(Key::first_at(at(9))).await;
    assert!(destinations.expect("an answer").is_empty(), "it waits for nobody");
}

async fn any_bytes_and_any_text_come_back_as_they_were(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let text = |text: &str| text.to_owned();
    let message = StandardMessage {
        correlation: Some(text("'; DROP TABLE messages;-- «ñ» \u{202e}").try_into().expect("one")),
        content_type: text("application/octet-stream; a=\"b\"").try_into().expect("a type"),
        created: "1969-12-31T23:59:59.999999Z".parse().expect("a time"),
        payload: (0..=255).collect(),
        ..message()
    };
    let empty = StandardMessage {
        id: MessageId::from(Uuid::now_v7()),
        correlation: None,
        payload: Vec::new(),
        ..message.clone()
    };
    store.receive(&[&message, &empty], at(0)).await.expect("received");
    let found = store.waiting(&name("redmine"), 9).await.expect("an answer");
    let found: Vec<_> = found.into_iter().map(|waiting| waiting.message).collect();
    assert_eq!(found, [message, empty]);
}

async fn systems_are_registered_changed_and_known_by_their_users(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, redmine) = (database.store(), name::<SystemName>("redmine"));
    let states: Vec<StateName> = vec![name("aplazado")];
    let profile = Profile { standing: Standing::Active, description: "Soporte".to_owned(), states };
    assert!(store.add_system(&redmine, &profile, at(0)).await.expect("added"));
    assert!(!store.add_system(&redmine, &profile, at(1)).await.expect("not added"));
    assert!(store.add_credential("redmine-1", &redmine, at(2)).await.expect("added"));
    assert!(!store.add_credential("redmine-1", &redmine, at(3)).await.expect("not added"));
    assert!(store.add_credential("redmine-2", &redmine, at(4)).await.expect("added"));
    assert!(store.remove_credential("redmine-1").await.expect("removed"));
    let suspended = Profile { standing: Standing::Suspended, ..profile };
    let change = Change { standing: Some(Standing::Suspended), ..Change::default() };
    assert!(store.change_system(&redmine, &change).await.expect("changed"));
    assert!(!store.change_system(&name("nadie"), &change).await.expect("not changed"));

    let systems = store.systems().await.expect("an answer");
    assert_eq!(systems.len(), 1);
    assert_eq!((&systems[0].name, &systems[0].profile), (&redmine, &suspended));
    assert_eq!(systems[0].created, at(0));
    let register = store.register().await.expect("an answer");
    let system = register.get(&redmine).expect("registered");
    assert_eq!(system.users, BTreeSet::from(["redmine-2".to_owned()]));
    assert_eq!(system.standing, Standing::Suspended);
    assert!(system.may_assign(&name("aplazado")));
}

async fn five_hundred_in_one_batch(backend: Backend) {
    let database = Database::create(backend).await;
    let store = database.store();
    let batch: Vec<_> = (0..500).map(|_| message()).collect();
    let all: Vec<_> = batch.iter().collect();
    let receipts = store.receive(&all, at(0)).await.expect("received");
    let done: Vec<_> = receipts
        .iter()
        .map(|receipt| match receipt {
            Receipt::ToForward(key) => Forwarded { key: *key, at: at(1) },
            other => panic!("{other:?}"),
        })
        .collect();
    store.forwarded(&done).await.expect("written down");
    let notices: Vec<_> = batch.iter().map(|one| notice(one, "procesado", 3)).collect();
    notify(&store, &notices).await;
    let again = store.receive(&all, at(4)).await.expect("received");
    assert!(again.iter().all(|receipt| *receipt == Receipt::Repeated));
    assert_eq!(only(&store, batch[499].id).await.state, "procesado");
}
