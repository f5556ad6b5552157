//! The audit proxy, as its administrator asks it over HTTP.

use crate::first_password;
use crate::part::Part;
use crate::prove::wait::until;
use crate::prove::world::{PATIENCE, World};
use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Messages asked for at once: the most that are given.
const PAGE: &str = "500";

/// The state of what is not forwarded, and never will be.
pub(super) const REFUSED: &str = "no_admitido";

/// Who is logged in.
pub(super) struct Audit<'a> {
    pub(super) world: &'a World,
    http: Client,
    url: String,
    token: String,
}

/// A message that is kept, as a list has it.
pub(super) struct Kept {
    pub(super) id: Uuid,
    pub(super) state: String,
}

impl<'a> Audit<'a> {
    /// Logs in.
    pub(super) async fn of(world: &'a World) -> Result<Self> {
        let url = world.url_of(Part::Audit)?;
        // No connection is kept: whoever is at its other end may have died.
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
        let http = client.timeout(ANSWER_LIMIT).build()?;
        let mut audit = Self { world, http, url, token: String::new() };
        let password = world.audit_password()?;
        let session = json!({ "cuenta": first_password::ACCOUNT, "clave": password });
        let session = audit.make("/sesiones", Some(session)).await?;
        audit.token = text(&session["token"])?;
        Ok(audit)
    }

    /// The same of a proxy that may be made to die.
    pub(super) async fn mortal(world: &'a World) -> Result<Self> {
        let faults = |change: &mut crate::plan::Change| {
            change.env = vec![("LAB_FAULTS".into(), "1".into())];
        };
        world.native()?.restart_with(Part::Audit, faults).await?;
        Self::of(world).await
    }

    /// Posts, and returns what was made.
    pub(super) async fn make(&self, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let (status, made) = (answer.status(), answer.json::<Value>().await?);
        ensure!(status == StatusCode::CREATED, "POST {path}: {status}, {}", made["detail"]);
        Ok(made)
    }

    /// The proxy dies at a point of a message's way, is started again at once, and becomes
    /// ready. What brings it to this point is done by `meanwhile`, or under way.
    pub(super) async fn dies_at(
        &self,
        point: &str,
        meanwhile: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let cause = async || {
            let faults = json!({ "pausa": false, "muere": point });
            let request = self.http.request(Method::PUT, format!("{}/fallos", self.url));
            // It may die before it has answered.
            if let Ok(answer) = request.json(&faults).send().await {
                ensure!(answer.status().is_success(), "PUT /fallos: {}", answer.status());
            }
            meanwhile().await
        };
        self.world.native()?.ends_by(Part::Audit, cause).await?;
        self.world.until_ready(Part::Audit).await
    }

    /// What is known of a message; null while nothing is.
    pub(super) async fn story(&self, id: Uuid) -> Result<Value> {
        self.told(&format!("/mensajes/{id}"), &[]).await
    }

    /// The state of the only message with this id; none while it is not kept.
    pub(super) async fn state(&self, id: Uuid) -> Result<Option<String>> {
        let story = self.story(id).await?;
        Ok(story["mensajes"][0]["estado"].as_str().map(str::to_owned))
    }

    /// How many messages to a system are kept as refused, of the last five hundred.
    pub(super) async fn refused(&self, destination: &str) -> Result<usize> {
        let query = [("destino", destination), ("estado", REFUSED), ("limite", PAGE)];
        let page = self.told("/mensajes", &query).await?;
        Ok(page["mensajes"].as_array().map_or(0, Vec::len))
    }

    /// All messages that are kept of a system, in the order in which they came.
    pub(super) async fn kept(&self, source: &str) -> Result<Vec<Kept>> {
        let (mut kept, mut next) = (Vec::new(), String::new());
        loop {
            let query = [
                ("origen", source),
                ("orden", "antiguos"),
                ("limite", PAGE),
                ("pagina", next.as_str()),
            ];
            let mut page = self.told("/mensajes", &query).await?;
            for row in page["mensajes"].as_array().into_iter().flatten() {
                kept.push(Kept { id: text(&row["id"])?.parse()?, state: text(&row["estado"])? });
            }
            match page["siguiente"].take() {
                Value::String(cursor) => next = cursor,
                _ => return Ok(kept),
            }
        }
    }

    /// Asks until there is an answer: the proxy may be dead, or its database away.
    async fn told(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        until(&format!("la respuesta a {path}"), PATIENCE, async || {
            let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
            let Ok(answer) = request.query(query).send().await else { return Ok(None) };
            match answer.status() {
                StatusCode::SERVICE_UNAVAILABLE => Ok(None),
                StatusCode::NOT_FOUND => Ok(Some(Value::Null)),
                StatusCode::OK => Ok(answer.json().await.ok()),
                other => bail!("GET {path}: {other}, {}", answer.text().await?),
            }
        })
        .await
    }
}

/// A text of an answer.
pub(super) fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("la auditoría no contesta lo que se esperaba")?.to_owned())
}
