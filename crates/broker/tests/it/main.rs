//! The broker crate against a real RabbitMQ, in a vhost of each test's own.

mod consuming;
mod content_header;
mod dead_letters;
mod faults;
mod octets;
mod partitions;
mod publishing;
mod reconnecting;
mod room;

use broker::{
    AmqpUrl, Binding, Destination, Exchange, ExchangeKind, JSON, Outgoing, Overflow, Publisher,
    Queue, Topology, publisher,
};
use messages::{MessageId, names};
use test_support::{Vhost, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const EXCHANGE: &str = "pruebas";
const QUEUE: &str = "cola_pruebas";
const DEAD_LETTERS: &str = "cola_pruebas_dlq";

fn topology() -> Topology {
    let queue = Queue {
        name: QUEUE,
        delivery_limit: 1000,
        max_length: 1_000_000,
        overflow: Overflow::RefusePublishes,
        dead_letter_exchange: Some("pruebas_dlx"),
    };
    let dead = Queue { name: DEAD_LETTERS, dead_letter_exchange: None, ..queue };
    Topology {
        exchanges: vec![
            Exchange { name: EXCHANGE, kind: ExchangeKind::Direct, alternate: None },
            Exchange { name: "pruebas_dlx", kind: ExchangeKind::Fanout, alternate: None },
        ],
        queues: vec![dead, queue],
        bindings: vec![
            bound(Destination::Queue(DEAD_LETTERS), "pruebas_dlx", ""),
            bound(Destination::Queue(QUEUE), EXCHANGE, "click"),
        ],
        ..Topology::default()
    }
}

fn bound(destination: Destination, exchange: &'static str, routing_key: &'static str) -> Binding {
    Binding { destination, exchange, routing_key }
}

fn message(routing_key: &str) -> Outgoing {
    let id = MessageId::from(Uuid::now_v7());
    Outgoing {
        id,
        producer: "prueba".to_owned(),
        user: None,
        kind: "prueba.v1".into(),
        routing_key: routing_key.to_owned(),
        timestamp: 1_744_545_600,
        correlation_id: Some("peticion-1".to_owned()),
        content_type: JSON.into(),
        headers: vec![(names::CLIENT_HEADER, "ana".to_owned())],
        body: format!(r#"{{"id":"{id}"}}"#).into_bytes(),
    }
}

/// A publisher that runs, and what ends it.
struct Running {
    publisher: Publisher,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(url: &str) -> Self {
        let url: AmqpUrl = url.parse().expect("a broker's URL");
        let stop = CancellationToken::new();
        let (publisher, task) = publisher(url, "prueba".to_owned(), EXCHANGE, stop.clone());
        Self { publisher, stop, task: tokio::spawn(task.run()) }
    }

    /// A publisher that is connected, to a vhost with a queue bound to `click`.
    async fn ready(vhost: &Vhost) -> Self {
        vhost.declare_exchange(EXCHANGE, "direct").await;
        vhost.declare_queue(QUEUE, serde_json::json!({ "x-queue-type": "quorum" })).await;
        vhost.bind(EXCHANGE, QUEUE, "click").await;
        let running = Self::start(&vhost.url());
        running.connected().await;
        running
    }

    async fn connected(&self) {
        eventually("the publisher is connected", || async {
            self.publisher.status().check().map_err(|reason| reason.to_string())
        })
        .await;
    }
}
