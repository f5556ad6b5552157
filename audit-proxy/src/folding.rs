//! Texts as they are compared: what looks alike to people is alike, whatever its case and
//! whatever its Unicode normal form. Pure.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// A text in which to look for another, or to look for: in normal form KC (UAX #15), in
/// small letters. Each letter by itself: a sigma at the end of a word is one as any.
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let large = text.nfkd().flat_map(char::to_uppercase);
    Cow::Owned(large.flat_map(char::to_lowercase).nfkc().collect())
}

/// A name as it is compared: [`folded`], and without what nobody sees in it.
#[must_use]
pub fn folded_name(name: &str) -> String {
    let seen: String = folded(name).chars().filter(|c| !is_unseen(*c)).collect();
    // What stood apart may be one character now.
    if seen.is_ascii() { seen } else { seen.nfkc().collect() }
}

/// Space, controls, and what is shown as nothing (`Default_Ignorable_Code_Point` of the
/// Unicode Character Database, apart from what no character is assigned to).
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_normal_form_make_no_difference() {
        for (one, other) in [
            ("ñandú", "ÑANDÚ"),
            ("ñandú", "n\u{303}andu\u{301}"),
            ("ñandú", "N\u{303}ANDU\u{301}"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("dni", "ＤＮＩ"),
            ("ﬁn", "FIN"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
            assert_eq!(folded_name(one), folded_name(other), "{one} {other}");
        }
        assert_ne!(folded("ñandu"), folded("nandu"), "an accent makes another letter");
    }

    #[test]
    fn what_nobody_sees_tells_no_names_apart() {
        for name in ["dni", " DNI ", "d\u{200b}n\u{ad}i", "\u{feff}dni\t", "d\u{fe0f}ni\0"] {
            assert_eq!(folded_name(name), "dni", "{name:?}");
        }
        assert_eq!(folded_name("n\u{200d}\u{303}"), "ñ");
        assert_ne!(folded_name("dni"), folded_name("d_ni"));
    }

    proptest! {
        #[test]
        fn every_normal_form_of_a_text_is_the_same(text in any::<String>()) {
            for other in [text.nfd().collect::<String>(), text.nfkc().collect()] {
                prop_assert_eq!(folded(&text), folded(&other));
            }
        }
    }
}
