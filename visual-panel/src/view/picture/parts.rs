//! Exchange, analytics, counts, and what goes other ways: state, words, numbers.

use std::time::Duration;

use super::{Input, brief, capped, pace, per_second, since, tank::as_of};
use crate::{
    lang::Lang,
    states::{AnalyticsState, Consuming},
    wording::{self, Count},
};

/// Longest routing key on its label, in characters.
const KEY_SHOWN: usize = 8;

/// Lines of the binding's label: routing keys, and the number of further ones.
const KEY_LINES: usize = 2;

/// The exchange.
#[derive(Debug, Clone)]
pub struct ExchangePart {
    /// One word for its state.
    pub state: &'static str,
    /// Its bindings, as labels.
    pub keys: Vec<String>,
    /// How busy the way to the queue is.
    pub pace: u8,
    /// In a sentence.
    pub spoken: String,
}

impl ExchangePart {
    /// Room that the labels need, in user units.
    #[must_use]
    pub fn label_width(&self) -> u32 {
        self.keys.iter().map(|key| width(key)).max().unwrap_or_default()
    }
}

/// Analytics.
#[derive(Debug, Clone)]
pub struct AnalyticsPart {
    /// One word for its state.
    pub state: &'static str,
    /// In words, as short as its card is narrow.
    pub words: String,
    /// Further lines: prefetch, the last batch.
    pub lines: Vec<String>,
    /// Whether it takes messages: otherwise the tap is closed.
    pub takes: bool,
    /// How busy its ways are.
    pub pace: u8,
    /// Events per second, for the script.
    pub exact_rate: f64,
    /// In a sentence.
    pub spoken: String,
    /// The last that it said, for the script.
    pub last: Option<AnalyticsState>,
}

/// What was counted.
#[derive(Debug, Clone)]
pub struct CountsPart {
    /// One word for its state.
    pub state: &'static str,
    /// The total.
    pub total: String,
    /// The class of its size.
    pub size: &'static str,
    /// Events per second, or what is wrong.
    pub words: String,
    /// In a sentence.
    pub spoken: String,
}

/// A number on a way.
#[derive(Debug, Clone)]
pub struct Label {
    /// One word for its state: none yet, or some.
    pub state: &'static str,
    /// Sign and number.
    pub text: String,
    /// In a sentence.
    pub spoken: String,
}

impl Label {
    /// Room that it needs, in user units.
    #[must_use]
    pub fn width(&self) -> u32 {
        width(&self.text)
    }
}

/// Dead letters.
#[derive(Debug, Clone)]
pub struct DeadPart {
    /// One word for its state.
    pub state: &'static str,
    /// How many.
    pub text: String,
    /// The number for the script, and who said so.
    pub count: u64,
    /// Who said so: numbers of different sources are not compared.
    pub source: &'static str,
    /// In a sentence.
    pub spoken: String,
}

pub(super) fn exchange(input: &Input<'_>, lang: Lang) -> ExchangePart {
    let name = messages::names::EXCHANGE;
    let bindings = input.broker.map(|broker| broker.bindings.as_slice());
    let state = match bindings {
        _ if input.broker_is_down() => "cortado",
        None => "desconocido",
        Some([]) => "sin-enlace",
        Some(_) => "bien",
    };
    let keys = keys(bindings, lang);
    let what = lang.say("exchange direct", "direct exchange");
    let spoken = match (bindings, lang) {
        (Some([]), Lang::Es) => format!("{what} {name}: ningún enlace; nada llega a la cola."),
        (Some([]), Lang::En) => format!("{what} {name}: no binding; nothing gets to the queue."),
        (_, Lang::Es) => format!("{what} {name}; enlace con la cola: {}.", keys.join(", ")),
        (_, Lang::En) => format!("{what} {name}; binding to the queue: {}.", keys.join(", ")),
    };
    let rates = input.senders.iter().filter(|sender| !sender.away).filter_map(|sender| sender.rate);
    ExchangePart { state, keys, pace: pace(Some(rates.sum())), spoken: capped(&spoken) }
}

fn keys(bindings: Option<&[String]>, lang: Lang) -> Vec<String> {
    let Some(bindings) = bindings else {
        return vec![lang.say("¿enlace?", "binding?").to_owned()];
    };
    if bindings.is_empty() {
        return vec![lang.say("sin enlace", "no binding").to_owned()];
    }
    let shown = if bindings.len() > KEY_LINES { KEY_LINES - 1 } else { KEY_LINES };
    let mut keys: Vec<_> =
        bindings.iter().take(shown).map(|key| wording::shortened(key, KEY_SHOWN)).collect();
    let rest = bindings.len().saturating_sub(shown);
    if rest > 0 {
        keys.push(format!("+\u{202f}{rest}"));
    }
    keys
}

pub(super) fn analytics(input: &Input<'_>, lang: Lang) -> AnalyticsPart {
    let (state, words, takes) = analytics_state(input, lang);
    let rate = input.counted_rate.filter(|_| !input.analytics_away);
    let lines = analytics_lines(input, lang);
    let reason = input.analytics.filter(|_| !input.analytics_away);
    let reason = reason.and_then(|state| state.cannot_store.as_ref().or(state.reason.as_ref()));
    let reason = reason.map(|reason| format!(" ({})", lang.quoted(reason))).unwrap_or_default();
    let name = lang.say("Analíticas, el consumidor", "Analytics, the consumer");
    let facts = [words.clone() + &reason].into_iter().chain(lines.iter().cloned());
    let facts = facts.collect::<Vec<_>>().join(", ");
    AnalyticsPart {
        state,
        spoken: format!("{name}: {facts}."),
        words,
        lines,
        takes,
        pace: pace(rate),
        exact_rate: rate.unwrap_or_default(),
        last: input.analytics.cloned(),
    }
}

fn analytics_state(input: &Input<'_>, lang: Lang) -> (&'static str, String, bool) {
    let say =
        |state, spanish, english, takes| (state, lang.say(spanish, english).to_owned(), takes);
    let slowed = input.slowed.filter(|slowed| !slowed.is_zero());
    match (input.analytics, slowed) {
        _ if input.analytics_away => say("ausente", "no responde", "no answer", false),
        (None, _) => say("preguntando", "sin datos todavía", "no data yet", true),
        (Some(state), slowed) => match (state.consuming, slowed) {
            (Consuming::SinConexion, _) => say("cortado", "sin RabbitMQ", "no RabbitMQ", false),
            (Consuming::EnPausa, _) => say("pausa", "no consume", "not consuming", false),
            _ if state.cannot_store.is_some() => {
                say("mal", "no puede guardar", "cannot store", false)
            }
            (Consuming::Activo, Some(slowed)) => {
                let each = lang.say("por lote", "per batch");
                ("lenta", format!("+{}\u{a0}ms {each}", slowed.as_millis()), true)
            }
            (Consuming::Activo, None) => say("bien", "consume", "consuming", true),
        },
    }
}

fn analytics_lines(input: &Input<'_>, lang: Lang) -> Vec<String> {
    let Some(state) = input.analytics else { return Vec::new() };
    let mut lines = vec![format!("prefetch {}", Count(state.prefetch))];
    if input.analytics_away {
        lines.extend(input.analytics_age.map(|age| as_of(age, lang)));
    } else if let Some(batch) = state.batch {
        lines.push(batch_line(batch.messages, since(batch.at, input.now), lang));
    }
    lines
}

fn batch_line(size: u64, age: Duration, lang: Lang) -> String {
    let (size, now, age) = (Count(size), age.as_secs() < 2, brief(age));
    match (lang, now) {
        (Lang::Es, true) => format!("lote {size}, ahora"),
        (Lang::Es, false) => format!("lote {size}, hace {age}"),
        (Lang::En, true) => format!("batch {size}, now"),
        (Lang::En, false) => format!("batch {size}, {age} ago"),
    }
}

pub(super) fn counts(input: &Input<'_>, lang: Lang) -> CountsPart {
    let broken = input.analytics.is_some_and(|state| state.cannot_store.is_some());
    let rate = input.counted_rate.map(|rate| per_second(rate, lang)).unwrap_or_default();
    let (state, words) = match input.counted_total {
        None => ("desconocido", lang.say("sin datos todavía", "no data yet").to_owned()),
        Some(_) if input.analytics_away => {
            let age = input.counted_age.or(input.analytics_age);
            ("ausente", age.map(|age| as_of(age, lang)).unwrap_or_default())
        }
        Some(_) if broken => ("mal", lang.say("no puede guardar", "cannot store").to_owned()),
        Some(_) => input.counted_age.map_or(("bien", rate), |age| ("ausente", as_of(age, lang))),
    };
    let total =
        input.counted_total.map_or_else(|| "–".to_owned(), |total| Count(total).to_string());
    let what = lang.say("eventos contados", "events counted");
    CountsPart {
        state,
        size: size(&total),
        spoken: format!("{total} {what}, {words}.").replace(", .", "."),
        total,
        words,
    }
}

fn size(number: &str) -> &'static str {
    match number.chars().count() {
        0..=6 => "corta",
        7..=9 => "media",
        10..=13 => "larga",
        _ => "enorme",
    }
}

pub(super) fn returned(input: &Input<'_>, lang: Lang) -> Label {
    let states = input.senders.iter().filter_map(|sender| sender.state);
    let count = states.fold(0_u64, |sum, state| sum.saturating_add(state.published.unroutable));
    let what =
        lang.say("devueltos por el exchange al emisor", "returned by the exchange to the sender");
    label("↩", count, what)
}

pub(super) fn redelivered(input: &Input<'_>, lang: Lang) -> Label {
    let count = input.analytics.map_or(0, |state| state.redelivered);
    label("↻", count, lang.say("entregados otra vez", "delivered again"))
}

fn label(glyph: &str, count: u64, what: &str) -> Label {
    Label {
        state: if count == 0 { "ninguno" } else { "alguno" },
        text: format!("{glyph}\u{a0}{}", compact(count)),
        spoken: format!("{} {what}.", Count(count)),
    }
}

pub(super) fn dead(input: &Input<'_>, lang: Lang) -> DeadPart {
    let told = input.broker.and_then(|broker| broker.dead).map(|dead| dead.messages);
    let rejected = input.analytics.map(|state| state.rejected);
    let fresh = input.is_broker_fresh;
    let (count, source) = match (told, rejected) {
        (Some(told), _) if fresh => (Some(told), "broker"),
        (told, Some(rejected)) => (told.or(Some(rejected)), "analiticas"),
        (told, None) => (told, "nadie"),
    };
    let state = match count {
        None => "desconocido",
        Some(0) => "ninguno",
        Some(_) => "alguno",
    };
    let text = count.map_or_else(|| "?".to_owned(), |count| Count(count).to_string());
    let name = messages::names::DEAD_LETTER_QUEUE;
    let what = lang.say("mensajes muertos en", "dead letters in");
    let compared = if source == "broker" { told } else { rejected };
    DeadPart {
        state,
        spoken: format!("{text} {what} {name}."),
        text: if fresh || count.is_none() { text } else { format!("≈\u{202f}{text}") },
        count: compared.unwrap_or_default(),
        source,
    }
}

/// Room for `text` on a label, in user units: that of a wide font.
fn width(text: &str) -> u32 {
    u32::try_from(text.chars().count()).map_or(u32::MAX, |length| length * 11 + 22)
}

/// A count for little room: from ten thousand on, thousands or millions.
pub(super) fn compact(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}\u{202f}k", count / 1_000),
        _ => format!("{}\u{202f}M", Count(count / 1_000_000)),
    }
}
