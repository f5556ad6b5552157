//! A database that is away, silent or locked: nothing is kept, so nothing is forwarded
//! or acknowledged; the proxy says so, and goes on by itself.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
};

use messages::names;
use serde_json::{Value, json};
use test_support::{AnyMessage, CutProxy, Published, Session, Vhost, eventually};
use uuid::Uuid;

use super::{
    Backend, Database,
    running::{Running, World, name},
};

/// Waits until `part` of the proxy is not ready, for this reason.
async fn is_not_ready(proxy: &Running, part: &str, reason: &str) {
    eventually(&format!("{part} says {reason:?}"), || async {
        let (status, report) = proxy.get("/readyz").await?;
        let parts = report["partes"].as_array().into_iter().flatten();
        let mut told = parts.filter(|one| one["nombre"] == part).map(|one| &one["detalle"]);
        let says = |detail: &Value| detail.as_str().is_some_and(|text| text.contains(reason));
        if status == 503 && told.any(says) { Ok(()) } else { Err(report.to_string()) }
    })
    .await;
}

/// Publishes so many messages to `redmine`.
async fn publish(world: &World, count: usize) -> Vec<Uuid> {
    let ids: Vec<_> = (0..count).map(|_| Uuid::now_v7()).collect();
    for id in &ids {
        world.publish(*id, "{}").await;
    }
    ids
}

/// All of these, and no others, are forwarded and kept; each once.
async fn are_forwarded(world: &World, proxy: &Running, ids: &[Uuid]) {
    for id in ids {
        proxy.is(*id, "reenviado").await;
    }
    let arrived = world.takes("redmine", ids.len()).await;
    let arrived = arrived.iter().map(|message| message["properties"]["message_id"].clone());
    let ids = ids.iter().map(Uuid::to_string).map(Value::from);
    assert_eq!(arrived.collect::<Vec<_>>(), ids.collect::<Vec<_>>(), "in their order");
    world.vhost.wait_for_queue(names::AUDIT_QUEUE, 0, 1).await;
}

/// A proxy on PostgreSQL, the line between them, and a mailbox.
async fn on_postgres() -> (World, CutProxy, String) {
    let database = Database::create(Backend::Postgres).await;
    let (credentials, rest) = database.text.split_once('@').expect("a URL with a user");
    let (address, name) = rest.split_once('/').expect("a URL with a database");
    let line = CutProxy::to(address.to_owned()).await.expect("a free port");
    let url = format!("{credentials}@{}/{name}", line.address());
    let world = World::with(Vhost::create().await, database).await;
    world.publishing_as("servicedesk").await;
    (world, line, url)
}

#[tokio::test]
async fn what_comes_while_postgres_is_cut_off_waits_and_is_forwarded_once() {
    let (world, line, url) = on_postgres().await;
    let proxy = world.running_with_database(&url).await;
    world.make_mailbox("redmine").await;
    let mut ids = publish(&world, 5).await;
    proxy.is(ids[4], "reenviado").await;

    line.cut();
    is_not_ready(&proxy, "registro", "no se puede leer").await;
    ids.extend(publish(&world, 5).await);
    is_not_ready(&proxy, "entrada", "no se puede guardar").await;
    let (status, problem) = proxy.get("/mensajes").await.expect("an answer");
    assert_eq!(status, 503, "{problem}");
    world.vhost.wait_for_queue(&names::mailbox(&name("redmine")), 5, 0).await;

    line.restore();
    proxy.becomes(200).await;
    are_forwarded(&world, &proxy, &ids).await;
    proxy.stopped().await;
}

#[tokio::test]
async fn what_comes_while_postgres_is_silent_is_kept_once_and_forwarded() {
    let (world, line, url) = on_postgres().await;
    let proxy = world.running_with_database(&url).await;
    world.make_mailbox("redmine").await;
    let mut ids = publish(&world, 5).await;
    proxy.is(ids[4], "reenviado").await;

    line.silence();
    ids.extend(publish(&world, 5).await);
    is_not_ready(&proxy, "entrada", "did not answer").await;
    line.restore();
    proxy.becomes(200).await;
    are_forwarded(&world, &proxy, &ids).await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_postgres_that_is_away_at_the_start_is_waited_for() {
    let (world, line, url) = on_postgres().await;
    line.cut();
    let proxy = world.starting_with_database(&url);
    is_not_ready(&proxy, "registro", "no se puede leer").await;
    line.restore();
    proxy.becomes(200).await;
    proxy.stopped().await;
}

/// Somebody else who holds SQLite's write lock, until its input ends.
struct Intruder(Child);

const LOCK: &str = "
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute('BEGIN IMMEDIATE')
sys.stdout.write('x'); sys.stdout.flush()
sys.stdin.read()
";

impl Intruder {
    fn locks(database_url: &str) -> Self {
        let file = database_url.trim_start_matches("sqlite://");
        let mut python = Command::new("python3");
        python.args(["-c", LOCK, file]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().expect("python3 starts");
        let said = python.stdout.as_mut().expect("piped").read_exact(&mut [0; 1]);
        said.expect("locked");
        Self(python)
    }

    fn leaves(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("python3 ends");
    }
}

// Two threads: one waits for the lock while the proxy, on the other, may have it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_locked_nothing_is_forwarded_or_acknowledged() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let intruder = Intruder::locks(world.database_url());
    let ids = publish(&world, 5).await;
    is_not_ready(&proxy, "entrada", "database is locked").await;
    let (status, kept) = proxy.get("/mensajes").await.expect("an answer");
    assert_eq!((status, &kept["mensajes"]), (200, &json!([])), "it can be read");

    intruder.leaves();
    proxy.becomes(200).await;
    are_forwarded(&world, &proxy, &ids).await;
    proxy.stopped().await;
}

/// Changes SQLite's file from outside.
fn execute(database_url: &str, statement: &str) {
    let file = database_url.trim_start_matches("sqlite://");
    let script =
        "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=20).execute(sys.argv[2])";
    let done = Command::new("python3").args(["-c", script, file, statement]).status();
    assert!(done.expect("python3 starts").success(), "{statement}");
}

#[tokio::test]
async fn what_was_forwarded_and_cannot_be_written_down_is_told_and_not_forwarded_again() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF forwarded ON messages
        BEGIN SELECT RAISE(FAIL, 'no room for that'); END";
    execute(world.database_url(), refuse);
    let ids = publish(&world, 3).await;
    is_not_ready(&proxy, "reenviados", "no se puede guardar: no room for that").await;
    proxy.is(ids[0], "recibido").await;

    execute(world.database_url(), "DROP TRIGGER refuse");
    proxy.becomes(200).await;
    are_forwarded(&world, &proxy, &ids).await;
    proxy.stopped().await;
}

#[tokio::test]
async fn what_is_for_a_mailbox_that_is_full_by_bytes_waits_and_says_so() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.vhost.bound_bytes("^buzon_", 5000).await;
    world.make_mailbox("redmine").await;
    let ids: Vec<_> = (0..20).map(|_| Uuid::now_v7()).collect();
    for id in &ids {
        world.publish(*id, &"x".repeat(900)).await;
    }
    let is_full = |story: &Value| story["por_que"]["causa"] == "buzon_lleno";
    let story = proxy.story(ids[19], "waits for a full mailbox", is_full).await;
    assert_eq!(story["estado"], "recibido");
    for id in ids {
        world.vhost.take("buzon_redmine", 20).await;
        proxy.is(id, "reenviado").await;
    }
    proxy.stopped().await;
}

#[tokio::test]
async fn an_entry_that_is_full_by_bytes_refuses_whoever_publishes() {
    let world = World::new().await;
    world.running().await.stopped().await;
    world.vhost.bound_bytes("^cola_auditoria$", 20).await;
    let session = Session::open(&world.vhost.url()).await.expect("a session");
    let message = AnyMessage {
        exchange: names::ENTRY_EXCHANGE.to_owned(),
        routing_key: "redmine".to_owned(),
        ..AnyMessage::default()
    };
    eventually("a publish is refused", || async {
        match session.publish_any(&message).await? {
            Published::Refused => Ok(()),
            Published::Taken => Err("taken".to_owned()),
        }
    })
    .await;
}
