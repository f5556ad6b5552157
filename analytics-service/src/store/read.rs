//! Reporting: every answer is one state of the database.

use database::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use sqlx::{
    Any, Row,
    any::{AnyArguments, AnyRow},
    query::Query,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Store, StoreError,
    write::{list, parse_id},
};

/// Events kept for people to look at.
pub const LATEST: usize = 50;

/// In which order clients are reported.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
pub enum Order {
    /// By name, which never changes: whoever goes through all pages meets everybody.
    #[default]
    #[serde(rename = "nombre")]
    Name,
    /// By count, then name. It changes while events are counted: there is a first page
    /// and no other.
    #[serde(rename = "eventos")]
    Count,
}

/// Which part of the counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportQuery {
    /// This client only.
    pub client: Option<String>,
    /// In this order.
    pub order: Order,
    /// Clients on a page, 1 or more.
    pub limit: i64,
    /// Page, from 1; by count there is only the first.
    pub page: i64,
    /// Only clients after this one by name. None: from the beginning.
    pub after: Option<String>,
}

/// The counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Report {
    /// Events counted.
    pub total: i64,
    /// Events per client, by name unless another order is asked for; only those of the page.
    #[serde(serialize_with = "as_object")]
    #[schema(value_type = std::collections::BTreeMap<String, i64>)]
    pub clientes: Vec<(String, i64)>,
    /// Events per kind of event.
    #[serde(serialize_with = "as_object")]
    #[schema(value_type = std::collections::BTreeMap<String, i64>)]
    pub eventos: Vec<(String, i64)>,
    /// When the first event happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub primero: Option<Timestamp>,
    /// When the last event happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ultimo: Option<Timestamp>,
    /// This page, from 1.
    pub pagina: i64,
    /// Pages in all.
    pub paginas: i64,
    /// For `tras`, where more clients follow by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub siguiente: Option<String>,
}

/// An event that was counted lately.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct LatestEvent {
    /// The message's UUID.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Who did it.
    pub cliente: String,
    /// What it was.
    pub evento: String,
    /// When it happened, by the sender's clock.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// What the caller added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was counted, by our clock.
    #[schema(value_type = String, format = DateTime)]
    pub contado: Timestamp,
}

impl Store {
    /// The counts, as `query` asks for them. An unknown client has counts of 0.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn report(&self, query: &ReportQuery) -> Result<Report, StoreError> {
        match &query.client {
            Some(client) => self.report_of_client(client, query).await,
            None => self.report_of_all(query).await,
        }
    }

    async fn report_of_all(&self, query: &ReportQuery) -> Result<Report, StoreError> {
        let row = self
            .database
            .read(async |connection| {
                let asked = match query.order {
                    Order::Count => sqlx::query(self.dialect.ranking).bind(query.limit),
                    Order::Name => self.clients_by_name(query),
                };
                asked.fetch_one(connection).await.map_err(Error::from)
            })
            .await?;
        let mut clients: Vec<(String, i64)> = list(row.try_get(4)?)?;
        let next = cut(&mut clients, query.limit);
        let report = report(&row, clients, list(row.try_get(5)?)?, query)?;
        Ok(Report { siguiente: next, ..report })
    }

    /// One client more than the page has tells that more follow.
    fn clients_by_name<'q>(&self, query: &'q ReportQuery) -> Query<'q, Any, AnyArguments> {
        let offset = query.limit.saturating_mul(query.page - 1);
        let after = query.after.as_deref().unwrap_or_default();
        sqlx::query(self.dialect.report)
            .bind(query.limit.saturating_add(1))
            .bind(offset)
            .bind(after)
    }

    async fn report_of_client(
        &self,
        client: &str,
        query: &ReportQuery,
    ) -> Result<Report, StoreError> {
        let found = self
            .database
            .read(async |connection| {
                let asked = sqlx::query(self.dialect.client_report).bind(client);
                asked.fetch_optional(connection).await.map_err(Error::from)
            })
            .await?;
        let Some(row) = found else { return Ok(Report::empty(query)) };
        let on_page = match query.page {
            1 => vec![(client.to_owned(), row.try_get(0)?)],
            _ => Vec::new(),
        };
        report(&row, on_page, list(row.try_get(4)?)?, query)
    }

    /// The events counted last, newest first, at most [`LATEST`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn latest(&self, limit: i64) -> Result<Vec<LatestEvent>, StoreError> {
        self.database
            .read(async |connection| {
                let latest = sqlx::query(self.dialect.latest).bind(limit);
                latest.fetch_all(connection).await?.iter().map(latest_event).collect()
            })
            .await
    }
}

fn report(
    summary: &AnyRow,
    clientes: Vec<(String, i64)>,
    eventos: Vec<(String, i64)>,
    query: &ReportQuery,
) -> Result<Report, StoreError> {
    let rows: i64 = summary.try_get(1)?;
    Ok(Report {
        total: summary.try_get(0)?,
        clientes,
        eventos,
        primero: time(summary.try_get(2)?)?,
        ultimo: time(summary.try_get(3)?)?,
        pagina: query.page,
        paginas: pages(rows, query.limit),
        siguiente: None,
    })
}

/// Takes away what does not fit on the page, and says after whom it goes on.
fn cut(clients: &mut Vec<(String, i64)>, limit: i64) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = clients.len() > limit;
    clients.truncate(limit);
    clients.last().filter(|_| more).map(|(name, _)| name.clone())
}

/// Pages that `rows` fill; an empty report is one page.
fn pages(rows: i64, limit: i64) -> i64 {
    (rows / limit + i64::from(rows % limit != 0)).max(1)
}

impl Report {
    fn empty(query: &ReportQuery) -> Self {
        let (clientes, eventos) = (Vec::new(), Vec::new());
        let (primero, ultimo) = (None, None);
        Self {
            total: 0,
            clientes,
            eventos,
            primero,
            ultimo,
            pagina: query.page,
            paginas: 1,
            siguiente: None,
        }
    }
}

fn latest_event(row: &AnyRow) -> Result<LatestEvent, StoreError> {
    let id: String = row.try_get(0)?;
    Ok(LatestEvent {
        id: parse_id(&id)?,
        cliente: row.try_get(1)?,
        evento: row.try_get(2)?,
        timestamp: moment(row.try_get(3)?)?,
        message: row.try_get(4)?,
        contado: moment(row.try_get(5)?)?,
    })
}

fn time(micros: Option<i64>) -> Result<Option<Timestamp>, Error> {
    micros.map(moment).transpose()
}

fn moment(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(micros).map_err(|_| Error::Foreign(format!("the time {micros}")))
}

/// A JSON object whose fields keep the order of the list.
fn as_object<S: Serializer>(pairs: &[(String, i64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, total)| (name, total)))
}
