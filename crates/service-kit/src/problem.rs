//! Errors on HTTP: `application/problem+json` (RFC 9457), each with a sentence
//! that says what to do.

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Media type of an error's body.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An answer that is not a success. What goes wrong inside is logged, not shown.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
}

/// What is wrong with one part of the request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// Which part: a field's name, or an event's place in a batch (from 0).
    pub donde: String,
    /// What is wrong with it.
    pub detalle: String,
}

/// Body of an error (RFC 9457).
#[derive(Serialize, ToSchema)]
pub struct ProblemBody<'a> {
    /// A URN that names the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened, and what to do.
    detail: &'a str,
    /// The request's id, as in the header `X-Request-Id` and in the log.
    request_id: &'a str,
    /// Each part of the request that is wrong.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errores: &'a [FieldError],
}

impl Problem {
    /// A problem of a kind of the service's own.
    #[must_use]
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let detail = detail.into();
        Self { status, kind, title, detail, errors: Vec::new(), retry_after: None }
    }

    /// 400: the request cannot be read.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformada", "Petición mal formada", detail)
    }

    /// 413: the body is longer than `limit` bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("El cuerpo supera {limit} bytes. Envíe menos en cada petición.");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "demasiado-grande",
            "Cuerpo demasiado grande",
            detail,
        )
    }

    /// 414: path and query are longer than `limit` bytes.
    #[must_use]
    pub fn address_too_long(limit: usize) -> Self {
        let detail = format!("La dirección supera {limit} bytes. Acorte los parámetros de la URL.");
        let status = StatusCode::URI_TOO_LONG;
        Self::new(status, "direccion-demasiado-larga", "Dirección demasiado larga", detail)
    }

    /// 415: the body has another type than those `accepted`.
    #[must_use]
    pub fn unsupported_type(accepted: &str) -> Self {
        let detail = format!("Envíe el cuerpo con la cabecera «Content-Type: {accepted}».");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "tipo-no-admitido", "Tipo de contenido no admitido", detail)
    }

    /// 421: asked from this machine under a name that is none of its own.
    #[must_use]
    pub fn of_another_host() -> Self {
        let detail = "Con ese nombre no se pide nada aquí: en esta máquina, use «localhost» o \
                      una dirección IP.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "otro-nombre", "Nombre ajeno", detail)
    }

    /// 422: readable, but not acceptable.
    #[must_use]
    pub fn unacceptable(detail: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "no-aceptable", "Contenido no aceptable", detail)
    }

    /// 503: not now; the caller may try again after `retry_after`.
    #[must_use]
    pub fn unavailable(
        kind: &'static str,
        detail: impl Into<String>,
        retry_after: Duration,
    ) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut problem = Self::new(status, kind, "Servicio no disponible", detail);
        problem.retry_after = Some(retry_after);
        problem
    }

    /// 429: too often; the caller may try again after `retry_after`.
    #[must_use]
    pub fn too_many(kind: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut problem = Self::new(status, kind, "Demasiadas peticiones", detail);
        problem.retry_after = Some(retry_after);
        problem
    }

    /// 500: a fault of ours. `error` goes to the log, not to the caller.
    #[must_use]
    pub fn internal(error: &dyn fmt::Display) -> Self {
        log::error!("request failed: {error}");
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The general problem of a status, for answers that say no more.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let (kind, title, detail) = match status {
            StatusCode::NOT_FOUND => (
                "no-encontrado",
                "No encontrado",
                "Aquí no hay nada. La documentación está en /docs.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "metodo-no-admitido",
                "Método no admitido",
                "Use uno de los métodos de la cabecera Allow.",
            ),
            StatusCode::REQUEST_TIMEOUT => (
                "demasiado-lenta",
                "Petición demasiado lenta",
                "El cuerpo no llegó a tiempo. Envíelo de una vez.",
            ),
            StatusCode::INTERNAL_SERVER_ERROR => (
                "fallo-interno",
                "Fallo interno",
                "El servicio falló. Busque el request_id en su registro.",
            ),
            _ => (
                "peticion-rechazada",
                status.canonical_reason().unwrap_or("Error"),
                "La petición no se pudo atender. La documentación está en /docs.",
            ),
        };
        Self::new(status, kind, title, detail)
    }

    /// Adds what is wrong with each part of the request.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The answer, under the request's id. A 401 says that a bearer token is wanted (RFC
    /// 9110 §11.6.1): nothing else is taken anywhere.
    #[must_use]
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(after) = self.retry_after {
            // A whole number of seconds, at least 1 (RFC 9110 §10.2.3).
            response.insert_header((header::RETRY_AFTER, after.as_secs().max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE)).json(ProblemBody {
            kind: format!("urn:relevo:problema:{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            request_id,
            errores: &self.errors,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        // Written by the layer that knows the request's id (`observe`).
        HttpResponse::new(self.status)
    }
}
