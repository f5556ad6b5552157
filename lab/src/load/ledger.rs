//! What was counted, as analytics tells over HTTP: its ids, and its totals.

use super::check::{Counted, check};
use super::run::History;
use crate::running::{Administrator, Running};
use crate::settings::Port;
use anyhow::{Context, Result, bail};
use messages::names::{OTHERS, QUEUE, QUEUES};
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Ids asked for at once: the most that analytics gives.
const PAGE: u32 = 10_000;

/// How long the queue must have been empty. The broker's numbers are up to three
/// seconds old: it counts once a second, and gathers that every two.
const QUIET: Duration = Duration::from_secs(4);

/// How long all of that may take.
const LIMIT: Duration = Duration::from_mins(10);

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
    administrator: Administrator,
    /// Whether nobody else sends events.
    alone: bool,
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
    name: String,
    messages: Option<u64>,
}

impl Ledger {
    /// Of a laboratory; whether nobody else sends events there.
    pub(crate) fn of(running: &Running, alone: bool) -> Result<Self> {
        let client = Client::builder().no_proxy().timeout(ANSWER_LIMIT).build();
        let http = client.context("no se pudo preparar el cliente HTTP")?;
        Ok(Self {
            http,
            analytics: running.url(Port::Analytics, ""),
            management: running.url(Port::Management, ""),
            administrator: running.administrator.clone(),
            alone,
        })
    }

    /// To be asked before the load begins.
    pub(crate) async fn before(&self) -> Before {
        let totals = self.totals().await.ok();
        let others = totals.map(|totals| totals.get(OTHERS).copied().unwrap_or_default());
        Before { others, since: SystemTime::now().checked_sub(CLOCK_MARGIN) }
    }

    /// Waits until nothing of the loads is on its way any more, and reads what
    /// was counted of each.
    pub(crate) async fn settled(
        &self,
        histories: &[History],
        before: Before,
    ) -> Result<Vec<Counted>> {
        let mut known = usize::MAX;
        loop {
            self.wait_until_quiet().await?;
            let mut counted = Vec::new();
            for history in histories {
                counted.push(self.counted(history, before).await?);
            }
            let ids: usize = counted.iter().map(|counted| counted.ids.len()).sum();
            let is_complete = histories
                .iter()
                .zip(&counted)
                .all(|(history, counted)| check(history.events(), counted).lost == 0);
            // The broker's numbers are late: where something is missing, look
            // again for as long as there is more each time.
            if is_complete || ids == known {
                return Ok(counted);
            }
            known = ids;
        }
    }

    /// Messages in the queue, or in all among which the events are spread, waiting or
    /// delivered, up to three seconds ago; none where the broker does not know yet.
    pub(crate) async fn waiting(&self) -> Result<Option<u64>> {
        let url = format!("{}/api/queues/%2F?columns=name,messages", self.management);
        let Administrator { name, password } = &self.administrator;
        let request = self.http.get(&url).basic_auth(name, Some(password));
        let queues: Vec<Queue> = request.send().await?.error_for_status()?.json().await?;
        Ok(waiting(&queues))
    }

    /// Waits until the queue has been empty for a while.
    ///
    /// # Errors
    /// When nobody takes what waits there, or it never ends.
    pub(crate) async fn wait_until_quiet(&self) -> Result<()> {
        let began = Instant::now();
        let (mut last, mut since) = (None, began);
        loop {
            // A broker that is just coming back does not answer.
            let waiting = self.waiting().await.unwrap_or(None);
            if waiting != last {
                (last, since) = (waiting, Instant::now());
            }
            match waiting {
                Some(0) if since.elapsed() >= QUIET => return Ok(()),
                Some(0) => {}
                _ if since.elapsed() >= PATIENCE => bail!(stuck(waiting)),
                _ if began.elapsed() >= LIMIT => bail!(ENDLESS),
                _ => {}
            }
            sleep(POLL).await;
        }
    }

    async fn counted(&self, history: &History, before: Before) -> Result<Counted> {
        let ids = self.ids(&history.prefix(), before).await?;
        let totals = self.totals().await?;
        let (mut counted, mut common) = (Counted::default(), Vec::new());
        for (client, ids) in ids {
            match totals.get(&client) {
                Some(total) => counted.add(ids, *total),
                None => common.extend(ids),
            }
        }
        counted.add_common(common, self.common_growth(&totals, before));
        Ok(counted)
    }

    /// By how much the common name grew; none where it may have grown by others'
    /// events, or where nobody knows.
    fn common_growth(&self, totals: &HashMap<String, u64>, before: Before) -> Option<u64> {
        let now = totals.get(OTHERS).copied().unwrap_or_default();
        before.others.filter(|_| self.alone).map(|before| now.saturating_sub(before))
    }

    /// Ids of the clients that begin with `prefix`.
    async fn ids(&self, prefix: &str, before: Before) -> Result<HashMap<String, Vec<Uuid>>> {
        let mut ids: HashMap<String, Vec<Uuid>> = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = vec![("limite", PAGE.to_string())];
            query.extend(before.since.map(|since| ("desde", rfc3339(since))));
            query.extend(after.take().map(|cursor| ("tras", cursor)));
            let page: Page = self.ask("/contados", &query).await?;
            let own = page.contados.into_iter().filter(|row| row.cliente.starts_with(prefix));
            for Row { id, cliente } in own {
                ids.entry(cliente).or_default().push(id);
            }
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

/// The sum, where every number is known.
fn waiting(queues: &[Queue]) -> Option<u64> {
    let mut ours = queues.iter().filter(|queue| QUEUES.contains(&queue.name.as_str())).peekable();
    ours.peek()?;
    ours.map(|queue| queue.messages).sum()
}

/// What is said where others keep the queue busy.
const ENDLESS: &str = "la cola no se vacía desde hace diez minutos: alguien más envía eventos, \
                       y mientras tanto no hay veredicto";

fn stuck(waiting: Option<u64>) -> String {
    let Some(waiting) = waiting else {
        return "RabbitMQ no dice cuánto espera en la cola; sin eso no hay veredicto".to_owned();
    };
    format!(
        "{waiting} mensajes esperan en {QUEUE} y nadie los cuenta: no hay veredicto todavía \
         (¿está en marcha analiticas? cargo lab status)"
    )
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Queue, waiting};

    #[test]
    fn what_waits_is_the_sum_of_our_queues_and_of_nobody_elses() {
        let queue = |name: &str, messages| Queue { name: name.to_owned(), messages };
        let mut queues = vec![queue("cola_analiticas_dlq", Some(5)), queue("otra", None)];
        assert_eq!(waiting(&queues), None);
        queues.push(queue("cola_analiticas", Some(0)));
        assert_eq!(waiting(&queues), Some(0));
        queues.push(queue("cola_analiticas_3", Some(2)));
        assert_eq!(waiting(&queues), Some(2));
        queues.push(queue("cola_analiticas_2", None));
        assert_eq!(waiting(&queues), None);
    }
}
