//! What the user sees: steps with a spinner on a terminal, plain lines elsewhere.

pub(crate) mod table;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How much of the end of a log is looked at for its last lines, in bytes.
const TAIL: u64 = 256 * 1024;

/// Prints a line of a command's answer. Where nobody reads any more (a closed
/// pipe) there is nobody to tell, so a failure is left alone.
pub(crate) fn say(line: impl AsRef<str>) {
    let _ = writeln!(io::stdout(), "{}", line.as_ref());
}

/// Whether what is told about the work itself is left out.
static HUSHED: AtomicBool = AtomicBool::new(false);

/// From here on only answers are printed: for who starts and stops parts by
/// the dozen.
pub(crate) fn hush() {
    HUSHED.store(true, Ordering::Relaxed);
}

/// Prints a line about the work itself.
pub(crate) fn note(line: impl AsRef<str>) {
    if HUSHED.load(Ordering::Relaxed) {
        return;
    }
    let _ = writeln!(io::stderr(), "{}", line.as_ref());
}

/// Prints a line about something that went wrong; always.
pub(crate) fn alert(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", line.as_ref());
}

/// Something that takes a while.
pub(crate) struct Step {
    bar: Option<ProgressBar>,
}

/// Shows what is being done, until the step is done or dropped.
pub(crate) fn step(text: &str) -> Step {
    if HUSHED.load(Ordering::Relaxed) {
        return Step { bar: None };
    }
    if !io::stderr().is_terminal() {
        note(format!("… {text}"));
        return Step { bar: None };
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    Step { bar: Some(bar) }
}

impl Step {
    pub(crate) fn done(self, text: &str) {
        self.clear();
        note(format!("✓ {text}"));
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The last lines of a file; none of a file that cannot be read.
pub(crate) fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let text = read_tail(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines[from..].iter().map(|&line| line.to_owned()).collect()
}

fn read_tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_last_lines_are_the_last_ones() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\nb\nc\n").unwrap();
        assert_eq!(last_lines(file.path(), 2), ["b", "c"]);
        assert_eq!(last_lines(file.path(), 9), ["a", "b", "c"]);
    }
}
