//! The page's language: Spanish, or English where the reader chose it.

use actix_web::HttpRequest;

/// Name of the cookie that remembers the choice.
pub const COOKIE: &str = "idioma";

/// A language of the panel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// Spanish, of every reader who did not choose.
    #[default]
    Es,
    /// English.
    En,
}

impl Lang {
    /// What the reader of this request chose.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let chosen = request.cookie(COOKIE);
        chosen.and_then(|cookie| Self::from_code(cookie.value())).unwrap_or_default()
    }

    /// The language with this code (BCP 47).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "es" => Some(Self::Es),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Its code (BCP 47), for `<html lang>`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.say("es", "en")
    }

    /// The text in this language. Both stand side by side where they are used,
    /// so that neither is forgotten.
    #[must_use]
    pub fn say<'t>(self, spanish: &'t str, english: &'t str) -> &'t str {
        match self {
            Self::Es => spanish,
            Self::En => english,
        }
    }

    /// What a service says of itself, which it says in Spanish.
    #[must_use]
    pub fn quoted(self, said: &str) -> String {
        match self {
            Self::Es => said.to_owned(),
            Self::En => format!("in its own words: “{said}”"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_none_chooses_nothing() {
        assert_eq!(Lang::from_code("en"), Some(Lang::En));
        assert_eq!(Lang::from_code("es"), Some(Lang::Es));
        for code in ["", "EN", "fr", "en-US\""] {
            assert_eq!(Lang::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn each_reader_gets_the_own_text() {
        assert_eq!(Lang::Es.say("hola", "hello"), "hola");
        assert_eq!(Lang::En.say("hola", "hello"), "hello");
        assert_eq!((Lang::Es.code(), Lang::En.code()), ("es", "en"));
    }
}
