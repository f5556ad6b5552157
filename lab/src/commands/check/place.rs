//! Where a class is held: what its hints say to type.

use crate::running::Running;
use crate::settings::Port;

/// A laboratory, as who types sees it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    compose: bool,
    sender: u16,
    door: u16,
}

impl Place {
    pub(super) fn of(running: &Running, compose: bool) -> Self {
        Self { compose, sender: running.port(Port::ClienteX), door: running.port(Port::Http) }
    }

    /// Sends an event; `more` are further arguments.
    pub(super) fn send(&self, more: &str) -> String {
        format!("curl -X POST http://localhost:{}/send {more}", self.sender)
    }

    /// The panel's page of switches.
    pub(super) fn switches(&self) -> String {
        self.panel("romper")
    }

    /// A page of the panel.
    pub(super) fn panel(&self, page: &str) -> String {
        match self.door {
            80 => format!("http://localhost/panel/{page}"),
            door => format!("http://localhost:{door}/panel/{page}"),
        }
    }

    /// One of the words that both `cargo lab` and `docker compose` know: stop,
    /// start, restart, logs; by the names of natively run parts.
    pub(super) fn order(&self, word: &str, part: &str) -> String {
        if !self.compose {
            return format!("cargo lab {word} {part}");
        }
        let service = match part {
            "rabbitmq" => "rabbitmq-service",
            "traefik" => "reverse-proxy",
            other => other,
        };
        format!("docker compose {word} {service}")
    }

    /// Shows what runs.
    pub(super) fn status(&self) -> &'static str {
        if self.compose { "cargo lab status --compose" } else { "cargo lab status" }
    }

    /// Starts everything anew, with what there is to break.
    pub(super) fn with_faults(&self) -> &'static str {
        if self.compose {
            "LAB_FAULTS=1 docker compose up -d --build"
        } else {
            "cargo lab down; LAB_FAULTS=1 cargo lab up"
        }
    }

    /// A laboratory on the usual ports, for tests.
    #[cfg(test)]
    pub(super) fn usual(compose: bool) -> Self {
        Self { compose, sender: 5046, door: 80 }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn orders_are_those_of_the_place() {
        let (native, containers) = (Place::usual(false), Place::usual(true));
        assert_eq!(native.order("restart", "rabbitmq"), "cargo lab restart rabbitmq");
        assert_eq!(
            containers.order("restart", "rabbitmq"),
            "docker compose restart rabbitmq-service"
        );
        assert_eq!(containers.order("stop", "analiticas"), "docker compose stop analiticas");
        assert!(containers.status().ends_with("--compose"));
        assert_ne!(native.with_faults(), containers.with_faults());
    }

    #[test]
    fn port_80_is_not_written_and_another_is() {
        let place = Place::usual(false);
        assert_eq!(place.switches(), "http://localhost/panel/romper");
        let other = Place { door: 8000, ..place };
        assert_eq!(other.panel("prueba"), "http://localhost:8000/panel/prueba");
    }
}
