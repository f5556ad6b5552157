//! `GET /mensajes/{id}/contenido`: what a message carries, to look at or to download;
//! written down before it is sent.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    web::{self, Data, Path, ServiceConfig},
};
use jiff::Timestamp;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::OpenApi;

use super::{
    access::Reader,
    chosen::{self, Choice},
    search::{faulty, parameters},
    unavailable,
};
use crate::{
    redact::Shown,
    search::{
        Parameters,
        parameters::{whole, yes_or_no},
    },
    store::{Entry, Lookup, Store},
};

/// Bytes that are shown where nothing is asked.
const DEFAULT_LIMIT: usize = 64 * 1024;

/// Bytes that are shown at most, unless all are asked for.
const MAX_LIMIT: usize = 1024 * 1024;

/// As much as a message of the broker can have.
const MAX_FIRST: usize = 16 * 1024 * 1024;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(payload))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/mensajes/{id}/contenido").route(web::get().to(payload)));
}

/// What is asked for of a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// All of it, to download.
    Whole,
    /// So many bytes from a first one on, to look at.
    Bytes { first: usize, limit: usize },
}

impl Part {
    fn take(parameters: &mut Parameters) -> Self {
        let whole_one = parameters.take("completo", yes_or_no);
        let first = parameters.take("desde", |text| whole(text, 0, MAX_FIRST));
        let limit = parameters.take("limite", |text| whole(text, 1, MAX_LIMIT));
        if whole_one == Some(true) {
            if first.or(limit).is_some() {
                parameters.fault("completo", "no se combina con «desde» ni «limite»");
            }
            return Self::Whole;
        }
        Self::Bytes { first: first.unwrap_or(0), limit: limit.unwrap_or(DEFAULT_LIMIT) }
    }

    /// The first byte of it, and the first behind it.
    fn range(self, length: usize) -> (usize, usize) {
        match self {
            Self::Whole => (0, length),
            Self::Bytes { first, limit } => {
                let first = first.min(length);
                (first, first.saturating_add(limit).min(length))
            }
        }
    }
}

/// La carga de un mensaje: los primeros 64 KiB, otra parte (`desde`, `limite`) o entera
/// (`completo=si`). Siempre como texto o bytes que nada ejecuta, y siempre como descarga. Lo que una
/// regla oculta se ve como «(oculto)», y lo demás tal como vino, byte a byte. Quién la miró queda
/// escrito antes de enviarla.
#[utoipa::path(
    get,
    path = "/mensajes/{id}/contenido",
    params(
        ("id" = String, Path, description = "El UUID del mensaje, o su `clave`: la tienen todos, también los que no llevan UUID."),
        ("origen" = Option<String>, Query, description = "El sistema de origen, si hay varios con este UUID."),
        ("clave" = Option<String>, Query, description = "La `clave` del mensaje, si aún hay varios."),
        ("desde" = Option<usize>, Query, description = "El primer byte, desde 0."),
        ("limite" = Option<usize>, Query, description = "Bytes; por defecto 65.536.", minimum = 1, maximum = 1_048_576),
        ("completo" = Option<String>, Query, description = "`si`: entera."),
    ),
    responses(
        (status = 200, description = "Los bytes. `X-Bytes-Totales` dice cuántos hay, `X-Bytes-Desde` el primero de estos, `X-Bytes-Recibidos` cuántos traía el mensaje, `X-Tipo-Contenido` qué dice ser, `X-Oculto` si se ha ocultado algo.", content_type = "text/plain"),
        (status = 400, description = "Parámetros desconocidos o no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Una regla oculta parte de ella y no es JSON: no se muestra nada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No hay tal mensaje.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Hay varios: diga cuál.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "La carga ya no se conserva.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde: no se muestra nada que no pueda anotarse.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn payload(
    Reader(account): Reader,
    request: HttpRequest,
    id: Path<String>,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let name = chosen::name(&id)?;
    let mut parameters = parameters(&request)?;
    let any = |text: &str| Ok::<_, String>(text.to_owned());
    let (source, key) = (parameters.take("origen", any), parameters.take("clave", any));
    let part = Part::take(&mut parameters);
    parameters.done().map_err(faulty)?;

    let entry = Choice { name, source, key }.entry(&store, &request).await?;
    let away = |error| unavailable(&request, &error);
    let rules = store.rules().await.map_err(away)?;
    let kept = store.payloads(&[entry.key]).await.map_err(away)?.remove(&entry.key);
    let kind = entry.kind.as_deref();
    let shown = rules.shown(kind, kept.ok_or_else(gone)?).map_err(|_| unreadable())?;
    let (first, end) = part.range(shown.bytes.len());
    let lookup = Lookup {
        account: &account.name,
        message: &entry,
        first_byte: i64::try_from(first).unwrap_or(i64::MAX),
        bytes: i64::try_from(end - first).unwrap_or(i64::MAX),
    };
    store.record(&lookup, Timestamp::now()).await.map_err(away)?;
    Ok(answer(&entry, shown, first..end, part))
}

/// Nothing that a browser runs, whatever the payload says to be.
fn answer(entry: &Entry, shown: Shown, range: std::ops::Range<usize>, part: Part) -> HttpResponse {
    let Shown { bytes, is_redacted } = shown;
    let is_text = part != Part::Whole && std::str::from_utf8(&bytes).is_ok();
    let media_type = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let name = entry.id.map_or_else(|| entry.key.to_string(), |id| id.to_string());
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.bin\"")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("X-Bytes-Totales", bytes.len()))
        .insert_header(("X-Bytes-Desde", range.start))
        .insert_header(("X-Bytes-Recibidos", entry.size))
        .insert_header(("X-Oculto", if is_redacted { "si" } else { "no" }));
    let said = entry.content_type.as_deref().and_then(|said| HeaderValue::from_str(said).ok());
    if let Some(said) = said {
        response.insert_header(("X-Tipo-Contenido", said));
    }
    response.body(web::Bytes::from(bytes).slice(range))
}

fn gone() -> Problem {
    let detail = "Su carga ya no se conserva: pasó su plazo de retención. De él quedan los datos y la \
                  historia.";
    Problem::new(StatusCode::GONE, "carga-no-conservada", "La carga ya no se conserva", detail)
}

fn unreadable() -> Problem {
    let detail = "Una regla oculta parte de las cargas de este tipo, y esta no es JSON: no se puede \
                  saber qué ocultar, y no se muestra nada.";
    Problem::new(StatusCode::FORBIDDEN, "carga-oculta", "La carga no se muestra", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(pairs: &[(&str, &str)]) -> Result<Part, Vec<String>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let mut parameters = Parameters::new(pairs);
        let part = Part::take(&mut parameters);
        let faults = parameters
            .done()
            .map_err(|faults| faults.into_iter().map(|fault| fault.parameter).collect::<Vec<_>>());
        faults.map(|()| part)
    }

    #[test]
    fn a_part_of_a_payload_lies_within_it() {
        let of_ten = |pairs| part(pairs).expect("good").range(10);
        assert_eq!(of_ten(&[]), (0, 10));
        assert_eq!(of_ten(&[("desde", "4"), ("limite", "3")]), (4, 7));
        assert_eq!(of_ten(&[("desde", "8"), ("limite", "3")]), (8, 10));
        assert_eq!(of_ten(&[("desde", "11")]), (10, 10));
        assert_eq!(of_ten(&[("completo", "si")]), (0, 10));
        assert_eq!(part(&[]).expect("good").range(100_000), (0, 65_536));
        assert_eq!(part(&[("completo", "si")]).expect("good").range(100_000), (0, 100_000));
    }

    #[test]
    fn what_is_no_part_is_named() {
        for (name, value) in
            [("desde", "-1"), ("limite", "0"), ("limite", "1048577"), ("completo", "x")]
        {
            assert_eq!(part(&[(name, value)]), Err(vec![name.to_owned()]));
        }
        let both = part(&[("completo", "si"), ("limite", "5")]);
        assert_eq!(both, Err(vec!["completo".to_owned()]));
    }
}
