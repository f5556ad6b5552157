//! `GET /reporte`: the counts, as JSON or CSV.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::VARY,
    web::{Bytes, Data},
};
use futures_util::stream;
use service_kit::{
    Problem,
    csv::{BYTE_ORDER_MARK, inert},
    header,
    problem::ProblemBody,
};

use super::{query::report_query, unavailable};
use crate::store::{Report, Store};

const JSON: &str = "application/json";
const CSV: &str = "text/csv";

/// Lines of CSV that are sent together.
const LINES_AT_ONCE: usize = 1000;

/// Cuántos eventos hizo cada cliente, por nombre. Para recorrerlos todos mientras se cuenta,
/// pida cada página con el `siguiente` de la anterior en `tras`: así cada cliente sale una vez.
/// Con `pagina`, un cliente nuevo puede hacer que otro salga dos veces. Con `Accept: text/csv`
/// salen todos los clientes, salvo que se pida una página; lo que una hoja de cálculo tomaría
/// por una fórmula lleva delante un apóstrofo.
#[utoipa::path(
    get,
    path = "/reporte",
    params(
        ("cliente" = Option<String>, Query, description = "Solo este cliente."),
        ("orden" = Option<String>, Query, description = "`nombre` (si no se dice), o `eventos`: los que más hicieron, primero; solo hay una página.", pattern = "^(nombre|eventos)$"),
        ("limite" = Option<i64>, Query, description = "Clientes por página.", minimum = 1, maximum = 10_000, example = 1000),
        ("pagina" = Option<i64>, Query, description = "Página, desde 1.", minimum = 1),
        ("tras" = Option<String>, Query, description = "Los clientes que siguen a este nombre: el `siguiente` de la página anterior."),
        ("bom" = Option<String>, Query, description = "`si`: el CSV empieza por una marca de orden de bytes, y Excel lo abre con sus acentos."),
    ),
    responses(
        (status = 200, description = "Los recuentos.", content((Report = "application/json"), (String = "text/csv"))),
        (status = 400, description = "Parámetros no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Parámetros fuera de rango.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn report(
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let is_csv = header::preferred(&request, [JSON, CSV]) == CSV;
    let (query, has_mark) = report_query(&request, is_csv)?;
    let report = store.report(&query).await.map_err(|error| unavailable(&request, &error))?;
    if is_csv {
        return Ok(csv(report.clientes, has_mark));
    }
    Ok(HttpResponse::Ok().insert_header((VARY, "accept")).json(report))
}

/// Streams the lines; the rows themselves are bounded by the names counted.
fn csv(clients: Vec<(String, i64)>, has_mark: bool) -> HttpResponse {
    let mark = has_mark.then(|| Ok(Bytes::from_static(BYTE_ORDER_MARK)));
    let header = mark.into_iter().chain([Ok(Bytes::from_static(b"cliente,eventos\n"))]);
    let mut clients = clients.into_iter().peekable();
    let chunks = std::iter::from_fn(move || {
        clients.peek()?;
        Some(csv_lines(clients.by_ref().take(LINES_AT_ONCE)))
    });
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((VARY, "accept"))
        .streaming(stream::iter(header.chain(chunks)))
}

fn csv_lines(clients: impl Iterator<Item = (String, i64)>) -> Result<Bytes, csv::Error> {
    let mut lines = csv::Writer::from_writer(Vec::new());
    for (name, total) in clients {
        lines.serialize((inert(&name), total))?;
    }
    let lines = lines.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(Bytes::from(lines))
}
