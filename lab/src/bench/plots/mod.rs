//! Series as drawings, for the documentation: what an event costs as something
//! grows.
//!
//! - [`lines`]: what is drawn, from a run's numbers. Pure.
//! - [`svg`]: the drawing.

mod lines;
mod svg;

use super::results::Measurements;
use super::series;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Draws every series of which two points at least were measured; which files
/// were written.
///
/// # Errors
/// When one cannot be written.
pub(crate) fn write(measurements: &Measurements, folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("no se pudo crear {}", folder.display()))?;
    let mut written = Vec::new();
    for series in series::ALL {
        let lines = lines::of(series, measurements);
        if lines.iter().any(|line| line.points.len() > 1) {
            let path = folder.join(series.file).with_extension("svg");
            fs::write(&path, svg::draw(series, &lines)?)
                .with_context(|| format!("no se pudo escribir {}", path.display()))?;
            written.push(path);
        }
    }
    Ok(written)
}
