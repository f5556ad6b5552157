//! The stack that classes usually build, for comparison: Flask with pika, as
//! tutorials write it, and the same behind gunicorn with confirms.
//!
//! [`install`] gets the packages, into a folder of the bench's own.

mod install;

pub(crate) use install::ensure;

use super::guest::{Guest, free_address};
use crate::layout::Layout;
use crate::parts::Launch;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Flask's own server; a connection to the broker for each request.
    Tutorial,
    /// gunicorn with 2 workers of 8 threads, connections that stay, confirms.
    Confirmed,
}

/// Options of gunicorn.
const WORKERS: [&str; 4] = ["--workers", "2", "--threads", "8"];

impl Style {
    /// The name that its processes and its log carry.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tutorial => "flask",
            Self::Confirmed => "gunicorn",
        }
    }

    /// Its program: a name that no package of Python has, and the text.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Tutorial => ("tutorial.py", include_str!("tutorial.py")),
            Self::Confirmed => ("confirmed.py", include_str!("confirmed.py")),
        }
    }

    fn args(self, program: &Path, port: u16) -> Vec<OsString> {
        let Self::Confirmed = self else { return vec![program.into()] };
        let folder = program.parent().unwrap_or(program).as_os_str();
        let bind = format!("127.0.0.1:{port}");
        let mut args: Vec<OsString> = vec!["-m".into(), "gunicorn".into()];
        args.extend(WORKERS.map(OsString::from));
        args.extend(["--bind".into(), bind.into(), "--chdir".into(), folder.to_owned()]);
        args.push("confirmed:app".into());
        args
    }
}

/// Starts one of the two with this Python, to publish to that broker.
///
/// # Errors
/// When it does not listen in time.
pub(crate) async fn start(
    layout: &Layout,
    python: &Path,
    style: Style,
    amqp_url: &str,
) -> Result<Guest> {
    let address = free_address()?;
    let program = write_program(layout, style)?;
    let mut launch = Launch::clean(python.to_owned());
    launch.args = style.args(&program, address.port());
    launch.set("AMQP_URL", amqp_url);
    launch.set("PORT", address.port().to_string());
    Guest::start(layout, style.name(), &launch, address).await
}

fn write_program(layout: &Layout, style: Style) -> Result<PathBuf> {
    let folder = layout.dir().join("classroom");
    fs::create_dir_all(&folder).context("no se pudo crear una carpeta")?;
    let (name, text) = style.program();
    let program = folder.join(name);
    fs::write(&program, text).context("no se pudo escribir un programa de Python")?;
    Ok(program)
}
