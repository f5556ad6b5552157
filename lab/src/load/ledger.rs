//! What was counted, as analytics tells over HTTP: its ids, and its totals.

use super::check::Counted;
use super::run::History;
use anyhow::{Context, Result, bail};
use messages::names::{OTHERS, QUEUE};
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Ids asked for at once: the most that analytics gives.
const PAGE: u32 = 10_000;

/// How long the queue must have been empty. The broker's numbers are up to two
/// seconds old.
const QUIET: Duration = Duration::from_secs(3);

/// How long to wait while nothing changes.
const PATIENCE: Duration = Duration::from_mins(1);

const POLL: Duration = Duration::from_millis(250);

/// How far analytics' clock may be behind ours, and nothing is overlooked.
const CLOCK_MARGIN: Duration = Duration::from_hours(2);

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Where analytics and the broker's API answer.
#[derive(Clone)]
pub(crate) struct Ledger {
    http: Client,
    analytics: String,
    management: String,
}

/// The counts before a load: what is already under the common name is not its.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    /// None where analytics was away.
    others: Option<u64>,
    since: Option<SystemTime>,
}

#[derive(Deserialize)]
struct Page {
    contados: Vec<Row>,
    siguiente: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    id: Uuid,
    cliente: String,
}

#[derive(Deserialize)]
struct Queue {
    #[serde(default)]
    messages: u64,
}

impl Ledger {
    /// Base URLs without a slash at the end.
    pub(crate) fn new(analytics: String, management: String) -> Result<Self> {
        let client = Client::builder().no_proxy().timeout(ANSWER_LIMIT).build();
        let http = client.context("no se pudo preparar el cliente HTTP")?;
        Ok(Self { http, analytics, management })
    }

    /// To be asked before the load begins.
    pub(crate) async fn before(&self) -> Before {
        let totals = self.totals().await.ok();
        let others = totals.map(|totals| totals.get(OTHERS).copied().unwrap_or_default());
        Before { others, since: SystemTime::now().checked_sub(CLOCK_MARGIN) }
    }

    /// Waits until nothing of the load is on its way any more, and reads what
    /// was counted of it.
    pub(crate) async fn settled(&self, history: &History, before: Before) -> Result<Counted> {
        self.wait_until_quiet().await?;
        let mut counted = self.counted(history, before).await?;
        // The broker's numbers are late, and analytics may just have come back.
        let deadline = Instant::now() + PATIENCE;
        while !is_complete(history, &counted) && Instant::now() < deadline {
            let known = counted.ids.len();
            self.wait_until_quiet().await?;
            counted = self.counted(history, before).await?;
            if counted.ids.len() == known {
                break;
            }
        }
        Ok(counted)
    }

    /// Messages in the queue, waiting or delivered, some two seconds ago.
    pub(crate) async fn waiting(&self) -> Result<u64> {
        let url = format!("{}/api/queues/%2F/{QUEUE}?columns=messages", self.management);
        let request = self.http.get(&url).basic_auth("guest", Some("guest"));
        let queue: Queue = request.send().await?.error_for_status()?.json().await?;
        Ok(queue.messages)
    }

    /// Waits until the queue has been empty for a while.
    pub(crate) async fn wait_until_quiet(&self) -> Result<()> {
        let mut quiet_since = None;
        let mut last = (u64::MAX, Instant::now());
        loop {
            // A broker or a queue that is just coming back has no numbers yet.
            let waiting = self.waiting().await.unwrap_or(u64::MAX);
            if waiting != last.0 {
                last = (waiting, Instant::now());
            }
            let since = quiet_since.get_or_insert_with(Instant::now);
            match waiting {
                0 if since.elapsed() >= QUIET => return Ok(()),
                0 => {}
                _ => quiet_since = None,
            }
            if waiting != 0 && last.1.elapsed() >= PATIENCE {
                bail!(stuck(waiting));
            }
            sleep(POLL).await;
        }
    }

    async fn counted(&self, history: &History, before: Before) -> Result<Counted> {
        let prefix = history.prefix();
        let ids = self.ids(&prefix, before).await?;
        let totals = self.totals().await?;
        let own: u64 = totals
            .iter()
            .filter(|(client, _)| client.starts_with(&prefix))
            .map(|(_, total)| total)
            .sum();
        let others = totals.get(OTHERS).copied().unwrap_or_default();
        let others = before.others.map_or(0, |before| others.saturating_sub(before));
        // Ours only where ours do not have names of their own.
        let overflowed = u64::try_from(ids.len()).is_ok_and(|ids| ids > own);
        Ok(Counted { ids, total: if overflowed { own + others } else { own } })
    }

    async fn ids(&self, prefix: &str, before: Before) -> Result<Vec<Uuid>> {
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = vec![("limite", PAGE.to_string())];
            query.extend(before.since.map(|since| ("desde", rfc3339(since))));
            query.extend(after.take().map(|cursor| ("tras", cursor)));
            let page: Page = self.ask("/contados", &query).await?;
            let own = page.contados.iter().filter(|row| row.cliente.starts_with(prefix));
            ids.extend(own.map(|row| row.id));
            match page.siguiente {
                None => return Ok(ids),
                cursor => after = cursor,
            }
        }
    }

    /// Events by client.
    async fn totals(&self) -> Result<HashMap<String, u64>> {
        let url = format!("{}/reporte", self.analytics);
        let answer = self.http.get(url).header("accept", "text/csv").send().await;
        let text = answer.and_then(reqwest::Response::error_for_status);
        let text = text.context("analítica no da sus recuentos")?.text().await?;
        text.lines()
            .skip(1)
            .map(|line| {
                let (client, total) = line.rsplit_once(',').context("una línea sin coma")?;
                Ok((client.to_owned(), total.parse()?))
            })
            .collect()
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let url = format!("{}{path}", self.analytics);
        let answer = self.http.get(url).query(query).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        Ok(answer.context("analítica no dice lo que contó")?.json().await?)
    }
}

fn is_complete(history: &History, counted: &Counted) -> bool {
    super::check::check(history.events(), counted).lost == 0
}

fn stuck(waiting: u64) -> String {
    if waiting == u64::MAX {
        return "RabbitMQ no dice cuánto espera en la cola; sin eso no hay veredicto".to_owned();
    }
    format!(
        "{waiting} mensajes esperan en {QUEUE} y nadie los cuenta: no hay veredicto todavía \
         (¿está en marcha analiticas? cargo lab status)"
    )
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
