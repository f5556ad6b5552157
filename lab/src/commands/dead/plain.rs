//! Text that came over the wire, on its way to a terminal. It may hold anything:
//! codes that move the cursor, line ends, marks that turn the writing around.

/// The text in one line, with everything that is not shown as itself escaped.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(shown).collect()
}

fn shown(character: char) -> String {
    match character {
        '"' | '\'' | '\\' => character.to_string(),
        other => other.escape_debug().to_string(),
    }
}

/// The same in at most `width` characters; what was cut ends with «…».
pub(super) fn plain_within(text: &str, width: usize) -> String {
    // Escaping makes it longer, never shorter: no more is needed of a long one.
    let text = plain(&text.chars().take(width + 1).collect::<String>());
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{plain, plain_within};

    #[test]
    fn nothing_that_moves_a_cursor_or_turns_the_writing_passes() {
        let text = "a\u{1b}[2J\r\n\0\u{7f}\u{9b}31m\u{202e}z";
        let shown = plain(text);
        assert!(shown.chars().all(|shown| shown.is_ascii_graphic()), "{shown}");
        assert!(shown.starts_with('a') && shown.ends_with('z'), "{shown}");
    }

    #[test]
    fn what_is_shown_as_itself_stays() {
        let text = r#"{"niño": "¿qué?", 'x': C:\y}"#;
        assert_eq!(plain(text), text);
    }

    #[test]
    fn a_long_text_is_cut_after_escaping() {
        assert_eq!(plain_within("abc", 3), "abc");
        assert_eq!(plain_within("abcd", 3), "ab…");
        assert_eq!(plain_within("\u{1b}\u{1b}", 4).chars().count(), 4);
    }
}
