//! The private broker node: its own name, data, cookie, configuration, port
//! mapper and users. A broker that is already on the machine never meets it.
//!
//! The package's own server script is run, not the wrapper in `/usr/sbin`,
//! which switches user and folder.

use super::Launch;
use crate::first_password::random_word;
use crate::plan::Stack;
use crate::settings::{Port, Settings};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The data on disk belongs to this name: it does not change with the ports.
/// Two laboratories may share it, since each has a port mapper of its own.
const NODE: &str = "relevo@localhost";

/// The node's folder, as it is told to the node, which runs in it: a name that means
/// nothing else. RabbitMQ hands its folder to a shell without quotes, looks for files with
/// patterns that begin with it, and its configuration knows no quotes either; with a name
/// of people's it can lose the queues at a restart.
const HERE: &str = "/proc/self/cwd";

/// The users and queues, in that folder.
const DEFINITIONS: &str = "definitions.json";

/// Keeps Erlang's own listener on this machine.
const LOOPBACK_DISTRIBUTION: &str = "-kernel inet_dist_use_interface {127,0,0,1}";

pub(super) fn launch(stack: &Stack) -> Result<Launch> {
    let files = Files::write(stack)?;
    let mut launch = node(stack, "rabbitmq-server");
    let file = |name| Path::new(HERE).join(name);
    launch.folder = Some(files.dir);
    launch.set("HOME", file("home"));
    launch.set("RABBITMQ_CONF_ENV_FILE", file("env.conf"));
    launch.set("ERL_CRASH_DUMP", file("erl_crash.dump"));
    launch.set("RABBITMQ_MNESIA_BASE", file("data"));
    launch.set("RABBITMQ_LOG_BASE", file("log"));
    // Everything goes to standard output, which is the part's log.
    launch.set("RABBITMQ_LOGS", "-");
    launch.set("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"));
    launch.set("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config"));
    launch.set("RABBITMQ_GENERATED_CONFIG_DIR", file("generated"));
    launch.set("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins"));
    launch.set("RABBITMQ_PID_FILE", file("pid"));
    let port = stack.port(Port::RabbitMqDist).to_string();
    launch.set("RABBITMQ_DIST_PORT", port);
    launch.set("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", LOOPBACK_DISTRIBUTION);
    // Makes the script replace itself by the Erlang machine, so that the
    // process we signal is the node.
    launch.set("detached", "1");
    Ok(launch)
}

/// `rabbitmqctl` for the private node.
pub(crate) fn ctl(stack: &Stack) -> Launch {
    let mut launch = node(stack, "rabbitmqctl");
    // It must not start a port mapper: one would stay behind.
    let args = format!("-start_epmd false {LOOPBACK_DISTRIBUTION}");
    launch.set("RABBITMQ_CTL_ERL_ARGS", args);
    launch
}

/// What every program that speaks to the node needs to find it.
fn node(stack: &Stack, script: &str) -> Launch {
    let dir = stack.layout.broker();
    let mut launch = Launch::clean(stack.plan.rabbitmq.join("sbin").join(script));
    launch.set("HOME", dir.join("home"));
    launch.set("RABBITMQ_NODENAME", NODE);
    // Debian's /etc/rabbitmq/rabbitmq-env.conf belongs to the machine's broker.
    launch.set("RABBITMQ_CONF_ENV_FILE", dir.join("env.conf"));
    launch.set("ERL_EPMD_PORT", stack.port(Port::Epmd).to_string());
    launch.set("ERL_EPMD_ADDRESS", "127.0.0.1");
    launch.set("ERL_CRASH_DUMP", dir.join("erl_crash.dump"));
    launch
}

/// The node's files, rendered from `rabbitmq/` of the workspace.
struct Files {
    dir: PathBuf,
}

impl Files {
    fn write(stack: &Stack) -> Result<Self> {
        let files = Self { dir: stack.layout.broker() };
        files.write_all(stack).context("no se pudo preparar la carpeta de RabbitMQ")?;
        Ok(files)
    }

    fn write_all(&self, stack: &Stack) -> Result<()> {
        let source = stack.layout.root().join("rabbitmq");
        for folder in ["home", "data", "log", "generated"] {
            private_folder(&self.dir.join(folder))?;
        }
        self.write_cookie()?;
        for name in ["enabled_plugins", "advanced.config"] {
            self.write_private(name, &fs::read_to_string(source.join(name))?)?;
        }
        self.write_private("env.conf", "")?;
        let definitions = fs::read_to_string(source.join("definitions.json"))?;
        let definitions = with_passwords(&definitions, &stack.settings)?;
        self.write_private(DEFINITIONS, &definitions)?;
        let base = fs::read_to_string(source.join("rabbitmq.conf"))?;
        self.write_private("rabbitmq.conf", &configuration(stack, &base))
    }

    fn write_private(&self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.join(name);
        let mut file =
            File::options().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// The secret that the node and `rabbitmqctl` share. It stays the same for
    /// the life of the data. Erlang insists on 0400.
    fn write_cookie(&self) -> Result<()> {
        let path = self.dir.join("home/.erlang.cookie");
        if path.exists() {
            return Ok(());
        }
        let mut file = File::options().create_new(true).write(true).mode(0o400).open(path)?;
        file.write_all(random_word::<16>()?.as_bytes())?;
        Ok(())
    }
}

/// `registro` is an administrator of the broker, and the audit proxy, who is it, is on this
/// machine. A list that is set replaces the default, so it names `guest` too.
fn configuration(stack: &Stack, base: &str) -> String {
    let bind = stack.settings.direct_bind;
    format!(
        "{base}
listeners.tcp.1 = {}
management.tcp.ip = {bind}
management.tcp.port = {}
prometheus.tcp.ip = {bind}
prometheus.tcp.port = {}
loopback_users.guest = true
loopback_users.registro = true
load_definitions = {HERE}/{DEFINITIONS}
",
        stack.direct(Port::Amqp),
        stack.port(Port::Management),
        stack.port(Port::Prometheus),
    )
}

fn private_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    Ok(())
}

/// The definitions with each user's password: the node replaces its users by
/// them at every start, so a changed password holds from then on. A user whose
/// password is not set does not exist.
fn with_passwords(definitions: &str, settings: &Settings) -> Result<String> {
    let mut definitions: Value =
        serde_json::from_str(definitions).context("rabbitmq/definitions.json no es JSON")?;
    let mut missing = Vec::new();
    for user in items(&mut definitions, "users")? {
        let password = match user["password"].as_str().and_then(variable) {
            None => continue,
            Some("ADMIN_PASSWORD") => settings.admin_password.as_ref(),
            Some("SENDER_PASSWORD") => Some(&settings.sender_password),
            Some("ANALYTICS_PASSWORD") => Some(&settings.analytics_password),
            Some("MONITOR_PASSWORD") => Some(&settings.monitor_password),
            Some("AUDIT_PASSWORD") => Some(&settings.audit_password),
            Some("REGISTRAR_PASSWORD") => Some(&settings.registrar_password),
            Some(other) => anyhow::bail!("rabbitmq/definitions.json: no hay una variable {other}"),
        };
        match password {
            Some(password) => user["password"] = password.as_str().into(),
            None => missing.push(user["name"].clone()),
        }
    }
    items(&mut definitions, "users")?.retain(|user| !missing.contains(&user["name"]));
    items(&mut definitions, "permissions")?.retain(|entry| !missing.contains(&entry["user"]));
    Ok(definitions.to_string())
}

fn items<'a>(definitions: &'a mut Value, name: &str) -> Result<&'a mut Vec<Value>> {
    let items = definitions[name].as_array_mut();
    items.with_context(|| format!("rabbitmq/definitions.json: falta «{name}»"))
}

/// `NAME` of `${NAME}`.
fn variable(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::{variable, with_passwords};
    use crate::settings::Settings;
    use messages::names::{
        AUDIT_EXCHANGE, AUDIT_QUEUE, CLICK, DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE,
        DELIVERY_EXCHANGE, ENTRY_EXCHANGE, EXCHANGE, LOG_EXCHANGE, LOG_QUEUE, MAILBOX_PREFIX,
        NOTIFICATIONS, PROBE_EXCHANGE, QUEUE, REFUSED_EXCHANGE, REFUSED_QUEUE,
    };
    use serde_json::Value;

    const COMMITTED: &str = include_str!("../../../rabbitmq/definitions.json");

    fn rendered(admin: Option<&str>) -> Value {
        let lookup = |name: &str| admin.filter(|_| name == "ADMIN_PASSWORD").map(str::to_owned);
        let settings = Settings::from_lookup(lookup).unwrap();
        serde_json::from_str(&with_passwords(COMMITTED, &settings).unwrap()).unwrap()
    }

    fn names(definitions: &Value, list: &str, field: &str) -> Vec<String> {
        let items = definitions[list].as_array().unwrap().iter();
        items.map(|item| item[field].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn no_password_is_committed_but_the_one_that_everybody_knows() {
        let committed: Value = serde_json::from_str(COMMITTED).unwrap();
        for user in committed["users"].as_array().unwrap() {
            let password = user["password"].as_str().unwrap();
            assert!(password == "guest" || variable(password).is_some(), "{user}");
        }
    }

    #[test]
    fn every_user_gets_the_password_that_is_set() {
        let definitions = rendered(Some("geheim"));
        for user in definitions["users"].as_array().unwrap() {
            assert!(variable(user["password"].as_str().unwrap()).is_none(), "{user}");
        }
        assert_eq!(definitions["users"][0]["password"], "geheim");
    }

    #[test]
    fn without_a_password_there_is_no_administrator_and_no_right_of_his() {
        let definitions = rendered(None);
        for names in
            [names(&definitions, "users", "name"), names(&definitions, "permissions", "user")]
        {
            let wanted = ["guest", "sender", "analytics", "monitor", "auditoria", "registro"];
            assert_eq!(names, wanted);
        }
    }

    #[test]
    fn who_looks_at_the_queues_may_touch_nothing() {
        let definitions = rendered(None);
        let of = |list: &str, field: &str| {
            let items = definitions[list].as_array().unwrap().iter();
            items.filter(|item| item[field] == "monitor").cloned().collect::<Vec<_>>()
        };
        let (users, permissions) = (of("users", "name"), of("permissions", "user"));
        assert_eq!(users[0]["tags"], serde_json::json!(["management"]));
        assert_eq!((users.len(), permissions.len()), (1, 1));
        for right in ["configure", "write", "read"] {
            assert_eq!(permissions[0][right], "^$");
        }
    }

    /// Also beside the rights that RabbitMQ asks for what a mailbox is declared with.
    #[test]
    fn who_keeps_the_register_may_make_mailboxes_and_nothing_else() {
        let definitions = rendered(None);
        let of = |list: &str, field: &str| {
            let items = definitions[list].as_array().unwrap().iter();
            items.filter(|item| item[field] == "registro").cloned().collect::<Vec<_>>()
        };
        assert_eq!(of("users", "name")[0]["tags"], serde_json::json!(["administrator"]));
        let permissions = &of("permissions", "user")[0];
        // What a mailbox stands on is declared with it.
        assert_eq!(permissions["configure"], "^(buzon_.*|mensajeria_(salida|rechazados))$");
        let write = format!("^(buzon_.*|{REFUSED_EXCHANGE})$");
        assert_eq!(permissions["write"], write.as_str(), "dead letters of a mailbox go there");
        let read = format!("^(buzon_.*|{DELIVERY_EXCHANGE})$");
        assert_eq!(permissions["read"], read.as_str(), "a mailbox is bound to it");
    }

    /// The arguments are compared by the broker itself: analytics and the audit proxy
    /// declare their queues as well, and end with 78 where they differ.
    #[test]
    fn what_is_published_has_its_place_before_anybody_reads_it() {
        let definitions = rendered(None);
        let exchanges = [
            EXCHANGE,
            DEAD_LETTER_EXCHANGE,
            REFUSED_EXCHANGE,
            AUDIT_EXCHANGE,
            DELIVERY_EXCHANGE,
            PROBE_EXCHANGE,
            ENTRY_EXCHANGE,
            LOG_EXCHANGE,
        ];
        assert_eq!(names(&definitions, "exchanges", "name"), exchanges);
        let queues =
            [DEAD_LETTER_QUEUE, QUEUE, REFUSED_QUEUE, AUDIT_QUEUE, NOTIFICATIONS, LOG_QUEUE];
        assert_eq!(names(&definitions, "queues", "name"), queues);
        let ends = ["source", "routing_key", "destination"];
        let bindings = definitions["bindings"].as_array().unwrap().iter();
        let bindings: Vec<_> = bindings.map(|binding| ends.map(|end| &binding[end])).collect();
        let wanted = [
            [DEAD_LETTER_EXCHANGE, "", DEAD_LETTER_QUEUE],
            [EXCHANGE, CLICK, QUEUE],
            [REFUSED_EXCHANGE, "", REFUSED_QUEUE],
            [AUDIT_EXCHANGE, "", AUDIT_QUEUE],
            [ENTRY_EXCHANGE, NOTIFICATIONS, NOTIFICATIONS],
            [LOG_EXCHANGE, "", LOG_QUEUE],
        ];
        assert_eq!(bindings, wanted);
    }

    /// By a policy: other arguments would be another queue.
    #[test]
    fn what_systems_publish_is_bounded_in_bytes() {
        let definitions = rendered(None);
        let policies = definitions["policies"].as_array().unwrap();
        let bytes: Vec<_> =
            policies.iter().map(|policy| &policy["definition"]["max-length-bytes"]).collect();
        assert_eq!(bytes, [2_147_483_648_u64, 1_073_741_824]);
        let pattern = policies[0]["pattern"].as_str().unwrap();
        for queue in [AUDIT_QUEUE, NOTIFICATIONS, REFUSED_QUEUE] {
            assert!(pattern.contains(queue), "{queue}");
        }
        assert_eq!(policies[1]["pattern"], format!("^{MAILBOX_PREFIX}"));
        let committed = include_str!("../../../rabbitmq/rabbitmq.conf");
        assert!(committed.contains("\nmax_message_size = 16777216\n"));
    }

    #[test]
    fn a_variable_that_there_is_not_is_an_error() {
        let settings = Settings::from_lookup(|_| None).unwrap();
        let definitions = r#"{"users":[{"name":"m","password":"${M}"}],"permissions":[]}"#;
        assert!(with_passwords(definitions, &settings).is_err());
    }
}
