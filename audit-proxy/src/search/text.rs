//! Whether a payload has a text in it: in a string, a name or a number of its JSON,
//! whatever the case and the Unicode normal form. What is looked through is what is shown,
//! so that asking for what is hidden tells nothing; a number is the text that it came as.

use crate::{
    folding::folded,
    json::{Json, Part},
};

/// A text to look for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needle(String);

impl Needle {
    /// To look for `text`, whatever its case.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(folded(text).into_owned())
    }

    /// Whether the text is anywhere in `json`.
    #[must_use]
    pub fn is_in(&self, json: Json<'_>) -> bool {
        json.tokens().any(|token| match token.part {
            Part::Name | Part::Text => self.is_in_text(&json.said(&token)),
            Part::Bare => match json.literal(token.range) {
                "null" => false,
                literal => self.is_in_text(literal),
            },
            Part::OpenObject | Part::OpenArray | Part::Close => false,
        })
    }

    fn is_in_text(&self, text: &str) -> bool {
        folded(text).contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(text: &str, json: &str) -> bool {
        Needle::new(text).is_in(Json::read(json).expect("JSON"))
    }

    #[test]
    fn a_text_is_found_wherever_it_is_and_nowhere_else() {
        let json = r#"{"ticket":4711,"notas":[{"T\u00edtulo":"Impresora ROTA"},true,null]}"#;
        for (text, found) in [
            ("471", true),
            ("TÍTULO", true),
            ("impresora rota", true),
            ("true", true),
            ("null", false),
            ("4711,", false),
            ("notas título", false),
        ] {
            assert_eq!(is_in(text, json), found, "{text}");
        }
    }

    #[test]
    fn a_number_is_found_as_it_came() {
        let json = r#"{"precio":1.10,"cuenta":12345678901234567890123,"e":1E400}"#;
        for text in ["1.10", "12345678901234567890123", "1e400"] {
            assert!(is_in(text, json), "{text}");
        }
        assert!(!is_in("1.2345678901234568e+22", json));
    }

    #[test]
    fn a_text_is_found_in_either_normal_form() {
        for text in ["ñandú", "ÑANDÚ", "n\u{303}andu\u{301}"] {
            for json in ["\"un Ñandú\"", "\"UN N\\u0303ANDU\u{301}\""] {
                assert!(is_in(text, json), "{text} {json}");
            }
        }
        assert!(!is_in("nandu", "\"ñandú\""));
    }
}
