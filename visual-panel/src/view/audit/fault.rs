//! Why a page of the audit cannot be shown, in words.

use crate::{
    audit::Refusal,
    lang::Lang,
    neighbour::{Away, Reason},
    wording,
};

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind it is: one word for the style sheet.
    pub kind: &'static str,
    /// In a few words.
    pub title: String,
    /// What the proxy says of it, or why it says nothing; empty where that is unknown.
    pub words: String,
}

impl Fault {
    /// What to say of a refusal.
    #[must_use]
    pub fn new(refusal: &Refusal, lang: Lang) -> Self {
        match refusal {
            Refusal::NotLoggedIn => Self {
                kind: "papel",
                title: lang.say("Hay que entrar primero", "Log in first").to_owned(),
                words: String::new(),
            },
            Refusal::NotAllowed(detail) => Self {
                kind: "papel",
                title: lang
                    .say("Su cuenta no puede hacer eso", "Your account may not do that")
                    .to_owned(),
                words: said(detail, lang),
            },
            Refusal::Problem { status, detail } => Self::of_problem(*status, detail, lang),
            Refusal::Away(away) => Self::of_away(away, lang),
        }
    }

    fn of_problem(status: u16, detail: &str, lang: Lang) -> Self {
        let (kind, title) = match status {
            404 => ("nada", ("Aquí no se sabe nada de eso", "Nothing is known of that here")),
            400..500 => {
                ("mal-pedido", ("La auditoría no lo aceptó", "The audit did not accept it"))
            }
            _ => {
                ("ausente", ("La auditoría no pudo hacerlo ahora", "The audit could not do it now"))
            }
        };
        let title = lang.say(title.0, title.1).to_owned();
        Self { kind, title, words: said(detail, lang) }
    }

    fn of_away(away: &Away, lang: Lang) -> Self {
        let words = match away.reason {
            Reason::TimedOut => lang.say("no contestó a tiempo", "no answer in time").to_owned(),
            reason => wording::reason(reason, lang),
        };
        Self {
            kind: "ausente",
            title: lang.say("La auditoría no responde", "The audit does not answer").to_owned(),
            words,
        }
    }
}

fn said(detail: &str, lang: Lang) -> String {
    if detail.is_empty() { String::new() } else { lang.quoted(detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_title_and_a_kind() {
        let problem = |status| Refusal::Problem { status, detail: "No vale.".to_owned() };
        let away = Refusal::Away(Away { reason: Reason::TimedOut, detail: String::new() });
        for (refusal, kind) in [
            (Refusal::NotLoggedIn, "papel"),
            (Refusal::NotAllowed("Hace falta operador.".to_owned()), "papel"),
            (problem(404), "nada"),
            (problem(422), "mal-pedido"),
            (problem(503), "ausente"),
            (away, "ausente"),
        ] {
            let fault = Fault::new(&refusal, Lang::Es);
            assert_eq!(fault.kind, kind, "{refusal:?}");
            assert!(!fault.title.is_empty());
        }
    }

    #[test]
    fn the_proxys_own_words_are_kept() {
        let refusal = Refusal::Problem { status: 400, detail: "La fecha no vale.".to_owned() };
        assert_eq!(Fault::new(&refusal, Lang::Es).words, "La fecha no vale.");
        assert!(Fault::new(&refusal, Lang::En).words.contains("La fecha no vale."));
    }
}
