//! Sending messages once more: one, as it is or changed; some; or all of a search, which
//! is counted first.

use actix_web::{HttpRequest, HttpResponse, web::Form};
use askama::Template;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{
    Visitor,
    story::place,
    visitor::{Turned, unknown_action},
};
use crate::{
    audit::{
        filter::{Filter, Pairs, field},
        wire::{Count, Sent, Who},
    },
    routes::{
        frame::{Frame, html},
        switch::back,
    },
};

/// What became of many, or would.
#[derive(Template)]
#[template(path = "auditoria/reenvio.html")]
struct ResendPage {
    frame: Frame,
    who: Option<Who>,
    count: Count,
    /// The search whose messages are meant; none for a selection.
    search: Option<Filter>,
}

impl ResendPage {
    /// The search from where this one ended.
    #[allow(clippy::unused_self)]
    fn rest(&self, search: &Filter, next: &str) -> Vec<(&'static str, String)> {
        search.at(Some(next.to_owned())).question()
    }
}

/// Reenvía lo que el formulario dice: un mensaje, igual o con otro contenido; los elegidos;
/// o todo lo que encuentra una búsqueda, que antes se cuenta.
#[utoipa::path(
    post,
    path = "/reenviar",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Lo que fue de ellos", content_type = "text/html", body = String),
        (status = 303, description = "A la historia del mensaje, o a la entrada"),
        (status = 403, description = "La petición viene de otro sitio, o el papel no alcanza"),
    )
)]
pub(super) async fn act(form: Form<Pairs>, request: HttpRequest) -> Result<HttpResponse, Turned> {
    match field(&form, "accion") {
        "uno" | "editado" => one(&request, &form).await,
        "elegidos" => many(&request, json!({"mensajes": chosen(&form)}), None).await,
        action @ ("contar" | "todo") => {
            let search = Filter::of(&form);
            let body = json!({"busqueda": question(&search), "simular": action == "contar"});
            many(&request, body, Some(search)).await
        }
        _ => Err(unknown_action()),
    }
}

/// The same message, or a new one where its payload was changed: whose story comes next.
async fn one(request: &HttpRequest, form: &Pairs) -> Result<HttpResponse, Turned> {
    let key = field(form, "clave");
    let visitor = Visitor::posting_from(request, &place(key))?;
    let is_edited = field(form, "accion") == "editado";
    let body = order(form, is_edited);
    let segments = ["mensajes", key, "reenvios"];
    let sent = visitor.session.send::<Sent>(Method::POST, &segments, &body);
    let (_, sent) = visitor.asks(sent).await?;
    let done = match (is_edited, sent.forwarded) {
        (true, _) => "nuevo",
        (false, true) => "reenviado",
        (false, false) => "espera",
    };
    Ok(back(request, &format!("{}?hecho={done}", place(&sent.key))))
}

/// What is asked for of one message.
fn order(form: &Pairs, is_edited: bool) -> Value {
    if !is_edited {
        return json!({});
    }
    // Browsers end a line with both; nobody typed the first.
    let payload = form.iter().find(|(name, _)| name == "contenido");
    let payload = payload.map_or("", |(_, value)| value).replace("\r\n", "\n");
    match field(form, "tipo_contenido") {
        "" => json!({"contenido": payload}),
        content_type => json!({"contenido": payload, "tipo_contenido": content_type}),
    }
}

/// The messages whose boxes are checked, each by its key.
fn chosen(form: &Pairs) -> Vec<Value> {
    let marks = form.iter().filter(|(name, _)| name == "m");
    marks.map(|(_, key)| json!({"clave": key})).collect()
}

/// A search, as a resend takes it.
fn question(search: &Filter) -> Map<String, Value> {
    let pairs = search.question().into_iter();
    pairs.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

async fn many(
    request: &HttpRequest,
    body: Value,
    search: Option<Filter>,
) -> Result<HttpResponse, Turned> {
    let here = search.as_ref().map(Filter::address).unwrap_or_default();
    let visitor = Visitor::posting_from(request, &format!("auditoria{here}"))?;
    let count = visitor.session.send::<Count>(Method::POST, &["reenvios"], &body);
    let (who, count) = visitor.asks(count).await?;
    Ok(html(&ResendPage { frame: visitor.frame, who: Some(who), count, search })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Pairs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_edited_payload_keeps_its_space_and_ends_its_lines_as_one_typed_them() {
        let form = form(&[("clave", "7"), ("contenido", " {\r\n} ")]);
        assert_eq!(order(&form, true), json!({"contenido": " {\n} "}));
        assert_eq!(order(&form, false), json!({}));
    }

    #[test]
    fn a_selection_names_each_message_by_its_key() {
        let form = form(&[("m", "12"), ("accion", "elegidos"), ("m", "13")]);
        let expected = [json!({"clave": "12"}), json!({"clave": "13"})];
        assert_eq!(chosen(&form), expected);
    }

    #[test]
    fn a_search_is_handed_on_with_its_place_and_order() {
        let search =
            Filter::of(&form(&[("estado", "error"), ("pagina", "ab"), ("accion", "todo")]));
        let expected = json!({"estado": "error", "orden": "recientes", "pagina": "ab"});
        assert_eq!(Value::from(question(&search)), expected);
    }
}
