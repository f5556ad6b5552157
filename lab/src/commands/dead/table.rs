//! Many dead messages, one in a line or in a JSON object.

use super::key::key;
use super::plain::plain_within;
use anyhow::{Context, Result};
use broker::{DeadLetter, Death};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What stands where nothing is known.
pub(super) const UNKNOWN: &str = "—";

/// Characters of a client's name that are shown.
const CLIENT_WIDTH: usize = 14;

/// The messages, and how many more there are, in at most 80 columns.
pub(super) fn table(letters: &[DeadLetter], remaining: usize) -> String {
    let mut lines = vec![line(["CLAVE", "MURIÓ (UTC)", "MOTIVO", "CLIENTE", "ID", "TAMAÑO"])];
    lines.extend(letters.iter().map(row));
    if remaining > 0 {
        let all = (letters.len() + remaining).min(1000);
        lines.push(format!("… y {remaining} más (cargo lab dead list -n {all})"));
    }
    lines.join("\n")
}

fn row(letter: &DeadLetter) -> String {
    let death = letter.death.as_ref();
    let known = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
    let client = client(&letter.body);
    line([
        &key(letter),
        &known(death.and_then(|death| utc(death.time?, "%Y-%m-%d %H:%M"))),
        &known(death.map(reason)),
        &known(client.map(|name| plain_within(&name, CLIENT_WIDTH))),
        &known(letter.id.as_deref().map(shortened)),
        &size(letter.body.len()),
    ])
}

fn line([key, died, reason, client, id, size]: [&str; 6]) -> String {
    format!("{key:<8}  {died:<16}  {reason:<10}  {client:<14}  {id:<13}  {size:>8}")
}

/// A reason of the broker's in a word.
pub(super) fn reason(death: &Death) -> String {
    let word = match death.reason.as_str() {
        "rejected" => "rechazado",
        "expired" => "caducado",
        "maxlen" => "sin sitio",
        "delivery_limit" => "intentos",
        other => return plain_within(other, 10),
    };
    word.to_owned()
}

/// A moment in UTC; none for a number of seconds that is no date.
pub(super) fn utc(seconds: u64, format: &str) -> Option<String> {
    let moment = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(moment.strftime(format).to_string())
}

/// The two ends of an id: those of one minute begin alike.
fn shortened(id: &str) -> String {
    let characters: Vec<char> = id.chars().collect();
    if characters.len() <= 13 {
        return plain_within(id, 13);
    }
    let (begin, end) = (&characters[..4], &characters[characters.len() - 8..]);
    plain_within(&begin.iter().chain(&['…']).chain(end).collect::<String>(), 13)
}

/// Bytes, in the largest unit that leaves at least one.
#[allow(clippy::cast_precision_loss)] // Nobody counts the bytes of a gigabyte here.
fn size(bytes: usize) -> String {
    let (number, unit) = match bytes {
        0..1024 => return format!("{bytes} B"),
        1024..0x10_0000 => (bytes as f64 / 1024.0, "KiB"),
        _ => (bytes as f64 / 1_048_576.0, "MiB"),
    };
    format!("{number:.1} {unit}")
}

/// Whose event it would have been, where the body says so, event or not.
fn client(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        cliente: String,
    }
    serde_json::from_slice(body).ok().map(|named: Named| named.cliente)
}

/// A message in JSON.
#[derive(Serialize)]
struct Row<'a> {
    key: String,
    id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    producer: Option<&'a str>,
    client: Option<String>,
    died_at: Option<String>,
    reason: Option<&'a str>,
    deaths: Option<i64>,
    queue: Option<&'a str>,
    exchange: Option<&'a str>,
    routing_key: Option<&'a str>,
    unreadable: Option<String>,
    bytes: usize,
}

/// The messages as a JSON array.
pub(super) fn json(letters: &[DeadLetter]) -> Result<String> {
    let rows: Vec<Row> = letters.iter().map(json_row).collect();
    Ok(harmless(&serde_json::to_string_pretty(&rows).context("JSON")?))
}

fn json_row(letter: &DeadLetter) -> Row<'_> {
    let death = letter.death.as_ref();
    Row {
        key: key(letter),
        id: letter.id.as_deref(),
        kind: letter.kind.as_deref(),
        producer: letter.producer.as_deref(),
        client: client(&letter.body),
        died_at: death.and_then(|death| utc(death.time?, "%Y-%m-%dT%H:%M:%SZ")),
        reason: death.map(|death| death.reason.as_str()),
        deaths: death.map(|death| death.count),
        queue: death.map(|death| death.queue.as_str()),
        exchange: death.map(|death| death.exchange.as_str()),
        routing_key: death.map(|death| death.routing_key.as_str()),
        unreadable: letter.unreadable.map(|part| part.to_string()),
        bytes: letter.body.len(),
    }
}

/// The same JSON in ASCII: a terminal may take other characters for commands.
fn harmless(json: &str) -> String {
    json.chars().map(escaped).collect()
}

fn escaped(character: char) -> String {
    if character.is_ascii() && character != '\u{7f}' {
        return character.to_string();
    }
    let mut units = [0; 2];
    let units = character.encode_utf16(&mut units).iter();
    units.map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::{json, table};
    use broker::{DeadLetter, Death};
    use serde_json::Value;

    fn letter(id: Option<&str>, body: &[u8], reason: &str) -> DeadLetter {
        let mut letter = DeadLetter::new(id, body.to_vec());
        letter.death = Some(Death {
            queue: "cola_analiticas".to_owned(),
            reason: reason.to_owned(),
            count: 1,
            time: Some(1_795_365_396),
            exchange: "eventos_clientes".to_owned(),
            routing_key: "click".to_owned(),
        });
        letter
    }

    #[test]
    fn a_row_says_when_why_whose_which_and_how_long() {
        let body = br#"{"cliente":"cliente_uno","evento":5}"#;
        let id = "0195e2a0-1234-7000-8000-00000000abcd";
        let text = table(&[letter(Some(id), body, "rejected")], 0);
        let row = text.lines().nth(1).unwrap();
        for part in ["2026-11-22 16:36", "rechazado", "cliente_uno", "0195…0000abcd", "36 B"] {
            assert!(row.contains(part), "{part}: {row}");
        }
    }

    #[test]
    fn whatever_came_over_the_wire_the_table_fits_and_is_harmless() {
        let name = "\u{1b}[2Jñ".repeat(30);
        let body = serde_json::json!({ "cliente": name }).to_string();
        let mut hopeless = letter(Some(&name), body.as_bytes(), &name);
        hopeless.body.resize(12_345_678, b' ');
        let mut undated = letter(None, b"\xff", "expired");
        undated.death.as_mut().unwrap().time = Some(u64::MAX);
        let letters = [hopeless, undated, DeadLetter::new(None, Vec::new())];
        for line in table(&letters, 4_000_000).lines() {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
        assert!(table(&letters, 0).lines().nth(3).unwrap().contains('—'));
    }

    #[test]
    fn how_many_more_there_are_is_said_and_only_then() {
        let one = [letter(None, b"", "rejected")];
        assert!(table(&one, 41).ends_with("… y 41 más (cargo lab dead list -n 42)"));
        assert!(!table(&one, 0).contains("más"));
    }

    #[test]
    fn json_has_everything_and_no_character_that_a_terminal_obeys() {
        let id = "ñ\u{9b}31m\u{1b}\u{1f600}";
        let text = json(&[letter(Some(id), b"x", "rejected")]).unwrap();
        assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..0x7f).contains(&byte)), "{text}");
        let rows: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[0]["id"], id);
        assert_eq!(rows[0]["died_at"], "2026-11-22T16:36:36Z");
        assert_eq!(rows[0]["client"], Value::Null);
        assert_eq!(json(&[]).unwrap(), "[]");
    }
}
