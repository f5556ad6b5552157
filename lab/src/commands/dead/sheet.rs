//! One dead message with everything that is known of it.

use super::key::key;
use super::plain::{plain, plain_within};
use super::table::{reason, utc};
use broker::{DeadLetter, Death};

/// Characters of a property that are shown: headers may have 128 KiB.
const MAX_VALUE: usize = 1024;

/// Bytes of a body that are shown.
const MAX_BODY: usize = 2048;

/// Everything about a message, with analytics' own words where they were found.
pub(super) fn sheet(letter: &DeadLetter, why: Option<&str>) -> String {
    let mut lines = vec![property("clave", &key(letter))];
    lines.extend(letter.properties.iter().map(|(name, value)| property(name, value)));
    lines.push(String::new());
    lines.extend(letter.unreadable.map(|part| format!("Nadie puede leerlo entero: {part}.")));
    match &letter.death {
        Some(death) => lines.extend(life(death)),
        None => lines.push("El broker no dice cómo llegó aquí: alguien lo puso a mano.".to_owned()),
    }
    lines.push(match why {
        Some(why) => format!("Por qué, según analiticas: {}", plain(why)),
        None => "Los registros de analiticas no dicen por qué.".to_owned(),
    });
    lines.push(format!("\nCuerpo ({} bytes):", letter.body.len()));
    lines.push(body(&letter.body));
    lines.join("\n")
}

fn property(name: &str, value: &str) -> String {
    let value = match (name, value.parse().ok().and_then(|seconds| utc(seconds, "%F %T UTC"))) {
        ("timestamp", Some(moment)) => format!("{value} ({moment})"),
        _ => plain_within(value, MAX_VALUE),
    };
    format!("{:<20}  {value}", plain(name))
}

/// The header `x-death` in words.
fn life(death: &Death) -> [String; 2] {
    let exchange = match death.exchange.as_str() {
        "" => "el exchange por defecto".to_owned(),
        name => format!("«{}»", plain(name)),
    };
    let moment = death.time.and_then(|seconds| utc(seconds, "%F a las %T UTC"));
    let moment = moment.map(|moment| format!(" el {moment}")).unwrap_or_default();
    let times = if death.count == 1 { "vez" } else { "veces" };
    [
        format!("Se publicó en {exchange} con la clave de ruta «{}».", plain(&death.routing_key)),
        format!(
            "Murió{moment} en «{}»: {} ({}), {} {times}.",
            plain(&death.queue),
            reason(death),
            plain(&death.reason),
            death.count
        ),
    ]
}

/// JSON in lines where it is JSON and short, else the text as it is.
fn body(body: &[u8]) -> String {
    let (shown, rest) = body.split_at(body.len().min(MAX_BODY));
    let json = serde_json::from_slice::<serde_json::Value>(shown).ok();
    let text = match json.filter(|_| rest.is_empty()) {
        Some(json) => format!("{json:#}"),
        None => String::from_utf8_lossy(shown).into_owned(),
    };
    let lines: Vec<String> = text.lines().map(plain).collect();
    let text = lines.join("\n");
    // Escaped it may have become longer.
    let end = text.floor_char_boundary(MAX_BODY);
    if rest.is_empty() && end == text.len() {
        return text;
    }
    format!("{}\n… (sigue)", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{MAX_BODY, sheet};
    use broker::{DeadLetter, Death};

    fn letter(body: &[u8]) -> DeadLetter {
        let mut letter = DeadLetter::new(Some("a-b"), body.to_vec());
        letter.properties.push(("timestamp".to_owned(), "1744545600".to_owned()));
        letter.death = Some(Death {
            queue: "cola_analiticas".to_owned(),
            reason: "rejected".to_owned(),
            count: 2,
            time: Some(1_795_365_396),
            exchange: "eventos_clientes".to_owned(),
            routing_key: "click".to_owned(),
        });
        letter
    }

    #[test]
    fn it_tells_the_properties_the_life_and_the_reason() {
        let text = sheet(&letter(b"{}"), Some("its type is \\\"x\\\""));
        for part in [
            "message_id            a-b",
            "timestamp             1744545600 (2025-04-13 12:00:00 UTC)",
            "Se publicó en «eventos_clientes» con la clave de ruta «click».",
            "Murió el 2026-11-22 a las 16:36:36 UTC en «cola_analiticas»: rechazado (rejected), 2 veces.",
            "Por qué, según analiticas: its type is",
            "Cuerpo (2 bytes):",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn json_is_shown_in_lines_and_text_as_it_is() {
        let text = sheet(&letter(br#"{"cliente":"ana","n":[1]}"#), None);
        assert!(text.contains("\n  \"cliente\": \"ana\",\n"), "{text}");
        assert!(text.contains("no dicen por qué"), "{text}");
        assert!(sheet(&letter(b"hola\nmundo"), None).ends_with("\nhola\nmundo"));
    }

    #[test]
    fn nothing_of_a_message_reaches_the_terminal_as_a_command() {
        let mut bad = letter(b"\x1b[2J\xc2\x9b31m\x07\xff\r{");
        bad.properties.push(("headers.\u{1b}c".to_owned(), "\u{1b}]0;x\u{7}\n\u{202e}".to_owned()));
        bad.death.as_mut().unwrap().queue = "\u{1b}[H".to_owned();
        bad.death.as_mut().unwrap().reason = "\u{1b}[H".to_owned();
        bad.death.as_mut().unwrap().exchange = "\u{1b}[H".to_owned();
        bad.death.as_mut().unwrap().routing_key = "\u{1b}[H".to_owned();
        let json = letter(r#"{"a":"\u001b[2J\u009b\u202e"}"#.as_bytes());
        for text in [sheet(&bad, Some("\u{1b}[2J")), sheet(&json, None)] {
            let command = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(command), "{text:?}");
        }
    }

    #[test]
    fn of_a_long_body_the_beginning_is_shown() {
        for body in [vec![b'x'; 10_000], vec![0x1b; 2000], "ñ".repeat(1500).into_bytes()] {
            let text = sheet(&letter(&body), None);
            let (_, shown) = text.split_once("bytes):\n").unwrap();
            assert!(shown.len() < MAX_BODY + 20, "{}", shown.len());
            assert!(text.contains(&format!("Cuerpo ({} bytes)", body.len())), "{text}");
        }
        let text = sheet(&letter(&[b'x'; 10_000]), None);
        assert!(text.ends_with("… (sigue)"), "{text}");
    }
}
