//! The senders' cards: state, words, numbers.

use super::{SenderInput, brief, pace, per_second};
use crate::{
    lang::Lang,
    states::{SenderLink, SenderState},
    wording::{self, Count},
};

/// Longest name of a sender on its card, in characters.
const NAME_SHOWN: usize = 11;

/// A sender's card.
#[derive(Debug, Clone)]
pub struct SenderPart {
    /// Its name, cut if it is long.
    pub name: String,
    /// One word for its state, for the style sheet.
    pub state: &'static str,
    /// Its state in words.
    pub words: String,
    /// Events per second, in words.
    pub rate: String,
    /// The same for the script.
    pub exact_rate: f64,
    /// How busy its way is.
    pub pace: u8,
    /// What became of what it published; only what there is.
    pub chips: Vec<Chip>,
    /// All of it in a sentence.
    pub spoken: String,
    /// The last that it said, for the script.
    pub last: Option<SenderState>,
}

impl SenderPart {
    /// Whether its chips have to be set closer than they like.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        let letters = self.chips.iter().map(|chip| chip.text.chars().count() + 1).sum::<usize>();
        letters > 19
    }
}

/// A number with its sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// The sign's name.
    pub sign: &'static str,
    /// Sign and number.
    pub text: String,
}

pub(super) fn sender(input: &SenderInput<'_>, lang: Lang) -> SenderPart {
    let (state, words) = sender_state(input, lang);
    let rate = input.rate.filter(|_| !input.away);
    let chips = input.state.map(chips).unwrap_or_default();
    let told = rate.map(|rate| per_second(rate, lang)).unwrap_or_default();
    let outcomes = input.state.map(|state| outcomes(state, lang)).unwrap_or_default();
    let reason = input.state.filter(|_| !input.away).and_then(|state| state.reason.as_ref());
    let reason = reason.map(|reason| format!(" ({})", lang.quoted(reason))).unwrap_or_default();
    SenderPart {
        name: short_name(input.name),
        state,
        spoken: format!("{}: {words}{reason}. {outcomes} {told}", input.name).trim_end().to_owned(),
        words,
        rate: told,
        exact_rate: rate.unwrap_or_default(),
        pace: pace(rate),
        chips,
        last: input.state.cloned(),
    }
}

/// The name for its card; the mark of a cut is wider than a letter.
fn short_name(name: &str) -> String {
    let fits = name.chars().count() <= NAME_SHOWN;
    wording::shortened(name, if fits { NAME_SHOWN } else { NAME_SHOWN - 2 })
}

fn sender_state(input: &SenderInput<'_>, lang: Lang) -> (&'static str, String) {
    let (state, words) = match input.state {
        _ if input.away => ("ausente", lang.say("no responde", "no answer")),
        None => ("preguntando", lang.say("sin datos todavía", "no data yet")),
        Some(state) => match state.link {
            SenderLink::Conectado => ("bien", lang.say("conectado", "connected")),
            SenderLink::Bloqueado => ("bloqueado", lang.say("bloqueado", "blocked")),
            SenderLink::SinConexion => ("cortado", lang.say("sin RabbitMQ", "no RabbitMQ")),
        },
    };
    let age = input.age.filter(|_| input.away).map(brief);
    let words = age.map_or_else(|| words.to_owned(), |age| format!("{words} · {age}"));
    (state, words)
}

fn chips(state: &SenderState) -> Vec<Chip> {
    let published = &state.published;
    // Both are «no aceptado» in the legend; the proof tells them apart.
    let refused = published.refused.saturating_add(published.not_sent);
    let all = [
        ("evento", "✓", published.confirmed),
        ("devuelto", "↩", published.unroutable),
        ("rechazado", "✕", refused),
        ("desconocido", "?", published.unknown),
    ];
    let some = all.into_iter().filter(|(sign, _, count)| *count > 0 || *sign == "evento");
    some.map(|(sign, glyph, count)| Chip { sign, text: format!("{glyph}\u{a0}{}", Count(count)) })
        .collect()
}

fn outcomes(state: &SenderState, lang: Lang) -> String {
    let published = &state.published;
    let all = [
        (published.confirmed, lang.say("confirmados", "confirmed")),
        (published.unroutable, lang.say("devueltos sin ruta", "returned as unroutable")),
        (published.refused, lang.say("rechazados por RabbitMQ", "refused by RabbitMQ")),
        (published.not_sent, lang.say("no enviados", "not sent")),
        (published.unknown, lang.say("sin respuesta a tiempo", "without an answer in time")),
    ];
    let some = all.iter().enumerate().filter(|(place, (count, _))| *place == 0 || *count > 0);
    let words: Vec<_> =
        some.map(|(_, (count, what))| format!("{} {what}", Count(*count))).collect();
    format!("{}.", words.join(", "))
}

/// How many senders have no card.
pub(super) fn further(count: usize, lang: Lang) -> Option<String> {
    (count > 0).then(|| match lang {
        Lang::Es => format!("y {count} más"),
        Lang::En => format!("and {count} more"),
    })
}
