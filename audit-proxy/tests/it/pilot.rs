//! The pilot's two systems and the proxy between them, on a real broker: each as its
//! example runs it, with a user of the broker that has no more rights than it needs.

#[path = "../../examples/servicedesk/desk/mod.rs"]
mod desk;
#[path = "../../examples/mailing/mod.rs"]
mod mailing;
#[path = "../../examples/redmine/tracker/mod.rs"]
mod tracker;

use std::net::TcpListener;

use broker::Incoming;
use jiff::Timestamp;
use messages::names;
use reqwest::Client;
use serde_json::{Value, json};
use service_kit::{Failure, Listen, Shutdown};
use tempfile::TempDir;
use test_support::eventually;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::running::{Running, World, name, properties};
use mailing::{
    account::Account, agreement::TICKET_ASSIGNED, letter::Letter, mailbox::Take,
    received::Received, store::Mail,
};

const PASSWORD: &str = "clave-de-redmine";

/// A system of the pilot, running in this process.
struct System {
    address: String,
    client: Client,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), Failure>>,
}

impl System {
    fn start<C, F>(config: C, run: impl FnOnce(C, TcpListener, Shutdown) -> F) -> Self
    where
        C: Listen,
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let listener = TcpListener::bind(config.listen()).expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("a bound address"));
        let shutdown = Shutdown::default();
        let task = tokio::spawn(run(config, listener, shutdown.clone()));
        Self { address, client: Client::new(), shutdown, task }
    }

    /// The page, once it has all of `wanted`.
    async fn shows(&self, wanted: &[&str]) -> String {
        eventually(&format!("the page shows {wanted:?}"), || async {
            let answer = self.client.get(&self.address).send().await;
            let answer = answer.map_err(|error| error.to_string())?;
            let page = answer.text().await.map_err(|error| error.to_string())?;
            if wanted.iter().all(|text| page.contains(text)) { Ok(page) } else { Err(page) }
        })
        .await
    }

    /// Clicks as a page of `site` would, and returns the status and what the page shows.
    async fn click_from(&self, site: &str, path: &str, form: &'static str) -> (u16, String) {
        let request = self
            .client
            .post(format!("{}{path}", self.address))
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("a page"))
    }

    async fn click(&self, path: &str, form: &'static str) -> String {
        let (status, page) = self.click_from("same-origin", path, form).await;
        assert_eq!(status, 200, "{path}: {page}");
        page
    }

    async fn stopped(self) {
        self.shutdown.raise();
        self.task.await.expect("no panic").expect("an orderly end");
    }
}

/// A world in which `servicedesk` and `redmine` are different users.
struct Pilot {
    world: World,
    redmine: String,
    folder: TempDir,
}

impl Pilot {
    async fn new() -> (Self, Running) {
        let world = World::new().await;
        world.publishing_as("servicedesk").await;
        let redmine = world.vhost.create_user(PASSWORD).await;
        let entry = format!("^({}|{})$", names::ENTRY_EXCHANGE, names::PROBE_EXCHANGE);
        world.vhost.permit(&redmine, "^$", &entry, "^buzon_redmine$").await;
        let added = world.store.add_credential(&redmine, &name("redmine"), Timestamp::now()).await;
        assert!(added.expect("added"));
        // The proxy knows at once whom there is when it starts.
        let proxy = world.running().await;
        for system in ["servicedesk", "redmine"] {
            world.make_mailbox(system).await;
        }
        (Self { world, redmine, folder: TempDir::new().expect("a folder") }, proxy)
    }

    fn arguments(&self, url: &str, system: &str) -> Vec<std::ffi::OsString> {
        let database = format!("sqlite://{}/{system}.db", self.folder.path().display());
        ["x", "--listen=127.0.0.1:0", "--amqp-url", url, "--database-url", &database]
            .map(Into::into)
            .to_vec()
    }

    fn desk(&self) -> System {
        let arguments = self.arguments(&self.world.vhost.url(), "servicedesk");
        let config = service_kit::config::parse(&arguments).expect("a configuration");
        System::start(config, desk::run)
    }

    fn redmine_url(&self) -> String {
        self.world.vhost.url_as(&self.redmine, PASSWORD)
    }

    fn redmine_config(&self) -> tracker::Config {
        let arguments = self.arguments(&self.redmine_url(), "redmine");
        service_kit::config::parse(&arguments).expect("a configuration")
    }

    fn redmine(&self) -> System {
        System::start(self.redmine_config(), tracker::run)
    }

    /// A message that waits for Redmine, as the desk sends it.
    async fn waiting_message(&self) -> Uuid {
        let id = Uuid::now_v7();
        let body = json!({ "ticket": 4711, "asunto": "La impresora", "solicitante": "Ana" });
        let properties = properties(id, "servicedesk", TICKET_ASSIGNED);
        self.world.publish_to("redmine", properties, &body.to_string()).await;
        self.world.vhost.wait_for_queue("buzon_redmine", 1, 0).await;
        id
    }

    /// What a Redmine leaves behind that dies once it has stored this message: its
    /// letters are not sent, the message is not acknowledged.
    async fn dies_after_storing(&self, id: Uuid) -> Mail {
        let config = self.redmine_config();
        let database = tracker::store::open(&config.database_url).await.expect("a database");
        let account: Account = self.world.vhost.url().parse().expect("an account");
        let body = json!({ "ticket": 4711, "asunto": "La impresora", "solicitante": "Ana" });
        let mut letter = Letter::new(TICKET_ASSIGNED, "redmine", None, body.to_string());
        letter.id = id.into();
        let message = Incoming::from(letter.outgoing("servicedesk", &account));
        let received = Received::read(&message).expect("a message");
        let store = tracker::store::Store::new(database.clone());
        store.take(&[received]).await.expect("stored");
        Mail::new(database)
    }
}

/// The id that a page shows after `label`.
fn id_after(page: &str, label: &str) -> Uuid {
    let (_, rest) = page.split_once(&format!("{label} <code>")).expect(label);
    rest[..36].parse().expect("an id")
}

fn notified(story: &Value) -> Vec<&Value> {
    let steps = story["pasos"].as_array().into_iter().flatten();
    steps.map(|step| &step["notificacion"]).filter(|told| !told.is_null()).collect()
}

#[tokio::test]
async fn a_ticket_becomes_a_task_and_the_closed_task_solves_the_ticket() {
    let (pilot, proxy) = Pilot::new().await;
    let (desk, redmine) = (pilot.desk(), pilot.redmine());
    desk.shows(&["Todavía no hay ninguno"]).await;
    desk.click("/tickets", "asunto=La+impresora+%3Cb%3E&solicitante=Ana").await;
    let page = desk.click("/tickets/4711/asignar", "").await;
    assert!(page.contains("La impresora &#60;b&#62;") && page.contains("Asignado"), "{page}");
    let assigned = id_after(&page, "mensaje");

    redmine.shows(&["ticket 4711 de ServiceDesk", &assigned.to_string()]).await;
    let story = proxy.is(assigned, "procesado").await;
    assert_eq!(story["tipo"], "ticket.asignado.v1");
    assert_eq!(notified(&story)[0]["detalles"], "tarea 1, del ticket 4711");

    let page = redmine.click("/tareas/1/cerrar", "").await;
    let closed = id_after(&page, "respuesta");
    desk.shows(&["data-estado=\"Resuelto\"", "tarea 1 de Redmine"]).await;
    let back = proxy.is(closed, "procesado").await;
    assert_eq!(back["tipo"], "tarea.cerrada.v1");
    assert_eq!((&back["origen"], &back["destino"]), (&json!("redmine"), &json!("servicedesk")));
    assert_eq!(back["correlacion"], story["correlacion"]);
    assert_eq!(back["correlacion"], "ticket-4711");
    desk.stopped().await;
    redmine.stopped().await;

    let (desk, redmine) = (pilot.desk(), pilot.redmine());
    desk.shows(&["Resuelto"]).await;
    redmine.shows(&["Cerrada"]).await;
    desk.stopped().await;
    redmine.stopped().await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_rejected_task_gives_its_ticket_back_to_be_assigned_once_more() {
    let (pilot, proxy) = Pilot::new().await;
    let (desk, redmine) = (pilot.desk(), pilot.redmine());
    desk.shows(&["Todavía no hay ninguno"]).await;
    desk.click("/tickets", "asunto=La+impresora&solicitante=Ana").await;
    let first = id_after(&desk.click("/tickets/4711/asignar", "").await, "mensaje");
    redmine.shows(&["ticket 4711"]).await;
    redmine.click("/tareas/1/aplazar", "").await;
    let told = proxy.story(first, "has two", |story| notified(story).len() == 2).await;
    assert_eq!(notified(&told)[1]["estado"], "aplazado");
    redmine.click("/tareas/1/rechazar", "").await;
    proxy.is(first, "rechazado").await;
    desk.shows(&["data-estado=\"Devuelto\""]).await;
    let second = id_after(&desk.click("/tickets/4711/asignar", "").await, "mensaje");
    assert_ne!(first, second);
    redmine.shows(&["/tareas/2/cerrar"]).await;
    desk.stopped().await;
    redmine.stopped().await;
    proxy.stopped().await;
}

#[tokio::test]
async fn what_comes_while_reading_is_paused_waits_in_the_queue() {
    let (pilot, proxy) = Pilot::new().await;
    let redmine = pilot.redmine();
    pilot.world.vhost.wait_for_queue("buzon_redmine", 0, 1).await;
    assert!(redmine.click("/lectura", "pausada=true").await.contains("No se lee el buzón"));
    pilot.world.vhost.wait_for_queue("buzon_redmine", 0, 0).await;
    let id = pilot.waiting_message().await;
    proxy.is(id, "reenviado").await;
    redmine.click("/lectura", "pausada=false").await;
    proxy.is(id, "procesado").await;
    redmine.stopped().await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_crash_between_storing_and_publishing_loses_and_doubles_nothing() {
    let (pilot, proxy) = Pilot::new().await;
    let id = pilot.waiting_message().await;
    let mail = pilot.dies_after_storing(id).await;
    assert_eq!(mail.counts().await.expect("counts").waiting, 1);
    let redmine = pilot.redmine();
    let once_each = "Mensajes recibidos: 1; repetidos: 1; por salir: 0.";
    let page = redmine.shows(&[once_each]).await;
    assert_eq!(page.matches("ticket 4711 de ServiceDesk").count(), 1, "{page}");
    let story = proxy.is(id, "procesado").await;
    assert_eq!(notified(&story).len(), 1, "{story}");
    redmine.stopped().await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_letter_that_was_published_before_a_crash_is_known_by_its_id_when_it_comes_again() {
    let (pilot, proxy) = Pilot::new().await;
    let id = pilot.waiting_message().await;
    let mail = pilot.dies_after_storing(id).await;
    let waiting = mail.waiting().await.expect("letters");
    let account: Account = pilot.redmine_url().parse().expect("an account");
    let (publisher, publishing) = broker::publisher(
        account.url.clone(),
        "prueba".to_owned(),
        names::ENTRY_EXCHANGE,
        tokio_util::sync::CancellationToken::new(),
    );
    let publishing = tokio::spawn(publishing.probing_at(names::PROBE_EXCHANGE).run());
    let letter = waiting[0].clone();
    eventually("it is published", || async {
        match publisher.publish(letter.clone().outgoing("redmine", &account)).await {
            broker::Outcome::Confirmed => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    publishing.abort();
    proxy.is(id, "procesado").await;
    let redmine = pilot.redmine();
    redmine.shows(&["por salir: 0."]).await;
    // What comes after it in the same queue shows that it has been dealt with.
    let after = Uuid::now_v7();
    let other = properties(after, "servicedesk", "otra.cosa.v1");
    pilot.world.publish_to("redmine", other, "{}").await;
    proxy.is(after, "error").await;
    assert_eq!(notified(&proxy.is(id, "procesado").await).len(), 1);
    redmine.stopped().await;
    proxy.stopped().await;
}

#[tokio::test]
async fn what_a_system_does_not_expect_is_told_as_an_error_and_others_go_on() {
    let (pilot, proxy) = Pilot::new().await;
    let redmine = pilot.redmine();
    let [kind, form] = [(); 2].map(|()| Uuid::now_v7());
    let world = &pilot.world;
    world.publish_to("redmine", properties(kind, "servicedesk", "otra.cosa.v1"), "{}").await;
    world.publish_to("redmine", properties(form, "servicedesk", TICKET_ASSIGNED), "[]").await;
    let story = proxy.is(kind, "error").await;
    let detail = "Redmine no espera «otra.cosa.v1» de «servicedesk»";
    assert_eq!(notified(&story)[0]["detalles"], detail);
    let story = proxy.is(form, "error").await;
    let detail = notified(&story)[0]["detalles"].as_str().unwrap_or_default();
    assert!(detail.starts_with("la carga no tiene la forma acordada"), "{story}");
    redmine.stopped().await;
    proxy.stopped().await;
}

#[tokio::test]
async fn a_click_too_late_or_from_another_site_or_with_nothing_typed_changes_nothing() {
    let (pilot, proxy) = Pilot::new().await;
    let desk = pilot.desk();
    desk.shows(&["Todavía no hay ninguno"]).await;
    let new = "asunto=La+impresora&solicitante=Ana";
    assert_eq!(desk.click_from("cross-site", "/tickets", new).await.0, 403);
    let page = desk.click("/tickets", "asunto=+&solicitante=Ana").await;
    assert!(page.contains("Escriba una línea") && page.contains("Todavía no hay"), "{page}");
    desk.click("/tickets", new).await;
    desk.click("/tickets/4711/asignar", "").await;
    for path in ["/tickets/4711/asignar", "/tickets/9/asignar"] {
        assert!(desk.click(path, "").await.contains("Eso ya no es posible"), "{path}");
    }
    desk.shows(&["por salir: 0."]).await;
    pilot.world.takes("redmine", 1).await;
    desk.stopped().await;
    proxy.stopped().await;
}
