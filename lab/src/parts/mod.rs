//! How each part is started: program, environment, log.

pub(crate) mod rabbitmq;
pub(crate) mod readiness;
pub(crate) mod services;
mod traefik;

use crate::part::Part;
use crate::plan::{Change, Stack};
use crate::process::{Mark, ProcessId};
use crate::record::Record;
use crate::ui;
use anyhow::{Context, Result, ensure};
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A log that has grown past this size (bytes) is put aside at the next start.
const LOG_LIMIT: u64 = 10 * 1024 * 1024;

/// What to run.
#[derive(Debug, Default)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Whether the process sees nothing of our own environment.
    pub(crate) clean: bool,
    /// The folder it runs in, if not ours.
    pub(crate) folder: Option<PathBuf>,
}

impl Launch {
    pub(crate) fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.env.push((name.into(), value.into()));
    }

    fn apply(&mut self, change: Change) {
        for (name, value) in change.env {
            self.set(name, value);
        }
        if let Some((program, args)) = change.wrapper.split_first() {
            let wrapped = std::mem::replace(&mut self.program, program.into());
            let args = args.iter().map(OsString::from).chain([wrapped.into_os_string()]);
            self.args = args.chain(std::mem::take(&mut self.args)).collect();
        }
    }

    /// A program that sees only what it is given, so that nothing the user has
    /// exported for another broker or proxy changes ours.
    pub(crate) fn clean(program: PathBuf) -> Self {
        let mut launch = Self { program, clean: true, ..Self::default() };
        launch.set("PATH", env::var_os("PATH").unwrap_or_default());
        launch.set("LANG", "C.UTF-8");
        launch
    }
}

/// Starts a part and writes its record.
pub(crate) fn start(stack: &Stack, part: Part) -> Result<Child> {
    let what = || format!("no se pudo poner en marcha {}", part.name());
    let mut launch = prepare(stack, part).with_context(what)?;
    launch.apply(stack.changes.of(part));
    let log = stack.layout.log(part);
    let mark = Mark::new(stack.layout.dir(), part);
    let mut child = spawn(&launch, &log, &mark).with_context(what)?;
    if let Err(error) = remember(stack, part, &child) {
        child.kill().with_context(what)?;
        child.wait().with_context(what)?;
        return Err(error.context(what()));
    }
    Ok(child)
}

fn prepare(stack: &Stack, part: Part) -> Result<Launch> {
    match part {
        Part::RabbitMq => rabbitmq::launch(stack),
        Part::Traefik => traefik::launch(stack),
        Part::Analytics => services::analytics(stack),
        Part::Audit => services::audit(stack),
        Part::Panel => services::panel(stack),
        Part::ClienteX | Part::ClienteUno | Part::ClienteDos => services::sender(stack, part),
    }
}

fn remember(stack: &Stack, part: Part, child: &Child) -> Result<()> {
    let process = id_of(child)?;
    Record { process, ended: None }.save(&stack.layout, part)
}

/// The identity of a child that was just started.
pub(crate) fn id_of(child: &Child) -> Result<ProcessId> {
    let pid = i32::try_from(child.id()).context("un número de proceso imposible")?;
    ProcessId::of(pid).context("terminó al empezar")
}

/// Starts a program in a session of its own, so that Ctrl-C in the terminal
/// reaches only the laboratory, which then stops the parts in order. `setsid`
/// (util-linux) replaces itself by the program: the child is the program.
pub(crate) fn spawn(launch: &Launch, log: &Path, mark: &Mark) -> Result<Child> {
    ensure!(launch.program.is_file(), "falta el programa {}", launch.program.display());
    let output = open_log(log)?;
    let mut command = Command::new("setsid");
    if launch.clean {
        command.env_clear();
    }
    let (name, value) = mark.variable();
    command
        .arg(&launch.program)
        .args(&launch.args)
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .env(name, value)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    if let Some(folder) = &launch.folder {
        command.current_dir(folder);
    }
    command.spawn().with_context(|| format!("no se pudo ejecutar {}", launch.program.display()))
}

/// Parts a log into runs, so that a failure is not told with an older one's
/// last words.
const RUN_BEGINS: &str = "── cargo lab: empieza ──";

/// The last lines that a part wrote since it was started last.
pub(crate) fn last_words(log: &Path, count: usize) -> Vec<String> {
    let mut lines = ui::last_lines(log, count);
    if let Some(begin) = lines.iter().rposition(|line| line == RUN_BEGINS) {
        lines.drain(..=begin);
    }
    lines
}

fn open_log(path: &Path) -> Result<File> {
    let open = || -> std::io::Result<File> {
        if fs::metadata(path).is_ok_and(|found| found.len() > LOG_LIMIT) {
            fs::rename(path, path.with_extension("log.1"))?;
        }
        let mut file = File::options().create(true).append(true).open(path)?;
        writeln!(file, "{RUN_BEGINS}")?;
        Ok(file)
    };
    open().with_context(|| format!("no se pudo abrir {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{RUN_BEGINS, last_words};

    #[test]
    fn the_last_words_are_those_of_the_last_run() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let text = format!("{RUN_BEGINS}\nold\n{RUN_BEGINS}\na\nb\nc\n");
        std::fs::write(log.path(), text).unwrap();
        assert_eq!(last_words(log.path(), 10), ["a", "b", "c"]);
        assert_eq!(last_words(log.path(), 2), ["b", "c"]);
    }
}
