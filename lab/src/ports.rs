//! Are the ports free? Asked before anything is started.

use crate::holders;
use crate::part::Part;
use crate::settings::{Port, Ports, Settings};
use anyhow::{Result, bail};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Ports below this one need a right that users do not have by default.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// The public door's port where the configured one is not allowed.
const FALLBACK: u16 = 8000;

/// Whether a port could be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    Free,
    Taken,
    Forbidden,
}

/// The ports to use: those configured, or another one for the door where this
/// user may not open the configured one. Every port that cannot be had is
/// named at once.
pub(crate) fn choose(
    settings: &Settings,
    wanted: &[Part],
    probe: impl Fn(&Settings, Port, u16) -> Availability,
) -> Result<Ports> {
    let mut ports = settings.ports.clone();
    let door = ports.get(Port::Http);
    let forbidden = || probe(settings, Port::Http, door) == Availability::Forbidden;
    if door < FIRST_UNPRIVILEGED && forbidden() {
        ports.set(Port::Http, FALLBACK);
    }
    let mut problems = ports.duplicates();
    for port in wanted.iter().flat_map(|part| part.ports()).copied() {
        let number = ports.get(port);
        match probe(settings, port, number) {
            Availability::Free => {}
            Availability::Taken => problems.push(taken(port, number)),
            Availability::Forbidden => problems.push(not_allowed(port, number)),
        }
    }
    if problems.is_empty() {
        return Ok(ports);
    }
    bail!("no se puso nada en marcha:\n  {}", problems.join("\n  "));
}

fn taken(port: Port, number: u16) -> String {
    let holder = match holders::of(number) {
        Some(holder) => format!("lo tiene {} (pid {})", holder.name, holder.pid),
        None => "está ocupado".to_owned(),
    };
    format!("el puerto {number} {holder}; se cambia con {}", port.variable())
}

fn not_allowed(port: Port, number: u16) -> String {
    format!(
        "el puerto {number} no le está permitido a este usuario; se cambia con {}",
        port.variable()
    )
}

/// Tries to listen where the part would.
pub(crate) fn probe(settings: &Settings, port: Port, number: u16) -> Availability {
    addresses(settings, port)
        .into_iter()
        .map(|address| try_listen(SocketAddr::new(address, number)))
        .find(|found| *found != Availability::Free)
        .unwrap_or(Availability::Free)
}

fn addresses(settings: &Settings, port: Port) -> Vec<IpAddr> {
    match port {
        Port::Http => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        Port::RabbitMqDist | Port::Epmd => vec![Ipv4Addr::LOCALHOST.into()],
        _ => vec![settings.direct_bind.into()],
    }
}

fn try_listen(address: SocketAddr) -> Availability {
    match TcpListener::bind(address) {
        Ok(_) => Availability::Free,
        Err(error) => classify(&error),
    }
}

/// A machine without IPv6 has no such address to be taken.
fn classify(error: &io::Error) -> Availability {
    match error.kind() {
        ErrorKind::AddrInUse => Availability::Taken,
        ErrorKind::PermissionDenied => Availability::Forbidden,
        _ => Availability::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::{Availability, choose, probe};
    use crate::part::Part;
    use crate::settings::{Port, Settings};
    use std::net::TcpListener;

    fn settings(pairs: &[(&str, String)]) -> Settings {
        Settings::from_lookup(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.clone())
        })
        .unwrap()
    }

    #[test]
    fn a_forbidden_door_moves_to_8000() {
        let ports = choose(&settings(&[]), &Part::START_ORDER, |_, _, number| {
            if number < 1024 { Availability::Forbidden } else { Availability::Free }
        })
        .unwrap();
        assert_eq!(ports.get(Port::Http), 8000);
    }

    #[test]
    fn the_fallback_may_be_taken_too() {
        let error = choose(&settings(&[]), &Part::START_ORDER, |_, _, number| match number {
            80 => Availability::Forbidden,
            8000 => Availability::Taken,
            _ => Availability::Free,
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains("el puerto 8000 "), "{error}");
        assert!(error.contains("HTTP_PORT"), "{error}");
    }

    #[test]
    fn every_taken_port_is_named_with_its_variable_and_holder() {
        let amqp = TcpListener::bind("127.0.0.1:0").unwrap();
        let panel = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let settings = settings(&[
            ("AMQP_PORT", number(&amqp).to_string()),
            ("PANEL_PORT", number(&panel).to_string()),
        ]);
        let only_ours = |settings: &Settings, port, asked| match port {
            Port::Amqp | Port::Panel => probe(settings, port, asked),
            _ => Availability::Free,
        };
        let error = choose(&settings, &Part::START_ORDER, only_ours).unwrap_err().to_string();
        let own = format!("pid {}", std::process::id());
        for expected in ["AMQP_PORT", "PANEL_PORT", &own] {
            assert!(error.contains(expected), "{expected} is missing in {error}");
        }
        assert_eq!(error.lines().count(), 3, "{error}");
    }
}
