//! Query strings, checked: an unknown or impossible parameter is an error, not
//! something to ignore.

use actix_web::{HttpRequest, web::Query};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use service_kit::{Problem, clock::optional_moment};

use crate::store::{Cursor, LATEST, LedgerQuery, Order, ReportQuery};

/// Rows on a page where nothing is asked.
const DEFAULT_LIMIT: i64 = 1000;

/// Rows on a page at most.
const MAX_LIMIT: i64 = 10_000;

/// Parameters of `/reporte`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportParameters {
    cliente: Option<String>,
    #[serde(default)]
    orden: Order,
    limite: Option<i64>,
    pagina: Option<i64>,
    tras: Option<String>,
    bom: Option<YesOrNo>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum YesOrNo {
    #[serde(rename = "si")]
    Yes,
    #[serde(rename = "no")]
    No,
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
    #[serde(default, deserialize_with = "optional_moment")]
    desde: Option<Timestamp>,
    limite: Option<i64>,
    tras: Option<Cursor>,
}

/// What is asked of `/reporte`; where no page is, everybody if `all`. Then whether a table is to
/// begin with a byte-order mark.
pub(super) fn report_query(
    request: &HttpRequest,
    all: bool,
) -> Result<(ReportQuery, bool), Problem> {
    let ReportParameters { cliente, orden, limite, pagina, tras, bom } = parameters(request)?;
    let is_page = limite.is_some() || pagina.is_some() || tras.is_some();
    let limit = within("limite", limite, DEFAULT_LIMIT, MAX_LIMIT)?;
    let page = within("pagina", pagina, 1, i64::MAX)?;
    if tras.is_some() && page > 1 {
        return Err(Problem::unacceptable("Diga «tras» o «pagina», no ambos."));
    }
    if orden == Order::Count && (tras.is_some() || page > 1) {
        return Err(Problem::unacceptable(
            "Por eventos solo hay una primera página: ese orden cambia mientras se cuenta. Para \
             recorrer todos los clientes, quite «orden».",
        ));
    }
    let limit = if all && !is_page { i64::MAX } else { limit };
    let query = ReportQuery { client: cliente, order: orden, limit, page, after: tras };
    Ok((query, bom == Some(YesOrNo::Yes)))
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
