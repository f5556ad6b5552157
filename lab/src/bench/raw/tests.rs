//! The raw client against a real broker.

use super::connection::arguments_of;
use super::{Address, Connection, Consumer, Octets, Publisher, Target, Unreadable};
use crate::bench::flow::Flow;
use messages::names::QUEUE;
use test_support::Vhost;

const DEFINITIONS: &str = include_str!("../../../../rabbitmq/definitions.json");

fn address(vhost: &Vhost) -> Address {
    let url = vhost.url();
    let (_, name) = url.rsplit_once('/').expect("a URL with a vhost");
    Address {
        socket: vhost.broker_address(),
        user: "guest".to_owned(),
        password: "guest".to_owned(),
        vhost: name.to_owned(),
    }
}

/// The laboratory's own kind of queue, bound to its exchange.
fn queue(address: &Address) -> Connection {
    let mut connection = Connection::open(address).unwrap();
    let arguments = arguments_of(DEFINITIONS, QUEUE).unwrap();
    connection.declare("q", &arguments).unwrap();
    connection.bind("q", "amq.direct", "bench").unwrap();
    connection
}

const TARGET: Target = Target { exchange: "amq.direct", routing_key: "bench", clients: 10 };

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn what_is_published_is_confirmed_and_consumed_once() {
    let vhost = Vhost::create().await;
    let address = address(&vhost);
    blocking(move || {
        let mut connection = queue(&address);
        let (outflow, inflow) = (Flow::default(), Flow::default());
        let sent = Publisher::open(&address, &TARGET, 100).unwrap().run(2500, &outflow);
        assert_eq!((sent.unwrap(), outflow.done()), (2500, 2500));
        let consumer = Consumer::open(&address, "q").unwrap();
        let taken = consumer.run(|messages| messages >= 2500, &inflow).unwrap();
        assert_eq!((taken.messages, inflow.done()), (2500, 2500));
        assert_eq!(connection.delete("q").unwrap(), 0, "all was acknowledged");
    })
    .await;
}

#[tokio::test]
async fn octets_that_no_client_writes_are_taken_by_the_broker() {
    let vhost = Vhost::create().await;
    let address = address(&vhost);
    blocking(move || {
        let mut connection = queue(&address);
        let way = (TARGET.exchange, TARGET.routing_key);
        let message = |part| Octets::unreadable(part, way, ("id", "tipo"), b"x".to_vec());
        let messages = Unreadable::ALL.map(message);
        Connection::open(&address).unwrap().publish_octets(&messages).unwrap();
        assert_eq!(connection.length("q").unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_counted_and_thrown_away() {
    let vhost = Vhost::create().await;
    let address = address(&vhost);
    blocking(move || {
        let mut connection = queue(&address);
        Publisher::open(&address, &TARGET, 100).unwrap().run(30, &Flow::default()).unwrap();
        assert_eq!(connection.length("q").unwrap(), 30);
        assert_eq!(connection.purge("q").unwrap(), 30);
        assert_eq!(connection.length("q").unwrap(), 0);
        let error = connection.length("r").expect_err("no such queue").to_string();
        assert!(error.contains("404"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_exchange_by_header_shares_clients_out_among_its_queues() {
    let vhost = Vhost::create().await;
    let address = address(&vhost);
    blocking(move || {
        let mut connection = queue(&address);
        connection.declare("r", &arguments_of(DEFINITIONS, QUEUE).unwrap()).unwrap();
        connection.declare_by_header("by-client", "cliente").unwrap();
        for queue in ["q", "r"] {
            connection.bind(queue, "by-client", "1").unwrap();
        }
        connection.bind_exchange("by-client", "amq.direct", "spread").unwrap();
        let spread = Target { routing_key: "spread", clients: 100, ..TARGET };
        Publisher::open(&address, &spread, 100).unwrap().run(1000, &Flow::default()).unwrap();
        connection.delete_exchange("by-client").unwrap();
        let queues = ["q", "r"].map(|queue| connection.delete(queue).unwrap());
        assert_eq!(queues.iter().sum::<u32>(), 1000);
        // Ten events of each client, and all of them in one queue.
        assert!(queues.iter().all(|events| *events > 0 && events % 10 == 0), "{queues:?}");
    })
    .await;
}

#[tokio::test]
async fn told_to_stop_a_publisher_still_waits_for_its_confirms() {
    let vhost = Vhost::create().await;
    let address = address(&vhost);
    blocking(move || {
        let mut connection = queue(&address);
        let flow = Flow::default();
        let publisher = Publisher::open(&address, &TARGET, 10).unwrap();
        let sent = std::thread::scope(|scope| {
            let running = scope.spawn(|| publisher.run(u64::MAX, &flow).unwrap());
            while flow.done() < 50 {
                std::thread::yield_now();
            }
            flow.stop();
            running.join().unwrap()
        });
        assert_eq!(flow.done(), sent);
        assert_eq!(u64::from(connection.delete("q").unwrap()), sent);
    })
    .await;
}

#[tokio::test]
async fn what_no_queue_takes_is_an_error_and_so_is_what_the_broker_refuses() {
    let vhost = Vhost::create().await;
    let address = address(&vhost);
    blocking(move || {
        let nowhere = Target { routing_key: "nowhere", ..TARGET };
        let publisher = Publisher::open(&address, &nowhere, 1).unwrap();
        let error = publisher.run(1, &Flow::default()).unwrap_err().to_string();
        assert!(error.contains("devolvió"), "{error}");
        let mut connection = Connection::open(&address).unwrap();
        let error = connection.bind("missing", "amq.direct", "k").unwrap_err().to_string();
        assert!(error.contains("404"), "{error}");
        let stranger = Address { password: "wrong".to_owned(), ..address };
        assert!(Connection::open(&stranger).is_err());
    })
    .await;
}
