//! Statistics as charts: columns by day or month, bars by state and system, and how long
//! stages took.

use super::{span, state_words};
use crate::{
    audit::wire::{Named, Period, StageFigures, Stages, Statistics},
    chart::{self, Length},
    lang::Lang,
    wording::Count,
};

/// Bars of a chart; what is beyond is one more.
const MOST_BARS: usize = 12;

/// Height of the columns, in the units of their `viewBox`.
const HEIGHT: u64 = 120;

/// Columns that there is room for at least, so that one alone is still a column.
const LEAST_ROOM: usize = 24;

/// Width of a column, with what is between it and the next.
const STEP: usize = 12;

/// The statistics, drawn.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Messages in all.
    pub total: Count,
    /// By day or by month.
    pub columns: Columns,
    /// Bars, each chart with its title and the field that it is searched by.
    pub charts: Vec<Chart>,
    /// How long each stage took.
    pub stages: Vec<StageRow>,
}

/// A chart of columns.
#[derive(Debug, Clone)]
pub struct Columns {
    /// One for each day or month that has messages.
    pub columns: Vec<Column>,
    /// Width of all, in the units of the `viewBox`.
    pub width: usize,
    /// What the highest stands for.
    pub top: Count,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its left edge.
    pub x: usize,
    /// Its upper edge.
    pub y: u64,
    /// Its height.
    pub height: u64,
    /// Its day or month.
    pub name: String,
    /// What it stands for.
    pub count: Count,
}

/// A chart of bars.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What it is of.
    pub title: &'static str,
    /// The field of a search for one of its bars.
    pub field: &'static str,
    /// The bars, longest first.
    pub bars: Vec<Bar>,
}

/// A bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What is searched for; none where that cannot be.
    pub value: Option<String>,
    /// What it is of.
    pub name: String,
    /// What it stands for.
    pub count: Count,
    /// As part of all, in words.
    pub share: String,
    /// Against the longest.
    pub length: Length,
}

/// How long a stage took, in words.
#[derive(Debug, Clone)]
pub struct StageRow {
    /// Which.
    pub name: &'static str,
    /// Messages that went through it.
    pub count: Count,
    /// No longer took half, nine of ten, 99 of a hundred.
    pub percentiles: [Option<String>; 3],
    /// Messages of which clocks tell the impossible.
    pub skewed: Count,
}

impl Figures {
    /// What the proxy counted.
    #[must_use]
    pub fn new(counted: Statistics, lang: Lang) -> Self {
        let Statistics { total, periods, states, sources, destinations, kinds, stages } = counted;
        let states = states.into_iter().map(|one| (state_words(&one.name, lang), one)).collect();
        let plain = |all: Vec<Named>| all.into_iter().map(|one| (one.name.clone(), one)).collect();
        let chart = |title: (&'static str, &'static str), field, named| Chart {
            title: lang.say(title.0, title.1),
            field,
            bars: bars(named, total, lang),
        };
        Self {
            total: Count(total),
            columns: Columns::new(periods),
            charts: vec![
                chart(("Por estado", "By state"), "estado", states),
                chart(("Por origen", "By source"), "origen", plain(sources)),
                chart(("Por destino", "By destination"), "destino", plain(destinations)),
                chart(("Por tipo", "By kind"), "tipo", plain(kinds)),
            ],
            stages: stage_rows(&stages, lang),
        }
    }
}

impl Columns {
    fn new(periods: Vec<Period>) -> Self {
        let most = periods.iter().map(|period| period.count).max().unwrap_or(0);
        let column = |(place, period): (usize, Period)| {
            let height = height(period.count, most);
            let (x, y) = (place * STEP, HEIGHT - height);
            Column { x, y, height, name: period.name, count: Count(period.count) }
        };
        let width = periods.len().max(LEAST_ROOM) * STEP;
        Self {
            columns: periods.into_iter().enumerate().map(column).collect(),
            width,
            top: Count(most),
        }
    }
}

/// At least one, so that it can be seen.
fn height(count: u64, most: u64) -> u64 {
    let scaled = u128::from(count) * u128::from(HEIGHT) / u128::from(most.max(1));
    u64::try_from(scaled).unwrap_or(HEIGHT).clamp(1, HEIGHT)
}

/// The longest first; the others as one bar at the end.
fn bars(mut named: Vec<(String, Named)>, total: u64, lang: Lang) -> Vec<Bar> {
    named.sort_by_key(|(_, one)| std::cmp::Reverse(one.count));
    let rest = named.split_off(named.len().min(MOST_BARS));
    let others: u64 = rest.iter().map(|(_, one)| one.count).sum();
    let most = named.first().map_or(0, |(_, one)| one.count).max(others);
    let bar = |value: Option<String>, name: String, count| Bar {
        value,
        name,
        count: Count(count),
        share: chart::share(count, total),
        length: chart::length(count, most),
    };
    let unsaid = lang.say("(no lo dice)", "(does not say)");
    let mut bars: Vec<_> = named
        .into_iter()
        .map(|(words, one)| {
            let is_said = !one.name.is_empty();
            let words = if is_said { words } else { unsaid.to_owned() };
            bar(Some(one.name).filter(|_| is_said), words, one.count)
        })
        .collect();
    if others > 0 {
        bars.push(bar(None, lang.say("(los demás)", "(all others)").to_owned(), others));
    }
    bars
}

fn stage_rows(stages: &Stages, lang: Lang) -> Vec<StageRow> {
    let row = |name: (&'static str, &'static str), figures: &StageFigures| StageRow {
        name: lang.say(name.0, name.1),
        count: Count(figures.count),
        percentiles: [figures.p50, figures.p90, figures.p99]
            .map(|length| length.map(|length| span(length, lang))),
        skewed: Count(figures.skewed),
    };
    vec![
        row(("Cola de entrada", "Entry queue"), &stages.arrival),
        row(("Proxy", "Proxy"), &stages.proxy),
        row(("Destino", "Destination"), &stages.processing),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn figures(names: &[(&str, u64)], periods: &[(&str, u64)]) -> Figures {
        let counts: Vec<_> =
            names.iter().map(|(name, count)| json!({"nombre": name, "mensajes": count})).collect();
        let periods: Vec<_> = periods
            .iter()
            .map(|(name, count)| json!({"periodo": name, "mensajes": count}))
            .collect();
        let stage = json!({"mensajes": 3, "desfasados": 1, "p50_ms": 4.0, "p90_ms": 8.5,
                           "p99_ms": null});
        let total: u64 = names.iter().map(|(_, count)| count).sum();
        let counted = json!({"desde": null, "hasta": null, "mensajes": total, "periodos": periods,
            "estados": counts, "origenes": counts, "destinos": [], "tipos": [],
            "etapas": {"llegada": stage, "proxy": stage, "proceso": stage}});
        Figures::new(serde_json::from_value(counted).expect("statistics"), Lang::Es)
    }

    #[test]
    fn columns_stand_on_the_ground_and_the_least_can_be_seen() {
        let Columns { columns, width, top } =
            figures(&[], &[("2026-10", 1), ("2026-11", 280_000)]).columns;
        assert_eq!((width, top), (LEAST_ROOM * STEP, Count(280_000)));
        let edges: Vec<_> = columns.iter().map(|one| (one.x, one.y, one.height)).collect();
        assert_eq!(edges, [(0, 119, 1), (12, 0, 120)]);
    }

    #[test]
    fn bars_are_sorted_named_and_lead_to_a_search() {
        let charts = figures(&[("", 1), ("no_admitido", 3)], &[]).charts;
        let bars: Vec<_> =
            charts[0].bars.iter().map(|bar| (bar.name.as_str(), bar.value.as_deref())).collect();
        assert_eq!(bars, [("no admitido", Some("no_admitido")), ("(no lo dice)", None)]);
        assert_eq!(charts[1].bars[0].name, "no_admitido");
        assert_eq!(charts[0].bars[1].length.to_string(), "33.33%");
    }

    #[test]
    fn what_is_beyond_the_chart_is_one_more_bar() {
        let names: Vec<_> = (0..20).map(|place| format!("s{place:02}")).collect();
        let names: Vec<_> = names.iter().map(|name| (name.as_str(), 2)).collect();
        let bars = &figures(&names, &[]).charts[1].bars;
        assert_eq!(bars.len(), MOST_BARS + 1);
        let last = bars.last().expect("a bar");
        assert_eq!((last.name.as_str(), last.count), ("(los demás)", Count(16)));
    }

    #[test]
    fn stages_are_told_in_percentiles() {
        let stage = &figures(&[], &[]).stages[0];
        let told = stage.percentiles.clone().map(|told| told.map(|it| it.replace('\u{a0}', " ")));
        assert_eq!(told, [Some("4 ms".to_owned()), Some("8,5 ms".to_owned()), None]);
        assert_eq!(stage.skewed, Count(1));
    }
}
