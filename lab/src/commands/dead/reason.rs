//! Why analytics rejected a message: it says so in its log, and nowhere else.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What stands in the last line about the message `id`; none where there is no
/// such line (any more).
pub(super) fn last(log: &Path, id: &str) -> Option<String> {
    // As `broker` writes it. It escapes what comes from the wire, so a reason
    // cannot pass for the beginning of another line.
    let beginning = format!("message {:?} goes to the dead-letter queue: ", Some(id));
    let mut found = None;
    let mut reader = BufReader::new(File::open(log).ok()?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).ok()? > 0 {
        let text = String::from_utf8_lossy(&line);
        if let Some((_, reason)) = text.trim_end().split_once(&beginning) {
            found = Some(reason.to_owned());
        }
        line.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::last;

    fn found(log: &str, id: &str) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), log).unwrap();
        last(file.path(), id)
    }

    const LOG: &str = "\
[2026-11-22T16:00:00Z WARN  broker::consumer] message Some(\"a\") goes to the dead-letter queue: old
[2026-11-22T16:00:01Z WARN  broker::consumer] message Some(\"a\") goes to the dead-letter queue: new
[2026-11-22T16:00:02Z WARN  broker::consumer] message Some(\"a\\n\") goes to the dead-letter queue: its type is \\\"x\\\"
";

    #[test]
    fn the_last_line_about_an_id_holds_the_reason() {
        assert_eq!(found(LOG, "a").as_deref(), Some("new"));
        assert_eq!(found(LOG, "a\n").as_deref(), Some(r#"its type is \"x\""#));
        assert_eq!(found(LOG, "b"), None);
        assert_eq!(last("/does/not/exist".as_ref(), "a"), None);
    }
}
