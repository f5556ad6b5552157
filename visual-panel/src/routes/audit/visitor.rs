//! Who asks for a page of the audit, and what they are answered where they do not get
//! it.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{StatusCode, header::LOCATION},
    web::Data,
};
use askama::Template;
use service_kit::{Problem, caller};

use crate::{
    audit::{Refusal, Session, filter::encoded, wire::Who},
    routes::{
        Panel,
        frame::{Frame, html_of},
    },
    view::audit::fault::Fault,
};

/// Name of the cookie that holds the token.
pub(super) const COOKIE: &str = "sesion_auditoria";

/// Somebody with a token, which may be an old one.
pub(super) struct Visitor {
    pub(super) frame: Frame,
    pub(super) session: Session,
}

/// Another answer than the page that was asked for.
#[derive(Debug)]
pub(super) enum Turned {
    /// Sent to another page of the panel.
    To(String),
    /// Shown why not. As a success of HTTP: of any other answer the server sends a problem
    /// document alone, which is nothing for a reader.
    Page(StatusCode, String),
    /// Told why not.
    Problem(Problem),
}

/// What an address says after something was done.
#[derive(Debug)]
pub(super) struct Arrival(bool);

impl Arrival {
    /// Whether it was done just now.
    pub(super) fn is_done(&self) -> bool {
        self.0
    }
}

impl FromRequest for Arrival {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.query_string().contains("hecho=si"))))
    }
}

#[derive(Template)]
#[template(path = "auditoria/apagada.html")]
struct OffPage {
    frame: Frame,
    who: Option<Who>,
}

#[derive(Template)]
#[template(path = "auditoria/fallo.html")]
struct FaultPage {
    frame: Frame,
    who: Option<Who>,
    fault: Fault,
}

impl Visitor {
    /// Whoever sends this request.
    ///
    /// # Errors
    /// [`Turned`] to the login without a token, and to a page that says so where there is
    /// no audit proxy.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Turned> {
        let frame = Frame::of(request);
        let panel = request.app_data::<Data<Panel>>();
        let Some(audit) = panel.and_then(|panel| panel.audit.as_ref()) else {
            return Err(off(frame));
        };
        match request.cookie(COOKIE) {
            Some(cookie) => {
                let (token, from) = (cookie.value().to_owned(), caller::address(request));
                Ok(Self { frame, session: audit.with(token, from) })
            }
            None => Err(to_login(&frame)),
        }
    }

    /// The same for a form, which is answered on the page `here`.
    pub(super) fn posting_from(request: &HttpRequest, here: &str) -> Result<Self, Turned> {
        crate::routes::origin::check(request)?;
        let visitor = Self::of(request).map_err(|turned| match turned {
            Turned::To(_) => to_login(&Frame { here: here.to_owned(), ..Frame::of(request) }),
            turned => turned,
        })?;
        Ok(Self { frame: Frame { here: here.to_owned(), ..visitor.frame }, ..visitor })
    }

    /// Asks a question, and who it is that asks, at the same time.
    ///
    /// # Errors
    /// [`Turned`] where either is refused.
    pub(super) async fn asks<T>(
        &self,
        question: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<(Who, T), Turned> {
        let (who, answer) = self.tries(question).await?;
        match answer {
            Ok(answer) => Ok((who, answer)),
            Err(refusal) => Err(self.refused(&refusal, Some(who))),
        }
    }

    /// The same for a page that can be shown without the answer.
    ///
    /// # Errors
    /// [`Turned`] where nobody is logged in, or the proxy does not even say who it is.
    pub(super) async fn tries<T>(
        &self,
        question: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<(Who, Result<T, Refusal>), Turned> {
        let (who, answer) = tokio::join!(self.session.who(), question);
        let who = who.map_err(|refusal| self.refused(&refusal, None))?;
        match answer {
            Err(Refusal::NotLoggedIn) => Err(to_login(&self.frame)),
            answer => Ok((who, answer)),
        }
    }

    /// What to answer where something is refused: the login to who is not logged in any
    /// more, who will come back; the reason to everybody else.
    pub(super) fn refused(&self, refusal: &Refusal, who: Option<Who>) -> Turned {
        if let Refusal::Away(away) = refusal {
            log::warn!("the audit proxy: no answer: {}", away.detail);
        }
        if matches!(refusal, Refusal::NotLoggedIn) {
            return to_login(&self.frame);
        }
        let frame = self.frame.clone();
        let fault = Fault::new(refusal, frame.lang);
        drawn(status(refusal), &FaultPage { frame, who, fault })
    }
}

/// Longest address to go on to after the login, in bytes: what leads there is an address
/// itself, and what is longer is refused.
const MAX_BACK: usize = 8 * 1024;

/// To the login, which knows where to go on to.
fn to_login(frame: &Frame) -> Turned {
    let query = encoded(&[("volver", &frame.here)]);
    let query = if query.len() > MAX_BACK { String::new() } else { query };
    Turned::To(format!("{}/auditoria/entrar{query}", frame.prefix))
}

/// A form that no page of the panel has.
pub(super) fn unknown_action() -> Turned {
    Turned::Problem(Problem::unacceptable("El formulario no dice qué hay que hacer."))
}

/// Where there is no audit proxy.
pub(super) fn off(frame: Frame) -> Turned {
    drawn(StatusCode::NOT_FOUND, &OffPage { frame, who: None })
}

/// The status of a page that says why not.
pub(super) fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY)
}

fn drawn(status: StatusCode, page: &impl Template) -> Turned {
    match page.render() {
        Ok(html) => Turned::Page(status, html),
        Err(error) => Turned::Problem(Problem::internal(&error)),
    }
}

impl From<Problem> for Turned {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl fmt::Display for Turned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(place) => write!(f, "sent to {place}"),
            Self::Page(..) => f.write_str("shown why not"),
            Self::Problem(problem) => problem.fmt(f),
        }
    }
}

impl ResponseError for Turned {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::To(_) => StatusCode::SEE_OTHER,
            Self::Page(status, _) => *status,
            Self::Problem(problem) => problem.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::To(place) => {
                HttpResponse::SeeOther().insert_header((LOCATION, place.as_str())).finish()
            }
            Self::Page(status, html) => {
                let mut response = html_of(html.clone());
                *response.status_mut() = *status;
                response
            }
            Self::Problem(problem) => problem.error_response(),
        }
    }
}
