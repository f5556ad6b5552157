//! A topology that spreads messages over queues, and the way there and back.

use std::collections::BTreeMap;

use broker::{
    ConsumerFaults, Destination, Exchange, ExchangeKind, Leftovers, Outcome, Outgoing, Topology,
};
use messages::names;
use serde_json::Value;
use test_support::{Vhost, eventually};
use tokio_util::sync::CancellationToken;

use super::{
    DEAD_LETTERS, EXCHANGE, QUEUE, Running, bound,
    consuming::{Consuming, Memory},
    message, topology,
};

const BY_CLIENT: &str = "por_cliente";
const SECOND: &str = "cola_pruebas_2";
const CLIENTS: usize = 40;

/// Two queues behind a consistent hash; the direct way is taken away.
fn spread() -> Topology {
    let Topology { mut exchanges, mut queues, mut bindings, .. } = topology();
    let kind = ExchangeKind::ConsistentHash { header: "cliente" };
    exchanges.push(Exchange { name: BY_CLIENT, kind, alternate: None });
    queues.push(broker::Queue { name: SECOND, ..queues[1] });
    let direct = bindings.pop().expect("the last one");
    bindings.extend([QUEUE, SECOND].map(|queue| bound(Destination::Queue(queue), BY_CLIENT, "1")));
    bindings.push(bound(Destination::Exchange(BY_CLIENT), EXCHANGE, "click"));
    Topology { exchanges, queues, bindings, unbound: vec![direct] }
}

/// One queue again.
fn gathered() -> Topology {
    let unbound = vec![
        bound(Destination::Exchange(BY_CLIENT), EXCHANGE, "click"),
        bound(Destination::Queue(SECOND), BY_CLIENT, "1"),
    ];
    Topology { unbound, ..topology() }
}

/// Has a topology declared, and takes nothing.
async fn declared(url: &str, topology: Topology) {
    let faults = ConsumerFaults::default();
    faults.set(broker::ConsumerFault { paused: true, ..broker::ConsumerFault::default() });
    let consuming = Consuming::start(url, &Memory::default(), topology, faults);
    consuming.connected().await;
    consuming.stopped().await;
}

/// Messages of each client, three times over.
async fn publish(vhost: &Vhost) {
    let running = Running::start(&vhost.url());
    running.connected().await;
    let of_client = |number: usize| {
        let client = format!("cliente_{}", number % CLIENTS);
        let headers = vec![(names::CLIENT_HEADER, client.clone())];
        Outgoing { body: client.into_bytes(), headers, ..message("click") }
    };
    let outcomes = running.publisher.publish_all((0..3 * CLIENTS).map(of_client).collect()).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Confirmed), "{outcomes:?}");
}

/// How many messages of each client a queue holds.
async fn clients_in(vhost: &Vhost, queue: &str) -> BTreeMap<String, usize> {
    let mut clients = BTreeMap::new();
    for message in vhost.take(queue, 10 * CLIENTS).await {
        let client = message["payload"].as_str().expect("text").to_owned();
        assert_eq!(message["properties"]["headers"]["cliente"], Value::from(client.as_str()));
        *clients.entry(client).or_default() += 1;
    }
    clients
}

fn pairs(bindings: &[(&str, &str)]) -> Vec<(String, String)> {
    bindings.iter().map(|(to, key)| ((*to).to_owned(), (*key).to_owned())).collect()
}

#[tokio::test]
async fn messages_are_spread_by_client_and_each_clients_lie_in_one_queue() {
    let vhost = Vhost::create().await;
    declared(&vhost.url(), spread()).await;
    publish(&vhost).await;
    let (first, second) = (clients_in(&vhost, QUEUE).await, clients_in(&vhost, SECOND).await);
    assert!(!first.is_empty() && !second.is_empty(), "{first:?} {second:?}");
    assert_eq!(first.len() + second.len(), CLIENTS, "each in one queue: {first:?} {second:?}");
    assert!(first.values().chain(second.values()).all(|count| *count == 3));
}

#[tokio::test]
async fn the_way_there_and_back_may_be_declared_any_number_of_times() {
    let vhost = Vhost::create().await;
    for topology in [gathered(), topology(), spread(), spread(), gathered(), gathered(), spread()] {
        let is_spread = topology.queues.len() == 3;
        declared(&vhost.url(), topology).await;
        let way = if is_spread { BY_CLIENT } else { QUEUE };
        assert_eq!(vhost.bound_to(EXCHANGE).await, pairs(&[(way, "click")]));
        if is_spread {
            assert_eq!(vhost.bound_to(BY_CLIENT).await, pairs(&[(QUEUE, "1"), (SECOND, "1")]));
        }
    }
    declared(&vhost.url(), gathered()).await;
    assert_eq!(vhost.bound_to(BY_CLIENT).await, pairs(&[(QUEUE, "1")]));
    publish(&vhost).await;
    assert_eq!(clients_in(&vhost, QUEUE).await.len(), CLIENTS);
    assert_eq!(clients_in(&vhost, SECOND).await.len(), 0);
}

#[tokio::test]
async fn keys_that_people_bound_by_hand_stay() {
    let vhost = Vhost::create().await;
    declared(&vhost.url(), topology()).await;
    vhost.bind(EXCHANGE, QUEUE, "compra").await;
    declared(&vhost.url(), spread()).await;
    let both = [(QUEUE, "compra"), (BY_CLIENT, "click")];
    assert_eq!(vhost.bound_to(EXCHANGE).await, pairs(&both));
    declared(&vhost.url(), gathered()).await;
    let both = [(QUEUE, "click"), (QUEUE, "compra")];
    assert_eq!(vhost.bound_to(EXCHANGE).await, pairs(&both));
}

#[tokio::test]
async fn who_may_not_unbind_what_there_never_was_connects_all_the_same() {
    let vhost = Vhost::create().await;
    let user = vhost.create_user("secreto").await;
    let own = format!("^({EXCHANGE}|pruebas_dlx|{QUEUE}|{DEAD_LETTERS})$");
    vhost.permit(&user, &own, &own, &own).await;
    declared(&vhost.url_as(&user, "secreto"), gathered()).await;
    assert_eq!(vhost.bound_to(EXCHANGE).await, pairs(&[(QUEUE, "click")]));
}

#[tokio::test]
async fn leftovers_are_found_where_their_exchange_is() {
    let vhost = Vhost::create().await;
    let url = vhost.url().parse().expect("a broker's URL");
    let find = async |exchange, queues| {
        let stop = CancellationToken::new();
        Leftovers { exchange, queues }.find(&url, "prueba", &stop).await
    };
    declared(&vhost.url(), spread()).await;
    assert_eq!(find(BY_CLIENT, &["cola_pruebas_0", SECOND, "cola_pruebas_3"]).await, [SECOND]);
    assert!(find("por_nadie", &[SECOND]).await.is_empty());
    assert!(find(BY_CLIENT, &[]).await.is_empty());
}

#[tokio::test]
async fn consuming_a_leftover_ends_once_it_is_deleted_and_not_before() {
    let vhost = Vhost::create().await;
    declared(&vhost.url(), spread()).await;
    let memory = Memory::default();
    let leftover = Consuming::start_leftover(&vhost.url(), &memory, SECOND, gathered());
    leftover.connected().await;
    vhost.publish("", SECOND, serde_json::json!({ "message_id": "a" }), "{}").await;
    memory.holds(1).await;
    vhost.close_connections().await;
    vhost.publish("", SECOND, serde_json::json!({ "message_id": "b" }), "{}").await;
    memory.holds(2).await;
    vhost.delete_queue(SECOND).await;
    eventually("consuming has ended", || async {
        if leftover.has_ended() { Ok(()) } else { Err("it goes on".to_owned()) }
    })
    .await;
    leftover.stopped().await;
}
