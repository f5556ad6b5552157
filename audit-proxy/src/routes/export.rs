//! `GET /mensajes/exportar`: all of a search, as a file.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    web::{self, Bytes, Data, ServiceConfig},
};
use futures_util::stream::{self, Stream};
use jiff::Timestamp;
use service_kit::{Problem, csv::BYTE_ORDER_MARK, problem::ProblemBody, request_id::RequestId};
use utoipa::OpenApi;

use super::{
    access::Reader,
    search::{faulty, parameters},
    searches::SearchGate,
    unavailable,
};
use crate::{
    find::{Results, find},
    search::{Filter, Order, Page, page, parameters::yes_or_no},
    store::{Entry, Purpose, Store, StoreError, TextSearch},
    summary::{COLUMNS, Resumen},
};

/// Messages that are read from the store at once.
const AT_ONCE: usize = 500;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(export))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/mensajes/exportar").route(web::get().to(export)));
}

/// What the file is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Ndjson,
}

impl Format {
    fn read(text: &str) -> Result<Self, &'static str> {
        match text {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err("debe ser «csv» o «ndjson»"),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

/// Todos los mensajes de una búsqueda, en un fichero que se escribe a medida que se leen. Los mismos
/// parámetros que `GET /mensajes`, sin `limite` ni `pagina`; sin `hasta`, los recibidos hasta ahora.
/// En CSV (RFC 4180, con cabecera) lo que una hoja de cálculo tomaría por una fórmula, también tras
/// «;», tabulador o fin de línea, lleva delante un apóstrofo. Si algo falla a medias, la respuesta se
/// corta sin su final: un fichero incompleto no parece entero.
#[utoipa::path(
    get,
    path = "/mensajes/exportar",
    params(
        ("formato" = Option<String>, Query, description = "`csv` (por defecto) o `ndjson`."),
        ("orden" = Option<String>, Query, description = "`recientes` (por defecto) o `antiguos`."),
        ("bom" = Option<String>, Query, description = "`si`: el CSV empieza por una marca de orden de bytes, y Excel lo abre con sus acentos."),
    ),
    responses(
        (status = 200, description = "El fichero.", content_type = "text/csv"),
        (status = 400, description = "Parámetros desconocidos o no válidos; `errores` los nombra.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Demasiadas búsquedas de texto; `Retry-After` dice cuándo.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn export(
    Reader(account): Reader,
    request: HttpRequest,
    store: Data<Store>,
    gate: Data<SearchGate>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = parameters(&request)?;
    let format = parameters.take("formato", Format::read).unwrap_or(Format::Csv);
    let has_mark = parameters.take("bom", yes_or_no) == Some(true);
    if has_mark && format != Format::Csv {
        parameters.fault("bom", "solo va con «formato=csv»");
    }
    let filter = Filter::take(&mut parameters);
    let order = parameters.take("orden", page::order).unwrap_or_default();
    parameters.done().map_err(faulty)?;

    if let Some(text) = &filter.text {
        let search = TextSearch { account: &account.name, text, purpose: Purpose::File };
        gate.pass(search, &store, &request).await?;
    }
    let now = Timestamp::now();
    let mut export = Export::new(Store::clone(&store), filter, order, format, now);
    // With this one it is still possible to say what is wrong.
    let first = export.next().await.map_err(|error| unavailable(&request, &error))?;
    let first = if has_mark { first.map(|first| marked(&first)) } else { first };
    let name = format!("mensajes-{}.{}", now.strftime("%Y%m%dT%H%M%SZ"), format.extension());
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, format.media_type()))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(response.streaming(rest(first, export, RequestId::of(&request))))
}

/// The beginning of a file, for Excel.
fn marked(bytes: &[u8]) -> Bytes {
    [BYTE_ORDER_MARK, bytes].concat().into()
}

/// What is read as it is sent. An error breaks the body off.
fn rest(
    first: Option<Bytes>,
    export: Export,
    request: RequestId,
) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold((first, export, request), async |(first, mut export, request)| {
        let bytes = match first {
            Some(first) => Some(first),
            None => export.next().await.inspect_err(|error| {
                log::error!("request {request}: the export broke off: {error}");
            })?,
        };
        Ok(bytes.map(|bytes| (bytes, (None, export, request))))
    })
}

/// A file on its way.
struct Export {
    store: Store,
    filter: Filter,
    page: Page,
    format: Format,
    is_begun: bool,
    is_over: bool,
}

impl Export {
    /// Of what has been received by now: what comes meanwhile would never end.
    fn new(store: Store, filter: Filter, order: Order, format: Format, now: Timestamp) -> Self {
        let until = Some(filter.until.map_or(now, |until| until.min(now)));
        let page = Page { order, limit: AT_ONCE, after: None };
        let filter = Filter { until, ..filter };
        Self { store, filter, page, format, is_begun: false, is_over: false }
    }

    /// The next piece, which is not empty; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while !self.is_over {
            let found = find(&self.store, &self.filter, &self.page).await?;
            let Results { entries, next, .. } = found;
            self.page.after = next;
            self.is_over = next.is_none();
            let header = self.format == Format::Csv && !std::mem::replace(&mut self.is_begun, true);
            let piece = written(entries, self.format, header)?;
            if !piece.is_empty() {
                return Ok(Some(piece.into()));
            }
        }
        Ok(None)
    }
}

/// Rows as they are in the file.
fn written(entries: Vec<Entry>, format: Format, header: bool) -> Result<Vec<u8>, StoreError> {
    let rows = entries.into_iter().map(Resumen::from);
    let written = match format {
        Format::Csv => table(rows, header),
        Format::Ndjson => lines(rows),
    };
    written.map_err(|error| StoreError::Foreign(format!("what cannot be written: {error}")))
}

fn table(rows: impl Iterator<Item = Resumen>, header: bool) -> Result<Vec<u8>, anyhow::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if header {
        writer.write_record(COLUMNS)?;
    }
    for row in rows {
        writer.write_record(row.row())?;
    }
    Ok(writer.into_inner()?)
}

fn lines(rows: impl Iterator<Item = Resumen>) -> Result<Vec<u8>, anyhow::Error> {
    let mut lines = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut lines, &row)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpServer, web::Data};

    use super::*;

    /// A store whose database is not there, in the middle of a file.
    async fn breaking(store: Data<Store>) -> HttpResponse {
        let (filter, order) = (Filter::default(), Order::Newest);
        let store = Store::clone(&store);
        let export = Export::new(store, filter, order, Format::Csv, Timestamp::now());
        let first = Some(Bytes::from_static(b"clave,id\r\n"));
        let request = RequestId::of(&actix_web::test::TestRequest::default().to_http_request());
        HttpResponse::Ok().streaming(rest(first, export, request))
    }

    #[actix_web::test]
    async fn a_file_that_breaks_off_does_not_look_whole() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let url = format!("sqlite://{}/none.db", folder.path().display());
        let store = Data::new(Store::new(&url.parse().expect("a url")).expect("a store"));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let app = move || App::new().app_data(store.clone()).route("/", web::get().to(breaking));
        let server = HttpServer::new(app).workers(1).listen(listener).expect("served").run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        // Its head may come, or not: its end does not.
        let whole = async { reqwest::get(format!("http://{address}/")).await?.bytes().await };
        whole.await.expect_err("a file without its end");
        handle.stop(false).await;
    }
}
