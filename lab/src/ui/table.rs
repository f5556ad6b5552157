//! The table that `up` ends with: where everything is, and what to try first.

use crate::part::Part;
use crate::settings::{Port, Ports};

/// Everything fits a terminal of this many columns.
#[cfg(test)]
const WIDTH: usize = 80;

/// The addresses of a running laboratory and the first event to send.
pub(crate) fn welcome(ports: &Ports, running: &[Part]) -> String {
    let has_audit = running.contains(&Part::Audit);
    let rows: Vec<String> = addresses(ports)
        .into_iter()
        .filter(|(name, _)| has_audit || *name != Part::Audit.name())
        .map(|(name, url)| format!("  {name:<16} {url}"))
        .collect();
    let audit = if has_audit {
        "En la auditoría entra la cuenta admin; su clave la muestra: cargo lab clave"
    } else {
        "La auditoría (laboratorio 2) se añade con: cargo lab up auditoria"
    };
    format!(
        "\n{}\n\n{audit}\n\nPara enviar el primer evento:\n\n{}\n",
        rows.join("\n"),
        first_curl(ports.get(Port::ClienteX))
    )
}

fn addresses(ports: &Ports) -> [(&'static str, String); 9] {
    let local = |port, path: &str| format!("http://localhost{}{path}", suffix(ports.get(port)));
    [
        ("panel", local(Port::Http, "/panel")),
        ("reporte", local(Port::Http, "/reporte")),
        ("cliente_x", local(Port::ClienteX, "/send")),
        ("cliente_uno", local(Port::ClienteUno, "/send")),
        ("cliente_dos", local(Port::ClienteDos, "/send")),
        ("analiticas", local(Port::Analytics, "/reporte")),
        ("auditoria", local(Port::Http, "/panel/auditoria")),
        ("Traefik", local(Port::Dashboard, "/dashboard/")),
        ("RabbitMQ", format!("{}  (guest / guest)", local(Port::Management, "/"))),
    ]
}

/// 80 is what a browser takes when no port is given.
fn suffix(port: u16) -> String {
    if port == 80 {
        return String::new();
    }
    format!(":{port}")
}

fn first_curl(port: u16) -> String {
    [
        &format!("  curl -X POST http://localhost:{port}/send \\"),
        "    -H \"Content-Type: application/json\" \\",
        "    -d '{\"message\": \"mensaje de prueba\"}'",
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, welcome};
    use crate::part::Part;
    use crate::settings::{Port, Ports};

    #[test]
    fn the_table_fits_eighty_columns_with_the_longest_ports() {
        let mut ports = Ports::default();
        for (index, port) in (0_u16..).zip(Port::ALL) {
            ports.set(port, 65_000 + index);
        }
        for running in [&Part::START_ORDER[..], &Part::LAB_1] {
            for line in welcome(&ports, running).lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn a_lab_that_does_not_run_has_no_address_and_is_told_how_to_start() {
        let [one, both] = [&Part::LAB_1[..], &Part::START_ORDER]
            .map(|running| welcome(&Ports::default(), running));
        assert!(both.contains("/panel/auditoria") && both.contains("cargo lab clave"), "{both}");
        assert!(!one.contains("/panel/auditoria"), "{one}");
        assert!(one.contains("cargo lab up auditoria") && !one.contains("clave"), "{one}");
    }

    #[test]
    fn port_80_is_not_written() {
        let table = welcome(&Ports::default(), &Part::LAB_1);
        assert!(table.contains("http://localhost/panel"), "{table}");
        assert!(table.contains("http://localhost:5046/send \\"), "{table}");
    }
}
