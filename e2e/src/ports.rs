//! Ports of a laboratory's own.

use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

/// Every port of `.env`, with the number that the README's commands use.
const PORTS: [(&str, u16); 14] = [
    ("HTTP_PORT", 80),
    ("TRAEFIK_PORT", 8080),
    ("DASHBOARD_PORT", 8081),
    ("CLIENTE_X_PORT", 5046),
    ("CLIENTE_UNO_PORT", 5047),
    ("CLIENTE_DOS_PORT", 5048),
    ("ANALYTICS_PORT", 5064),
    ("AUDIT_PORT", 5070),
    ("PANEL_PORT", 5065),
    ("AMQP_PORT", 5672),
    ("MANAGEMENT_PORT", 15672),
    ("PROMETHEUS_PORT", 15692),
    ("RABBITMQ_DIST_PORT", 25680),
    ("EPMD_PORT", 4380),
];

/// Below those that the system gives to outgoing connections: a part that was
/// stopped finds its port free when it starts again.
const RANGE: Range<u32> = 20_000..32_000;

/// How many were asked for in this process: no two laboratories share one.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// A free port for each variable.
pub(crate) fn free_ports() -> BTreeMap<&'static str, u16> {
    PORTS.iter().map(|(name, _)| (*name, free_port())).collect()
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    RANGE.map(|_| candidate()).find(free).expect("a free port")
}

/// Processes begin at different places, so that runs at the same time seldom
/// meet.
fn candidate() -> u16 {
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    let size = RANGE.end - RANGE.start;
    let place = std::process::id().wrapping_mul(101).wrapping_add(asked) % size;
    u16::try_from(RANGE.start + place).expect("a port of the range")
}

/// Maps the README's ports to those of a laboratory, so that its curl commands
/// run as they are printed.
pub(crate) fn curlrc(ports: &BTreeMap<&'static str, u16>) -> String {
    let mut text = "silent\nshow-error\n".to_owned();
    for (name, port) in PORTS {
        let own = ports[name];
        writeln!(text, "connect-to = \"localhost:{port}:127.0.0.1:{own}\"").expect("a text grows");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_laboratories_share_no_port() {
        let ports: BTreeSet<_> =
            [free_ports(), free_ports()].into_iter().flat_map(BTreeMap::into_values).collect();
        assert_eq!(ports.len(), 2 * PORTS.len());
        assert!(ports.iter().all(|port| RANGE.contains(&u32::from(*port))));
    }

    #[test]
    fn curl_is_sent_to_the_laboratorys_own_port() {
        let ports = free_ports();
        let line = format!("connect-to = \"localhost:80:127.0.0.1:{}\"\n", ports["HTTP_PORT"]);
        assert!(curlrc(&ports).contains(&line));
    }
}
