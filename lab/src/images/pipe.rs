//! One program's output into another, with what both say about it in a log.

use crate::layout::Layout;
use crate::ui;
use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// How many lines of a failure are shown, and how many columns of each.
const LAST_WORDS: usize = 15;
const COLUMNS: usize = 78;

/// Runs both until both end. Where this is dropped first, the sink is ended, and
/// the source's standard input closed.
pub(super) async fn run(
    layout: &Layout,
    source: Command,
    sink: Command,
    purpose: &str,
) -> Result<()> {
    let path = log(layout);
    fs::create_dir_all(layout.logs()).context("no se pudo crear la carpeta de logs")?;
    let log =
        File::create(&path).with_context(|| format!("no se pudo crear {}", path.display()))?;
    let run = connect(source, sink, &log).await;
    if run.with_context(|| format!("no se pudo {purpose}"))? {
        return Ok(());
    }
    bail!("{}", failure(purpose, &path))
}

/// Whether both were successful.
async fn connect(mut source: Command, mut sink: Command, log: &File) -> Result<bool> {
    let mut source =
        source.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.try_clone()?).spawn()?;
    // Held until both have ended: a script of ours ends when it is closed.
    let lifeline = source.stdin.take();
    let output = source.stdout.take().context("sin salida")?;
    sink.stdin(TryInto::<Stdio>::try_into(output)?)
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .process_group(0);
    let mut sink = Group(sink.spawn()?);
    let (written, read) = tokio::try_join!(source.wait(), sink.0.wait())?;
    drop(lifeline);
    Ok(written.success() && read.success())
}

/// A program in a process group of its own, with helpers that it starts: Docker's
/// client has its builder as one.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let running = self.0.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = running {
            // It may be gone by now, and then there is nothing to end.
            let _ = killpg(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

fn log(layout: &Layout) -> PathBuf {
    layout.logs().join("images.log")
}

fn failure(purpose: &str, log: &Path) -> String {
    let mut lines = vec![format!("no se pudo {purpose}; lo último que se dijo:")];
    let said = ui::last_lines(log, LAST_WORDS);
    let said = said.iter().filter(|line| !line.trim().is_empty());
    lines.extend(said.map(|line| format!("  {}", shortened(line))));
    lines.push(format!("Todo está en {}", log.display()));
    lines.join("\n")
}

/// A line without the older builder's red and, if it is long, without its middle:
/// a builder repeats the whole command before it says what went wrong.
fn shortened(line: &str) -> String {
    let line = line.replace("\u{1b}[91m", "").replace("\u{1b}[0m", "");
    let length = line.chars().count();
    if length <= COLUMNS {
        return line;
    }
    let beginning: String = line.chars().take(COLUMNS / 3).collect();
    let end: String = line.chars().skip(length - (COLUMNS - COLUMNS / 3 - 1)).collect();
    format!("{beginning}…{end}")
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, connect, run, shortened};
    use crate::layout::Layout;
    use std::time::{Duration, Instant};
    use tokio::process::Command;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn layout(folder: &tempfile::TempDir) -> Layout {
        Layout::find().unwrap().with_dir(folder.path().to_owned())
    }

    #[tokio::test]
    async fn the_output_of_one_is_the_input_of_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let sink = sh("test \"$(cat)\" = words");
        run(&layout(&folder), sh("echo words"), sink, "leer").await.unwrap();
    }

    #[tokio::test]
    async fn a_failure_of_either_is_one_and_shows_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        for (source, sink) in [("echo uno >&2; exit 1", "cat"), ("true", "echo uno; exit 1")] {
            let failed = run(&layout(&folder), sh(source), sh(sink), "leer").await.unwrap_err();
            let text = failed.to_string();
            assert!(
                text.starts_with("no se pudo leer; lo último que se dijo:\n  uno\nTodo"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_long_line_keeps_its_two_ends() {
        let line = format!("RUN{}: not found", " && é".repeat(99));
        let short = shortened(&line);
        assert!(short.starts_with("RUN && é") && short.ends_with("é: not found"), "{short}");
        assert_eq!(short.chars().count(), COLUMNS);
        assert_eq!(shortened("\u{1b}[91mE: no\u{1b}[0m"), "E: no");
    }

    #[tokio::test]
    async fn whoever_waits_no_longer_ends_both() {
        let folder = tempfile::tempdir().unwrap();
        let ended = |name| folder.path().join(name);
        let source = format!("echo ready; cat; touch '{}'", ended("source").display());
        let sink = format!(
            "trap \"touch '{}'; exit\" TERM; read -r _; touch '{}'; sleep 600 & wait",
            ended("sink").display(),
            ended("ready").display()
        );
        let log = tempfile::tempfile().unwrap();
        let began = Instant::now();
        let until = async |name| {
            while !ended(name).exists() {
                assert!(began.elapsed() < Duration::from_secs(10), "no {name}");
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = connect(sh(&source), sh(&sink), &log) => panic!("it ended by itself"),
            () = until("ready") => {}
        }
        until("source").await;
        until("sink").await;
    }
}
