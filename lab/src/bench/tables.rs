//! A run for people: tables of 80 columns.

use super::figures::{BYTES, ERRORS, P50, P99, PER_SECOND, cpu, peak};
use super::machine::Machine;
use super::processes::BENCH;
use super::results::{Numbers, Results};
use super::target::{Bound, Finding, NOISE, OTHERS, Verdict};
use crate::part::Part;
use std::fmt::Write;

impl Results {
    /// All of it.
    pub(crate) fn told(&self) -> String {
        let mut text = String::new();
        let Machine { cores, memory_mib, rabbitmq, .. } = &self.machine;
        let gibibytes = memory_mib / 1024;
        let times = self.repetitions;
        line(
            &mut text,
            format!("{cores} procesadores · {gibibytes} GiB · {rabbitmq} · × {times}\n"),
        );
        self.rates(&mut text);
        self.memory(&mut text);
        self.audit(&mut text);
        self.goals(&mut text);
        self.warnings(&mut text);
        text
    }

    fn measured(&self) -> impl Iterator<Item = (&'static str, &Numbers)> {
        self.order.iter().filter_map(|name| Some((*name, self.measurements.get(*name)?)))
    }

    /// Rates, latencies and what an event costs.
    fn rates(&self, text: &mut String) {
        line(text, format!("{:>44} │ µs de CPU por evento", ""));
        let [name, rate, spread, p50, p99] = ["", "por s", "±%", "p50 ms", "p99 ms"];
        let [broker, sender, analytics, others, bench] =
            ["rabbit", "emisor", "analít", "otros", "banco"];
        let left = format!("{name:<17} {rate:>7} {spread:>4} {p50:>6} {p99:>6}");
        let right = format!("{broker:>6} {sender:>6} {analytics:>6} {others:>6} {bench:>5}");
        line(text, format!("{left} │ {right}"));
        for (name, numbers) in self.measured() {
            line(text, format!("{} │ {}", speed(name, numbers), costs(numbers)));
        }
    }

    /// The most memory that each of our services had.
    fn memory(&self, text: &mut String) {
        let [sender, analytics, panel, audit] = ["emisor", "analít", "panel", "audit"];
        let head = format!("{sender:>9} {analytics:>9} {panel:>9} {audit:>9}");
        line(text, format!("\n{:<17} {head}", "MiB, máximo"));
        for (name, numbers) in self.measured() {
            let of = |part: Part| short(median(numbers, &peak(part.name())));
            let [sender, analytics] = [Part::ClienteX, Part::Analytics].map(of);
            let [panel, audit] = [Part::Panel, Part::Audit].map(of);
            if sender != NOTHING {
                line(text, format!("{name:<17} {sender:>9} {analytics:>9} {panel:>9} {audit:>9}"));
            }
        }
    }

    /// What the audit's rate means to who exchanges messages, and in which space.
    fn audit(&self, text: &mut String) {
        let Some(numbers) = self.measurements.get("auditoria") else { return };
        let (Some(rate), Some(bytes)) = (median(numbers, PER_SECOND), median(numbers, BYTES))
        else {
            return;
        };
        let months = short(Some(rate * 3600.0 / A_MONTH));
        line(text, format!("\nAuditoría: {months} meses de 280.000 mensajes por hora"));
        line(text, format!("           {bytes:.0} bytes en disco por mensaje"));
    }

    /// Ratios beside what they should be.
    fn goals(&self, text: &mut String) {
        if self.targets.is_empty() {
            return;
        }
        line(text, format!("\n{:<45} {:>8} {:>5} {:>8}", "", "medido", "±%", "meta"));
        for Finding { name, bound, ratio, verdict, .. } in &self.targets {
            let found = short(Some(ratio.median));
            let spread = half_spread(ratio.spread);
            let (bound, verdict) = (in_words(*bound), mark(*verdict));
            line(text, format!("{name:<45} {found:>8} {spread:>5} {bound:>8} {verdict}"));
        }
    }

    /// What makes the numbers less than they seem.
    fn warnings(&self, text: &mut String) {
        if self.targets.iter().any(|finding| finding.verdict == Verdict::TooNoisy) {
            let noise = NOISE * 50.0;
            line(
                text,
                format!("? las repeticiones no coinciden y distan más de ±{noise:.0} %, o ninguna"),
            );
            line(text, "  fue tranquila: no se concluye nada; repítalo con la máquina en calma");
        }
        let disturbed = self.targets.iter().map(|finding| finding.disturbed).max();
        if let Some(disturbed @ 1..) = disturbed {
            let others = OTHERS * 100.0;
            line(
                text,
                format!("• las metas no cuentan repeticiones (hasta {disturbed}) en las que otros"),
            );
            line(text, format!("  programas usaron más del {others:.0} % de la máquina"));
        }
        if self.repetitions == 1 {
            line(text, "• con una sola repetición no se sabe cuánto ruido hubo");
        }
        if !self.machine.optimised {
            line(text, "• el banco no está optimizado: sus clientes cuestan más de lo debido");
        }
        for (name, numbers) in self.measured() {
            let errors = median(numbers, ERRORS).unwrap_or_default();
            if errors > 0.0 {
                line(text, format!("• {name}: {errors:.0} peticiones sin éxito"));
            }
        }
        for (name, why) in &self.skipped {
            line(text, format!("• {name}: no se midió: {why}"));
        }
        for failure in &self.failures {
            line(text, format!("✗ {failure}"));
        }
    }
}

fn speed(name: &str, numbers: &Numbers) -> String {
    let rate = numbers.get(PER_SECOND);
    let spread = rate.map_or_else(|| NOTHING.to_owned(), |rate| half_spread(rate.spread));
    let of = |name| short(median(numbers, name));
    let (rate, p50, p99) = (of(PER_SECOND), of(P50), of(P99));
    format!("{name:<17} {rate:>7} {spread:>4} {p50:>6} {p99:>6}")
}

fn costs(numbers: &Numbers) -> String {
    let of = |part: &str| short(median(numbers, &cpu(part)));
    let [broker, sender, analytics] =
        [Part::RabbitMq, Part::ClienteX, Part::Analytics].map(|part| of(part.name()));
    let (others, bench) = (short(Some(others(numbers))), of(BENCH));
    format!("{broker:>6} {sender:>6} {analytics:>6} {others:>6} {bench:>5}")
}

/// Processor time of everybody whom no column names.
fn others(numbers: &Numbers) -> f64 {
    let named = [Part::RabbitMq, Part::ClienteX, Part::Analytics].map(|part| cpu(part.name()));
    let is_other = |name: &str| {
        name.starts_with(&cpu("")) && !named.iter().any(|named| named == name) && name != cpu(BENCH)
    };
    let others = numbers.iter().filter(|(name, _)| is_other(name));
    others.map(|(_, found)| found.median).sum()
}

fn median(numbers: &Numbers, name: &str) -> Option<f64> {
    numbers.get(name).map(|found| found.median)
}

fn in_words(bound: Bound) -> String {
    match bound {
        Bound::AtLeast(value) => format!("≥ {}", short(Some(value))),
        Bound::AtMost(value) => format!("≤ {}", short(Some(value))),
    }
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reached => "✓",
        Verdict::Missed => "✗",
        Verdict::TooNoisy => "? ruido",
    }
}

/// Messages that 22 systems exchanged in a month, by way of an audit of this kind.
const A_MONTH: f64 = 280_000.0;

/// What stands for a number that there is not.
const NOTHING: &str = "–";

/// How far up and down, in percent.
fn half_spread(spread: f64) -> String {
    format!("{:.0}", spread * 50.0)
}

/// A number in as few characters as it can be read in.
fn short(number: Option<f64>) -> String {
    match number {
        None => NOTHING.to_owned(),
        Some(number) if number.abs() < 10.0 => format!("{number:.2}"),
        Some(number) if number.abs() < 100.0 => format!("{number:.1}"),
        Some(number) => format!("{number:.0}"),
    }
}

fn line(text: &mut String, line: impl AsRef<str>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", line.as_ref().trim_end());
}

#[cfg(test)]
mod tests {
    use super::short;
    use crate::bench::results::tests::results;

    #[test]
    fn the_tables_fit_eighty_columns() {
        let told = results().told();
        for line in told.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for expected in [
            "crudo-100",
            "rabbit",
            "? ruido",
            "no se concluye",
            "99 peticiones",
            "3214 meses",
            "1234 bytes",
            "✗ send",
        ] {
            assert!(told.contains(expected), "{expected}: {told}");
        }
    }

    #[test]
    fn numbers_are_as_exact_as_they_are_interesting() {
        let shown = [0.7, 12.34, 1234.5].map(|number| short(Some(number)));
        assert_eq!(shown, ["0.70", "12.3", "1234"]);
        assert_eq!(short(None), "–");
    }
}
