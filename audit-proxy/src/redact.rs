//! What of a payload nobody is shown: by kind of message, at places in its JSON. Pure.

use std::collections::HashMap;

use serde_json::Value;

/// What is shown in place of what is not.
pub const HIDDEN: &str = "(oculto)";

/// A place in a payload.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// One, by its JSON Pointer (RFC 6901): begins with `/`.
    Pointer(String),
    /// All fields of this name at any depth, whatever their case.
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

/// The places that are hidden, by kind of message.
#[derive(Clone, Default, Debug)]
pub struct Rules(HashMap<String, Vec<Place>>);

/// A payload that a rule is for and that is no JSON: what is to be hidden in it cannot
/// be found, so that nothing of it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

impl Rules {
    /// What is hidden in payloads of a kind, if anything is.
    #[must_use]
    pub fn of(&self, kind: Option<&str>) -> Option<&[Place]> {
        self.0.get(kind?).map(Vec::as_slice)
    }

    /// The JSON of a payload as everybody may see it.
    ///
    /// # Errors
    /// When it is none.
    pub fn value(&self, kind: Option<&str>, payload: &[u8]) -> Result<Value, Unreadable> {
        let mut value = serde_json::from_slice(payload).map_err(|_| Unreadable)?;
        for place in self.of(kind).unwrap_or_default() {
            hide(&mut value, place);
        }
        Ok(value)
    }

    /// The payload as everybody may see it: as it came where no rule is for it.
    ///
    /// # Errors
    /// When there is a rule, and the payload is no JSON.
    pub fn shown(&self, kind: Option<&str>, payload: Vec<u8>) -> Result<Vec<u8>, Unreadable> {
        if self.of(kind).is_none() {
            return Ok(payload);
        }
        Ok(format!("{:#}", self.value(kind, &payload)?).into_bytes())
    }

    /// Whether a payload has [`HIDDEN`] where a rule would write it: whoever sends that
    /// took what is shown for what there is.
    #[must_use]
    pub fn is_as_shown(&self, kind: Option<&str>, payload: &[u8]) -> bool {
        let Ok(value) = serde_json::from_slice::<Value>(payload) else { return false };
        let places = self.of(kind).unwrap_or_default();
        places.iter().any(|place| any_at(&value, place, &|value| value == HIDDEN))
    }
}

impl FromIterator<(String, Place)> for Rules {
    fn from_iter<I: IntoIterator<Item = (String, Place)>>(given: I) -> Self {
        let mut rules: HashMap<_, Vec<_>> = HashMap::new();
        for (kind, place) in given {
            rules.entry(kind).or_default().push(place);
        }
        Self(rules)
    }
}

fn hide(value: &mut Value, place: &Place) {
    match place {
        Place::Pointer(pointer) => {
            if let Some(value) = value.pointer_mut(pointer) {
                *value = HIDDEN.into();
            }
        }
        Place::Name(name) => hide_named(value, &name.to_lowercase()),
    }
}

fn hide_named(value: &mut Value, name: &str) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| hide_named(value, name)),
        Value::Object(fields) => {
            for (field, value) in fields {
                if field.to_lowercase() == name {
                    *value = HIDDEN.into();
                } else {
                    hide_named(value, name);
                }
            }
        }
        _ => {}
    }
}

/// Whether something is true of a value at a place.
fn any_at(value: &Value, place: &Place, is: &impl Fn(&Value) -> bool) -> bool {
    match (place, value) {
        (Place::Pointer(pointer), _) => value.pointer(pointer).is_some_and(is),
        (Place::Name(_), Value::Array(values)) => {
            values.iter().any(|value| any_at(value, place, is))
        }
        (Place::Name(name), Value::Object(fields)) => fields.iter().any(|(field, value)| {
            let is_named = field.to_lowercase() == name.to_lowercase();
            (is_named && is(value)) || any_at(value, place, is)
        }),
        (Place::Name(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rules(places: &[&str]) -> Rules {
        let place = |text: &&str| ("alta".to_owned(), Place::read(text).expect("a place"));
        places.iter().map(place).collect()
    }

    #[test]
    fn what_a_rule_names_is_hidden_at_its_place_or_everywhere() {
        let payload = json!({
            "nombre": "Ana", "tarjeta": { "numero": 4111, "tipo": "V" },
            "hijos": [{ "Nombre": "Leo" }, { "edad": 3 }],
        });
        let value = rules(&["/tarjeta/numero", "nombre", "/hijos/1", "/nada/que/ver"])
            .value(Some("alta"), payload.to_string().as_bytes());
        assert_eq!(
            value,
            Ok(json!({
                "nombre": HIDDEN, "tarjeta": { "numero": HIDDEN, "tipo": "V" },
                "hijos": [{ "Nombre": HIDDEN }, HIDDEN],
            }))
        );
    }

    #[test]
    fn other_kinds_are_shown_byte_for_byte() {
        for kind in [None, Some("baja")] {
            let payload = b"\0 {\"nombre\" : 1}".to_vec();
            assert_eq!(rules(&["nombre"]).shown(kind, payload.clone()), Ok(payload));
        }
    }

    #[test]
    fn what_a_rule_is_for_and_cannot_be_read_is_not_shown() {
        for payload in ["nombre: Ana", "{\"nombre\":\"Ana\"", "", "{\"nombre\":1} {}"] {
            let shown = rules(&["nombre"]).shown(Some("alta"), payload.into());
            assert_eq!(shown, Err(Unreadable), "{payload}");
        }
    }

    #[test]
    fn a_payload_that_was_copied_from_what_is_shown_is_known_as_that() {
        let rules = rules(&["nombre", "/a/0"]);
        for (payload, is) in [
            (json!({ "b": [{ "NOMBRE": HIDDEN }] }), true),
            (json!({ "a": [HIDDEN] }), true),
            (json!({ "nombre": "Ana", "a": [1], "c": HIDDEN }), false),
        ] {
            let text = payload.to_string();
            assert_eq!(rules.is_as_shown(Some("alta"), text.as_bytes()), is, "{text}");
        }
    }

    #[test]
    fn a_place_is_a_pointer_or_a_name() {
        assert_eq!(Place::read("/a~1b/0"), Ok(Place::Pointer("/a~1b/0".to_owned())));
        assert_eq!(Place::read("dni"), Ok(Place::Name("dni".to_owned())));
        for text in ["", "/a~b", "/a~", "a\nb", &"x".repeat(201)] {
            assert!(Place::read(text).is_err(), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[a-z]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec(("[a-cD]", inner), 0..5).prop_map(|fields| {
                    Value::from(fields.into_iter().collect::<serde_json::Map<_, _>>())
                }),
            ]
        })
    }

    proptest! {
        /// Wherever it is, whatever it is, and hidden once is hidden.
        #[test]
        fn nothing_of_a_hidden_name_is_shown(value in any_json()) {
            let rules = rules(&["d"]);
            let shown = rules.value(Some("alta"), value.to_string().as_bytes()).expect("JSON");
            let place = Place::Name("d".to_owned());
            prop_assert!(!any_at(&shown, &place, &|value| value != HIDDEN));
            let again = rules.value(Some("alta"), shown.to_string().as_bytes());
            prop_assert_eq!(again, Ok(shown));
        }
    }
}
