//! Nothing reaches a mailbox but through the proxy, whatever a system writes into a
//! message, and by whichever way of AMQP: tried on the real topology, with real users.

use std::collections::{BTreeMap, BTreeSet};

use messages::names;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{
    AnyMessage, Published, Session, Vhost, eventually, try_bind, try_bind_exchange,
};
use uuid::Uuid;

use super::{
    running::{Running, World},
    systems::{changed, own_name, registered, retired},
};

/// Three systems that came to be as all do, each with a user.
struct Systems {
    sender: User,
    destination: User,
    suspended: User,
}

struct User {
    system: String,
    name: String,
    url: String,
}

impl User {
    async fn of(proxy: &Running) -> Self {
        let system = own_name();
        registered(proxy, &system).await;
        let path = format!("/sistemas/{system}/credenciales");
        let (status, made) = proxy.ask(Method::POST, &path, None).await.expect("an answer");
        assert_eq!(status, 201, "{made}");
        let text = |field: &str| made[field].as_str().expect(field).to_owned();
        Self { system, name: text("usuario"), url: text("amqp") }
    }

    fn mailbox(&self) -> String {
        format!("{}{}", names::MAILBOX_PREFIX, self.system)
    }

    /// A message of the standard.
    fn message(&self, to: &str) -> AnyMessage {
        AnyMessage {
            exchange: names::ENTRY_EXCHANGE.to_owned(),
            routing_key: to.to_owned(),
            id: Uuid::now_v7().to_string(),
            app_id: self.system.clone(),
            user_id: self.name.clone(),
            kind: "intento".to_owned(),
            ..AnyMessage::default()
        }
    }

    async fn publishes(&self, message: &AnyMessage) -> Result<Published, String> {
        Session::open(&self.url).await.expect("it comes in").publish_any(message).await
    }
}

impl Systems {
    async fn register(proxy: &Running) -> Self {
        let systems = Self {
            sender: User::of(proxy).await,
            destination: User::of(proxy).await,
            suspended: User::of(proxy).await,
        };
        changed(proxy, &systems.suspended.system, json!({ "situacion": "suspendido" })).await;
        systems
    }

    fn all(&self) -> [&User; 3] {
        [&self.sender, &self.destination, &self.suspended]
    }

    /// Every key, CC and BCC, as whoever may send and as whoever may not.
    fn attempts(&self) -> Vec<(&User, AnyMessage)> {
        let (to, suspended) = (&self.destination.system, &self.suspended.system);
        let keys =
            [to, suspended, "(sonda)", names::NOTIFICATIONS, &self.destination.mailbox(), ""]
                .map(str::to_owned);
        let lists = [
            vec![],
            vec![to.clone()],
            vec!["(sonda)".to_owned()],
            vec!["(sonda)".to_owned(), to.clone(), suspended.clone()],
            vec![names::NOTIFICATIONS.to_owned(), self.destination.mailbox()],
        ];
        let mut attempts = Vec::new();
        for key in &keys {
            for cc in &lists {
                for bcc in &lists {
                    let place = attempts.len();
                    let by = if place.is_multiple_of(5) { &self.suspended } else { &self.sender };
                    attempts.push((by, self.attempt(by, place, key, [cc, bcc])));
                }
            }
        }
        attempts
    }

    /// One of many: what does not matter to the others differs from one to the next.
    fn attempt(&self, by: &User, place: usize, key: &str, lists: [&Vec<String>; 2]) -> AnyMessage {
        let [cc, bcc] = lists.map(Clone::clone);
        let lists = [("CC", cc), ("BCC", bcc)].into_iter().filter(|(_, list)| !list.is_empty());
        let honest = by.message(key);
        let forged = &self.destination;
        AnyMessage {
            lists: lists.collect(),
            app_id: if place.is_multiple_of(7) { forged.system.clone() } else { honest.app_id },
            user_id: if place.is_multiple_of(4) { String::new() } else { honest.user_id },
            reply_to: if place.is_multiple_of(3) { forged.mailbox() } else { String::new() },
            in_transaction: place.is_multiple_of(6),
            ..honest
        }
    }
}

/// Publishes all of them; the ids of those that the broker took.
async fn published(attempts: Vec<(&User, AnyMessage)>) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    for (by, message) in attempts {
        match by.publishes(&message).await {
            Ok(Published::Taken) => assert!(taken.insert(message.id), "an id of its own"),
            other => panic!("{message:?}: {other:?}"),
        }
    }
    taken
}

/// Waits until the proxy has dealt with all that was published before.
async fn settled(world: &World, proxy: &Running, systems: &Systems) {
    let last = systems.sender.message(&systems.destination.system);
    assert_eq!(systems.sender.publishes(&last).await, Ok(Published::Taken));
    proxy.is(last.id.parse().expect("a UUID"), "reenviado").await;
    for queue in [names::AUDIT_QUEUE, names::NOTIFICATIONS] {
        world.vhost.wait_for_queue(queue, 0, 1).await;
    }
}

/// How often each message lies in a mailbox, by its id.
async fn mail(vhost: &Vhost, mailbox: &str) -> BTreeMap<String, usize> {
    let mut mail = BTreeMap::new();
    for message in vhost.take(mailbox, 5000).await {
        let id = message["properties"]["message_id"].as_str().unwrap_or("(sin id)").to_owned();
        *mail.entry(id).or_default() += 1;
    }
    mail
}

/// What the audit tells of a message, by its id; none where it knows nothing.
async fn told(proxy: &Running, id: &str) -> Option<Value> {
    let (status, story) = proxy.get(&format!("/mensajes/{id}")).await.expect("an answer");
    (status == 200).then(|| story["mensajes"][0].clone())
}

#[tokio::test]
async fn nothing_reaches_a_mailbox_but_through_the_proxy() {
    let world = World::new().await;
    let proxy = world.running().await;
    let systems = Systems::register(&proxy).await;
    let taken = published(systems.attempts()).await;
    settled(&world, &proxy, &systems).await;
    for id in &taken {
        assert!(told(&proxy, id).await.is_some(), "{id} was taken and is not audited");
    }
    let mut forwarded = 0;
    for user in systems.all() {
        for (id, copies) in mail(&world.vhost, &user.mailbox()).await {
            let story = told(&proxy, &id).await.unwrap_or_else(|| panic!("{id} went round"));
            assert_eq!(
                (&story["estado"], &story["destino"]),
                (&json!("reenviado"), &json!(user.system))
            );
            assert_eq!(copies, 1, "{story}");
            forwarded += copies;
        }
    }
    assert!(forwarded > 1, "some of them were good");
    for user in systems.all() {
        retired(&proxy, &user.system).await;
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn a_system_publishes_to_no_other_exchange_and_makes_no_other_way() {
    let world = World::new().await;
    let proxy = world.running().await;
    let systems = Systems::register(&proxy).await;
    let (by, to) = (&systems.sender, &systems.destination);
    for exchange in [
        "",
        "amq.direct",
        "amq.fanout",
        "amq.headers",
        "amq.match",
        "amq.topic",
        names::AUDIT_EXCHANGE,
        names::DELIVERY_EXCHANGE,
        names::REFUSED_EXCHANGE,
    ] {
        let message = by.message(&to.system);
        let keys = [to.system.clone(), to.mailbox()].to_vec();
        let message =
            AnyMessage { exchange: exchange.to_owned(), lists: vec![("CC", keys)], ..message };
        let refused = by.publishes(&message).await.expect_err(exchange);
        assert!(refused.contains("ACCESS_REFUSED"), "{exchange}: {refused}");
    }
    for refused in [
        try_bind(&by.url, &by.mailbox(), names::ENTRY_EXCHANGE, &to.system).await,
        try_bind(&by.url, &to.mailbox(), names::ENTRY_EXCHANGE, &to.system).await,
        try_bind_exchange(&by.url, names::DELIVERY_EXCHANGE, names::ENTRY_EXCHANGE, "x").await,
        try_bind_exchange(&by.url, names::PROBE_EXCHANGE, names::ENTRY_EXCHANGE, "x").await,
        try_bind_exchange(&by.url, names::DELIVERY_EXCHANGE, names::PROBE_EXCHANGE, "x").await,
    ] {
        assert!(refused.as_ref().is_err_and(|why| why.contains("ACCESS_REFUSED")), "{refused:?}");
    }
    let nowhere = AnyMessage {
        exchange: names::PROBE_EXCHANGE.to_owned(),
        lists: vec![("CC", vec![to.system.clone(), to.mailbox()])],
        ..by.message(&to.system)
    };
    assert_eq!(by.publishes(&nowhere).await, Ok(Published::Taken));
    settled(&world, &proxy, &systems).await;
    assert_eq!(told(&proxy, &nowhere.id).await, None);
    assert!(!mail(&world.vhost, &to.mailbox()).await.contains_key(&nowhere.id));
    for user in systems.all() {
        retired(&proxy, &user.system).await;
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn a_way_round_that_a_broker_still_has_is_taken_away() {
    let world = World::new().await;
    let proxy = world.running().await;
    proxy.stopped().await;
    world.vhost.bind_exchange(names::ENTRY_EXCHANGE, names::DELIVERY_EXCHANGE, "(sonda)").await;
    let proxy = world.running().await;
    eventually("nothing leads round the audit", || async {
        let bound = world.vhost.bound_to(names::ENTRY_EXCHANGE).await;
        let wanted = [(names::NOTIFICATIONS.to_owned(), names::NOTIFICATIONS.to_owned())];
        if bound == wanted { Ok(()) } else { Err(format!("{bound:?}")) }
    })
    .await;
    proxy.stopped().await;
}
