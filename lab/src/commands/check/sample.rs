//! Facts for the tests of the grades.

use super::design;
use super::facts::{
    Analytics, AnalyticsFaults, Answer, Attempt, Confirmed, Counted, Crashes, Facts, Published,
    Sender, SenderFaults, SenderState, Uncounted,
};
use super::place::Place;
use jiff::{SignedDuration, Timestamp};
use messages::names::{CLICK, QUEUE};
use serde_json::json;
use std::collections::HashMap;
use uuid::{NoContext, Uuid};

/// When the class began, in these tests.
pub(super) fn began() -> Timestamp {
    "2026-11-22T20:00:00Z".parse().unwrap()
}

/// So many seconds after an hour of class.
pub(super) fn at(seconds: i64) -> Timestamp {
    began().checked_add(SignedDuration::from_secs(3600 + seconds)).unwrap()
}

/// An id made at [`at`] that second.
pub(super) fn id_of(seconds: i64) -> Uuid {
    let moment = u64::try_from(at(seconds).as_second()).unwrap();
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, moment, 0))
}

/// A laboratory that runs as designed, where nothing has happened yet.
pub(super) fn nothing() -> Facts {
    let mut broker = design::as_designed();
    let queue = broker.queues.iter_mut().find(|queue| queue["name"] == QUEUE).unwrap();
    queue["messages"] = json!(0);
    let sender = |name| Sender {
        name,
        state: Answer::Said(SenderState { publicaciones: Published::default(), ultimas: vec![] }),
        faults: Answer::Said(SenderFaults::default()),
        confirmed: Answer::Said(vec![]),
    };
    Facts {
        place: Place::usual(false),
        parts: vec![("rabbitmq", true), ("analiticas", true)],
        senders: ["cliente_x", "cliente_uno", "cliente_dos"].map(sender).to_vec(),
        analytics: Answer::Said(Analytics { consumo: "activo".to_owned(), ..Analytics::default() }),
        analytics_faults: Answer::Said(AnalyticsFaults::default()),
        broker: Answer::Said(broker),
        since: began(),
        counted: Answer::Said(vec![]),
        uncounted: Answer::Said(vec![]),
        dead: Answer::Said(vec![]),
        attempts: HashMap::new(),
        stories: HashMap::new(),
        crashes: Crashes::default(),
    }
}

/// The queue as the broker tells it.
pub(super) fn queue_of(facts: &mut Facts) -> &mut serde_json::Value {
    let Answer::Said(broker) = &mut facts.broker else { panic!("no broker") };
    broker.queues.iter_mut().find(|queue| queue["name"] == QUEUE).unwrap()
}

/// What analytics says of itself.
pub(super) fn analytics_of(facts: &mut Facts) -> &mut Analytics {
    let Answer::Said(analytics) = &mut facts.analytics else { panic!("no analytics") };
    analytics
}

/// What the first sender says of itself.
pub(super) fn sender_of(facts: &mut Facts) -> &mut SenderState {
    let Answer::Said(state) = &mut facts.senders[0].state else { panic!("no sender") };
    state
}

/// Rows of the ledger, counted as soon as they were made.
pub(super) fn counted_rows(clients: &[(&str, usize)]) -> Vec<Counted> {
    let rows = clients.iter().flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
    rows.map(|name| counted_row(id_of(0), name, 0)).collect()
}

/// A row of the ledger.
pub(super) fn counted_row(id: Uuid, client: &str, seconds: i64) -> Counted {
    Counted { id, cliente: client.to_owned(), contado: at(seconds) }
}

/// One event of ana's that was confirmed, and not counted.
pub(super) fn with_one(seconds: i64) -> (Facts, Uuid) {
    let mut facts = nothing();
    let id = id_of(seconds);
    confirmed_of(&mut facts).push(confirmed(id, seconds));
    uncounted_of(&mut facts).push(uncounted(id));
    (facts, id)
}

/// What the first sender remembers as confirmed.
pub(super) fn confirmed_of(facts: &mut Facts) -> &mut Vec<Confirmed> {
    let Answer::Said(confirmed) = &mut facts.senders[0].confirmed else { panic!("no sender") };
    confirmed
}

/// What analytics has not counted.
pub(super) fn uncounted_of(facts: &mut Facts) -> &mut Vec<Uncounted> {
    let Answer::Said(uncounted) = &mut facts.uncounted else { panic!("no analytics") };
    uncounted
}

/// An event of ana's that the broker confirmed.
pub(super) fn confirmed(id: Uuid, seconds: i64) -> Confirmed {
    Confirmed { id, cliente: "ana".to_owned(), clave: CLICK.to_owned(), a_las: at(seconds) }
}

/// An event of ana's that analytics has not counted.
pub(super) fn uncounted(id: Uuid) -> Uncounted {
    Uncounted { id, cliente: "ana".to_owned(), rechazado: false }
}

/// An attempt, and how it ended.
pub(super) fn attempt(result: &str, seconds: i64) -> Attempt {
    Attempt { resultado: result.to_owned(), a_las: at(seconds) }
}
