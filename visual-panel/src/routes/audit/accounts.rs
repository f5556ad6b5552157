//! Who may log in, and which programs may ask: kept by administrators. Everybody changes
//! the own password.

use actix_web::{HttpRequest, HttpResponse, web::Form};
use askama::Template;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Visitor,
    visitor::{Arrival, Turned, unknown_action},
};
use crate::{
    audit::{
        Refusal,
        filter::{Pairs, field},
        wire::{Account, Accounts, NewToken, Token, Tokens, Who},
    },
    clock::Clock,
    routes::{
        frame::{Frame, html},
        switch::back,
    },
    wording::Moment,
};

const HERE: &str = "auditoria/cuentas";
const PASSWORD: &str = "auditoria/clave";

#[derive(Template)]
#[template(path = "auditoria/cuentas.html")]
struct AccountsPage {
    frame: Frame,
    who: Option<Who>,
    accounts: Vec<(Account, Option<Moment>)>,
    tokens: Vec<(Token, Moment)>,
    is_done: bool,
}

/// What is shown once.
#[derive(Template)]
#[template(path = "auditoria/token.html")]
struct TokenPage {
    frame: Frame,
    who: Option<Who>,
    name: String,
    token: String,
}

#[derive(Template)]
#[template(path = "auditoria/clave.html")]
struct PasswordPage {
    frame: Frame,
    who: Option<Who>,
    is_done: bool,
}

/// Las cuentas de personas y los tokens de programas.
#[utoipa::path(
    get,
    path = "/cuentas",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn page(arrival: Arrival, request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let session = &visitor.session;
    let lists = async {
        let accounts = session.get::<Accounts>(&["cuentas"], &[]);
        tokio::try_join!(accounts, session.get::<Tokens>(&["tokens"], &[]))
    };
    let (who, (Accounts { accounts }, Tokens { tokens })) = visitor.asks(Box::pin(lists)).await?;
    let (frame, now) = (visitor.frame, Clock::now().wall);
    let moment = |at| Moment::new(at, now, frame.lang);
    let entered = |account: Account| (account.entered.map(moment), account);
    let accounts = accounts.into_iter().map(entered).map(|(at, account)| (account, at)).collect();
    let tokens = tokens.into_iter().map(|token| (token.expires, token));
    let tokens = tokens.map(|(at, token)| (token, moment(at))).collect();
    Ok(html(&AccountsPage { accounts, tokens, is_done: arrival.is_done(), who: Some(who), frame })?)
}

/// Crea o borra una cuenta, le cambia el papel o la clave; crea o revoca un token.
#[utoipa::path(
    post,
    path = "/cuentas",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Un token nuevo, que se muestra una vez", content_type = "text/html", body = String),
        (status = 303, description = "De vuelta a la página"),
        (status = 403, description = "La petición viene de otro sitio, o el papel no alcanza"),
    )
)]
pub(super) async fn act(form: Form<Pairs>, request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::posting_from(&request, HERE)?;
    let name = field(&form, "nombre");
    let (method, segments, body) = match field(&form, "accion") {
        "token" => return make_token(visitor, &form).await,
        "crear" => (Method::POST, vec!["cuentas"], Some(account(&form))),
        "cambiar" => (Method::PATCH, vec!["cuentas", name], Some(change(&form))),
        "borrar" => (Method::DELETE, vec!["cuentas", name], None),
        "revocar" => (Method::DELETE, vec!["tokens", field(&form, "id")], None),
        _ => return Err(unknown_action()),
    };
    visitor.asks(visitor.session.tell(method, &segments, body.as_ref())).await?;
    Ok(back(&request, &format!("{HERE}?hecho=si")))
}

fn account(form: &Pairs) -> Value {
    json!({"nombre": field(form, "nombre"), "rol": field(form, "rol"), "clave": secret(form, "clave")})
}

/// What is left empty stays as it is.
fn change(form: &Pairs) -> Value {
    let mut change = json!({});
    for (name, value) in [("rol", field(form, "rol")), ("clave", secret(form, "clave"))] {
        if !value.is_empty() {
            change[name] = value.into();
        }
    }
    change
}

/// A password may begin or end with a space.
fn secret<'f>(form: &'f Pairs, name: &str) -> &'f str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

async fn make_token(visitor: Visitor, form: &Pairs) -> Result<HttpResponse, Turned> {
    let name = field(form, "nombre").to_owned();
    let days: u64 = field(form, "dias").parse().unwrap_or_default();
    let body = json!({"nombre": name, "rol": field(form, "rol"), "dias": days});
    let made = visitor.session.send::<NewToken>(Method::POST, &["tokens"], &body);
    let (who, NewToken { token }) = visitor.asks(made).await?;
    Ok(html(&TokenPage { frame: visitor.frame, who: Some(who), name, token })?)
}

/// El cambio de la clave propia.
#[utoipa::path(
    get,
    path = "/clave",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn password(
    arrival: Arrival,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let (who, ()) = visitor.asks(async { Ok::<_, Refusal>(()) }).await?;
    let (frame, is_done) = (visitor.frame, arrival.is_done());
    Ok(html(&PasswordPage { frame, who: Some(who), is_done })?)
}

/// Cambia la clave propia.
#[utoipa::path(
    post,
    path = "/clave",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "De vuelta a la página"),
        (status = 403, description = "La petición viene de otro sitio"),
        (status = 422, description = "La clave de ahora no es esa, o la nueva no vale"),
    )
)]
pub(super) async fn change_password(
    form: Form<Pairs>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::posting_from(&request, PASSWORD)?;
    let body = json!({"clave": secret(&form, "clave"), "nueva": secret(&form, "nueva")});
    let segments = ["sesiones", "actual", "clave"];
    visitor.asks(visitor.session.tell(Method::PUT, &segments, Some(&body))).await?;
    Ok(back(&request, &format!("{PASSWORD}?hecho=si")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_empty_of_an_account_stays() {
        let form = |pairs: &[(&str, &str)]| -> Pairs {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(change(&form(&[("rol", "lector"), ("clave", "")])), json!({"rol": "lector"}));
        assert_eq!(change(&form(&[("rol", ""), ("clave", " x ")])), json!({"clave": " x "}));
    }
}
