//! What is shown of payloads, and what is not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn rules(places: &[&str]) -> Rules {
    of_kinds(&[("alta", places)])
}

/// Rules by kind; `*` is all kinds.
fn of_kinds(kinds: &[(&str, &[&str])]) -> Rules {
    let of_kind = |(kind, places): &(&str, &[&str])| {
        let kind = (*kind != "*").then(|| kind.parse().expect("a kind"));
        let place = |text: &&str| (kind.clone(), Place::read(text).expect("a place"));
        places.iter().map(place).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(of_kind).collect()
}

fn shown(rules: &Rules, payload: &str) -> String {
    let shown = rules.shown(Some("alta"), payload.into()).expect("JSON");
    String::from_utf8(shown.bytes).expect("text")
}

#[test]
fn what_a_rule_names_is_hidden_at_its_place_or_everywhere() {
    let rules = rules(&["/tarjeta/numero", "nombre", "/hijos/1", "/nada/que/ver", "/a~1b"]);
    let payload = r#"{"nombre":"Ana", "tarjeta":{ "numero" : 4111,"tipo":"V"},
        "hijos":[{"Nombre":["Leo"]},{"edad":3},{"edad":1.50}], "a/b": null}"#;
    let hidden = r#"{"nombre":"(oculto)", "tarjeta":{ "numero" : "(oculto)","tipo":"V"},
        "hijos":[{"Nombre":"(oculto)"},"(oculto)",{"edad":1.50}], "a/b": "(oculto)"}"#;
    assert_eq!(shown(&rules, payload), hidden);
}

#[test]
fn what_is_not_hidden_is_as_it_came() {
    for rest in [
        "12345678901234567890123",
        "1.10",
        "-0.0e+00",
        "1e400",
        r#""\u00f1\/\ud800""#,
        r#"{"z":1,"a":2,"z":3}"#,
        "[ 1 ,\r\n\t2 ]",
        r#""{\"no\": 1.0 ,\"\\u00f1\":[]}""#,
    ] {
        let payload = format!("\u{feff} {{\"x\" : {rest} , \"dni\":7,\"y\":{rest}}}\n");
        let hidden = payload.replace(":7", ":\"(oculto)\"");
        assert_eq!(shown(&rules(&["dni"]), &payload), hidden);
        let untouched = rules(&["otro"]).shown(Some("alta"), payload.clone().into());
        let untouched = untouched.expect("JSON");
        assert_eq!((untouched.bytes, untouched.is_redacted), (payload.into(), false));
    }
}

#[test]
fn a_name_is_hidden_however_it_is_written_and_each_time() {
    let rules = rules(&["Año", "/a/ñ"]);
    for name in
        ["año", "AÑO", "an\u{303}o", "AN\u{303}O", "a\\u00f1o", " an\\u0303o", "a\u{200b}ño"]
    {
        let payload = format!(r#"{{"{name}":1,"x":[{{"{name}":2}}],"{name}":{{"y":3}}}}"#);
        let text = shown(&rules, &payload);
        let hidden =
            format!(r#"{{"{name}":"(oculto)","x":[{{"{name}":"(oculto)"}}],"{name}":"(oculto)"}}"#);
        assert_eq!(text, hidden);
    }
    assert_eq!(shown(&rules, "{\"A\":{\"N\u{303}\":5}}"), "{\"A\":{\"N\u{303}\":\"(oculto)\"}}");
}

#[test]
fn json_in_a_string_is_looked_into() {
    let rules = rules(&["dni", "/datos/1/clave"]);
    for (payload, hidden) in [
        (r#"{"x":"{\"dni\": 12, \"y\":1.10}"}"#, r#"{"x":"{\"dni\": \"(oculto)\", \"y\":1.10}"}"#),
        (
            r#"["\ufeff\n[{\"d\\u006ei\":[1,\"]\"]}]"]"#,
            r#"["\ufeff\n[{\"d\\u006ei\":\"(oculto)\"}]"]"#,
        ),
        (r#""{\u0022dni\u0022:12}""#, r#""{\u0022dni\u0022:\"(oculto)\"}""#),
        (
            r#"{"datos":"[0,{\"clave\":7}]","otros":"[0,{\"clave\":7}]"}"#,
            r#"{"datos":"[0,{\"clave\":\"(oculto)\"}]","otros":"[0,{\"clave\":7}]"}"#,
        ),
        (
            r#"{"a":["[1]"],"b":[{"dni":[]}, "dni: 12"]}"#,
            r#"{"a":["[1]"],"b":[{"dni":"(oculto)"}, "dni: 12"]}"#,
        ),
    ] {
        assert_eq!(shown(&rules, payload), hidden);
    }
}

/// A text as a string in a string, so many times; with as few escapes as there can be.
fn wrapped(text: &str, times: usize) -> String {
    (0..times).fold(text.to_owned(), |text, _| Value::from(text).to_string())
}

#[test]
fn what_cannot_be_looked_into_is_hidden_as_a_whole() {
    let rules = rules(&["dni"]);
    for level in 0..12 {
        let payload = wrapped(r#"{"dni":4711}"#, level);
        assert!(!shown(&rules, &payload).contains("4711"), "{payload}");
    }
    for text in [r#"{"dni":4711"#, "{'DNI': 4711}", "{\"dni\":4711} {}", "{\"d\\u006ei\":4711,}"] {
        let payload = json!({ "a": text, "b": 1 }).to_string();
        assert_eq!(shown(&rules, &payload), r#"{"a":"(oculto)","b":1}"#);
    }
    let payload = r#"{"a":"[INFO] 4711","b":"{x}"}"#;
    assert_eq!(shown(&rules, payload), payload);
}

#[test]
fn what_a_rule_is_for_and_cannot_be_read_is_not_shown() {
    let gzip = b"\x1f\x8b\x08{\"nombre\":1}".to_vec();
    let wide: Vec<u8> = "{\"nombre\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for payload in ["nombre: Ana", "{\"nombre\":\"Ana\"", "", "{\"nombre\":1} {}"]
        .map(|text| text.as_bytes().to_vec())
        .into_iter()
        .chain([gzip, wide, b"{\"nombre\":\"\xf1\"}".to_vec()])
    {
        let shown = rules(&["nombre"]).shown(Some("alta"), payload.clone());
        assert_eq!(shown, Err(Unreadable), "{payload:?}");
    }
}

#[test]
fn a_kind_is_compared_as_people_read_it_and_without_one_everything_is_hidden() {
    let rules = of_kinds(&[("Alta", &["a"]), ("baja", &["b"]), ("*", &["c"])]);
    let seen = |kind| {
        let shown = rules.shown(kind, br#"{"a":1,"b":1,"c":1,"d":1}"#.to_vec()).expect("JSON");
        let fields: Value = serde_json::from_slice(&shown.bytes).expect("JSON");
        let fields = fields.as_object().expect("an object").clone().into_iter();
        fields.filter(|(_, value)| *value == 1).map(|(name, _)| name).collect::<String>()
    };
    for kind in ["alta", "ALTA", " alta ", "\u{200b}ａｌｔａ\t"] {
        assert_eq!(seen(Some(kind)), "bd", "{kind}");
    }
    assert_eq!(seen(Some("baja")), "ad");
    assert_eq!(seen(Some("otra")), "abd");
    for kind in [None, Some(""), Some(" "), Some("al/ta"), Some("\u{fffd}alta"), Some("ñ")] {
        assert_eq!(seen(kind), "d", "{kind:?}");
    }
}

#[test]
fn what_is_no_payload_is_under_the_rules_of_all_kinds_alone() {
    let rules = of_kinds(&[("alta", &["a"]), ("*", &["c"])]);
    let shown = rules.shown_of_no_kind(r#"{"a":1.10,"c":2}"#.to_owned());
    assert_eq!(shown, Ok(r#"{"a":1.10,"c":"(oculto)"}"#.to_owned()));
    assert_eq!(rules.shown_of_no_kind("c: 2".to_owned()), Err(Unreadable));
    let untouched = of_kinds(&[("alta", &["a"])]).shown_of_no_kind("{}".to_owned());
    assert_eq!(untouched, Ok("{}".to_owned()));
}

#[test]
fn what_stands_outside_of_a_payload_is_hidden_under_its_name_however_that_is_written() {
    let rules = rules(&["c\u{e9}dula", "/tarjeta/numero"]);
    for (name, value) in [
        ("CE\u{301}DULA", "8-123"),
        ("datos", "{cédula: 8-123}"),
        ("datos", r#"{"c\u00e9dula":"8-123"}"#),
        ("headers", r"\x07c\xc3\xa9dulaS\x00\x00\x00\x058-123"),
        (r"c\xe9dula", "8-123"),
    ] {
        assert!(rules.hides(Some("alta"), name, value), "{name} {value}");
    }
    for kind in [Some("alta"), Some("baja")] {
        assert!(!rules.hides(kind, "numero", "8-123"), "a pointer is for a payload");
    }
    assert!(!rules.hides(Some("baja"), "datos", r"\xe9"), "no rule is for it");
}

#[test]
fn without_a_rule_payloads_are_shown_byte_for_byte() {
    let payload = b"\0 {\"nombre\" : 1}".to_vec();
    let untouched = Ok(Shown { bytes: payload.clone(), is_redacted: false });
    assert_eq!(rules(&["nombre"]).shown(Some("baja"), payload.clone()), untouched);
    assert_eq!(Rules::default().shown(None, payload), untouched);
}

#[test]
fn a_payload_that_was_copied_from_what_is_shown_is_known_as_that() {
    let rules = rules(&["nombre", "/a/0"]);
    for (payload, is) in [
        (r#"{"b":[{"NOMBRE":"(oculto)"}]}"#, true),
        (r#"{"a":["\u0028oculto)"]}"#, true),
        (r#"{"a":["(oculto)"]}"#, true),
        (r#"{"x":"{\"nombre\":\"(oculto)\"}"}"#, true),
        (r#"{"nombre":"Ana","a":[1],"c":"(oculto)"}"#, false),
        ("(oculto)", false),
    ] {
        assert_eq!(rules.is_as_shown(Some("alta"), payload.as_bytes()), is, "{payload}");
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

/// What is hidden, in any text that this makes, and nowhere else.
const SECRET: &str = "7777";

/// Pieces of a JSON text, each with whether it is to be hidden: together they are the text.
type Pieces = Vec<(String, bool)>;

fn joined(pieces: &Pieces) -> String {
    pieces.iter().map(|(text, _)| text.as_str()).collect()
}

/// With [`HIDDEN`], which is written as deep in strings as it lies, for what is hidden.
fn expected(pieces: &Pieces) -> String {
    let one = |(text, is_hidden): &(String, bool)| {
        if !is_hidden {
            return text.clone();
        }
        // The quotes around it were escaped with it.
        let quotes = text.len() - text.trim_start_matches('\\').len();
        let quote = format!("{}\"", "\\".repeat(quotes));
        format!("{quote}{HIDDEN}{quote}")
    };
    pieces.iter().map(one).collect()
}

fn plain(text: impl Into<String>) -> Pieces {
    vec![(text.into(), false)]
}

/// Values that are hidden: each begins with a quote, and has the secret in it.
fn secret() -> impl Strategy<Value = Pieces> {
    "[a-z{}:, ñ]{0,3}".prop_map(|text| vec![(format!("\"{text}{SECRET}\""), true)])
}

fn name(is_hidden: bool) -> impl Strategy<Value = String> {
    let names: &[&str] = if is_hidden {
        &["ñ", "Ñ", "n\u{303}", "N\u{303}", "\\u00f1", " \\u006E\\u0303 ", "\u{feff}ñ"]
    } else {
        &["n", "a", "ño", "", "\\\"", "\\ud800"]
    };
    proptest::sample::select(names.to_vec()).prop_map(str::to_owned)
}

/// The pieces as a string: the JSON in it is written with escapes.
fn in_a_string(pieces: Pieces) -> Pieces {
    let special = [("\\", "\\\\"), ("\"", "\\\""), ("\n", "\\n"), ("\t", "\\t")];
    let escaped = |text: String| {
        special.iter().fold(text, |text, (character, escape)| text.replace(character, escape))
    };
    let inner = pieces.into_iter().map(|(text, is_hidden)| (escaped(text), is_hidden));
    std::iter::once(("\"".to_owned(), false)).chain(inner).chain(plain("\"")).collect()
}

fn listed(open: &str, pieces: Vec<Pieces>, close: &str) -> Pieces {
    let mut all = plain(open);
    for (place, pieces) in pieces.into_iter().enumerate() {
        all.extend(plain(if place == 0 { " " } else { " ,\t" }));
        all.extend(pieces);
    }
    all.extend(plain(close));
    all
}

fn field(name: &str, value: Pieces) -> Pieces {
    let mut all = plain(format!("\"{name}\" :"));
    all.extend(value);
    all
}

fn any_json() -> impl Strategy<Value = Pieces> {
    let leaves =
        ["1.10", "-0.0", "12345678901234567890123", "1e400", "null", "\"\\/ñ\\ud800\"", "\"{\""];
    let leaf = proptest::sample::select(leaves.to_vec()).prop_map(plain);
    leaf.prop_recursive(5, 48, 4, |inner| {
        let open = (name(false), inner.clone()).prop_map(|(name, value)| field(&name, value));
        let hidden = (name(true), secret()).prop_map(|(name, value)| field(&name, value));
        let fields = proptest::collection::vec(prop_oneof![open, hidden], 0..4);
        let values = proptest::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            2 => values.prop_map(|values| listed("[", values, "\n]")),
            4 => fields.prop_map(|fields| listed("{", fields, " }")),
            1 => inner.prop_map(in_a_string),
        ]
    })
}

proptest! {
    /// Wherever it is, however its name is written, in strings of strings too; and whatever
    /// lies around it is left as it came.
    #[test]
    fn what_is_hidden_is_hidden_and_all_the_rest_is_as_it_came(pieces in any_json()) {
        let (rules, payload) = (rules(&["ñ"]), joined(&pieces));
        let text = shown(&rules, &payload);
        prop_assert_eq!(&text, &expected(&pieces));
        prop_assert!(!text.contains(SECRET));
        prop_assert_eq!(shown(&rules, &text), text.clone());
        let is_redacted = pieces.iter().any(|(_, is_hidden)| *is_hidden);
        prop_assert_eq!(rules.is_as_shown(Some("alta"), text.as_bytes()), is_redacted);
        let needle = crate::search::text::Needle::new(SECRET);
        prop_assert!(!needle.is_in(Json::read(&text).expect("JSON")));
    }

    #[test]
    fn any_payload_is_shown_or_refused(payload in any::<Vec<u8>>(), text in "[\\[\\]{}\":,\\\\ña1]{0,24}") {
        let rules = rules(&["ñ", "/a/1"]);
        for payload in [payload, text.into_bytes()] {
            if let Ok(shown) = rules.shown(Some("alta"), payload) {
                prop_assert!(Json::of(&shown.bytes).is_some());
            }
        }
    }
}
