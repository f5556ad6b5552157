//! Our own services: one binary each, configured by environment.

use super::Launch;
use crate::failure::Failure;
use crate::first_password;
use crate::part::Part;
use crate::plan::Stack;
use crate::settings::{Port, Settings};
use anyhow::{Context, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::path::Path;

pub(crate) fn sender(stack: &Stack, part: Part) -> Result<Launch> {
    let mut launch = service(stack, part)?;
    let password = &stack.settings.sender_password;
    launch.set("AMQP_URL", amqp_url(stack, part, "sender", password));
    launch.set("SENDER_NAME", part.name());
    if let Some(interval) = &stack.settings.emit_every {
        launch.set("EMIT_EVERY", interval);
    }
    launch.set("LAB_FAULTS", lab_faults(stack));
    Ok(launch)
}

pub(super) fn analytics(stack: &Stack) -> Result<Launch> {
    let mut launch = service(stack, Part::Analytics)?;
    let password = &stack.settings.analytics_password;
    launch.set("AMQP_URL", amqp_url(stack, Part::Analytics, "analytics", password));
    launch
        .set("MANAGEMENT_URL", management_url(stack, "monitor", &stack.settings.monitor_password));
    let database = &stack.settings.database_url;
    launch.set("DATABASE_URL", database_url(stack, database.as_deref(), "analiticas.db"));
    launch.set("PARTITIONS", stack.settings.partitions.to_string());
    launch.set("LAB_FAULTS", lab_faults(stack));
    Ok(launch)
}

pub(super) fn audit(stack: &Stack) -> Result<Launch> {
    let mut launch = service(stack, Part::Audit)?;
    let settings = &stack.settings;
    let password = &settings.audit_password;
    launch.set("AMQP_URL", amqp_url(stack, Part::Audit, "auditoria", password));
    launch.set("MANAGEMENT_URL", management_url(stack, "registro", &settings.registrar_password));
    let database = settings.audit_database_url.as_deref();
    launch.set("AUDIT_DATABASE_URL", database_url(stack, database, "auditoria.db"));
    launch.set("AUDIT_ADMIN_PASSWORD", first_password::of(&stack.layout, settings)?);
    launch.set("LAB_FAULTS", lab_faults(stack));
    Ok(launch)
}

pub(super) fn panel(stack: &Stack) -> Result<Launch> {
    let mut launch = service(stack, Part::Panel)?;
    let senders = [Port::ClienteX, Port::ClienteUno, Port::ClienteDos];
    launch.set("ANALYTICS_URL", stack.local_url(Port::Analytics));
    // Said in any case: without one, the pages of the audit say that it is off.
    let has_audit = stack.plan.parts.contains(&Part::Audit);
    let audit = if has_audit { stack.local_url(Port::Audit) } else { String::new() };
    launch.set("AUDIT_URL", audit);
    launch.set("SENDER_URLS", senders.map(|port| stack.local_url(port)).join(","));
    launch.set("LAB_FAULTS", lab_faults(stack));
    Ok(launch)
}

fn service(stack: &Stack, part: Part) -> Result<Launch> {
    let package = part.package().context("no es un servicio nuestro")?;
    let program = stack
        .plan
        .binaries
        .get(package)
        .with_context(|| format!("cargo no construyó {package}"))?;
    let mut launch = Launch {
        program: program.clone(),
        // Where its own reading of `.env` begins, and relative paths in it.
        folder: Some(stack.layout.root().to_owned()),
        ..Launch::default()
    };
    let own = *part.ports().first().context("un servicio sin puerto")?;
    launch.set("LISTEN", stack.direct(own));
    launch.set("RUST_LOG", &stack.settings.rust_log);
    Ok(launch)
}

fn amqp_url(stack: &Stack, part: Part, user: &str, password: &str) -> String {
    let usual = || stack.port(Port::Amqp);
    let amqp = stack.changes.of(part).amqp_port.unwrap_or_else(usual);
    format!("amqp://{user}:{}@127.0.0.1:{amqp}/%2f", percent_encoded(password))
}

fn management_url(stack: &Stack, user: &str, password: &str) -> String {
    let password = percent_encoded(password);
    format!("http://{user}:{password}@127.0.0.1:{}", stack.port(Port::Management))
}

/// Said in any case, so that a service takes no other word from its `.env`.
fn lab_faults(stack: &Stack) -> &'static str {
    if stack.settings.lab_faults { "1" } else { "0" }
}

/// The database that is set, else a file of the laboratory's.
fn database_url(stack: &Stack, set: Option<&str>, file: &str) -> String {
    set.map_or_else(|| sqlite_url(&stack.layout.data().join(file)), str::to_owned)
}

/// Whatever the names of the folders are made of.
fn sqlite_url(path: &Path) -> String {
    let path = path.to_string_lossy();
    let parts: Vec<String> = path.split('/').map(percent_encoded).collect();
    format!("sqlite://{}", parts.join("/"))
}

/// All but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Escapes what means something in a URL, so that any password fits one.
pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Refuses a database in a folder that there is not: nobody makes it.
pub(crate) fn check_databases(root: &Path, settings: &Settings) -> Result<(), Failure> {
    for (name, url) in [
        ("DATABASE_URL", &settings.database_url),
        ("AUDIT_DATABASE_URL", &settings.audit_database_url),
    ] {
        let Some(path) = url.as_ref().and_then(|url| url.strip_prefix("sqlite://")) else {
            continue;
        };
        let path = root.join(percent_decode_str(path).decode_utf8_lossy().as_ref());
        match path.parent() {
            Some(folder) if !folder.is_dir() => {
                let folder = folder.display();
                return Err(Failure::usage(format!("{name}: no existe la carpeta {folder}")));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_databases, percent_encoded, sqlite_url};
    use crate::settings::Settings;

    #[test]
    fn a_password_with_separators_stays_one_password() {
        assert_eq!(percent_encoded("a:b@c/d%e"), "a%3Ab%40c%2Fd%25e");
        assert_eq!(percent_encoded("ñ é"), "%C3%B1%20%C3%A9");
        assert_eq!(percent_encoded("Az09-._~"), "Az09-._~");
    }

    #[test]
    fn a_database_lies_in_a_folder_of_any_name() {
        assert_eq!(sqlite_url("/a #1/50%?/ñ.db".as_ref()), "sqlite:///a%20%231/50%25%3F/%C3%B1.db");
    }

    #[test]
    fn a_database_in_a_folder_that_there_is_not_is_refused_by_its_variable() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("a b")).unwrap();
        let check = |name: &'static str, url: &str| {
            let settings = Settings::from_lookup(|asked| (asked == name).then(|| url.to_owned()));
            check_databases(root.path(), &settings.unwrap()).map_err(|error| error.to_string())
        };
        for good in ["sqlite://x.db", "sqlite://a%20b/x.db", "postgres://u@h/d"] {
            assert_eq!(check("DATABASE_URL", good), Ok(()), "{good}");
        }
        for name in ["DATABASE_URL", "AUDIT_DATABASE_URL"] {
            let told = check(name, "sqlite:///nowhere/new/x.db").unwrap_err();
            assert_eq!(told, format!("{name}: no existe la carpeta /nowhere/new"));
        }
    }
}
