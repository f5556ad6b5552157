//! How large a database of SQLite is, what is still in its log included: that is
//! written back now and then, and the log itself keeps its size.

use anyhow::{Context, Result};
use std::fs;
use std::io::ErrorKind::NotFound;
use std::path::Path;

/// Bytes of the log's header and of each frame's (SQLite's file format, §4.1).
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Bytes of a database that nobody writes to now.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn size(database: &Path) -> Result<u64> {
    let what = || format!("no se pudo leer {}", database.display());
    let file = fs::metadata(database).with_context(what)?.len();
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let log = match fs::read(log) {
        Err(error) if error.kind() == NotFound => Vec::new(),
        read => read.with_context(what)?,
    };
    Ok(committed(&log).unwrap_or(file))
}

/// The size after the last commit in a log; none where there is none in it. Frames of an
/// earlier use of the log have other salts.
fn committed(log: &[u8]) -> Option<u64> {
    let page = number(log.get(8..12)?);
    let salts = log.get(16..24)?;
    let frames = log.get(HEADER..)?.chunks_exact(FRAME_HEADER + usize::try_from(page).ok()?);
    let pages = frames.take_while(|frame| frame[8..16] == *salts).map(|frame| number(&frame[4..8]));
    pages.filter(|pages| *pages > 0).last().map(|pages| u64::from(pages) * u64::from(page))
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::committed;

    const PAGE: u32 = 512;

    fn frame(pages: u32, salt: u8) -> Vec<u8> {
        let head = [1_u32.to_be_bytes(), pages.to_be_bytes()].concat();
        [head, vec![salt; 8], vec![0; 8 + PAGE as usize]].concat()
    }

    #[test]
    fn the_last_commit_of_the_log_says_how_large_the_database_is() {
        let header = [vec![0; 8], PAGE.to_be_bytes().to_vec(), vec![0; 4], vec![7; 8], vec![0; 8]];
        let header = header.concat();
        assert_eq!(committed(&header), None);
        let log = [header, frame(0, 7), frame(9, 7), frame(0, 7), frame(20, 6)].concat();
        assert_eq!(committed(&log), Some(9 * 512));
        assert_eq!(committed(&[]), None);
    }
}
