//! What a run has found so far. It is written down after each measurement, so that
//! a run that is interrupted, or fails, leaves what it had.

use super::figures::Figures;
use super::machine::Machine;
use super::measure::Measurement;
use super::results::{Gaps, Results};
use super::target::Repetitions;
use anyhow::{Context, Result};
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Of one run.
pub(crate) struct Notebook {
    machine: Machine,
    chosen: Vec<Measurement>,
    repetitions: Repetitions,
    pub(crate) gaps: Gaps,
    file: PathBuf,
}

impl Notebook {
    /// An empty one; the file is left alone until there is something to write.
    pub(crate) fn new(machine: Machine, chosen: Vec<Measurement>, file: PathBuf) -> Self {
        let (repetitions, gaps) = (Repetitions::new(), Gaps::default());
        Self { machine, chosen, repetitions, gaps, file }
    }

    pub(crate) fn chosen(&self) -> &[Measurement] {
        &self.chosen
    }

    /// Notes down another repetition of a measurement.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn note(&mut self, one: &Measurement, found: Figures) -> Result<()> {
        self.repetitions.entry(one.name).or_default().push(found);
        self.write(&self.results(false))
    }

    /// The whole run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn finish(self) -> Result<Results> {
        let results = self.results(true);
        self.write(&results)?;
        Ok(results)
    }

    /// Where what was measured lies, if anything was.
    pub(crate) fn left(&self) -> Option<&Path> {
        (!self.repetitions.is_empty()).then_some(&*self.file)
    }

    fn results(&self, finished: bool) -> Results {
        Results::of(&self.machine, &self.chosen, &self.repetitions, &self.gaps, finished)
    }

    /// Replaces the file by one that is whole already.
    fn write(&self, results: &Results) -> Result<()> {
        let write = || -> Result<()> {
            let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
            // Private is only what is private by the user's own mask.
            let permissions = Permissions::from_mode(0o666);
            let mut file = tempfile::Builder::new()
                .permissions(permissions)
                .tempfile_in(folder.unwrap_or(Path::new(".")))?;
            file.write_all(serde_json::to_string_pretty(results)?.as_bytes())?;
            file.persist(&self.file)?;
            Ok(())
        };
        write().with_context(|| format!("no se pudo escribir {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::Notebook;
    use crate::bench::figures::Figures;
    use crate::bench::measure::ALL;
    use crate::bench::results::tests::machine;
    use serde_json::Value;
    use std::time::Duration;

    #[test]
    fn what_was_measured_lies_in_the_file_before_the_run_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bench.json");
        std::fs::write(&file, "an older run").unwrap();
        let mut notebook = Notebook::new(machine(), ALL[..2].to_vec(), file.clone());
        assert_eq!(notebook.left(), None);
        let read = || serde_json::from_str::<Value>(&std::fs::read_to_string(&file).unwrap());
        assert!(read().is_err(), "nothing was measured yet");

        notebook.note(&ALL[0], Figures::of(10, Duration::from_secs(1))).unwrap();
        assert_eq!(notebook.left(), Some(&*file));
        let begun = read().unwrap();
        assert_eq!(begun["measurements"][ALL[0].name]["events"]["median"], 10.0);
        assert_eq!(begun["finished"], false);
        notebook.note(&ALL[1], Figures::of(20, Duration::from_secs(1))).unwrap();
        notebook.finish().unwrap();
        assert_eq!(read().unwrap()["finished"], true);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let file = "/nonexistent/bench.json".into();
        let error = Notebook::new(machine(), ALL[..1].to_vec(), file).finish().err().unwrap();
        assert!(format!("{error:#}").contains("/nonexistent/bench.json"), "{error:#}");
    }
}
