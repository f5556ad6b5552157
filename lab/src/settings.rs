//! What the user configures: `.env` at the root of the workspace, over which
//! the process environment wins.

mod dotenv;
mod passwords;
mod ports;

pub(crate) use ports::{Port, Ports};

use crate::failure::Failure;
use anyhow::Result;
use messages::names::QUEUES;
use std::env;
use std::net::Ipv4Addr;
use std::path::Path;

/// Everything that can be set. It holds passwords: it is never printed.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) ports: Ports,
    /// Where all but the public door listens.
    pub(crate) direct_bind: Ipv4Addr,
    pub(crate) sender_password: String,
    pub(crate) analytics_password: String,
    /// Of the user who sees the queues, and may do nothing.
    pub(crate) monitor_password: String,
    /// Of the audit proxy at the broker.
    pub(crate) audit_password: String,
    /// Of the user as whom the audit proxy keeps systems' users and queues.
    pub(crate) registrar_password: String,
    /// Of the account that the audit proxy has at first; one is made without it.
    pub(crate) audit_admin_password: Option<String>,
    /// Of an administrator who may come from other machines; none without it.
    pub(crate) admin_password: Option<String>,
    pub(crate) rust_log: String,
    pub(crate) emit_every: Option<String>,
    /// Whether services offer to be broken on purpose.
    pub(crate) lab_faults: bool,
    /// Among how many queues the events are spread.
    pub(crate) partitions: usize,
    pub(crate) database_url: Option<String>,
    pub(crate) audit_database_url: Option<String>,
}

impl Settings {
    /// Reads `.env` and the environment; names every bad value at once.
    pub(crate) fn load(dotenv: &Path) -> Result<Self> {
        let file = dotenv::read(dotenv)?;
        Self::from_lookup(|name| match env::var_os(name) {
            Some(value) => Some(value.to_string_lossy().into_owned()),
            None => file.get(name).cloned(),
        })
    }

    /// Builds the settings from any source of variables. An empty value counts
    /// as absent.
    pub(crate) fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut reader = Reader { lookup, problems: Vec::new() };
        let settings = Self {
            ports: reader.ports(),
            direct_bind: reader.direct_bind(),
            sender_password: reader.password("SENDER_PASSWORD"),
            analytics_password: reader.password("ANALYTICS_PASSWORD"),
            monitor_password: reader.password("MONITOR_PASSWORD"),
            audit_password: reader.password("AUDIT_PASSWORD"),
            registrar_password: reader.password("REGISTRAR_PASSWORD"),
            audit_admin_password: reader.audit_admin_password(),
            admin_password: reader.value("ADMIN_PASSWORD"),
            rust_log: reader.text("RUST_LOG", "info"),
            emit_every: reader.emit_every(),
            lab_faults: reader.switch("LAB_FAULTS"),
            partitions: reader.partitions(),
            database_url: reader.database_url("DATABASE_URL"),
            audit_database_url: reader.database_url("AUDIT_DATABASE_URL"),
        };
        reader.refuse_known_passwords(settings.direct_bind);
        reader.finish()?;
        Ok(settings)
    }
}

/// Takes values out of the source and collects what is wrong with them.
struct Reader<L> {
    lookup: L,
    problems: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.value(name).unwrap_or_else(|| default.to_owned())
    }

    fn ports(&mut self) -> Ports {
        let mut ports = Ports::default();
        for port in Port::ALL {
            let Some(text) = self.value(port.variable()) else {
                continue;
            };
            match text.parse() {
                Ok(number) if number > 0 => ports.set(port, number),
                _ => self
                    .problems
                    .push(format!("{}: «{text}» no es un puerto (de 1 a 65535)", port.variable())),
            }
        }
        self.problems.extend(ports.duplicates());
        ports
    }

    fn direct_bind(&mut self) -> Ipv4Addr {
        match self.text("DIRECT_BIND", "127.0.0.1").as_str() {
            "127.0.0.1" => Ipv4Addr::LOCALHOST,
            "0.0.0.0" => Ipv4Addr::UNSPECIFIED,
            other => {
                self.problems
                    .push(format!("DIRECT_BIND: «{other}» no vale; puede ser 127.0.0.1 o 0.0.0.0"));
                Ipv4Addr::LOCALHOST
            }
        }
    }

    fn emit_every(&mut self) -> Option<String> {
        let text = self.value("EMIT_EVERY")?;
        if humantime::parse_duration(&text).is_err() {
            self.problems.push(format!("EMIT_EVERY: «{text}» no es una duración (por ejemplo 2s)"));
        }
        Some(text)
    }

    fn switch(&mut self, name: &str) -> bool {
        match self.text(name, "0").as_str() {
            "1" | "true" => true,
            "0" | "false" => false,
            other => {
                self.problems.push(format!("{name}: «{other}» no vale; puede ser 1 o 0"));
                false
            }
        }
    }

    fn partitions(&mut self) -> usize {
        let (text, most) = (self.text("PARTITIONS", "1"), QUEUES.len());
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.unwrap_or_else(|| {
            self.problems.push(format!("PARTITIONS: «{text}» no vale; puede ser de 1 a {most}"));
            1
        })
    }

    /// The value may hold a password: the message does not repeat it.
    fn database_url(&mut self, name: &str) -> Option<String> {
        let url = self.value(name)?;
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            self.problems.push(format!("{name}: debe empezar por sqlite: o postgres://"));
        }
        Some(url)
    }

    fn finish(self) -> Result<(), Failure> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "la configuración (.env o el entorno) no es válida:\n  {}",
            self.problems.join("\n  ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::{Port, Settings, dotenv};
    use std::net::Ipv4Addr;

    pub(super) fn load(pairs: &[(&str, &str)]) -> anyhow::Result<Settings> {
        Settings::from_lookup(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    pub(super) fn problems(pairs: &[(&str, &str)]) -> String {
        load(pairs).err().expect("settings are refused").to_string()
    }

    #[test]
    fn without_variables_the_laboratory_defaults_hold() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.ports.get(Port::Http), 80);
        assert_eq!(settings.ports.get(Port::Amqp), 5672);
        assert_eq!(settings.direct_bind, Ipv4Addr::LOCALHOST);
        assert_eq!(settings.emit_every, None);
        assert!(!settings.lab_faults);
        assert_eq!(settings.partitions, 1);
    }

    #[test]
    fn faults_are_on_only_where_somebody_says_so() {
        for (text, on) in [("", false), ("0", false), ("false", false), ("1", true), ("true", true)]
        {
            assert_eq!(load(&[("LAB_FAULTS", text)]).unwrap().lab_faults, on, "«{text}»");
        }
    }

    #[test]
    fn the_committed_dotenv_says_the_same_as_the_defaults() {
        let file = dotenv::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../.env").as_ref()).unwrap();
        let committed = Settings::from_lookup(|name| file.get(name).cloned()).unwrap();
        let default = load(&[]).unwrap();
        assert_eq!(committed.ports, default.ports);
        assert_eq!(committed.sender_password, default.sender_password);
        assert_eq!(committed.analytics_password, default.analytics_password);
        assert_eq!(committed.monitor_password, default.monitor_password);
        assert_eq!(committed.audit_password, default.audit_password);
        assert_eq!(committed.registrar_password, default.registrar_password);
        assert_eq!(committed.audit_admin_password, default.audit_admin_password);
        assert_eq!(committed.lab_faults, default.lab_faults);
        assert_eq!(committed.rust_log, default.rust_log);
        assert_eq!(committed.partitions, default.partitions);
    }

    #[test]
    fn every_bad_value_is_named_at_once() {
        let message = problems(&[
            ("HTTP_PORT", "ochenta"),
            ("AMQP_PORT", "70000"),
            ("PANEL_PORT", "0"),
            ("DIRECT_BIND", "localhost"),
            ("EMIT_EVERY", "often"),
            ("LAB_FAULTS", "si"),
            ("PARTITIONS", "17"),
            ("DATABASE_URL", "mysql://user:secret@db/x"),
            ("AUDIT_DATABASE_URL", "/secret/file"),
        ]);
        for name in [
            "HTTP_PORT: «ochenta»",
            "AMQP_PORT: «70000»",
            "PANEL_PORT: «0»",
            "DIRECT_BIND",
            "EMIT_EVERY",
            "LAB_FAULTS: «si»",
            "PARTITIONS: «17»",
            "\n  DATABASE_URL",
            "AUDIT_DATABASE_URL",
        ] {
            assert!(message.contains(name), "{name} is missing in: {message}");
        }
        assert!(!message.contains("secret"), "{message}");
    }

    #[test]
    fn two_variables_with_one_port_are_both_named() {
        let message = problems(&[("PANEL_PORT", "5046"), ("HTTP_PORT", "8081")]);
        assert!(message.contains("CLIENTE_X_PORT y PANEL_PORT: 5046"), "{message}");
        assert!(message.contains("HTTP_PORT y DASHBOARD_PORT: 8081"), "{message}");
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        let settings = load(&[("EMIT_EVERY", ""), ("HTTP_PORT", "")]).unwrap();
        assert_eq!(settings.emit_every, None);
        assert_eq!(settings.ports.get(Port::Http), 80);
    }
}
