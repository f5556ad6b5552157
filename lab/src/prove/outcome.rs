//! What a scenario found, and the table of all.

use super::world::TOLD_WITHIN;
use crate::load::Verdict;
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;

/// What one scenario found.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    /// How often the fault was made.
    pub(super) times: u32,
    pub(super) verdict: Verdict,
    /// The longest time from the fault's end until everything worked again, in
    /// seconds.
    pub(super) recovery: Option<f64>,
    /// What else was looked at.
    pub(super) checks: Vec<Check>,
    /// Why it could not be run here.
    pub(super) skipped: Option<String>,
}

/// Something else that must hold.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) ok: bool,
    /// What was found, in words.
    pub(super) found: String,
}

impl Outcome {
    pub(super) fn of(verdict: Verdict) -> Self {
        Self { times: 1, verdict, ..Self::default() }
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::default() }
    }

    pub(super) fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    pub(super) fn recovery(mut self, recovery: Duration) -> Self {
        self.recovery = Some(recovery.as_secs_f64());
        self
    }

    pub(super) fn check(mut self, ok: bool, found: impl Into<String>) -> Self {
        self.checks.push(Check { ok, found: found.into() });
        self
    }

    /// Whether who sends was told of the fault in time.
    pub(super) fn told(self, slowest: Duration) -> Self {
        let found = format!("el 503 más lento llegó en {:.1} s", slowest.as_secs_f64());
        self.check(slowest < TOLD_WITHIN, found)
    }

    pub(super) fn is_ok(&self) -> bool {
        self.verdict.is_exact() && self.checks.iter().all(|check| check.ok)
    }
}

/// The columns of [`row`].
pub(super) fn heading() -> String {
    format!(
        "{:<19} {:>5} {:>8} {:>8} {:>5} {:>5} {:>6} {:>5} {:>7}",
        "fallo", "veces", "enviados", "confirm.", "perd.", "dupl.", "inesp.", "fant.", "vuelve"
    )
}

/// One scenario: a line, and below it what else was looked at.
pub(super) fn row(name: &str, outcome: &Outcome) -> String {
    if let Some(why) = &outcome.skipped {
        return format!("{name:<19} omitido: {why}");
    }
    let Verdict { attempted, confirmed, lost, duplicated, unexpected, phantom, .. } =
        outcome.verdict;
    let recovery = outcome.recovery.map_or("—".to_owned(), |seconds| format!("{seconds:.1} s"));
    let mut text = format!(
        "{name:<19} {:>5} {attempted:>8} {confirmed:>8} {lost:>5} {duplicated:>5} \
         {unexpected:>6} {phantom:>5} {recovery:>7}",
        outcome.times
    );
    for check in &outcome.checks {
        let mark = if check.ok { '✓' } else { '✗' };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n    {mark} {}", check.found);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Outcome, heading, row};
    use crate::load::Verdict;
    use std::time::Duration;

    #[test]
    fn the_table_fits_eighty_columns() {
        let verdict = Verdict { attempted: 2_000_000, confirmed: 2_000_000, ..Verdict::default() };
        let outcome = Outcome::of(verdict).times(25).recovery(Duration::from_millis(12_345));
        for line in [heading(), row("diecinueve-letras-x", &outcome)] {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(row("a", &outcome).ends_with(" 12.3 s"));
    }

    #[test]
    fn a_failed_check_is_not_ok_though_the_verdict_is_exact() {
        let outcome = Outcome::of(Verdict::default()).check(true, "a");
        assert!(outcome.is_ok());
        assert!(!outcome.clone().check(false, "b").is_ok());
        assert!(!Outcome::of(Verdict { lost: 1, ..Verdict::default() }).is_ok());
    }
}
