//! The parts of the stack: names, order, ports, and how long each may take.

use crate::failure::Failure;
use crate::settings::Port;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One process that `up` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Part {
    RabbitMq,
    Analytics,
    Audit,
    ClienteX,
    ClienteUno,
    ClienteDos,
    Panel,
    Traefik,
}

impl Part {
    /// Every part, in the order in which they start: a part comes after those
    /// it needs.
    pub(crate) const START_ORDER: [Self; 8] = [
        Self::RabbitMq,
        Self::Analytics,
        Self::Audit,
        Self::ClienteX,
        Self::ClienteUno,
        Self::ClienteDos,
        Self::Panel,
        Self::Traefik,
    ];

    /// Those of lab 1, in the same order: all that a run needs which sends clicks and
    /// counts them.
    pub(crate) const LAB_1: [Self; 7] = [
        Self::RabbitMq,
        Self::Analytics,
        Self::ClienteX,
        Self::ClienteUno,
        Self::ClienteDos,
        Self::Panel,
        Self::Traefik,
    ];

    /// Door first, then who produces, then who consumes, the broker last: what
    /// is on its way still arrives.
    pub(crate) const STOP_ORDER: [Self; 8] = [
        Self::Traefik,
        Self::Panel,
        Self::ClienteDos,
        Self::ClienteUno,
        Self::ClienteX,
        Self::Audit,
        Self::Analytics,
        Self::RabbitMq,
    ];

    /// The name that is shown, and that its files carry.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Analytics => "analiticas",
            Self::Audit => "auditoria",
            Self::ClienteX => "cliente_x",
            Self::ClienteUno => "cliente_uno",
            Self::ClienteDos => "cliente_dos",
            Self::Panel => "panel-visual",
            Self::Traefik => "traefik",
        }
    }

    /// Other names under which users know it.
    pub(crate) fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::RabbitMq => &["rabbitmq-service", "broker"],
            Self::Analytics => &["analytics", "analytics-service"],
            Self::Audit => &["audit", "audit-proxy"],
            Self::Panel => &["panel", "visual-panel"],
            Self::Traefik => &["reverse-proxy"],
            Self::ClienteX | Self::ClienteUno | Self::ClienteDos => &[],
        }
    }

    /// The cargo package whose binary it runs, for our own services.
    pub(crate) fn package(self) -> Option<&'static str> {
        match self {
            Self::ClienteX | Self::ClienteUno | Self::ClienteDos => Some("sender"),
            Self::Analytics => Some("analytics-service"),
            Self::Audit => Some("audit-proxy"),
            Self::Panel => Some("visual-panel"),
            Self::RabbitMq | Self::Traefik => None,
        }
    }

    /// The ports it listens on, the most telling first.
    pub(crate) fn ports(self) -> &'static [Port] {
        match self {
            Self::RabbitMq => {
                &[Port::Amqp, Port::Management, Port::Prometheus, Port::RabbitMqDist, Port::Epmd]
            }
            Self::Analytics => &[Port::Analytics],
            Self::Audit => &[Port::Audit],
            Self::ClienteX => &[Port::ClienteX],
            Self::ClienteUno => &[Port::ClienteUno],
            Self::ClienteDos => &[Port::ClienteDos],
            Self::Panel => &[Port::Panel],
            Self::Traefik => &[Port::Http, Port::Traefik, Port::Dashboard],
        }
    }

    /// How long it may take from its start until it is ready.
    pub(crate) fn start_limit(self) -> Duration {
        match self {
            // 14 s on two cores; a laptop that is busy building takes longer.
            Self::RabbitMq => Duration::from_mins(2),
            _ => Duration::from_secs(45),
        }
    }

    /// How long it may take to end after SIGTERM.
    pub(crate) fn stop_limit(self) -> Duration {
        match self {
            Self::RabbitMq => Duration::from_secs(30),
            _ => Duration::from_secs(10),
        }
    }

    /// Finds a part by any of its names, or lists the names there are.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        Self::START_ORDER
            .into_iter()
            .find(|part| part.name() == text || part.aliases().contains(&text))
            .ok_or_else(|| unknown(text))
    }
}

/// The parts of these labs, in the order in which they start; of lab 1 where none is named.
/// Labs have the names of `docker compose --profile`, and numbers.
pub(crate) fn of_labs(labs: &[String]) -> Result<Vec<Part>, Failure> {
    let mut wanted: Vec<Part> = Part::LAB_1.to_vec();
    for lab in labs {
        match lab.as_str() {
            "1" | "basico" => {}
            "2" | "auditoria" | "todo" => wanted.push(Part::Audit),
            other => return Err(unknown_lab(other)),
        }
    }
    Ok(Part::START_ORDER.into_iter().filter(|part| wanted.contains(part)).collect())
}

fn unknown_lab(text: &str) -> Failure {
    Failure::usage(format!(
        "no hay un laboratorio «{text}»; los que hay:\n  1 (o basico): desacoplar\n  \
         2 (o auditoria): auditar, y el 1\n  todo"
    ))
}

fn unknown(text: &str) -> Failure {
    let names = Part::START_ORDER.map(described).join("\n  ");
    Failure::usage(format!("no hay un servicio «{text}»; los que hay:\n  {names}"))
}

fn described(part: Part) -> String {
    if part.aliases().is_empty() {
        return part.name().to_owned();
    }
    format!("{} (o {})", part.name(), part.aliases().join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Part, of_labs};

    fn labs(names: &[&str]) -> Vec<Part> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        of_labs(&names).unwrap()
    }

    #[test]
    fn labs_have_names_and_numbers_and_none_is_the_first() {
        for first in [&[][..], &["1"], &["basico"], &["1", "basico"]] {
            assert_eq!(labs(first), Part::LAB_1, "{first:?}");
        }
        for all in [&["2"][..], &["auditoria"], &["todo"], &["1", "2"], &["2", "todo"]] {
            assert_eq!(labs(all), Part::START_ORDER, "{all:?}");
        }
        let unknown = of_labs(&["3".to_owned()]).unwrap_err().to_string();
        assert!(unknown.contains("«3»") && unknown.contains("auditoria"), "{unknown}");
    }

    #[test]
    fn every_name_and_alias_finds_its_part() {
        for part in Part::START_ORDER {
            assert_eq!(Part::parse(part.name()).unwrap(), part);
            for alias in part.aliases() {
                assert_eq!(Part::parse(alias).unwrap(), part);
            }
        }
    }

    #[test]
    fn an_unknown_name_gets_the_list_of_names() {
        let message = Part::parse("kafka").unwrap_err().to_string();
        assert!(message.contains("«kafka»"), "{message}");
        assert!(message.contains("analiticas (o analytics"), "{message}");
    }

    #[test]
    fn stopping_is_starting_backwards() {
        let mut reversed = Part::STOP_ORDER;
        reversed.reverse();
        assert_eq!(reversed, Part::START_ORDER);
    }

    #[test]
    fn lab_1_starts_in_the_order_of_all() {
        let order = Part::START_ORDER.into_iter().filter(|part| *part != Part::Audit);
        assert_eq!(order.collect::<Vec<_>>(), Part::LAB_1);
    }
}
