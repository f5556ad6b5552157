//! `status --compose`: what every container is doing.

use super::State;
use crate::compose::{Compose, Container};
use crate::failure::NOT_UP;
use crate::layout::Layout;
use crate::ui;
use anyhow::{Context, Result};
use serde::Serialize;

/// Exit code of a process that SIGKILL ended, as engines report it.
const KILLED: i32 = 137;

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    state: State,
    container: String,
    ports: Vec<u16>,
}

pub(super) async fn run(layout: &Layout, json: bool) -> Result<u8> {
    let mut rows: Vec<Row> = Compose::of(layout).containers().await?.into_iter().map(row).collect();
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    let is_up = rows.iter().any(|row| row.state.is_alive());
    if json {
        ui::say(serde_json::to_string_pretty(&rows).context("JSON")?);
    } else if is_up {
        ui::say(table(&rows));
    } else {
        ui::say(
            "El laboratorio en contenedores no está en marcha; se inicia con:\n  \
             docker compose up --build",
        );
    }
    Ok(if is_up { 0 } else { NOT_UP })
}

fn row(container: Container) -> Row {
    Row {
        state: state(&container),
        ports: container.ports(),
        name: container.service,
        container: container.name,
    }
}

fn state(container: &Container) -> State {
    match (container.state.as_str(), container.health.as_str()) {
        ("running", "" | "healthy") => State::Running,
        ("running", _) => State::NotReady,
        ("paused", _) => State::Paused,
        ("created", _) => State::Stopped,
        // Who obeys SIGTERM ends with a code of its own.
        ("exited", _) if container.exit_code < KILLED => State::Stopped,
        _ => State::Died,
    }
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![line("SERVICIO", "ESTADO", "PUERTOS", "CONTENEDOR")];
    lines.extend(rows.iter().map(|row| {
        let ports: Vec<String> = row.ports.iter().map(u16::to_string).collect();
        line(&row.name, row.state.in_words(), &ports.join(" "), &row.container)
    }));
    lines.join("\n")
}

fn line(service: &str, state: &str, ports: &str, container: &str) -> String {
    format!("{service:<17} {state:<10} {ports:<17} {container}")
}

#[cfg(test)]
mod tests {
    use super::{Row, State, state, table};
    use crate::compose::Container;

    fn found(state_of: &str, health: &str, exit_code: i32) -> State {
        let json = serde_json::json!({
            "ID": "a", "Name": "b", "Service": "c",
            "State": state_of, "Health": health, "ExitCode": exit_code,
        });
        let container: Container = serde_json::from_value(json).unwrap();
        state(&container)
    }

    #[test]
    fn what_the_engine_says_is_said_in_the_words_of_the_native_laboratory() {
        assert_eq!(found("running", "healthy", 0), State::Running);
        assert_eq!(found("running", "starting", 0), State::NotReady);
        assert_eq!(found("paused", "healthy", 0), State::Paused);
        assert_eq!(found("exited", "", 0), State::Stopped);
        assert_eq!(found("exited", "", 137), State::Died);
        assert_eq!(found("restarting", "", 78), State::Died);
    }

    #[test]
    fn the_table_fits_eighty_columns() {
        let rows = ["rabbitmq-service", "analiticas_uno", "reverse-proxy"].map(|name| Row {
            name: name.to_owned(),
            state: State::Running,
            container: format!("relevo-{name}-1"),
            ports: vec![15672, 15692, 5672],
        });
        for line in table(&rows).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
