//! Style sheet, script and icon, compiled into the binary.

use std::fmt::Write;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CacheControl, CacheDirective, ETag, EntityTag, Header, IfNoneMatch},
    },
};
use rust_embed::{EmbeddedFile, RustEmbed};
use service_kit::Problem;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The file `name`, or 304 if the browser has it already.
///
/// # Errors
/// 404 if there is none of that name.
pub fn answer(name: &str, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let missing = || Problem::of_status(StatusCode::NOT_FOUND);
    let media_type = media_type(name).ok_or_else(missing)?;
    let file = Assets::get(name).ok_or_else(missing)?;
    let tag = tag(&file);
    let fresh = is_known(&tag, request);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // The browser keeps it, and asks each time whether it is still the same: a
    // new version of the panel is never drawn with an old style sheet.
    response.insert_header(CacheControl(vec![CacheDirective::NoCache]));
    response.insert_header(ETag(tag));
    if fresh {
        return Ok(response.finish());
    }
    Ok(response.content_type(media_type).body(file.data))
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

fn tag(file: &EmbeddedFile) -> EntityTag {
    let mut hash = String::new();
    for byte in file.metadata.sha256_hash() {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    EntityTag::new_strong(hash)
}

fn is_known(tag: &EntityTag, request: &HttpRequest) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_has_a_type() {
        for name in Assets::iter() {
            assert!(media_type(&name).is_some(), "{name}");
        }
    }
}
