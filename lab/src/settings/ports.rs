//! The ports of the stack and the variables that set them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A port, named after what listens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Port {
    Http,
    Traefik,
    Dashboard,
    ClienteX,
    ClienteUno,
    ClienteDos,
    Analytics,
    Audit,
    Panel,
    Amqp,
    Management,
    Prometheus,
    RabbitMqDist,
    Epmd,
}

impl Port {
    pub(crate) const ALL: [Self; 14] = [
        Self::Http,
        Self::Traefik,
        Self::Dashboard,
        Self::ClienteX,
        Self::ClienteUno,
        Self::ClienteDos,
        Self::Analytics,
        Self::Audit,
        Self::Panel,
        Self::Amqp,
        Self::Management,
        Self::Prometheus,
        Self::RabbitMqDist,
        Self::Epmd,
    ];

    /// The variable that changes it, and its laboratory default.
    fn entry(self) -> (&'static str, u16) {
        match self {
            Self::Http => ("HTTP_PORT", 80),
            Self::Traefik => ("TRAEFIK_PORT", 8080),
            Self::Dashboard => ("DASHBOARD_PORT", 8081),
            Self::ClienteX => ("CLIENTE_X_PORT", 5046),
            Self::ClienteUno => ("CLIENTE_UNO_PORT", 5047),
            Self::ClienteDos => ("CLIENTE_DOS_PORT", 5048),
            Self::Analytics => ("ANALYTICS_PORT", 5064),
            Self::Audit => ("AUDIT_PORT", 5070),
            Self::Panel => ("PANEL_PORT", 5065),
            Self::Amqp => ("AMQP_PORT", 5672),
            Self::Management => ("MANAGEMENT_PORT", 15672),
            Self::Prometheus => ("PROMETHEUS_PORT", 15692),
            Self::RabbitMqDist => ("RABBITMQ_DIST_PORT", 25680),
            Self::Epmd => ("EPMD_PORT", 4380),
        }
    }

    pub(crate) fn variable(self) -> &'static str {
        self.entry().0
    }
}

/// One number per port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports(BTreeMap<Port, u16>);

impl Default for Ports {
    fn default() -> Self {
        Self(Port::ALL.map(|port| (port, port.entry().1)).into())
    }
}

impl Ports {
    pub(crate) fn get(&self, port: Port) -> u16 {
        self.0.get(&port).copied().unwrap_or(port.entry().1)
    }

    pub(crate) fn set(&mut self, port: Port, number: u16) {
        self.0.insert(port, number);
    }

    /// One sentence per number that more than one variable has.
    pub(crate) fn duplicates(&self) -> Vec<String> {
        let mut users: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for (port, number) in &self.0 {
            users.entry(*number).or_default().push(port.variable());
        }
        users
            .into_iter()
            .filter(|(_, names)| names.len() > 1)
            .map(|(number, names)| {
                format!("{}: {number} solo puede usarse una vez", names.join(" y "))
            })
            .collect()
    }
}
