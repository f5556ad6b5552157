//! What analytics needs on the broker: one queue, or several among which the
//! events are spread by client.
//!
//! Between two configurations nothing is unroutable: the new way is bound before
//! the old one is taken away. What came by both counts once.

use broker::{Binding, Destination, Exchange, ExchangeKind, Leftovers, Overflow, Queue, Topology};
use messages::names::{self, QUEUES};

/// Deliveries of one message before it is dead-lettered. Poison is rejected at
/// its first; this is for a message that kills whoever reads it.
const DELIVERY_LIMIT: i64 = 1000;

/// The same for the dead-letter queue. Behind it is nothing, so over the limit it
/// would drop a message, and before RabbitMQ 4.3 looking at one counts as a
/// delivery: people may look as often as they like.
const DEAD_DELIVERY_LIMIT: i64 = 2_000_000_000;

/// Messages that may wait in a queue before senders are refused.
const MAX_WAITING: i64 = 5_000_000;

/// A queue's share of the clients, which is the same for all.
const WEIGHT: &str = "1";

/// Takes what the queues gave up on.
const DEAD_LETTERS: Binding = Binding {
    destination: Destination::Queue(names::DEAD_LETTER_QUEUE),
    exchange: names::DEAD_LETTER_EXCHANGE,
    routing_key: "",
};

/// The way to the one queue.
const DIRECT: Binding = Binding {
    destination: Destination::Queue(names::QUEUE),
    exchange: names::EXCHANGE,
    routing_key: names::CLICK,
};

/// The way to all of them.
const BY_CLIENT: Binding =
    Binding { destination: Destination::Exchange(names::EXCHANGE_BY_CLIENT), ..DIRECT };

/// What is declared for so many queues. Further routing keys may be bound by hand:
/// analytics counts whatever its queues receive.
pub(crate) fn topology(partitions: usize) -> Topology {
    let (used, unused) = QUEUES.split_at(partitions);
    let mut exchanges = vec![
        Exchange { name: names::EXCHANGE, kind: ExchangeKind::Direct, alternate: None },
        Exchange { name: names::DEAD_LETTER_EXCHANGE, kind: ExchangeKind::Fanout, alternate: None },
    ];
    let (mut bindings, mut unbound) = (vec![DEAD_LETTERS], Vec::new());
    if partitions == 1 {
        bindings.push(DIRECT);
        unbound.push(BY_CLIENT);
    } else {
        let kind = ExchangeKind::ConsistentHash { header: names::CLIENT_HEADER };
        exchanges.push(Exchange { name: names::EXCHANGE_BY_CLIENT, kind, alternate: None });
        // The queues first: an exchange that leads nowhere would return what it gets.
        bindings.extend(used.iter().map(|queue| share(queue)));
        bindings.push(BY_CLIENT);
        unbound.push(DIRECT);
    }
    unbound.extend(unused.iter().map(|queue| share(queue)));
    let queues = std::iter::once(DEAD).chain(used.iter().map(|queue| work_queue(queue))).collect();
    Topology { exchanges, queues, bindings, unbound }
}

/// Queues that so many partitions do not use, and that may be there from a time
/// when they were more.
pub(crate) fn leftovers(partitions: usize) -> Leftovers {
    let (_, queues) = QUEUES.split_at(partitions);
    Leftovers { exchange: names::EXCHANGE_BY_CLIENT, queues }
}

const DEAD: Queue = Queue {
    name: names::DEAD_LETTER_QUEUE,
    delivery_limit: DEAD_DELIVERY_LIMIT,
    max_length: MAX_WAITING,
    overflow: Overflow::RefusePublishes,
    dead_letter_exchange: None,
};

fn work_queue(name: &'static str) -> Queue {
    Queue {
        name,
        delivery_limit: DELIVERY_LIMIT,
        dead_letter_exchange: Some(names::DEAD_LETTER_EXCHANGE),
        ..DEAD
    }
}

fn share(queue: &'static str) -> Binding {
    Binding {
        destination: Destination::Queue(queue),
        exchange: names::EXCHANGE_BY_CLIENT,
        routing_key: WEIGHT,
    }
}
