//! Traefik: the static configuration of `traefik/static.env` with this
//! laboratory's ports, and the folder of dynamic configuration as it is.

use super::Launch;
use crate::plan::Stack;
use crate::settings::Port;
use anyhow::{Context, Result};
use std::fs;

pub(super) fn launch(stack: &Stack) -> Result<Launch> {
    let mut launch = Launch::clean(stack.plan.traefik.clone());
    let folder = stack.layout.root().join("traefik");
    let text = fs::read_to_string(folder.join("static.env"))
        .context("no se pudo leer traefik/static.env")?;
    for (name, value) in variables(&text) {
        launch.set(name, value);
    }
    for (name, address) in [
        ("WEB", format!(":{}", stack.port(Port::Http))),
        ("TRAEFIK", stack.direct(Port::Traefik)),
        ("DASHBOARD", stack.direct(Port::Dashboard)),
    ] {
        launch.set(format!("TRAEFIK_ENTRYPOINTS_{name}_ADDRESS"), address);
    }
    launch.set("TRAEFIK_PROVIDERS_FILE_DIRECTORY", folder.join("dynamic"));
    for (name, port) in [
        ("PANEL_URL", Port::Panel),
        ("ANALYTICS_URL", Port::Analytics),
        ("AUDIT_URL", Port::Audit),
        ("CLIENTE_X_URL", Port::ClienteX),
    ] {
        launch.set(name, stack.local_url(port));
    }
    Ok(launch)
}

/// The assignments of an environment file.
fn variables(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn the_committed_file_holds_plain_assignments_to_traefik() {
        let text = include_str!("../../../traefik/static.env");
        assert!(variables(text).any(|(name, value)| (name, value) == ("TRAEFIK_API", "true")));
        for (name, value) in variables(text) {
            assert!(name.starts_with("TRAEFIK_"), "{name}");
            assert!(!value.contains('$') && value.trim() == value, "{name}={value}");
        }
    }
}
