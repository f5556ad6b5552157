//! `logs`: what the parts write, one or all, so far or as it comes.

use crate::cli::Logs;
use crate::layout::Layout;
use crate::part::Part;
use crate::ui;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::sleep;

const POLL: Duration = Duration::from_millis(200);

/// Wide enough for the longest name.
const NAME_WIDTH: usize = 12;

pub(crate) async fn run(layout: &Layout, wanted: &Logs) -> Result<u8> {
    let parts = match &wanted.service {
        Some(name) => vec![Part::parse(name)?],
        None => Part::START_ORDER.to_vec(),
    };
    let mut sources = Vec::new();
    for part in &parts {
        let prefix = if parts.len() > 1 { part.name() } else { "" };
        sources.push(Source::new(layout, *part, prefix));
    }
    ensure!(
        wanted.follow || sources.iter().any(|source| source.path.exists()),
        "todavía no hay registros; el laboratorio se inicia con: cargo lab up"
    );
    show(&mut sources, wanted).await
}

/// A reader that goes away (`logs | head`) ends the command, without a word.
async fn show(sources: &mut [Source], wanted: &Logs) -> Result<u8> {
    for source in &mut *sources {
        if !source.show_last(wanted.lines)? {
            return Ok(0);
        }
    }
    if wanted.follow {
        return follow(sources).await;
    }
    Ok(0)
}

/// Until Ctrl-C, which ends the process as for any reader of files.
async fn follow(sources: &mut [Source]) -> Result<u8> {
    loop {
        for source in &mut *sources {
            if !source.show_new()? {
                return Ok(0);
            }
        }
        sleep(POLL).await;
    }
}

/// One log and how far it has been shown, in bytes.
struct Source {
    path: PathBuf,
    prefix: String,
    shown: u64,
}

impl Source {
    fn new(layout: &Layout, part: Part, name: &str) -> Self {
        let prefix = match name {
            "" => String::new(),
            name => format!("{name:<NAME_WIDTH$} | "),
        };
        Self { path: layout.log(part), prefix, shown: 0 }
    }

    fn show_last(&mut self, count: usize) -> Result<bool> {
        self.shown = self.length();
        for line in ui::last_lines(&self.path, count) {
            if !self.print(&line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn length(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |found| found.len())
    }

    /// Shows whole lines only: a half one is shown when it is complete.
    fn show_new(&mut self) -> Result<bool> {
        let length = self.length();
        if length < self.shown {
            // The log was put aside and began anew.
            self.shown = 0;
        }
        if length == self.shown {
            return Ok(true);
        }
        let mut file = File::open(&self.path)
            .with_context(|| format!("no se pudo leer {}", self.path.display()))?;
        file.seek(SeekFrom::Start(self.shown))?;
        self.print_all(BufReader::new(file))
    }

    fn print_all(&mut self, mut reader: impl BufRead) -> Result<bool> {
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 && bytes.ends_with(b"\n") {
            self.shown += u64::try_from(bytes.len())?;
            let line = String::from_utf8_lossy(&bytes);
            if !self.print(line.trim_end_matches('\n'))? {
                return Ok(false);
            }
            bytes.clear();
        }
        Ok(true)
    }

    /// False once nobody reads any more.
    fn print(&self, line: &str) -> Result<bool> {
        match writeln!(std::io::stdout(), "{}{line}", self.prefix) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).context("no se pudo escribir en la salida"),
        }
    }
}
