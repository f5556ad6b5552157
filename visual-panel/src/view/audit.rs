//! What the pages of the audit show. Pure.

pub mod fault;
pub mod figures;
pub mod list;
pub mod payload;
pub mod tale;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    lang::Lang,
    wording::{self, Moment},
};

/// The states that every message may be in; systems may have more of their own.
pub const STATES: [&str; 6] =
    ["recibido", "reenviado", "procesado", "rechazado", "error", "no_admitido"];

/// Levels of log events, from the least.
pub const LEVELS: [&str; 5] = ["traza", "depuracion", "info", "aviso", "error"];

/// What a system may do, in words.
#[must_use]
pub fn standing_words(standing: &str, lang: Lang) -> String {
    let words = match standing {
        "activo" => ("activo", "active"),
        "suspendido" => ("suspendido", "suspended"),
        "retirado" => ("retirado", "retired"),
        other => return other.to_owned(),
    };
    lang.say(words.0, words.1).to_owned()
}

/// How a state looks: one word for the style sheet.
#[must_use]
pub fn mood(state: &str) -> &'static str {
    match state {
        "procesado" => "bien",
        "rechazado" | "error" | "no_admitido" => "mal",
        "recibido" => "ojo",
        _ => "neutro",
    }
}

/// A state in words: systems may have states of their own, which stay as they are.
#[must_use]
pub fn state_words(state: &str, lang: Lang) -> String {
    let words = match state {
        "recibido" => ("recibido", "received"),
        "reenviado" => ("reenviado", "forwarded"),
        "procesado" => ("procesado", "processed"),
        "rechazado" => ("rechazado", "rejected"),
        "error" => ("error", "error"),
        "no_admitido" => ("no admitido", "not admitted"),
        other => return other.to_owned(),
    };
    lang.say(words.0, words.1).to_owned()
}

/// A length of time in milliseconds, to three digits or so; a sign where it is
/// negative.
#[must_use]
pub fn span(milliseconds: f64, lang: Lang) -> String {
    let size = milliseconds.abs();
    let words = if size < 99.95 {
        format!("{}\u{a0}ms", decimal(size, lang))
    } else if size < 999.5 {
        format!("{size:.0}\u{a0}ms")
    } else if size < 59_950.0 {
        format!("{}\u{a0}s", decimal(size / 1000.0, lang))
    } else {
        // A number of seconds from a minute on, far below the limit.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let seconds = (size / 1000.0).round() as u64;
        wording::length_of(std::time::Duration::from_secs(seconds), lang)
    };
    if milliseconds < 0.0 { format!("−{words}") } else { words }
}

/// One decimal, none where it would be zero.
fn decimal(value: f64, lang: Lang) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    match lang {
        Lang::Es => text.replace('.', ","),
        Lang::En => text.to_owned(),
    }
}

/// A size in bytes, in words.
#[must_use]
pub fn size(bytes: u64, lang: Lang) -> String {
    let tenths = |unit: u64| {
        let tenths = (bytes * 10 + unit / 2) / unit;
        let point = lang.say(",", ".");
        format!("{}{point}{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..10_240 => {
            let unit = if bytes == 1 { "byte" } else { "bytes" };
            format!("{}\u{a0}{unit}", wording::Count(bytes))
        }
        10_240..1_048_576 => format!("{}\u{a0}KiB", tenths(1024)),
        _ => format!("{}\u{a0}MiB", tenths(1_048_576)),
    }
}

/// A time to the millisecond: the day only where it is not today.
#[must_use]
pub fn exact(at: Timestamp, now: Timestamp, lang: Lang) -> Moment {
    let moment = Moment::new(at, now, lang);
    let fraction = at.to_zoned(TimeZone::UTC).strftime("%.3f").to_string();
    Moment { words: format!("{}{fraction}", moment.words), ..moment }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        for (milliseconds, expected) in [
            (0.0, "0 ms"),
            (0.04, "0 ms"),
            (4.0, "4 ms"),
            (4.26, "4,3 ms"),
            (350.4, "350 ms"),
            (2_540.0, "2,5 s"),
            (61_000.0, "1 min 1 s"),
            (7_500_000.0, "2 h 5 min"),
            (-50.0, "−50 ms"),
            (2_592_000_000.0, "30 días"),
            (-2_592_000_000.0, "−30 días"),
        ] {
            let words = span(milliseconds, Lang::Es).replace('\u{a0}', " ");
            assert_eq!(words, expected, "{milliseconds}");
        }
        assert_eq!(span(4.26, Lang::En), "4.3\u{a0}ms");
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        let shown = |bytes| size(bytes, Lang::Es).replace(['\u{a0}', '\u{202f}'], " ");
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (9_999, "9999 bytes"),
            (10_240, "10,0 KiB"),
            (1_048_576, "1,0 MiB"),
            (16 * 1_048_576, "16,0 MiB"),
        ] {
            assert_eq!(shown(bytes), expected);
        }
    }

    #[test]
    fn a_state_of_a_systems_own_stays_as_it_is() {
        assert_eq!(state_words("en_espera_de_firma", Lang::En), "en_espera_de_firma");
        assert_eq!(mood("en_espera_de_firma"), "neutro");
        assert_eq!(state_words("no_admitido", Lang::En), "not admitted");
    }

    #[test]
    fn an_exact_time_has_its_milliseconds() {
        let parsed = |text: &str| text.parse().expect("a timestamp");
        let now = parsed("2026-11-23T12:00:00Z");
        let moment = exact(parsed("2026-11-23T09:08:07.0654Z"), now, Lang::Es);
        assert_eq!(moment.words, "09:08:07.065");
        let other = exact(parsed("2026-11-22T09:08:07Z"), now, Lang::Es);
        assert_eq!(other.words.replace('\u{a0}', " "), "22 nov 09:08:07.000");
    }
}
