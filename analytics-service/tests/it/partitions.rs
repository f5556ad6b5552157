//! `PARTITIONS`: the events spread over several queues, by client, and the way
//! there and back.

use std::collections::{BTreeMap, BTreeSet};

use broker::{JSON, Outcome, Outgoing, Publisher};
use messages::{
    ClickEvent, MessageId,
    names::{CLICK, CLICK_EVENT_TYPE, CLIENT_HEADER, EXCHANGE, EXCHANGE_BY_CLIENT, QUEUE, QUEUES},
};
use serde_json::{Value, json};
use service_kit::{Shutdown, clock};
use test_support::eventually;
use uuid::Uuid;

use super::{
    Backend,
    outage::{Intruder, counted, line_to},
    process::Process,
    running::{Running, World},
    state::monitor_of,
};

const CLIENTS: usize = 30;

/// A publisher beside the service, as a sender has one.
struct Sender {
    publisher: Publisher,
    stop: Shutdown,
    ids: BTreeSet<Uuid>,
}

impl Sender {
    async fn to(world: &World) -> Self {
        let url = world.vhost.url().parse().expect("a broker's URL");
        let stop = Shutdown::default();
        let (publisher, task) = broker::publisher(url, "prueba".to_owned(), EXCHANGE, stop.token());
        tokio::spawn(task.run());
        eventually("the sender is connected", || async {
            publisher.status().check().map_err(|reason| reason.to_string())
        })
        .await;
        Self { publisher, stop, ids: BTreeSet::new() }
    }

    /// So many events, each twice, one client after the other; each says in its note
    /// the how manieth of its client's it is.
    async fn send_twice(&mut self, events: usize) {
        let messages: Vec<_> = (0..events).map(event).collect();
        self.ids.extend(messages.iter().map(|message| message.id.as_uuid()));
        // What is under way at once has no order: of each client it is one.
        for round in messages.chunks(CLIENTS) {
            self.publish(round.to_vec()).await;
            self.publish(round.to_vec()).await;
        }
    }

    async fn publish(&self, messages: Vec<Outgoing>) {
        let outcomes = self.publisher.publish_all(messages).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Confirmed), "{outcomes:?}");
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.raise();
    }
}

fn event(number: usize) -> Outgoing {
    let client = format!("cliente_{}", number % CLIENTS);
    let click = ClickEvent {
        cliente: client.parse().expect("a name"),
        evento: CLICK.parse().expect("a name"),
        timestamp: clock::now(),
        message: Some((number / CLIENTS).to_string().try_into().expect("a note")),
    };
    Outgoing {
        id: MessageId::from(Uuid::now_v7()),
        producer: "prueba".to_owned(),
        user: None,
        kind: CLICK_EVENT_TYPE.into(),
        routing_key: CLICK.to_owned(),
        timestamp: 0,
        correlation_id: None,
        content_type: JSON.into(),
        headers: vec![(CLIENT_HEADER, client)],
        body: click.encode(),
    }
}

fn paused(paused: bool) -> Value {
    json!({ "pausa": paused, "lento_ms": 0, "muere": null })
}

/// What waits in each of the first three queues, once it is so many together: what a
/// consumer held when it went comes back a moment later.
async fn waiting(world: &World, together: u32) -> [u32; 3] {
    eventually(&format!("{together} wait"), || async {
        let mut waiting = [0; 3];
        for (place, queue) in QUEUES.iter().take(3).enumerate() {
            waiting[place] = world.vhost.queue(queue).await?.ready;
        }
        let found: u32 = waiting.iter().sum();
        if found == together { Ok(waiting) } else { Err(format!("{waiting:?}")) }
    })
    .await
}

async fn are_empty(world: &World, queues: &[&str]) {
    for queue in queues {
        world.vhost.wait_for_queue(queue, 0, 0).await;
    }
}

/// Of each client, the notes of the events counted last, newest first.
async fn notes(running: &Running) -> BTreeMap<String, Vec<usize>> {
    let latest = running.json("/eventos?limite=50").await.expect("events");
    let mut notes: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for event in latest["eventos"].as_array().expect("events") {
        let text = |name: &str| event[name].as_str().expect("text").to_owned();
        notes.entry(text("cliente")).or_default().push(text("message").parse().expect("a number"));
    }
    notes
}

#[tokio::test]
async fn over_three_queues_each_event_counts_once_and_each_clients_keep_their_order() {
    let world = World::new().await;
    let running = world.running_with(&["--partitions=3", "--lab-faults=1"]).await;
    running.set_faults(paused(true)).await;
    are_empty(&world, &QUEUES[..3]).await;
    let mut sender = Sender::to(&world).await;
    sender.send_twice(600).await;
    let each = waiting(&world, 1200).await;
    assert!(each.iter().all(|waiting| *waiting > 0), "{each:?}");

    running.set_faults(paused(false)).await;
    running.counts(600).await;
    assert_eq!(counted(&running).await, sender.ids);
    let notes = notes(&running).await;
    for (client, notes) in &notes {
        let last = notes[0];
        let wanted: Vec<_> = (0..=last).rev().take(notes.len()).collect();
        assert_eq!(*notes, wanted, "{client}");
    }
    let repeated = |state: &Value| state["repetidos"] == 600;
    running.state("that all were delivered twice", repeated).await;
    running.stopped().await;
    are_empty(&world, &QUEUES[..3]).await;
}

/// The queues that the service tells of.
async fn queues_of(running: &Running) -> Vec<String> {
    let state = running.state("the queues", |state| state["broker"]["cola"].is_object()).await;
    let each = state["broker"]["cola"]["particiones"].as_array().expect("queues").iter();
    each.map(|queue| queue["nombre"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn from_one_queue_to_three_and_back_nothing_is_lost_and_everything_counts_once() {
    let world = World::new().await;
    world.running().await.stopped().await;
    let mut sender = Sender::to(&world).await;
    sender.send_twice(60).await;
    world.vhost.wait_for_queue(QUEUE, 120, 0).await;
    let intruder = Intruder::locks(&world.database_url);
    let three = Running::start_with(&world.vhost.url(), &world.database_url, &["--partitions=3"]);
    for queue in &QUEUES[..3] {
        world.vhost.wait_for_queue(queue, 0, 1).await;
    }
    let spread = [(EXCHANGE_BY_CLIENT.to_owned(), CLICK.to_owned())];
    assert_eq!(world.vhost.bound_to(EXCHANGE).await, spread);
    sender.send_twice(60).await;
    three.stopped().await;
    let each = waiting(&world, 240).await;
    assert!(each.iter().all(|waiting| *waiting > 0), "{each:?}");

    let monitor = monitor_of(&world).await;
    let one = &["--management-url", monitor.as_str()];
    let one = Running::start_with(&world.vhost.url(), &world.database_url, one);
    for queue in &QUEUES[..3] {
        world.vhost.wait_for_queue(queue, 0, 1).await;
    }
    assert_eq!(world.vhost.bound_to(EXCHANGE).await, [(QUEUE.to_owned(), CLICK.to_owned())]);
    sender.send_twice(60).await;
    intruder.leaves();
    one.counts(180).await;
    assert_eq!(counted(&one).await, sender.ids);
    one.becomes(200).await;
    assert_eq!(queues_of(&one).await, QUEUES[..3]);

    // Nothing leads there any more: who deletes one disturbs nobody.
    for queue in &QUEUES[1..3] {
        world.vhost.wait_for_queue(queue, 0, 1).await;
        world.vhost.delete_queue(queue).await;
    }
    sender.send_twice(30).await;
    one.counts(210).await;
    one.becomes(200).await;
    let alone = |state: &Value| {
        state["broker"]["cola"]["particiones"].as_array().is_some_and(|queues| queues.len() == 1)
    };
    one.state("one queue", alone).await;
    one.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn the_state_tells_the_queues_together_and_one_by_one() {
    let world = World::new().await;
    let monitor = monitor_of(&world).await;
    let further = ["--partitions=3", "--lab-faults=1", "--management-url", &monitor];
    let running = world.running_with(&further).await;
    running.set_faults(paused(true)).await;
    are_empty(&world, &QUEUES[..3]).await;
    let mut sender = Sender::to(&world).await;
    sender.send_twice(60).await;
    world.vhost.bind(EXCHANGE, QUEUE, "compra").await;
    let known = |state: &Value| {
        state["broker"]["cola"]["listos"] == 120
            && state["broker"]["enlaces"] == json!(["click", "compra"])
    };
    let state = running.state("what waits", known).await;
    let cola = &state["broker"]["cola"];
    assert_eq!((&cola["nombre"], &cola["limite"]), (&json!(QUEUE), &json!(15_000_000)));
    let each = waiting(&world, 120).await;
    let told = cola["particiones"].as_array().expect("queues").iter();
    let told: Vec<_> = told.map(|queue| (&queue["nombre"], &queue["listos"])).collect();
    let wanted: Vec<_> =
        QUEUES.iter().zip(each).map(|(name, ready)| (json!(name), json!(ready))).collect();
    let wanted: Vec<_> = wanted.iter().map(|(name, ready)| (name, ready)).collect();
    assert_eq!(told, wanted);
    running.set_faults(paused(false)).await;
    running.counts(60).await;
    let three = |state: &Value| state["broker"]["cola"]["consumidores"] == 3;
    running.state("three consumers", three).await;
    running.stopped().await;
}

#[tokio::test]
async fn events_without_the_header_and_keys_bound_by_hand_are_counted_too() {
    let world = World::new().await;
    let running = world.running_with(&["--partitions=3", "--lab-faults=1"]).await;
    world.vhost.bind(EXCHANGE, QUEUE, "compra").await;
    running.set_faults(paused(true)).await;
    are_empty(&world, &QUEUES[..3]).await;
    for client in ["ana", "leo", "eva", "zoe", "sol", "paz"] {
        world.send(client, Uuid::now_v7()).await;
    }
    let each = waiting(&world, 6).await;
    assert_eq!(each.iter().max(), Some(&6), "all in one: {each:?}");
    let body = json!({ "cliente": "ana", "evento": "compra", "timestamp": "2025-04-13T12:00:00Z" });
    let properties = json!({ "message_id": Uuid::now_v7(), "type": CLICK_EVENT_TYPE });
    world.vhost.publish(EXCHANGE, "compra", properties, &body.to_string()).await;
    running.set_faults(paused(false)).await;
    let report = running.counts(7).await;
    assert_eq!(report["eventos"], json!({ "click": 6, "compra": 1 }));
    running.stopped().await;
}

/// Of its own `/metrics`, how often a batch could not be stored.
async fn failures(process: &Process) -> Result<u64, String> {
    let text = process.http.get("/metrics").await?.text().await.map_err(|e| e.to_string())?;
    let line = text.lines().find_map(|line| line.strip_prefix("broker_batches_failed_total "));
    line.and_then(|number| number.parse().ok()).ok_or_else(|| "none failed".to_owned())
}

#[tokio::test]
async fn while_several_queues_cannot_be_stored_each_redelivery_counts_once() {
    let world = World::on(Backend::Postgres).await;
    let (line, url) = line_to(&world.database_url).await;
    let variables =
        [("AMQP_URL", world.vhost.url()), ("DATABASE_URL", url), ("PARTITIONS", "3".to_owned())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let first = Process::start(&variables);
    first.http.becomes(200).await;
    line.cut();
    let mut sender = Sender::to(&world).await;
    sender.send_twice(60).await;
    for queue in &QUEUES[..3] {
        world.vhost.wait_for_queue(queue, 0, 1).await;
    }
    drop(first);
    let again = Process::start(&variables);
    eventually("the batches of all queues failed often", || async {
        match failures(&again).await? {
            often if often >= 15 => Ok(()),
            failures => Err(format!("{failures} failures")),
        }
    })
    .await;
    let state = again.http.json("/estado").await.expect("a state");
    // A first batch may be smaller than what has come since.
    let redelivered = state["reentregados"].as_u64();
    assert!(redelivered.is_some_and(|count| (3..=120).contains(&count)), "{state}");
    assert_eq!(state["contados"], 0);
    line.restore();
    again.http.counts(60).await;
    again.http.becomes(200).await;
    let state = again.http.state("all", |state| state["repetidos"] == 60).await;
    assert_eq!((&state["reentregados"], &state["contados"]), (&json!(120), &json!(60)), "{state}");
}

/// What the laboratory's broker is given at its start.
const DEFINITIONS: &str = include_str!("../../../rabbitmq/definitions.json");

#[tokio::test]
async fn the_rights_of_the_laboratorys_user_are_enough_for_all_queues_and_back() {
    let definitions: Value = serde_json::from_str(DEFINITIONS).expect("JSON");
    let mut rights = definitions["permissions"].as_array().expect("permissions").iter();
    let rights = rights.find(|right| right["user"] == "analytics").expect("its rights");
    let right = |name: &str| rights[name].as_str().expect("a pattern");
    let world = World::new().await;
    let user = world.vhost.create_user("secreto").await;
    world.vhost.permit(&user, right("configure"), right("write"), right("read")).await;
    for partitions in ["16", "2", "1"] {
        let further = ["--partitions", partitions];
        let url = world.vhost.url_as(&user, "secreto");
        let running = Running::start_with(&url, &world.database_url, &further);
        running.becomes(200).await;
        let way = if partitions == "1" { QUEUE } else { EXCHANGE_BY_CLIENT };
        assert_eq!(world.vhost.bound_to(EXCHANGE).await, [(way.to_owned(), CLICK.to_owned())]);
        for queue in QUEUES {
            world.vhost.wait_for_queue(queue, 0, 1).await;
        }
        running.stopped().await;
    }
    let left: Vec<_> = world.vhost.bound_to(EXCHANGE_BY_CLIENT).await;
    assert_eq!(left, [(QUEUE.to_owned(), "1".to_owned())]);
}
