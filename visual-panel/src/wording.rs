//! Numbers, ages and times as a page writes them, in either language.

use std::{fmt, time::Duration};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{lang::Lang, neighbour::Reason};

/// Between the groups of a number: thin, and not a place to break the line.
const GROUP: char = '\u{202f}';

const MONTHS: [(&str, &str); 12] = [
    ("ene", "Jan"),
    ("feb", "Feb"),
    ("mar", "Mar"),
    ("abr", "Apr"),
    ("may", "May"),
    ("jun", "Jun"),
    ("jul", "Jul"),
    ("ago", "Aug"),
    ("sep", "Sep"),
    ("oct", "Oct"),
    ("nov", "Nov"),
    ("dic", "Dec"),
];

/// A count; shows with its digits in groups of three. A space separates them,
/// and four digits stay together (Ortografía de la lengua española, 2010): a
/// point or a comma would be a decimal sign in half of the countries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

impl Count {
    /// The style sheet's word for its width.
    #[must_use]
    pub fn size(self) -> &'static str {
        match self.0 {
            0..10_000 => "corta",
            10_000..1_000_000_000 => "media",
            _ => "larga",
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let grouped = digits.len() > 4;
        for (place, digit) in digits.chars().enumerate() {
            if grouped && place > 0 && (digits.len() - place).is_multiple_of(3) {
                write!(f, "{GROUP}")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// How long something is ago, in its largest unit or two.
#[must_use]
pub fn age(age: Duration, lang: Lang) -> String {
    if age.as_secs() <= 1 {
        return lang.say("ahora mismo", "just now").to_owned();
    }
    let length = length_of(age, lang);
    match lang {
        Lang::Es => format!("hace {length}"),
        Lang::En => format!("{length} ago"),
    }
}

/// A length of time, in its largest unit or two.
#[must_use]
pub fn length_of(time: Duration, lang: Lang) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes, seconds) {
        (0, 0, 0, 0) => format!("{}\u{a0}ms", time.as_millis()),
        (0, 0, 0, _) => format!("{seconds}\u{a0}s"),
        (0, 0, 1..=9, _) => format!("{minutes}\u{a0}min {}\u{a0}s", seconds % 60),
        (0, 0, _, _) => format!("{minutes}\u{a0}min"),
        (0, _, _, _) => format!("{hours}\u{a0}h {}\u{a0}min", minutes % 60),
        (1, ..) => lang.say("1 día", "1 day").to_owned(),
        _ => format!("{days} {}", lang.say("días", "days")),
    }
}

/// A time for a page: in words, and for machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// In words, UTC: with the day only where it is not today.
    pub words: String,
    /// RFC 3339, for `<time datetime>`.
    pub machine: String,
}

impl Moment {
    /// `at`, as seen from `now`.
    #[must_use]
    pub fn new(at: Timestamp, now: Timestamp, lang: Lang) -> Self {
        let civil = |time: Timestamp| time.to_zoned(TimeZone::UTC).datetime();
        Self { words: words(civil(at), civil(now), lang), machine: format!("{at:.3}") }
    }
}

fn words(at: DateTime, now: DateTime, lang: Lang) -> String {
    let time = at.strftime("%H:%M:%S");
    if at.date() == now.date() {
        return time.to_string();
    }
    let month = MONTHS.get(usize::from(at.month().unsigned_abs()) - 1);
    let month = month.map(|(spanish, english)| lang.say(spanish, english)).unwrap_or_default();
    if at.year() == now.year() {
        format!("{}\u{a0}{month} {time}", at.day())
    } else {
        format!("{}\u{a0}{month} {} {time}", at.day(), at.year())
    }
}

/// Why there is no answer, for the class.
#[must_use]
pub fn reason(reason: Reason, lang: Lang) -> String {
    let text = match reason {
        Reason::Unreachable => (
            "no se pudo conectar, o la conexión se cortó",
            "it could not be reached, or the connection broke off",
        ),
        Reason::TimedOut => ("no contestó a tiempo (2 s)", "no answer in time (2 s)"),
        Reason::Status(status) => {
            let text = lang.say("contestó con el código HTTP", "it answered with the HTTP status");
            return format!("{text} {status}");
        }
        Reason::TooLarge => ("su respuesta es demasiado grande", "its answer is too large"),
        Reason::NotUnderstood => {
            ("su respuesta no tiene la forma acordada", "its answer is not of the agreed form")
        }
    };
    lang.say(text.0, text.1).to_owned()
}

/// A rate in events a second: one decimal below ten, whole above.
#[must_use]
pub fn rate(rate: f64, lang: Lang) -> String {
    if rate < 9.95 {
        let text = format!("{rate:.1}");
        return match lang {
            Lang::Es => text.replace('.', ","),
            Lang::En => text,
        };
    }
    // A rate is never negative, and a whole number far below the limit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Count(rate.round() as u64).to_string()
}

/// The first `limit` characters of `text`, marked where something is missing.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The end of an id. The beginning of a `UUIDv7` is its time, the same for all
/// events of a minute; its end is random.
#[must_use]
pub fn short_id(id: &str) -> String {
    let start = id.char_indices().rev().nth(7).map_or(0, |(start, _)| start);
    format!("…{}", &id[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_five_on() {
        let shown = |count| Count(count).to_string().replace(GROUP, "_");
        for (count, expected) in [
            (0, "0"),
            (999, "999"),
            (9_999, "9999"),
            (10_000, "10_000"),
            (123_456, "123_456"),
            (1_234_567, "1_234_567"),
            (u64::MAX, "18_446_744_073_709_551_615"),
        ] {
            assert_eq!(shown(count), expected);
        }
    }

    #[test]
    fn ages_are_told_in_their_largest_units() {
        for (seconds, expected) in [
            (0, "ahora mismo"),
            (1, "ahora mismo"),
            (2, "hace 2 s"),
            (59, "hace 59 s"),
            (61, "hace 1 min 1 s"),
            (599, "hace 9 min 59 s"),
            (600, "hace 10 min"),
            (3_599, "hace 59 min"),
            (7_500, "hace 2 h 5 min"),
            (86_400, "hace 1 día"),
            (900_000, "hace 10 días"),
        ] {
            let words = age(Duration::from_secs(seconds), Lang::Es).replace('\u{a0}', " ");
            assert_eq!(words, expected, "{seconds} s");
        }
    }

    #[test]
    fn english_has_its_own_words() {
        let plain = |text: String| text.replace('\u{a0}', " ");
        assert_eq!(plain(age(Duration::from_secs(61), Lang::En)), "1 min 1 s ago");
        assert_eq!(plain(age(Duration::ZERO, Lang::En)), "just now");
        assert_eq!(reason(Reason::Status(503), Lang::En), "it answered with the HTTP status 503");
        let (at, now) = ("2025-01-02T03:04:05Z", "2025-04-13T12:00:00Z");
        let parsed = |text: &str| text.parse().expect("a timestamp");
        assert_eq!(plain(Moment::new(parsed(at), parsed(now), Lang::En).words), "2 Jan 03:04:05");
    }

    #[test]
    fn rates_have_a_decimal_while_they_are_small() {
        for (value, expected) in
            [(0.0, "0,0"), (2.04, "2,0"), (9.96, "10"), (12_345.6, "12\u{202f}346")]
        {
            assert_eq!(rate(value, Lang::Es), expected);
        }
        assert_eq!(rate(0.5, Lang::En), "0.5");
    }

    #[test]
    fn a_time_has_its_day_only_where_it_is_not_today() {
        let now = "2025-04-13T12:00:00Z".parse().expect("a timestamp");
        for (at, expected) in [
            ("2025-04-13T09:08:07.654Z", "09:08:07"),
            ("2025-04-12T23:59:59Z", "12 abr 23:59:59"),
            ("2024-12-31T00:00:00Z", "31 dic 2024 00:00:00"),
        ] {
            let moment = Moment::new(at.parse().expect("a timestamp"), now, Lang::Es);
            assert_eq!(moment.words.replace('\u{a0}', " "), expected);
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("ñandú", 5), "ñandú");
        assert_eq!(shortened("ñandúes", 5), "ñandú…");
        assert_eq!(short_id("0196303b-3c5e-7cc2-98c4-dc0c0c07398f"), "…0c07398f");
        assert_eq!(short_id("ñ"), "…ñ");
        assert_eq!(short_id(""), "…");
    }
}
