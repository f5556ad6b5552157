//! The Docker engine: whether one answers, and how it is spoken to.

use anyhow::Result;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::ErrorKind;
use std::process::{Output, Stdio};
use std::time::Duration;
use std::{env, fmt, io};
use tokio::process::Command;
use tokio::time::timeout;

/// How long an engine may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Why no engine answers; as an error, it says what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The client is not installed.
    NoClient,
    /// This user may not speak to the engine.
    Denied,
    /// Anything else, as the client says it.
    Other(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClient => f.write_str(
                "falta Docker. En Debian se instala, como root o con sudo, con\n  \
                 apt-get update\n  \
                 apt-get install docker.io\n",
            )?,
            Self::Denied => {
                let user = env::var("USER").unwrap_or_else(|_| "USUARIO".to_owned());
                write!(
                    f,
                    "este usuario no es del grupo docker, y no puede usar Docker.\n\
                     Entra en el grupo, como root o con sudo, con\n  \
                     usermod -aG docker {user}\n\
                     y con una sesión nueva. "
                )?;
            }
            Self::Other(reason) => write!(
                f,
                "ningún motor de Docker responde. docker version dice:\n  \
                 {reason}\n\
                 Uno instalado se pone en marcha, como root o con sudo, con\n  \
                 service docker start\n"
            )?,
        }
        f.write_str("Después, repite la orden.")
    }
}

impl std::error::Error for Silence {}

/// Whether an engine answers; if not, why.
pub(crate) async fn answers() -> Result<(), Silence> {
    // Not `docker info`: an older client has no words for what goes wrong there.
    let mut command = docker();
    command.args(["version", "--format", "{{.Server.Version}}"]);
    let Ok(output) = timeout(LIMIT, command.output()).await else {
        return Err(Silence::Other(format!("(nada, en {} segundos)", LIMIT.as_secs())));
    };
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(silence(&String::from_utf8_lossy(&output.stderr))),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Silence::NoClient),
        Err(error) => Err(Silence::Other(error.to_string())),
    }
}

/// What the client's last line means; what comes before are warnings.
fn silence(errors: &str) -> Silence {
    let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("(nada)").trim();
    if last.contains("permission denied while trying to connect") {
        return Silence::Denied;
    }
    Silence::Other(last.to_owned())
}

/// The start of a command of Docker's client, which ends when nobody waits for it
/// any more.
pub(crate) fn docker() -> Command {
    let mut command = Command::new("docker");
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command in a process group of its own, where Ctrl-C reaches it only
/// through us: a plugin such as Compose is a program beside the client, and both
/// are ended when nobody waits any more.
pub(crate) async fn output_apart(mut command: Command) -> io::Result<Output> {
    let child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut group = Group(child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw));
    let output = child.wait_with_output().await?;
    group.0 = None;
    Ok(output)
}

/// A process group that is ended with this, unless it has ended before.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may be gone by now, and then there is nothing to end.
            let _ = killpg(pid, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Silence, silence};

    #[test]
    fn a_user_without_rights_is_told_apart() {
        let words = "WARNING: Error loading config file: permission denied\n\
            permission denied while trying to connect to the Docker daemon socket at unix:///var\n";
        assert_eq!(silence(words), Silence::Denied);
        let words = "WARNING: Error loading config file: permission denied\nCannot connect\n\n";
        assert_eq!(silence(words), Silence::Other("Cannot connect".to_owned()));
        assert_eq!(silence(""), Silence::Other("(nada)".to_owned()));
    }

    #[test]
    fn each_reason_fits_eighty_columns() {
        for reason in [Silence::NoClient, Silence::Denied, Silence::Other(String::new())] {
            for line in format!("cargo lab: {reason}").lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }
}
