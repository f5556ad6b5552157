//! A database that is away, locked or silent, at the start and later: nothing is
//! acknowledged, nothing is lost, and the service goes on by itself.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use analytics_service::store::{Limits, Store};
use jiff::Timestamp;
use messages::names::QUEUE;
use serde_json::Value;
use test_support::{CutProxy, eventually};
use uuid::Uuid;

use super::{
    Backend, Database, event,
    process::Process,
    running::{Http, Running, World},
    store,
};

/// Somebody else who holds SQLite's write lock.
pub(super) struct Intruder(Child);

/// Takes the lock, says so, and keeps it until its input ends.
const LOCK: &str = "
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute('BEGIN IMMEDIATE')
sys.stdout.write('x'); sys.stdout.flush()
sys.stdin.read()
";

impl Intruder {
    pub(super) fn locks(database_url: &str) -> Self {
        let file = database_url.trim_start_matches("sqlite://");
        let mut python = Command::new("python3")
            .args(["-c", LOCK, file])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let said = python.stdout.as_mut().expect("piped").read_exact(&mut [0; 1]);
        said.expect("locked");
        Self(python)
    }

    pub(super) fn leaves(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("python3 ends");
    }
}

async fn is_not_ready_because(running: &Http, reason: &str) {
    eventually(&format!("/readyz says {reason:?}"), || async {
        let answer = running.get("/readyz").await?;
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        if status == 503 && text.contains(reason) { Ok(()) } else { Err(text) }
    })
    .await;
    assert_eq!(running.get("/healthz").await.expect("an answer").status(), 200);
}

/// Ids in the ledger.
pub(super) async fn counted(running: &Running) -> BTreeSet<Uuid> {
    let page = running.json("/contados?limite=10000").await.expect("a page");
    let rows = page["contados"].as_array().expect("rows").iter();
    let ids: Vec<Uuid> = rows.map(|row| id(&row["id"])).collect();
    let distinct: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "each id once");
    distinct
}

fn id(value: &Value) -> Uuid {
    value.as_str().and_then(|text| text.parse().ok()).expect("a uuid")
}

#[tokio::test]
async fn a_database_that_cannot_be_made_at_the_start_is_waited_for() {
    let place = tempfile::TempDir::new().expect("a folder");
    let folder = place.path().join("data");
    fs::write(&folder, "a file where the folder should be").expect("written");
    let world = World::new().await;
    let url = format!("sqlite://{}/counts.db", folder.display());
    let running = Running::start(&world.vhost.url(), &url);
    is_not_ready_because(&running, "there is no folder").await;
    world.vhost.wait_for_queue(QUEUE, 0, 1).await;
    for _ in 0..5 {
        world.send("ana", Uuid::now_v7()).await;
    }
    is_not_ready_because(&running, "there is no folder").await;
    assert_eq!(running.get("/reporte").await.expect("an answer").status(), 503);

    fs::remove_file(&folder).expect("removed");
    fs::create_dir(&folder).expect("made");
    running.counts(5).await;
    running.becomes(200).await;
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn what_was_not_stored_is_not_acknowledged() {
    let world = World::new().await;
    let running = Running::start(&world.vhost.url(), "sqlite:///dev/null/counts.db");
    world.vhost.wait_for_queue(QUEUE, 0, 1).await;
    for _ in 0..5 {
        world.send("ana", Uuid::now_v7()).await;
    }
    is_not_ready_because(&running, "no se puede guardar").await;
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 5, 0).await;
}

/// Who may not write into a folder of others. Root may.
const NOBODY: u32 = 65534;

/// The service as a process of its own, whose rights are those of its files'
/// owner: of nobody where the tests are run by root.
fn start_in(folder: &Path, amqp_url: &str, database_url: &str) -> Process {
    let mut program = program_in(folder);
    program.current_dir(folder);
    Process::spawn(program, &[("AMQP_URL", amqp_url), ("DATABASE_URL", database_url)])
}

fn program_in(folder: &Path) -> Command {
    let program = folder.join("service");
    if owner(folder) != NOBODY {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={NOBODY}")).arg("--clear-groups").arg(program);
    command
}

fn owner(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").uid()
}

/// Gives what is in a folder these rights, and then the folder itself.
fn protect(folder: &Path, files: u32, itself: u32) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let file = entry.expect("a file").path();
        fs::set_permissions(file, Permissions::from_mode(files)).expect("it is ours");
    }
    fs::set_permissions(folder, Permissions::from_mode(itself)).expect("it is ours");
}

/// A folder with the service's program and an empty folder `data`.
fn folder_of_nobody() -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().expect("a folder");
    let (program, data) = (folder.path().join("service"), folder.path().join("data"));
    fs::copy(env!("CARGO_BIN_EXE_analytics-service"), &program).expect("copied");
    fs::create_dir(&data).expect("made");
    if owner(folder.path()) == 0 {
        for path in [folder.path(), &program, &data] {
            chown(path, Some(NOBODY), None).expect("root may");
        }
    }
    folder
}

#[tokio::test]
async fn a_database_that_was_write_protected_at_the_start_is_written_once_it_is_not() {
    let world = World::new().await;
    let folder = folder_of_nobody();
    let data = folder.path().join("data");
    let url = format!("sqlite://{}/counts.db", data.display());
    let first = start_in(folder.path(), &world.vhost.url(), &url);
    first.http.becomes(200).await;
    drop(first);

    protect(&data, 0o444, 0o555);
    let service = start_in(folder.path(), &world.vhost.url(), &url);
    world.vhost.wait_for_queue(QUEUE, 0, 1).await;
    for _ in 0..5 {
        world.send("ana", Uuid::now_v7()).await;
    }
    is_not_ready_because(&service.http, "attempt to write a readonly database").await;
    service.http.counts(0).await;
    protect(&data, 0o644, 0o755);
    service.http.counts(5).await;
    service.http.becomes(200).await;
}

#[tokio::test]
async fn a_database_that_is_locked_at_the_start_is_waited_for() {
    let world = World::new().await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let url = format!("sqlite://{}/counts.db", folder.path().display());
    let intruder = Intruder::locks(&url);
    let running = Running::start(&world.vhost.url(), &url);
    is_not_ready_because(&running, "database is locked").await;
    intruder.leaves();
    running.becomes(200).await;
    world.send("ana", Uuid::now_v7()).await;
    running.counts(1).await;
    running.stopped().await;
}

#[tokio::test]
async fn while_the_database_is_locked_nothing_is_acknowledged() {
    let world = World::new().await;
    let running = world.running().await;
    let intruder = Intruder::locks(&world.database_url);
    for _ in 0..10 {
        world.send("ana", Uuid::now_v7()).await;
    }
    is_not_ready_because(&running, "database is locked").await;
    assert_eq!(running.json("/reporte").await.expect("a report")["total"], 0);
    intruder.leaves();
    running.counts(10).await;
    running.becomes(200).await;
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

/// The line to a PostgreSQL of a test's own, and the URL by way of it.
pub(super) async fn line_to(database_url: &str) -> (CutProxy, String) {
    let (credentials, rest) = database_url.split_once('@').expect("a URL with a user");
    let (address, name) = rest.split_once('/').expect("a URL with a database");
    let line = CutProxy::to(address.to_owned()).await.expect("a free port");
    let url = format!("{credentials}@{}/{name}", line.address());
    (line, url)
}

#[tokio::test]
async fn after_a_silent_line_to_postgres_counting_goes_on_and_each_id_counts_once() {
    let world = World::on(Backend::Postgres).await;
    let (line, url) = line_to(&world.database_url).await;
    let running = Running::start(&world.vhost.url(), &url);
    running.becomes(200).await;
    let mut ids = BTreeSet::new();
    let mut send = async |events| {
        for _ in 0..events {
            let id = Uuid::now_v7();
            ids.insert(id);
            world.send("ana", id).await;
        }
    };
    send(30).await;
    line.silence();
    send(30).await;
    is_not_ready_because(&running, "did not answer").await;
    send(30).await;
    line.restore();
    running.counts(90).await;
    running.becomes(200).await;
    assert_eq!(counted(&running).await, ids);
    running.stopped().await;
    world.vhost.wait_for_queue(QUEUE, 0, 0).await;
}

#[tokio::test]
async fn a_postgres_that_is_away_at_the_start_is_waited_for() {
    let world = World::on(Backend::Postgres).await;
    let (line, url) = line_to(&world.database_url).await;
    line.cut();
    let running = Running::start(&world.vhost.url(), &url);
    is_not_ready_because(&running, "no se puede guardar").await;
    line.restore();
    running.becomes(200).await;
    world.send("ana", Uuid::now_v7()).await;
    running.counts(1).await;
    running.stopped().await;
}

/// The server cannot know that a line went silent, and the transaction that was
/// open on it holds the lock that every writer takes.
#[tokio::test]
async fn an_instance_whose_line_went_silent_does_not_keep_the_others_out() {
    let database = Database::create(Backend::Postgres).await;
    let (line, url) = line_to(&database.exposed()).await;
    let (silenced, healthy) =
        (store(&url, Limits::default()), store(&database.exposed(), Limits::default()));
    let writing = AtomicBool::new(false);
    let load = async {
        while record(&silenced).await.is_ok() {
            writing.store(true, Relaxed);
        }
    };
    let outage = async {
        eventually("it writes", || async {
            writing.load(Relaxed).then_some(()).ok_or_else(String::new)
        })
        .await;
        line.silence();
        eventually("the other one counts", || record(&healthy)).await;
    };
    tokio::join!(load, outage);
}

async fn record(store: &Store) -> Result<(), String> {
    let batch: Vec<_> = (0..500).map(|i| event("ana", "click", i)).collect();
    store.record(&batch, Timestamp::now()).await.map(drop).map_err(|error| error.to_string())
}
