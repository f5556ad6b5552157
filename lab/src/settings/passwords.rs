//! Which passwords may be set, and which only where nobody else can come.

use super::Reader;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

/// Passwords that everybody knows, by their variable: for a laboratory that nobody else
/// reaches.
fn known_passwords() -> impl Iterator<Item = (&'static str, &'static str)> {
    let text = include_str!("../../../rabbitmq/known-passwords.env");
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='))
}

/// The password that the audit's first account once had in every laboratory.
const ONCE_KNOWN: &str = "admin-auditoria";

/// Characters of a password of the audit's, as its proxy counts them.
const AUDIT_PASSWORD_LENGTH: RangeInclusive<usize> = 12..=128;

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// Of a user of the broker.
    pub(super) fn password(&self, name: &str) -> String {
        let known = known_passwords().find(|(variable, _)| *variable == name);
        self.text(name, known.map_or("", |(_, password)| password))
    }

    /// Where others reach the broker, its users need passwords that nobody knows.
    pub(super) fn refuse_known_passwords(&mut self, direct_bind: Ipv4Addr) {
        let is_known = |(name, known): &(&str, &str)| self.text(name, known) == *known;
        let names: Vec<&str> = known_passwords().filter(is_known).map(|(name, _)| name).collect();
        if direct_bind != Ipv4Addr::LOCALHOST && !names.is_empty() {
            self.problems.push(format!(
                "con DIRECT_BIND={direct_bind} no valen las contraseñas que todos conocen ({}); \
                 para poner otras: sh rabbitmq/passwords.sh",
                names.join(", ")
            ));
        }
    }

    /// The door leads to the audit from everywhere.
    pub(super) fn audit_admin_password(&mut self) -> Option<String> {
        let password = self.value("AUDIT_ADMIN_PASSWORD")?;
        if password == ONCE_KNOWN {
            self.problems.push(
                "AUDIT_ADMIN_PASSWORD: esa clave la conoce cualquiera; elija otra, o quite la \
                 línea y se hará una (la muestra cargo lab clave)"
                    .to_owned(),
            );
        } else if !AUDIT_PASSWORD_LENGTH.contains(&password.chars().count()) {
            self.problems
                .push("AUDIT_ADMIN_PASSWORD: debe tener de 12 a 128 caracteres".to_owned());
        }
        Some(password)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::dotenv::read;
    use super::super::tests::{load, problems};
    use super::known_passwords;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../rabbitmq");

    #[test]
    fn a_password_that_everybody_knows_is_refused_where_others_can_come() {
        let open = ("DIRECT_BIND", "0.0.0.0");
        let own = known_passwords().map(|(name, _)| (name, "propia")).chain([open]);
        let own: Vec<_> = own.collect();
        load(&own).unwrap();
        assert_eq!(own.len(), 6);
        for (name, known) in known_passwords() {
            for value in ["", known] {
                let others = own.iter().copied().filter(|(other, _)| *other != name);
                let pairs: Vec<_> = others.chain([(name, value)]).collect();
                let message = problems(&pairs);
                assert!(message.contains(&format!("conocen ({name});")), "{message}");
                assert!(message.contains("sh rabbitmq/passwords.sh"), "{message}");
                assert!(!message.contains("-lab"), "{message}");
            }
        }
    }

    #[test]
    fn the_audit_has_no_password_by_default_and_takes_none_that_everybody_knows() {
        assert_eq!(load(&[]).unwrap().audit_admin_password, None);
        let set = load(&[("AUDIT_ADMIN_PASSWORD", "doce letras.")]).unwrap();
        assert_eq!(set.audit_admin_password.as_deref(), Some("doce letras."));
        for bad in ["admin-auditoria", "once letras", &"x".repeat(129)] {
            let message = problems(&[("AUDIT_ADMIN_PASSWORD", bad)]);
            assert!(message.contains("AUDIT_ADMIN_PASSWORD: "), "{message}");
            assert!(!message.contains(bad), "{message}");
        }
    }

    /// What a broker's container is told, with all of these known but for `own`.
    fn start_of_a_container(own: Option<&str>) -> (Option<i32>, String) {
        let known = known_passwords().chain([("RELEVO_CLUSTER_SECRET", "relevo-lab")]);
        let set =
            known.map(|(name, known)| (name, if own == Some(name) { "propia" } else { known }));
        let output = Command::new("sh")
            .arg(format!("{SCRIPTS}/start.sh"))
            .env("DIRECT_BIND", "0.0.0.0")
            .envs(set)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    #[test]
    fn a_container_refuses_them_too() {
        let names = known_passwords().map(|(name, _)| name);
        for name in names.chain(["RELEVO_CLUSTER_SECRET"]) {
            let (code, told) = start_of_a_container(Some(name));
            let shown = format!(" {}", name.trim_start_matches("RELEVO_"));
            assert_eq!(code, Some(64), "{told}");
            assert!(!told.contains(&shown) && told.contains("passwords.sh"), "{told}");
            assert!(start_of_a_container(None).1.contains(&shown), "{shown}");
        }
    }

    fn written(folder: &Path) -> String {
        let script = folder.join("rabbitmq/passwords.sh");
        let output = Command::new("sh").arg(script).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(folder.join(".env")).unwrap()
    }

    #[test]
    fn the_script_writes_what_an_open_laboratory_takes_and_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rabbitmq")).unwrap();
        for name in ["rabbitmq/passwords.sh", "rabbitmq/known-passwords.env", ".env"] {
            fs::copy(format!("{SCRIPTS}/../{name}"), folder.path().join(name)).unwrap();
        }
        let dotenv = folder.path().join(".env");
        let committed = fs::read_to_string(&dotenv).unwrap();
        let own = committed.replace("SENDER_PASSWORD=sender-lab", "SENDER_PASSWORD='de casa'");
        fs::write(&dotenv, own.replace("MONITOR_PASSWORD=monitor-lab\n", "") + "# fin").unwrap();
        let first = written(folder.path());
        let set = read(&dotenv).unwrap();
        let open = |name: &str| match name {
            "DIRECT_BIND" => Some("0.0.0.0".to_owned()),
            _ => set.get(name).cloned(),
        };
        assert_eq!(Settings::from_lookup(open).unwrap().sender_password, "de casa");
        for name in
            ["MONITOR_PASSWORD", "AUDIT_ADMIN_PASSWORD", "POSTGRES_PASSWORD", "CLUSTER_SECRET"]
        {
            let password = &set[name];
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            assert!(password.len() == 16 && password.chars().all(is_plain), "{name}={password}");
        }
        assert!(first.contains("\n# fin\n") && first.contains("HTTP_PORT=80\n"), "{first}");
        assert_eq!(written(folder.path()), first, "the second time changes nothing");
    }
}
