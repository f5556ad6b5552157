//! The proxy as tests run it, and what it runs on.

use std::{net::TcpListener, time::Duration};

use audit_proxy::{
    Config,
    access::Role,
    register::Standing,
    store::{Forwarded, Profile, Store},
};
use jiff::Timestamp;
use messages::{StandardMessage, SystemName, names};
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{Failure, Shutdown, clock};
use test_support::{Vhost, eventually};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    Backend, Database,
    caller::{ADMIN, Caller, PASSWORD},
    contract,
};

/// The user of the broker whom every message here is published by.
pub(super) const USER: &str = "guest";

/// The proxy, running in this process.
pub(super) struct Running {
    /// Who asks in `get`, `post` and so on: the first administrator.
    pub(super) admin: Caller,
    /// Somebody without a token.
    pub(super) nobody: Caller,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), Failure>>,
}

/// A broker with two systems, and a database.
pub(super) struct World {
    pub(super) vhost: Vhost,
    pub(super) store: Store,
    database: Database,
}

impl World {
    /// `servicedesk` publishes, as anybody here does; `redmine` gets it.
    pub(super) async fn new() -> Self {
        Self::on(Vhost::create().await).await
    }

    /// The same on a vhost where there may be something already.
    pub(super) async fn on(vhost: Vhost) -> Self {
        Self::with(vhost, Database::create(Backend::Sqlite).await).await
    }

    /// The same with a database of any kind.
    pub(super) async fn with(vhost: Vhost, database: Database) -> Self {
        let store = database.store();
        let world = Self { vhost, store, database };
        for system in ["servicedesk", "redmine"] {
            world.add_system(system).await;
        }
        world
    }

    /// Registers a system, without a user and a queue.
    pub(super) async fn add_system(&self, system: &str) {
        let standing = Standing::Active;
        let profile = Profile { standing, description: String::new(), states: Vec::new() };
        let added = self.store.add_system(&name(system), &profile, Timestamp::now()).await;
        assert!(added.expect("added"));
    }

    /// From now on `system` is who publishes.
    pub(super) async fn publishing_as(&self, system: &str) {
        self.store.remove_credential(USER).await.expect("removed");
        let added = self.store.add_credential(USER, &name(system), Timestamp::now()).await;
        assert!(added.expect("added"));
    }

    /// Where its database is.
    pub(super) fn database_url(&self) -> &str {
        &self.database.text
    }

    /// The proxy, once it can do its work.
    pub(super) async fn running(&self) -> Running {
        self.running_on(&self.vhost.url()).await
    }

    /// The same with the broker at another address.
    pub(super) async fn running_on(&self, amqp_url: &str) -> Running {
        self.started(amqp_url, &management(), PASSWORD).await.with_an_administrator().await
    }

    /// The same with the management API at another address, `host:port`, or
    /// `user:password@host:port`.
    pub(super) async fn running_managed_at(&self, address: &str) -> Running {
        let amqp_url = self.vhost.url();
        self.started(&amqp_url, address, PASSWORD).await.with_an_administrator().await
    }

    /// The file with the log events, which lies beside that of the messages.
    pub(super) fn log_database(&self) -> String {
        self.database.text.replace(".db", "-eventos.db")
    }

    /// Stores a message of days ago that was forwarded, as if it had been then.
    pub(super) async fn store_old(&self, destination: &str, days: u64) -> Uuid {
        let at = clock::ago(Duration::from_hours(24 * days));
        let message = self.stored(destination, at).await;
        for waiting in self.store.waiting(&name(destination), 9).await.expect("an answer") {
            let done = Forwarded { key: waiting.key, at };
            self.store.forwarded(&[done]).await.expect("written down");
        }
        message
    }

    /// Stores a message of days ago for a system whose queue is missing.
    pub(super) async fn store_waiting(&self, destination: &str, days: u64) -> Uuid {
        self.stored(destination, clock::ago(Duration::from_hours(24 * days))).await
    }

    async fn stored(&self, destination: &str, at: Timestamp) -> Uuid {
        let message = StandardMessage { destination: name(destination), ..contract::message() };
        self.store.receive(&[&message], at).await.expect("received");
        message.id.as_uuid()
    }

    /// The same with another first password; nobody has logged in.
    pub(super) async fn running_with_password(&self, password: &str) -> Running {
        self.started(&self.vhost.url(), &management(), password).await
    }

    /// The same with the database at another address.
    pub(super) async fn running_with_database(&self, url: &str) -> Running {
        let running = self.starting_with_database(url);
        running.becomes(200).await;
        running.with_an_administrator().await
    }

    /// The same before it can do its work; nobody has logged in.
    pub(super) fn starting_with_database(&self, url: &str) -> Running {
        Running::start(&self.vhost.url(), &management(), url, PASSWORD)
    }

    async fn started(&self, amqp_url: &str, management: &str, password: &str) -> Running {
        let running = Running::start(amqp_url, management, &self.database.text, password);
        running.becomes(200).await;
        running
    }

    /// All that is in the database's files.
    pub(super) fn database_files(&self) -> Vec<u8> {
        self.database.files()
    }

    /// Makes the queue of a system, as registering it does.
    pub(super) async fn make_mailbox(&self, system: &str) {
        let arguments = json!({
            "x-queue-type": "quorum", "x-delivery-limit": 1000, "x-max-length": 1_000_000,
            "x-overflow": "reject-publish", "x-dead-letter-exchange": names::REFUSED_EXCHANGE,
            "x-dead-letter-strategy": "at-least-once",
        });
        self.make_other_mailbox(system, arguments).await;
    }

    /// The same with arguments that nobody would register it with.
    pub(super) async fn make_other_mailbox(&self, system: &str, arguments: Value) {
        let mailbox = names::mailbox(&name(system));
        self.vhost.declare_queue(&mailbox, arguments).await;
        self.vhost.bind(names::DELIVERY_EXCHANGE, &mailbox, system).await;
    }

    /// Publishes a message to `redmine`.
    pub(super) async fn publish(&self, id: Uuid, body: &str) {
        self.publish_to("redmine", properties(id, "servicedesk", "ticket.asignado"), body).await;
    }

    pub(super) async fn publish_to(&self, destination: &str, properties: Value, body: &str) {
        self.vhost.publish(names::ENTRY_EXCHANGE, destination, properties, body).await;
    }

    /// Publishes that `message` of `servicedesk` is in `state` at `redmine`.
    pub(super) async fn notify(&self, message: Uuid, state: &str) {
        let body = json!({ "mensaje": message, "origen": "servicedesk", "estado": state });
        let properties = properties(Uuid::now_v7(), "redmine", names::NOTIFICATION_TYPE);
        self.publish_to(names::NOTIFICATIONS, properties, &body.to_string()).await;
    }

    /// Waits for messages in a mailbox, and takes them.
    pub(super) async fn takes(&self, system: &str, count: usize) -> Vec<Value> {
        let mailbox = names::mailbox(&name(system));
        let ready = u32::try_from(count).expect("few");
        self.vhost.wait_for_queue(&mailbox, ready, 0).await;
        self.vhost.take(&mailbox, count).await
    }
}

/// Where the management API is, `host:port`.
pub(super) fn management() -> String {
    let url = std::env::var("RELEVO_TEST_MANAGEMENT").expect("run by `cargo lab test`");
    url.trim_start_matches("http://").to_owned()
}

/// What a message of the standard says of itself.
pub(super) fn properties(id: Uuid, source: &str, kind: &str) -> Value {
    json!({
        "message_id": id, "app_id": source, "user_id": USER, "type": kind,
        "timestamp": Timestamp::now().as_second(), "content_type": "application/json",
        "correlation_id": "ticket 4711", "delivery_mode": 2,
    })
}

pub(super) fn name(text: &str) -> SystemName {
    text.parse().expect("a name")
}

impl Running {
    fn start(amqp_url: &str, management: &str, database_url: &str, password: &str) -> Self {
        let user = if management.contains('@') { "" } else { "guest:guest@" };
        let management_url = format!("http://{user}{management}");
        let arguments = [
            "a",
            "--listen=127.0.0.1:0",
            "--amqp-url",
            amqp_url,
            "--management-url",
            &management_url,
            "--database-url",
            database_url,
            "--max-payload=1000",
            "--admin-password",
            password,
        ];
        let config: Config =
            service_kit::config::parse(&arguments.map(Into::into)).expect("a configuration");
        let listener = TcpListener::bind(config.listen).expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("a bound address"));
        let shutdown = Shutdown::default();
        let task = tokio::spawn(audit_proxy::run(config, listener, shutdown.clone()));
        let nobody = Caller::nobody(address);
        Self { admin: nobody.clone(), nobody, shutdown, task }
    }

    pub(super) async fn becomes(&self, status: u16) {
        eventually(&format!("/readyz answers {status}"), || async {
            let (got, body) = self.get("/readyz").await?;
            if got == status { Ok(()) } else { Err(body.to_string()) }
        })
        .await;
    }

    async fn with_an_administrator(mut self) -> Self {
        self.admin = self.nobody.log_in(ADMIN, PASSWORD).await;
        self
    }

    /// Asks as the administrator, for whoever waits until the answer is another.
    pub(super) async fn get(&self, path: &str) -> Result<(u16, Value), String> {
        self.ask(Method::GET, path, None).await
    }

    /// The same with any request; an answer without a body is null.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), String> {
        let answer = self.admin.try_send(method, path, body.as_ref()).await?;
        Ok((answer.status, answer.body))
    }

    /// Somebody with this role, newly made and logged in.
    pub(super) async fn logged_in(&self, role: Role) -> Caller {
        let name = format!("{role}-{}", Uuid::now_v7().simple());
        let account = json!({ "nombre": name, "rol": role, "clave": PASSWORD });
        let answer = self.admin.post("/cuentas", &account).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.nobody.log_in(&name, PASSWORD).await
    }

    /// Waits until the only message of this id is as wanted, and returns its story.
    pub(super) async fn story(
        &self,
        id: Uuid,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(&format!("{id} {what}"), || async {
            let (_, stories) = self.get(&format!("/mensajes/{id}")).await?;
            let [story] = stories["mensajes"].as_array().map_or(&[][..], Vec::as_slice) else {
                return Err(stories.to_string());
            };
            if wanted(story) { Ok(story.clone()) } else { Err(story.to_string()) }
        })
        .await
    }

    pub(super) async fn is(&self, id: Uuid, state: &str) -> Value {
        self.story(id, &format!("is {state}"), |story| story["estado"] == state).await
    }

    pub(super) async fn stopped(self) {
        self.shutdown.raise();
        self.task.await.expect("no panic").expect("an orderly end");
    }
}
