//! What the proxy needs on the broker. The queues of systems are made when systems are
//! registered, and only then: one that is missing is for people to notice.

use broker::{Binding, Destination, Exchange, ExchangeKind, Mistake, Overflow, Queue, Topology};
use management::Arguments;
use messages::names;
use serde_json::json;

/// Deliveries of one message before it is dead-lettered: for one that kills whoever
/// reads it.
const DELIVERY_LIMIT: i64 = 1000;

/// The same for queues behind which there is nothing: people may look as often as they
/// like.
const DEAD_DELIVERY_LIMIT: i64 = 2_000_000_000;

/// Messages that may wait for the proxy before publishers are refused.
const MAX_WAITING: i64 = 5_000_000;

/// Messages that may wait for a system; what comes then waits in the proxy.
const MAX_IN_MAILBOX: i64 = 1_000_000;

/// Arguments of a system's queue. What its program rejects is for people to look at.
pub(crate) fn mailbox_arguments() -> Arguments {
    let arguments = [
        ("x-queue-type", json!("quorum")),
        ("x-delivery-limit", json!(DELIVERY_LIMIT)),
        ("x-max-length", json!(MAX_IN_MAILBOX)),
        ("x-overflow", json!("reject-publish")),
        ("x-dead-letter-exchange", json!(names::REFUSED_EXCHANGE)),
        ("x-dead-letter-strategy", json!("at-least-once")),
    ];
    arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Log events that may wait: what is more drops the oldest.
pub(crate) const MAX_LOG_WAITING: u32 = 100_000;

/// What log events need, apart from the rest: where it cannot be declared now, messages
/// go on.
pub(crate) fn log_topology() -> Topology {
    Topology {
        exchanges: vec![exchange(names::LOG_EXCHANGE, ExchangeKind::Fanout)],
        queues: vec![Queue {
            name: names::LOG_QUEUE,
            delivery_limit: DELIVERY_LIMIT,
            max_length: MAX_LOG_WAITING.into(),
            overflow: Overflow::DropOldest,
            dead_letter_exchange: None,
        }],
        bindings: vec![bound(names::LOG_QUEUE, names::LOG_EXCHANGE, "")],
        unbound: Vec::new(),
    }
}

/// What is declared whenever the proxy connects.
pub(crate) fn topology() -> Topology {
    let mut topology = declared();
    if Mistake::WayRound.is_made() {
        topology.bindings.append(&mut topology.unbound);
    }
    topology
}

fn declared() -> Topology {
    Topology {
        exchanges: vec![
            exchange(names::REFUSED_EXCHANGE, ExchangeKind::Fanout),
            exchange(names::AUDIT_EXCHANGE, ExchangeKind::Fanout),
            exchange(names::DELIVERY_EXCHANGE, ExchangeKind::Direct),
            exchange(names::PROBE_EXCHANGE, ExchangeKind::Direct),
            Exchange {
                alternate: Some(names::AUDIT_EXCHANGE),
                ..exchange(names::ENTRY_EXCHANGE, ExchangeKind::Direct)
            },
        ],
        queues: vec![
            Queue {
                name: names::REFUSED_QUEUE,
                delivery_limit: DEAD_DELIVERY_LIMIT,
                max_length: MAX_WAITING,
                overflow: Overflow::RefusePublishes,
                dead_letter_exchange: None,
            },
            waiting(names::AUDIT_QUEUE),
            waiting(names::NOTIFICATIONS),
        ],
        bindings: vec![
            bound(names::REFUSED_QUEUE, names::REFUSED_EXCHANGE, ""),
            bound(names::AUDIT_QUEUE, names::AUDIT_EXCHANGE, ""),
            bound(names::NOTIFICATIONS, names::ENTRY_EXCHANGE, names::NOTIFICATIONS),
        ],
        unbound: vec![shortcut()],
    }
}

/// By this a publisher's probe once came back; a message with this key and a further one
/// (CC, BCC) came into a mailbox, past the audit.
fn shortcut() -> Binding {
    Binding {
        destination: Destination::Exchange(names::DELIVERY_EXCHANGE),
        exchange: names::ENTRY_EXCHANGE,
        routing_key: "(sonda)",
    }
}

fn exchange(name: &'static str, kind: ExchangeKind) -> Exchange {
    Exchange { name, kind, alternate: None }
}

/// A queue that the proxy reads.
fn waiting(name: &'static str) -> Queue {
    Queue {
        name,
        delivery_limit: DELIVERY_LIMIT,
        max_length: MAX_WAITING,
        overflow: Overflow::RefusePublishes,
        dead_letter_exchange: Some(names::REFUSED_EXCHANGE),
    }
}

fn bound(queue: &'static str, exchange: &'static str, routing_key: &'static str) -> Binding {
    Binding { destination: Destination::Queue(queue), exchange, routing_key }
}
