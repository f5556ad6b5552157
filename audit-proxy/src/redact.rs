//! What of a payload nobody is shown: by kind of message, at places in its JSON. All the
//! rest of it is shown as it came, byte for byte. Pure.

mod spans;

use std::collections::{HashMap, HashSet};

use messages::MessageKind;

use crate::{
    folding::folded_name,
    json::{Json, said},
};

use spans::{Span, spans};

/// What is shown in place of what is not.
pub const HIDDEN: &str = "(oculto)";

/// In the place of a kind: all kinds.
pub(crate) const ALL: &str = "*";

/// A place in a payload.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// One, by its JSON Pointer (RFC 6901): begins with `/`. Its names are compared as
    /// those of fields are.
    Pointer(String),
    /// All fields of this name at any depth, whatever their case and their Unicode normal
    /// form.
    Name(String),
}

/// Longest text of a place, in characters.
pub const MAX_PLACE_LENGTH: usize = 200;

impl Place {
    /// Reads a place: what begins with `/` is a pointer, anything else a field's name.
    ///
    /// # Errors
    /// What would be one.
    pub fn read(text: &str) -> Result<Self, String> {
        if !(1..=MAX_PLACE_LENGTH).contains(&text.chars().count()) {
            return Err(format!("debe tener de 1 a {MAX_PLACE_LENGTH} caracteres"));
        }
        if text.chars().any(char::is_control) {
            return Err("no admite caracteres de control".to_owned());
        }
        if !text.starts_with('/') {
            return Ok(Self::Name(text.to_owned()));
        }
        if is_escaped(text) {
            return Ok(Self::Pointer(text.to_owned()));
        }
        Err("no es un JSON Pointer: «~» se escribe «~0», y «/» en un nombre, «~1»".to_owned())
    }

    /// As it is read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pointer(text) | Self::Name(text) => text,
        }
    }
}

/// Whether each `~` is the beginning of `~0` or `~1`.
fn is_escaped(pointer: &str) -> bool {
    pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

/// The places that are hidden: in payloads of all kinds, and of some.
#[derive(Clone, Default, Debug)]
pub struct Rules {
    general: Places,
    of_kinds: HashMap<String, Places>,
}

/// Places, as they are compared.
#[derive(Clone, Default, Debug)]
struct Places {
    names: HashSet<String>,
    pointers: Vec<Vec<String>>,
}

/// What is hidden in payloads of one kind.
#[derive(Clone, Debug)]
struct Hiding<'r>(Vec<&'r Places>);

/// A payload as everybody may see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// What there is to see.
    pub bytes: Vec<u8>,
    /// Whether something is hidden in it.
    pub is_redacted: bool,
}

/// A payload that a rule is for and that is no JSON: what is to be hidden in it cannot
/// be found, so that nothing of it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

impl Rules {
    /// The payload as everybody may see it: what is hidden is [`HIDDEN`], and all the rest
    /// is as it came.
    ///
    /// # Errors
    /// When there is a rule, and the payload is no JSON.
    pub fn shown(&self, kind: Option<&str>, payload: Vec<u8>) -> Result<Shown, Unreadable> {
        let Some(hiding) = self.of(kind) else {
            return Ok(Shown { bytes: payload, is_redacted: false });
        };
        let json = Json::of(&payload).ok_or(Unreadable)?;
        let spans = spans(json, &hiding);
        if spans.is_empty() {
            return Ok(Shown { bytes: payload, is_redacted: false });
        }
        Ok(Shown { bytes: without(json.as_str(), &spans).into_bytes(), is_redacted: true })
    }

    /// Whether nobody is shown what a message of this kind has under this name outside of its
    /// payload: rules are for names wherever they are, inside of the value too. An escape in
    /// either may stand for a letter of one: of JSON, or of octets that are no text.
    #[must_use]
    pub fn hides(&self, kind: Option<&str>, name: &str, value: &str) -> bool {
        let Some(Hiding(places)) = self.of(kind) else { return false };
        let is_escaped = name.contains('\\') || value.contains('\\');
        let (name, value) = (folded_name(name), folded_name(value));
        let hidden =
            |hidden: &String| is_escaped || name == *hidden || value.contains(hidden.as_str());
        places.into_iter().flat_map(|places| &places.names).any(hidden)
    }

    /// A JSON text that is no payload, such as what a log event adds, as everybody may see
    /// it: the rules for all kinds are for it too.
    ///
    /// # Errors
    /// When there are any, and it is no JSON.
    pub fn shown_of_no_kind(&self, text: String) -> Result<String, Unreadable> {
        if self.general.is_empty() {
            return Ok(text);
        }
        let json = Json::read(&text).ok_or(Unreadable)?;
        Ok(without(json.as_str(), &spans(json, &Hiding(vec![&self.general]))))
    }

    /// Whether a payload has [`HIDDEN`] where a rule would write it: whoever sends that
    /// took what is shown for what there is.
    #[must_use]
    pub fn is_as_shown(&self, kind: Option<&str>, payload: &[u8]) -> bool {
        let (Some(hiding), Some(json)) = (self.of(kind), Json::of(payload)) else { return false };
        spans(json, &hiding).iter().any(|span| span.is_hidden(json))
    }

    /// What is hidden in payloads of a kind, if anything is. Kinds are compared as names of
    /// fields are. Of a text that can be no kind nobody knows what is to be hidden, so that
    /// everything is that is hidden anywhere: otherwise who publishes would choose.
    fn of(&self, kind: Option<&str>) -> Option<Hiding<'_>> {
        let kind = kind.map(folded_name).filter(|kind| kind.parse::<MessageKind>().is_ok());
        let own: Vec<_> = match kind {
            Some(kind) => self.of_kinds.get(&kind).into_iter().collect(),
            None => self.of_kinds.values().collect(),
        };
        let all = own.into_iter().chain([&self.general]);
        let all: Vec<_> = all.filter(|places| !places.is_empty()).collect();
        (!all.is_empty()).then_some(Hiding(all))
    }
}

/// Of each place the kind that it is for; none for all kinds.
impl FromIterator<(Option<MessageKind>, Place)> for Rules {
    fn from_iter<I: IntoIterator<Item = (Option<MessageKind>, Place)>>(given: I) -> Self {
        let mut rules = Self::default();
        for (kind, place) in given {
            let places = match kind {
                Some(kind) => rules.of_kinds.entry(folded_name(kind.as_str())).or_default(),
                None => &mut rules.general,
            };
            places.add(&place);
        }
        rules
    }
}

impl Places {
    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.pointers.is_empty()
    }

    fn add(&mut self, place: &Place) {
        match place {
            Place::Name(name) => {
                self.names.insert(folded_name(name));
            }
            Place::Pointer(pointer) => self.pointers.push(segments(pointer)),
        }
    }

    /// The names that fields have which are hidden, wherever these are.
    fn field_names(&self) -> impl Iterator<Item = &String> {
        self.names.iter().chain(self.pointers.iter().filter_map(|pointer| pointer.last()))
    }
}

/// The names and places that a pointer leads by.
fn segments(pointer: &str) -> Vec<String> {
    let segments = pointer.split('/').skip(1);
    segments.map(|segment| folded_name(&segment.replace("~1", "/").replace("~0", "~"))).collect()
}

/// The text with [`HIDDEN`] at each of the spans, which are in order.
fn without(text: &str, spans: &[Span]) -> String {
    let (mut shown, mut from) = (String::with_capacity(text.len()), 0);
    for span in spans {
        shown.push_str(&text[from..span.range.start]);
        shown.push_str(&written(span.level));
        from = span.range.end;
    }
    shown.push_str(&text[from..]);
    shown
}

/// [`HIDDEN`] as it is written inside of so many strings.
fn written(level: usize) -> String {
    let escape = |text: String| text.replace('\\', "\\\\").replace('"', "\\\"");
    (0..level).fold(format!("\"{HIDDEN}\""), |text, _| escape(text))
}

impl Span {
    /// Whether the value there is [`HIDDEN`] already.
    fn is_hidden(&self, json: Json<'_>) -> bool {
        let literal = json.literal(self.range.clone()).to_owned();
        let value = (0..self.level).fold(literal, |text, _| said(&text).into_owned());
        let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inside.is_some_and(|inside| said(inside) == HIDDEN)
    }
}

#[cfg(test)]
mod tests;
