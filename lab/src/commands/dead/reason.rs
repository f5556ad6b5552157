//! Why analytics rejected a message: it says so in its log, and nowhere else.

/// What stands in the last line of `log` about the message `id`; none where there
/// is no such line (any more).
pub(super) fn last(log: &[u8], id: &str) -> Option<String> {
    // As `broker` writes it. It escapes what comes from the wire, so a reason
    // cannot pass for the beginning of another line.
    let beginning = format!("message {:?} goes to the dead-letter queue: ", Some(id));
    log.rsplit(|byte| *byte == b'\n').find_map(|line| {
        let line = String::from_utf8_lossy(line);
        line.trim_end().split_once(&beginning).map(|(_, reason)| reason.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::last;

    const LOG: &str = "\
[2026-11-22T16:00:00Z WARN  broker::consumer] message Some(\"a\") goes to the dead-letter queue: old
[2026-11-22T16:00:01Z WARN  broker::consumer] message Some(\"a\") goes to the dead-letter queue: new
[2026-11-22T16:00:02Z WARN  broker::consumer] message Some(\"a\\n\") goes to the dead-letter queue: its type is \\\"x\\\"
";

    #[test]
    fn the_last_line_about_an_id_holds_the_reason() {
        let found = |id| last(LOG.as_bytes(), id);
        assert_eq!(found("a").as_deref(), Some("new"));
        assert_eq!(found("a\n").as_deref(), Some(r#"its type is \"x\""#));
        assert_eq!(found("b"), None);
    }
}
