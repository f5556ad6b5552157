//! As much of a text of others as there is room for where it goes: a header, a row, a page, a
//! line of a log. What is cut says so.

use std::borrow::Cow;

/// Longest reason why something was refused, in characters, wherever it goes but for a log: it
/// is a sentence of ours, in which there may be words of others.
pub const MAX_REASON: usize = 1000;

/// Longest text of others in a line of a log, in characters.
pub const MAX_LOGGED: usize = 300;

/// Longest word of others in a sentence of ours, in characters.
pub const MAX_QUOTED: usize = 100;

/// The beginning of a text, `most` characters at most: one that is longer ends with a mark
/// that says how long it was. An excerpt of an excerpt is that excerpt.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> Cow<'_, str> {
    if text.char_indices().nth(most).is_none() {
        return text.into();
    }
    let mark = format!("… (cortado, de {} caracteres)", text.chars().count());
    let kept = text.chars().take(most.saturating_sub(mark.chars().count()));
    kept.chain(mark.chars()).take(most).collect::<String>().into()
}

/// The same for a log, where nothing in it ends a line.
#[must_use]
pub fn logged(text: &str) -> String {
    excerpt(text, MAX_LOGGED).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_cut_says_how_long_it_was() {
        assert_eq!(excerpt("ñandú", 5), "ñandú");
        let long = excerpt(&"ñ".repeat(204_800), 40).into_owned();
        assert_eq!(long, format!("{}… (cortado, de 204800 caracteres)", "ñ".repeat(7)));
        assert_eq!(excerpt(&"ñ".repeat(200), 3), "… (");
    }

    #[test]
    fn a_line_of_a_log_stays_one() {
        assert_eq!(logged("a\nb\u{202e}"), "a\\nb\\u{202e}");
        let told = logged(&"\0".repeat(5_000_000));
        assert!(told.ends_with("(cortado, de 5000000 caracteres)") && told.len() < 1000, "{told}");
    }

    proptest! {
        #[test]
        fn no_excerpt_is_longer_than_it_may_be(text in ".{0,80}", most in 0..90_usize) {
            let short = excerpt(&text, most);
            prop_assert!(short.chars().count() <= most);
            prop_assert_eq!(excerpt(&short, most), &*short);
            prop_assert!(text.chars().count() > most || short == text);
        }
    }
}
