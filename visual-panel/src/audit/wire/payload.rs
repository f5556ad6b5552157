//! A part of a payload, as `GET /mensajes/{id}/contenido` answers it.

use reqwest::header::HeaderMap;

/// A part of a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayloadPart {
    /// The media type that its message says it has.
    pub content_type: String,
    /// Bytes of the whole, as far as it may be seen.
    pub total: usize,
    /// The first byte of this part, from 0.
    pub first: usize,
    /// Whether something may be hidden in it.
    pub is_redacted: bool,
    /// The part itself.
    pub bytes: Vec<u8>,
}

impl PayloadPart {
    /// What the head of the answer says; the bytes come after it.
    #[must_use]
    pub fn of_head(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| text(name).and_then(|text| text.parse().ok());
        Self {
            content_type: text("x-tipo-contenido").unwrap_or_default().to_owned(),
            total: number("x-bytes-totales").unwrap_or_default(),
            first: number("x-bytes-desde").unwrap_or_default(),
            is_redacted: text("x-oculto") == Some("si"),
            bytes: Vec::new(),
        }
    }
}
