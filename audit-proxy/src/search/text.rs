//! Whether a payload has a text in it: in a string, a name or a number of its JSON,
//! whatever the case. What is hidden is not looked at, so that asking for it tells
//! nothing.

use serde_json::Value;

/// A text to look for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needle(String);

impl Needle {
    /// To look for `text`, whatever its case.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    /// Whether the text is anywhere in `value`.
    #[must_use]
    pub fn is_in(&self, value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Bool(bool) => self.is_in_text(if *bool { "true" } else { "false" }),
            Value::Number(number) => self.is_in_text(&number.to_string()),
            Value::String(text) => self.is_in_text(text),
            Value::Array(values) => values.iter().any(|value| self.is_in(value)),
            Value::Object(fields) => {
                fields.iter().any(|(name, value)| self.is_in_text(name) || self.is_in(value))
            }
        }
    }

    fn is_in_text(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_is_and_nowhere_else() {
        let value =
            json!({ "ticket": 4711, "notas": [{ "Título": "Impresora ROTA" }, true, null] });
        for (text, is_in) in [
            ("471", true),
            ("TÍTULO", true),
            ("impresora rota", true),
            ("true", true),
            ("null", false),
            ("4711,", false),
            ("notas título", false),
        ] {
            assert_eq!(Needle::new(text).is_in(&value), is_in, "{text}");
        }
    }
}
