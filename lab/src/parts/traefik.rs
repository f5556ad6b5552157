//! Traefik: the static configuration of `traefik/static.env`, filled in with
//! this laboratory's ports, and the folder of dynamic configuration as it is.

use super::Launch;
use crate::plan::Stack;
use crate::settings::Port;
use anyhow::{Context, Result};
use std::fs;

pub(super) fn launch(stack: &Stack) -> Result<Launch> {
    let mut launch = Launch::clean(stack.plan.traefik.clone());
    let path = stack.layout.root().join("traefik/static.env");
    let text = fs::read_to_string(path).context("no se pudo leer traefik/static.env")?;
    let values = values(stack);
    let lookup = |name: &str| {
        let found = values.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.clone())
    };
    for (name, value) in variables(&text, lookup) {
        launch.set(name, value);
    }
    for (name, port) in [
        ("PANEL_URL", Port::Panel),
        ("ANALYTICS_URL", Port::Analytics),
        ("CLIENTE_X_URL", Port::ClienteX),
    ] {
        launch.set(name, stack.local_url(port));
    }
    Ok(launch)
}

fn values(stack: &Stack) -> Vec<(&'static str, String)> {
    let port = |port| stack.port(port).to_string();
    let dynamic = stack.layout.root().join("traefik/dynamic");
    vec![
        ("HTTP_PORT", port(Port::Http)),
        ("TRAEFIK_PORT", port(Port::Traefik)),
        ("DASHBOARD_PORT", port(Port::Dashboard)),
        ("DOOR_DIRECT_BIND", stack.settings.direct_bind.to_string()),
        ("DOOR_DYNAMIC_DIR", dynamic.display().to_string()),
    ]
}

/// The assignments of an environment file, with `${NAME:-default}` expanded as
/// compose does it.
fn variables(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), expanded(value, &lookup)))
        .collect()
}

fn expanded(value: &str, lookup: &impl Fn(&str) -> Option<String>) -> String {
    let Some((before, rest)) = value.split_once("${") else {
        return value.to_owned();
    };
    let Some((reference, after)) = rest.split_once('}') else {
        return value.to_owned();
    };
    let (name, default) = reference.split_once(":-").unwrap_or((reference, ""));
    let found = lookup(name).unwrap_or_else(|| default.to_owned());
    format!("{before}{found}{}", expanded(after, lookup))
}

#[cfg(test)]
mod tests {
    use super::{expanded, variables};

    fn lookup(name: &str) -> Option<String> {
        (name == "HTTP_PORT").then(|| "8000".to_owned())
    }

    #[test]
    fn references_take_the_value_or_the_default() {
        assert_eq!(expanded(":${HTTP_PORT:-80}", &lookup), ":8000");
        assert_eq!(expanded("${BIND:-}:${P:-81}", &lookup), ":81");
        assert_eq!(expanded("INFO", &lookup), "INFO");
    }

    #[test]
    fn the_committed_file_is_understood_in_full() {
        let text = include_str!("../../../traefik/static.env");
        let found = variables(text, lookup);
        assert!(found.contains(&("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS".into(), ":8000".into())));
        for (name, value) in found {
            assert!(name.starts_with("TRAEFIK_"), "{name}");
            assert!(!value.contains('$'), "{name}={value}");
        }
    }
}
