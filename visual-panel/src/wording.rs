//! Numbers, ages and times as a Spanish page writes them.

use std::{fmt, time::Duration};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::analytics::Reason;

/// Between the groups of a number: thin, and not a place to break the line.
const GROUP: char = '\u{202f}';

const MONTHS: [&str; 12] =
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"];

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
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes, seconds) {
        (0, 0, 0, 0..=1) => "ahora mismo".to_owned(),
        (0, 0, 0, _) => format!("hace {seconds}\u{a0}s"),
        (0, 0, 1..=9, _) => format!("hace {minutes}\u{a0}min {}\u{a0}s", seconds % 60),
        (0, 0, _, _) => format!("hace {minutes}\u{a0}min"),
        (0, _, _, _) => format!("hace {hours}\u{a0}h {}\u{a0}min", minutes % 60),
        (1, ..) => "hace 1 día".to_owned(),
        _ => format!("hace {days} días"),
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
    pub fn new(at: Timestamp, now: Timestamp) -> Self {
        let civil = |time: Timestamp| time.to_zoned(TimeZone::UTC).datetime();
        Self { words: words(civil(at), civil(now)), machine: format!("{at:.3}") }
    }
}

fn words(at: DateTime, now: DateTime) -> String {
    let time = at.strftime("%H:%M:%S");
    if at.date() == now.date() {
        return time.to_string();
    }
    let month = MONTHS.get(usize::from(at.month().unsigned_abs()) - 1).copied().unwrap_or_default();
    if at.year() == now.year() {
        format!("{}\u{a0}{month} {time}", at.day())
    } else {
        format!("{}\u{a0}{month} {} {time}", at.day(), at.year())
    }
}

/// Why there is no answer, for the class.
#[must_use]
pub fn reason(reason: Reason) -> String {
    match reason {
        Reason::Unreachable => "no se pudo conectar, o la conexión se cortó".to_owned(),
        Reason::TimedOut => "no contestó a tiempo (2 s)".to_owned(),
        Reason::Status(status) => format!("contestó con el código HTTP {status}"),
        Reason::TooLarge => "su respuesta es demasiado grande".to_owned(),
        Reason::NotUnderstood => "su respuesta no tiene la forma acordada".to_owned(),
    }
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
            let words = age(Duration::from_secs(seconds)).replace('\u{a0}', " ");
            assert_eq!(words, expected, "{seconds} s");
        }
    }

    #[test]
    fn a_time_has_its_day_only_where_it_is_not_today() {
        let now = "2025-04-13T12:00:00Z".parse().expect("a timestamp");
        for (at, expected) in [
            ("2025-04-13T09:08:07.654Z", "09:08:07"),
            ("2025-04-12T23:59:59Z", "12 abr 23:59:59"),
            ("2024-12-31T00:00:00Z", "31 dic 2024 00:00:00"),
        ] {
            let moment = Moment::new(at.parse().expect("a timestamp"), now);
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
