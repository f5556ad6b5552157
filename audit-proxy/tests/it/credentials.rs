//! The users of RabbitMQ that systems are: what they may do, how they come and go, and
//! what becomes of them when somebody crashes in between.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use audit_proxy::{
    register::LIMITS,
    store::{Issued, Phase},
};
use broker::{Outcome, Outgoing, publisher};
use jiff::{SignedDuration, Timestamp};
use management::{Management, Password, PasswordHash, Rights, VirtualHost};
use messages::{MessageId, names};
use reqwest::Method;
use serde_json::{Value, json};
use test_support::{CutProxy, Session, eventually, try_consume, try_declare, try_publish};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    running::{Running, World, management, name},
    systems::{changed, own_name, registered, retired, sent},
};

/// A user, and how it comes in.
struct User {
    name: String,
    url: String,
}

/// A user for a system.
async fn user(proxy: &Running, system: &str) -> User {
    let path = format!("/sistemas/{system}/credenciales");
    let (status, made) = proxy.ask(Method::POST, &path, None).await.expect("an answer");
    assert_eq!(status, 201, "{made}");
    let text = |field: &str| made[field].as_str().expect(field).to_owned();
    assert_eq!(text("clave").len(), 64);
    assert!(text("amqp").starts_with(&format!("amqp://{}:{}@", text("usuario"), text("clave"))));
    User { name: text("usuario"), url: text("amqp") }
}

async fn withdrawn(proxy: &Running, system: &str, user: &str) -> u16 {
    let path = format!("/sistemas/{system}/credenciales/{user}");
    proxy.ask(Method::DELETE, &path, None).await.expect("an answer").0
}

/// The management API, as an administrator asks it.
fn administrator(world: &World) -> Management {
    let url = format!("http://guest:guest@{}", management()).parse().expect("a URL");
    let vhost = VirtualHost::of_amqp_url(&world.vhost.url()).expect("a URL");
    Management::new(&url, &vhost).expect("a client")
}

fn is_forbidden(answer: &Result<(), String>) -> bool {
    answer.as_ref().is_err_and(|error| error.contains("ACCESS_REFUSED"))
}

async fn is_shut_out(user: &User) -> bool {
    is_forbidden(&Session::open(&user.url).await.map(drop))
}

async fn is_closed(session: &Session) {
    eventually("the session is closed", || async {
        if session.is_open() { Err("open".to_owned()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn a_user_may_publish_to_the_entry_read_its_mailbox_and_nothing_else() {
    let world = World::new().await;
    let proxy = world.running().await;
    let (system, other) = (own_name(), own_name());
    registered(&proxy, &system).await;
    registered(&proxy, &other).await;
    world.vhost.declare_exchange(names::LOG_EXCHANGE, "fanout").await;
    let User { url, name: user } = user(&proxy, &system).await;
    let limits = administrator(&world).limits().await.expect("told");
    assert_eq!(limits.get(&user), Some(&LIMITS));
    assert_eq!(try_publish(&url, names::ENTRY_EXCHANGE).await, Ok(()));
    assert_eq!(try_publish(&url, names::LOG_EXCHANGE).await, Ok(()));
    assert_eq!(try_consume(&url, &names::mailbox(&name(&system))).await, Ok(()));
    for forbidden in [
        try_publish(&url, names::DELIVERY_EXCHANGE).await,
        try_publish(&url, names::REFUSED_EXCHANGE).await,
        try_publish(&url, "").await,
        try_consume(&url, &names::mailbox(&name(&other))).await,
        try_consume(&url, names::REFUSED_QUEUE).await,
        try_consume(&url, names::AUDIT_QUEUE).await,
        try_declare(&url, "nueva").await,
        try_declare(&url, &names::mailbox(&name(&format!("{system}x")))).await,
    ] {
        assert!(is_forbidden(&forbidden), "{forbidden:?}");
    }
    retired(&proxy, &system).await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_third_user_is_too_many_and_one_that_leaves_makes_room() {
    let world = World::new().await;
    let (proxy, system) = (world.running().await, own_name());
    registered(&proxy, &system).await;
    let first = user(&proxy, &system).await;
    user(&proxy, &system).await;
    let path = format!("/sistemas/{system}/credenciales");
    let (status, problem) = sent(&proxy, Method::POST, &path, Value::Null).await;
    assert_eq!(status, 409, "{problem}");
    let elsewhere = withdrawn(&proxy, "redmine", &first.name).await;
    assert_eq!((elsewhere, withdrawn(&proxy, &system, "nadie").await), (404, 404));
    let session = Session::open(&first.url).await.expect("let in");
    assert_eq!(withdrawn(&proxy, &system, &first.name).await, 204);
    assert_eq!(withdrawn(&proxy, &system, &first.name).await, 404);
    is_closed(&session).await;
    assert!(is_shut_out(&first).await);
    let third = user(&proxy, &system).await;
    assert_eq!(third.name, format!("{system}-3"), "no name is given twice");
    let (_, shown) = proxy.get(&format!("/sistemas/{system}")).await.expect("an answer");
    assert_eq!(shown["credenciales"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["credenciales"][1]["usuario"], third.name);
    assert!(!shown.to_string().contains("clave"), "{shown}");
    retired(&proxy, &system).await;
    for user in [&first, &third] {
        assert!(is_shut_out(user).await);
    }
    proxy.stopped().await;
}

/// Publishes to `redmine` as `user` of `system` until told to end; the ids confirmed.
async fn publishing(system: String, user: User, ends: Arc<AtomicBool>) -> Vec<Uuid> {
    let stop = CancellationToken::new();
    let url = user.url.parse().expect("a URL");
    let (publisher, task) =
        publisher(url, "prueba".to_owned(), names::ENTRY_EXCHANGE, stop.clone());
    let task = tokio::spawn(task.probing_at(names::PROBE_EXCHANGE).run());
    let mut confirmed = Vec::new();
    while !ends.load(Ordering::SeqCst) {
        let id = Uuid::now_v7();
        let message = Outgoing {
            id: MessageId::from(id),
            producer: system.clone(),
            user: Some(user.name.clone()),
            kind: "aviso".into(),
            routing_key: "redmine".to_owned(),
            timestamp: 1_800_000_000,
            correlation_id: None,
            content_type: "text/plain".into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        match publisher.publish(message).await {
            Outcome::Confirmed => confirmed.push(id),
            Outcome::NotSent(_) => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    }
    stop.cancel();
    task.await.expect("no panic");
    confirmed
}

#[tokio::test]
async fn users_change_under_traffic_and_no_message_is_lost_or_refused() {
    let world = World::new().await;
    let (proxy, system) = (world.running().await, own_name());
    world.make_mailbox("redmine").await;
    registered(&proxy, &system).await;
    let (first, second) = (user(&proxy, &system).await, user(&proxy, &system).await);
    let old_name = first.name.clone();
    let ends = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let old = tokio::spawn(publishing(system.clone(), first, ends[0].clone()));
    forwarded_at_least(&world, 100).await;
    let new = tokio::spawn(publishing(system.clone(), second, ends[1].clone()));
    forwarded_at_least(&world, 200).await;
    ends[0].store(true, Ordering::SeqCst);
    let mut ids = old.await.expect("no panic");
    assert_eq!(withdrawn(&proxy, &system, &old_name).await, 204);
    forwarded_at_least(&world, u32::try_from(ids.len()).expect("few") + 100).await;
    ends[1].store(true, Ordering::SeqCst);
    ids.extend(new.await.expect("no panic"));
    for id in &ids {
        proxy.is(*id, "reenviado").await;
    }
    assert_eq!(world.vhost.take(names::REFUSED_QUEUE, 9).await, Vec::<Value>::new());
    retired(&proxy, &system).await;
    proxy.stopped().await;
}

async fn forwarded_at_least(world: &World, count: u32) {
    eventually(&format!("{count} in the mailbox"), || async {
        let queue = world.vhost.queue("buzon_redmine").await?;
        if queue.ready >= count { Ok(()) } else { Err(format!("{queue:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_suspended_system_reads_nothing_and_what_it_publishes_is_refused() {
    let world = World::new().await;
    let (proxy, system) = (world.running().await, own_name());
    registered(&proxy, &system).await;
    let (user, mailbox) = (user(&proxy, &system).await, names::mailbox(&name(&system)));
    let mut session = Session::open(&user.url).await.expect("let in");
    session.hold(&mailbox).await.expect("may read");
    changed(&proxy, &system, json!({ "situacion": "suspendido" })).await;
    is_closed(&session).await;
    assert!(is_forbidden(&try_consume(&user.url, &mailbox).await));
    assert_eq!(try_publish(&user.url, names::ENTRY_EXCHANGE).await, Ok(()));
    world.vhost.wait_for_queue(names::REFUSED_QUEUE, 1, 0).await;
    changed(&proxy, &system, json!({ "situacion": "activo" })).await;
    assert_eq!(try_consume(&user.url, &mailbox).await, Ok(()));
    retired(&proxy, &system).await;
    proxy.stopped().await;
}

#[tokio::test]
async fn whoever_is_retired_is_thrown_out() {
    let world = World::new().await;
    let (proxy, system) = (world.running().await, own_name());
    registered(&proxy, &system).await;
    let users = [user(&proxy, &system).await, user(&proxy, &system).await];
    let sessions = [
        Session::open(&users[0].url).await.expect("let in"),
        Session::open(&users[1].url).await.expect("let in"),
    ];
    assert_eq!(retired(&proxy, &system).await["credenciales"], json!([]));
    for (user, session) in users.iter().zip(&sessions) {
        is_closed(session).await;
        assert!(is_shut_out(user).await);
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn a_user_of_that_name_that_is_somebody_elses_is_left_alone() {
    let world = World::new().await;
    let (proxy, system) = (world.running().await, own_name());
    let (administrator, theirs) = (administrator(&world), format!("{system}-1"));
    let hash = PasswordHash::new(&Password::new("ajena"), [0; 4]);
    administrator.put_user_by_hash(&theirs, &hash).await.expect("put");
    registered(&proxy, &system).await;
    assert_eq!(user(&proxy, &system).await.name, format!("{system}-2"));
    retired(&proxy, &system).await;
    assert_eq!(administrator.password_hash_of(&theirs).await, Ok(Some(hash)));
    administrator.delete_user(&theirs).await.expect("an answer");
    proxy.stopped().await;
}

#[tokio::test]
async fn without_the_management_api_no_user_is_made_and_who_leaves_leaves_later() {
    let world = World::new().await;
    let line = CutProxy::to(management()).await.expect("a free port");
    let proxy = world.running_managed_at(&line.address().to_string()).await;
    let system = own_name();
    registered(&proxy, &system).await;
    let first = user(&proxy, &system).await;
    line.cut();
    let path = format!("/sistemas/{system}/credenciales");
    let (status, problem) = sent(&proxy, Method::POST, &path, Value::Null).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(withdrawn(&proxy, &system, &first.name).await, 503);
    let stored = world.store.system(&name(&system)).await.expect("an answer").expect("one");
    assert_eq!(stored.credentials.len(), 1, "none is left half made");
    assert_eq!(stored.credentials[0].phase, Phase::Leaving);
    assert!(!is_shut_out(&first).await);
    line.restore();
    proxy.stopped().await;

    let again = world.running().await;
    eventually("it is shut out", || async {
        if is_shut_out(&first).await { Ok(()) } else { Err("let in".to_owned()) }
    })
    .await;
    retired(&again, &system).await;
    again.stopped().await;
}

/// Crashes while a user is made: before the broker has it, and after.
#[tokio::test]
async fn a_user_whose_making_crashed_is_taken_back_and_nobody_elses_is() {
    let world = World::new().await;
    let (administrator, system) = (administrator(&world), own_name());
    let proxy = world.running().await;
    registered(&proxy, &system).await;
    proxy.stopped().await;
    let hash = |password: &str| PasswordHash::new(&Password::new(password), [3; 4]);
    let long_ago = Timestamp::now() - SignedDuration::from_mins(2);
    let mut users = Vec::new();
    for made in [Some(hash("suya")), Some(hash("ajena"))] {
        let issued = world.store.issue_credential(&name(&system), &hash("suya"), long_ago).await;
        let Issued::User(user) = issued.expect("an answer") else { panic!("not issued") };
        if let Some(made) = made {
            administrator.put_user_by_hash(&user, &made).await.expect("put");
        }
        users.push(user);
    }
    let again = world.running().await;
    eventually("nothing is half made", || async {
        let stored = world.store.system(&name(&system)).await.map_err(|error| error.to_string())?;
        let left = stored.expect("registered").credentials;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    assert_eq!(administrator.password_hash_of(&users[0]).await, Ok(None));
    assert_eq!(administrator.password_hash_of(&users[1]).await, Ok(Some(hash("ajena"))));
    administrator.delete_user(&users[1]).await.expect("an answer");
    again.stopped().await;
}

#[tokio::test]
async fn users_and_rights_that_the_broker_lost_are_as_they_were_again() {
    let world = World::new().await;
    let (administrator, system) = (administrator(&world), own_name());
    let proxy = world.running().await;
    registered(&proxy, &system).await;
    let [lost, changed] = [user(&proxy, &system).await, user(&proxy, &system).await];
    proxy.stopped().await;
    administrator.delete_user(&lost.name).await.expect("an answer");
    let nothing = || "^$".to_owned();
    let none = Rights { configure: nothing(), write: nothing(), read: nothing() };
    administrator.permit(&changed.name, &none).await.expect("permitted");
    let again = world.running().await;
    let mailbox = names::mailbox(&name(&system));
    for user in [&lost, &changed] {
        eventually("it reads with the same password", || async {
            try_consume(&user.url, &mailbox).await
        })
        .await;
    }
    retired(&again, &system).await;
    again.stopped().await;
}

/// A management user with no more rights than the register takes.
#[tokio::test]
async fn whoever_keeps_the_register_declares_mailboxes_and_nothing_else() {
    let world = World::new().await;
    let (administrator, system) = (administrator(&world), own_name());
    world.running().await.stopped().await;
    let registrar = world.vhost.create_user("clave").await;
    let tags = ["administrator"];
    administrator.put_user(&registrar, &Password::new("clave"), &tags).await.expect("put");
    let rights = Rights {
        configure: "^buzon_".to_owned(),
        write: "^(buzon_.*|mensajeria_rechazados)$".to_owned(),
        read: "^(buzon_.*|mensajeria_salida)$".to_owned(),
    };
    administrator.permit(&registrar, &rights).await.expect("permitted");
    let proxy = world.running_managed_at(&format!("{registrar}:clave@{}", management())).await;
    registered(&proxy, &system).await;
    let made = user(&proxy, &system).await;
    let mailbox = names::mailbox(&name(&system));
    assert_eq!(try_consume(&made.url, &mailbox).await, Ok(()));
    assert_eq!(withdrawn(&proxy, &system, &made.name).await, 204);
    retired(&proxy, &system).await;
    administrator.delete_user(&registrar).await.expect("an answer");
    proxy.stopped().await;
}
