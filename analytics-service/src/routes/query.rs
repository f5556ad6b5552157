//! Query strings, checked: an unknown or impossible parameter is an error, not
//! something to ignore.

use actix_web::{HttpRequest, web::Query};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use service_kit::Problem;

use crate::store::{Cursor, LATEST, LedgerQuery, ReportQuery};

/// Rows on a page where nothing is asked.
const DEFAULT_LIMIT: i64 = 1000;

/// Rows on a page at most.
const MAX_LIMIT: i64 = 10_000;

/// Parameters of `/reporte`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportParameters {
    cliente: Option<String>,
    limite: Option<i64>,
    pagina: Option<i64>,
}

/// Parameters of `/eventos`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventParameters {
    limite: Option<i64>,
}

/// Parameters of `/contados`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerParameters {
    desde: Option<Timestamp>,
    limite: Option<i64>,
    tras: Option<Cursor>,
}

pub(super) fn report_query(request: &HttpRequest) -> Result<ReportQuery, Problem> {
    let parameters: ReportParameters = parameters(request)?;
    Ok(ReportQuery {
        client: parameters.cliente,
        limit: within("limite", parameters.limite, DEFAULT_LIMIT, MAX_LIMIT)?,
        page: within("pagina", parameters.pagina, 1, i64::MAX)?,
    })
}

pub(super) fn event_limit(request: &HttpRequest) -> Result<i64, Problem> {
    let parameters: EventParameters = parameters(request)?;
    let most = i64::try_from(LATEST).unwrap_or(i64::MAX);
    within("limite", parameters.limite, most, most)
}

pub(super) fn ledger_query(request: &HttpRequest) -> Result<LedgerQuery, Problem> {
    let parameters: LedgerParameters = parameters(request)?;
    Ok(LedgerQuery {
        since: parameters.desde,
        after: parameters.tras,
        limit: within("limite", parameters.limite, DEFAULT_LIMIT, MAX_LIMIT)?,
    })
}

fn parameters<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let parsed = Query::<T>::from_query(request.query_string());
    parsed.map(Query::into_inner).map_err(|error| {
        let why = messages::json::in_spanish(&error.to_string());
        Problem::malformed(format!("Los parámetros de la URL no son válidos: {why}."))
    })
}

fn within(name: &str, given: Option<i64>, default: i64, most: i64) -> Result<i64, Problem> {
    let value = given.unwrap_or(default);
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    Err(Problem::unacceptable(format!("«{name}» debe estar entre 1 y {most}; se recibió {value}.")))
}
