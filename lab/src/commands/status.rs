//! `status`: what every part is doing.

mod compose;

use crate::failure::NOT_UP;
use crate::layout::Layout;
use crate::part::Part;
use crate::parts::readiness::Prober;
use crate::plan::{Plan, ports_of};
use crate::record::{self, Record, Request, Watcher, unwatched};
use crate::running::Administrator;
use crate::settings::{Ports, Settings};
use crate::ui;
use anyhow::{Context, Result};
use serde::Serialize;

/// What a part is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It runs and can do its work.
    Running,
    /// It runs and cannot do its work yet, or not now.
    NotReady,
    /// It was stopped, or never started.
    Stopped,
    /// It ended by itself, or was killed.
    Died,
    /// It is there, and does nothing (`docker pause`).
    Paused,
}

impl State {
    fn in_words(self) -> &'static str {
        match self {
            Self::Running => "en marcha",
            Self::NotReady => "no listo",
            Self::Stopped => "detenido",
            Self::Died => "caído",
            Self::Paused => "en pausa",
        }
    }

    fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::NotReady | Self::Paused)
    }
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    state: State,
    pid: Option<i32>,
    ports: Vec<u16>,
}

pub(crate) async fn run(layout: &Layout, compose: bool, json: bool) -> Result<u8> {
    if compose {
        return compose::run(layout, json).await;
    }
    let rows = rows(layout).await?;
    let is_up = rows.iter().any(|row| row.state.is_alive()) || Watcher::living(layout).is_some();
    if json {
        ui::say(serde_json::to_string_pretty(&rows).context("JSON")?);
    } else if is_up {
        ui::say(table(&rows));
        // Parts outlive a supervisor that was killed.
        if let Some(told) = unwatched(layout) {
            ui::say(format!("\n{told}"));
        }
    } else {
        ui::say("El laboratorio no está en marcha; se inicia con: cargo lab up");
    }
    Ok(if is_up { 0 } else { NOT_UP })
}

async fn rows(layout: &Layout) -> Result<Vec<Row>> {
    let (ports, planned) = current(layout)?;
    let prober = Prober::new(Administrator::guest())?;
    let mut rows = Vec::new();
    for part in planned {
        let record = Record::load(layout, part);
        let state = state(layout, part, record.as_ref(), &prober, &ports).await;
        let process = record.filter(|_| state.is_alive());
        rows.push(Row {
            name: part.name(),
            state,
            pid: process.map(|record| record.process.pid),
            ports: ports_of(&ports, part),
        });
    }
    Ok(rows)
}

/// Ports and parts of the laboratory that runs or ran last, else of the one that `up` would
/// start.
fn current(layout: &Layout) -> Result<(Ports, Vec<Part>)> {
    if let Some(plan) = Plan::load(layout) {
        return Ok((plan.ports, plan.parts));
    }
    Ok((Settings::load(&layout.dotenv())?.ports, Part::LAB_1.to_vec()))
}

async fn state(
    layout: &Layout,
    part: Part,
    record: Option<&Record>,
    prober: &Prober,
    ports: &Ports,
) -> State {
    match record {
        Some(record) if record.process.is_alive() => {
            if prober.is_ready(ports, part).await {
                State::Running
            } else {
                State::NotReady
            }
        }
        Some(_) if !record::is_requested(layout, part, Request::Stop) => State::Died,
        _ => State::Stopped,
    }
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![line("SERVICIO", "ESTADO", "PID", "PUERTOS")];
    lines.extend(rows.iter().map(|row| {
        let pid = row.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let ports: Vec<String> = row.ports.iter().map(u16::to_string).collect();
        line(row.name, row.state.in_words(), &pid, &ports.join(" "))
    }));
    lines.join("\n")
}

fn line(name: &str, state: &str, pid: &str, ports: &str) -> String {
    format!("{name:<14}{state:<12}{pid:>8}  {ports}")
}

#[cfg(test)]
mod tests {
    use super::{Row, State, table};
    use crate::part::Part;

    #[test]
    fn the_table_fits_eighty_columns() {
        let rows = Part::START_ORDER.map(|part| Row {
            name: part.name(),
            state: State::Running,
            pid: Some(4_194_304),
            ports: vec![65_535; part.ports().len()],
        });
        for line in table(&rows).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn states_are_english_words_in_json() {
        let text = serde_json::to_string(&[State::Running, State::NotReady, State::Died]).unwrap();
        assert_eq!(text, r#"["running","not_ready","died"]"#);
    }
}
