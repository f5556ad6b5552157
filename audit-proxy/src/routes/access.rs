//! Who may use a route: a handler takes the weakest role that may as an argument, first of
//! all, and whoever has none is told so before anything else is looked at.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header::AUTHORIZATION},
    web::Data,
};
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use service_kit::{Problem, caller};

use super::unavailable;
use crate::{
    access::{Account, AccountName, Digest, Role},
    store::{Bearer, Store},
};

/// Who may at least look.
#[derive(Debug)]
pub(crate) struct Reader(#[allow(dead_code, reason = "who looks is recorded")] pub(crate) Account);

/// Who may send again, and all that a reader may.
#[derive(Debug)]
#[allow(dead_code, reason = "the routes that send again take it")]
pub(crate) struct Operator(pub(crate) Account);

/// Who keeps systems and accounts, and may all the rest.
#[derive(Debug)]
pub(crate) struct Administrator(pub(crate) Account);

/// A person who is logged in, and by which session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) name: AccountName,
    pub(super) digest: Digest,
}

/// Whoever holds a token that is worth something.
#[derive(Debug)]
pub(super) struct AnyBearer(pub(super) Bearer);

/// Extracts what `$make` makes of the bearer, and of the digest of its token.
macro_rules! from_bearer {
    ($($name:ident: $make:expr;)+) => {$(
        impl FromRequest for $name {
            type Error = Problem;
            type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move {
                    let (bearer, digest) = bearer(&request).await?;
                    ($make)(bearer, digest)
                })
            }
        }
    )+};
}

from_bearer! {
    Reader: |bearer, _| at_least(Role::Reader, bearer).map(Self);
    Operator: |bearer, _| at_least(Role::Operator, bearer).map(Self);
    Administrator: |bearer, _| at_least(Role::Administrator, bearer).map(Self);
    Session: |bearer: Bearer, digest| {
        let name = bearer.person.ok_or_else(no_person)?;
        Ok(Self { name, digest })
    };
    AnyBearer: |bearer, _| Ok(Self(bearer));
}

async fn bearer(request: &HttpRequest) -> Result<(Bearer, Digest), Problem> {
    let digest = Digest::of(token(request).ok_or_else(no_token)?);
    let Some(store) = request.app_data::<Data<Store>>() else {
        return Err(Problem::internal(&"the routes have no store"));
    };
    let found = store.bearer(&digest, Timestamp::now()).await;
    let found = found.map_err(|error| unavailable(request, &error))?;
    let bearer = found.ok_or_else(worthless_token)?;
    caller::acts(request, &bearer.account.name);
    Ok((bearer, digest))
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1).
fn token(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn at_least(needed: Role, bearer: Bearer) -> Result<Account, Problem> {
    let account = bearer.account;
    if account.role >= needed {
        return Ok(account);
    }
    let detail = format!(
        "Esto requiere el rol «{needed}», y «{}» tiene el rol «{}». Pídalo a un administrador.",
        account.name, account.role
    );
    Err(Problem::new(StatusCode::FORBIDDEN, "rol-insuficiente", "Rol insuficiente", detail))
}

fn no_token() -> Problem {
    unauthorized(
        "sin-credenciales",
        "Falta la cabecera «Authorization: Bearer …». Obtenga un token con POST /sesiones.",
    )
}

fn worthless_token() -> Problem {
    unauthorized(
        "token-no-valido",
        "El token no es válido: caducó, se revocó o nunca lo fue. Obtenga otro con POST /sesiones.",
    )
}

pub(super) fn unauthorized(kind: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, kind, "Hay que identificarse", detail)
}

fn no_person() -> Problem {
    let detail = "Esto es de las sesiones de personas, y este token es de un programa: un \
                  administrador lo revoca con DELETE /tokens/{id}.";
    Problem::new(StatusCode::FORBIDDEN, "sin-sesion", "No es una sesión", detail)
}
