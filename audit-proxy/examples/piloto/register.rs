//! The audit's register of systems, as an administrator uses it.

use anyhow::{Context, anyhow, bail};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{config::Config, credentials, folder::Folder, mailing::account::Account};

/// The register, for whoever is logged in.
pub(crate) struct Register {
    client: Client,
    address: String,
    token: String,
    rabbitmq: Option<String>,
}

/// What a system is registered as.
pub(crate) struct Application {
    /// Its name.
    pub(crate) name: &'static str,
    /// What people are told of it.
    pub(crate) description: &'static str,
    /// Final states of its own.
    pub(crate) states: Vec<&'static str>,
}

/// Answer of `POST /sesiones`.
#[derive(Deserialize)]
struct Session {
    token: String,
}

/// Answer of `GET /sistemas/{nombre}`, as far as it matters here.
#[derive(Deserialize)]
struct Registered {
    credenciales: Vec<Known>,
}

/// A user that a system has.
#[derive(Deserialize)]
struct Known {
    usuario: String,
}

/// Answer of `POST /sistemas/{nombre}/credenciales`.
#[derive(Deserialize)]
struct Issued {
    amqp: String,
}

impl Register {
    /// Logs in.
    ///
    /// # Errors
    /// When the audit does not answer, or does not let us in.
    pub(crate) async fn log_in(config: &Config) -> anyhow::Result<Self> {
        let mut register = Self {
            client: Client::new(),
            address: config.auditoria.trim_end_matches('/').to_owned(),
            token: String::new(),
            rabbitmq: config.rabbitmq.clone(),
        };
        let login = json!({ "cuenta": config.cuenta, "clave": config.clave });
        let answer = register.ask(Method::POST, "/sesiones", Some(login)).await?;
        register.token = good(answer).await?.json::<Session>().await?.token;
        Ok(register)
    }

    /// Who a system is at the broker. It is registered where it was not, and gets new
    /// credentials where those in the folder are not its own any more.
    ///
    /// # Errors
    /// When the audit does not answer or refuses, or the folder cannot be used.
    pub(crate) async fn account(
        &self,
        system: &Application,
        folder: &Folder,
    ) -> anyhow::Result<Account> {
        let path = folder.credentials(system.name);
        let users = self.users(system).await?;
        let kept = credentials::read(&path)?;
        if let Some(account) = kept.filter(|kept| users.contains(&kept.user)) {
            return Ok(account);
        }
        let amqp = self.issue(system.name).await?;
        folder.keep(system.name, &amqp)?;
        amqp.parse().map_err(|error: String| anyhow!("la auditoría dio otra dirección: {error}"))
    }

    /// The users that a system has, once it is registered.
    async fn users(&self, system: &Application) -> anyhow::Result<Vec<String>> {
        let path = format!("/sistemas/{}", system.name);
        let answer = self.ask(Method::GET, &path, None).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            let Application { name, description, states } = system;
            let new = json!({ "nombre": name, "descripcion": description, "estados": states });
            good(self.ask(Method::POST, "/sistemas", Some(new)).await?).await?;
            return Ok(Vec::new());
        }
        let registered: Registered = good(answer).await?.json().await?;
        Ok(registered.credenciales.into_iter().map(|known| known.usuario).collect())
    }

    /// New credentials, as an address.
    async fn issue(&self, system: &str) -> anyhow::Result<String> {
        let path = format!("/sistemas/{system}/credenciales");
        let issued: Issued = good(self.ask(Method::POST, &path, None).await?).await?.json().await?;
        match &self.rabbitmq {
            None => Ok(issued.amqp),
            Some(there) => moved(&issued.amqp, there).context("la dirección de RabbitMQ"),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.address);
        let mut request = self.client.request(method, &url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.with_context(|| {
            format!(
                "la auditoría no responde en {url}; ¿está en marcha el laboratorio? (cargo lab up)"
            )
        })
    }
}

/// The same address with another host and port.
fn moved(amqp: &str, there: &str) -> Option<String> {
    let (user, rest) = amqp.rsplit_once('@')?;
    let (_, vhost) = rest.split_once('/')?;
    Some(format!("{user}@{there}/{vhost}"))
}

/// A success; else what the problem says.
async fn good(answer: Response) -> anyhow::Result<Response> {
    let (status, path) = (answer.status(), answer.url().path().to_owned());
    if status.is_success() {
        return Ok(answer);
    }
    let problem: Value = answer.json().await.unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("sin explicación");
    bail!("la auditoría contesta {status} a {path}: {detail}")
}
