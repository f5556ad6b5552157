//! The grades on paper: in 80 columns, and as JSON.

use super::grade::{Item, Mark, is_achieved};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Columns of a terminal.
const WIDTH: usize = 80;

/// The grades, and how many are left.
pub(super) fn text(class: u8, items: &[Item]) -> String {
    let head = format!("Clase {class} (docs/lab-{class}.md), por lo que se ve en el laboratorio:");
    let rows: Vec<_> = items.iter().map(row).collect();
    format!("{head}\n\n{}\n\n{}", rows.join("\n\n"), verdict(items))
}

fn row(item: &Item) -> String {
    let goal = &item.goal;
    let mut lines = wrapped(&format!("{} ", sign(item.mark)), 2, goal.title);
    lines.extend(wrapped("    miró:   ", 12, goal.looked));
    lines.extend(wrapped("    halló:  ", 12, &harmless(&item.found)));
    if let Some(next) = &item.next {
        lines.extend(wrapped(lead(item.mark), 13, &format!("{next} (paso {})", goal.step)));
    }
    lines.join("\n")
}

fn sign(mark: Mark) -> char {
    match mark {
        Mark::Achieved => '✓',
        Mark::Missing => '✗',
        Mark::Optional => '○',
    }
}

/// What leads to the next step.
fn lead(mark: Mark) -> &'static str {
    match mark {
        Mark::Optional => "    → si hay tiempo: ",
        Mark::Achieved | Mark::Missing => "    → ahora: ",
    }
}

fn verdict(items: &[Item]) -> String {
    let count = |mark| items.iter().filter(|item| item.mark == mark).count();
    let (achieved, missing) = (count(Mark::Achieved), count(Mark::Missing));
    if missing == 0 {
        return format!("✓ clase completa: {achieved} logrados, ninguno falta");
    }
    format!("✗ {achieved} logrados, {missing} por lograr: lo dice cada «→ ahora»")
}

/// Some of what was found came over the wire, from whom ever: nothing in it may
/// move a terminal's cursor or turn its writing around.
fn harmless(text: &str) -> String {
    let shown = |character: char| match character {
        '"' | '\'' | '\\' => character.to_string(),
        other => other.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

/// A text after its prefix, its further lines under its first; a word that is
/// longer than a line stands alone in one.
fn wrapped(prefix: &str, indent: usize, text: &str) -> Vec<String> {
    let mut lines = vec![prefix.to_owned()];
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if !is_empty && used + 1 + word.chars().count() > WIDTH {
            lines.push(" ".repeat(indent));
            is_empty = true;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if is_empty { "" } else { " " });
            line.push_str(word);
        }
        is_empty = false;
    }
    lines
}

/// The grades for a program.
pub(super) fn json(class: u8, items: &[Item]) -> Result<String> {
    let items_in_json: Vec<Value> = items.iter().map(in_json).collect();
    let whole = json!({
        "class": class,
        "achieved": is_achieved(items),
        "items": items_in_json,
    });
    serde_json::to_string_pretty(&whole).context("JSON")
}

fn in_json(item: &Item) -> Value {
    json!({
        "id": item.goal.id,
        "step": item.goal.step,
        "mark": item.mark,
        "title": item.goal.title,
        "looked": item.goal.looked,
        "found": harmless(&item.found),
        "next": item.next,
    })
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, json, text, wrapped};
    use crate::commands::check::facts::Answer;
    use crate::commands::check::grade::{Goal, grade};
    use crate::commands::check::sample::nothing;
    use serde_json::Value;

    const GOAL: Goal = Goal { id: "x", step: 3, title: "Algo se ve", looked: "aquí" };

    #[test]
    fn every_line_fits_eighty_columns_whatever_is_missing() {
        let mut facts = nothing();
        let first = text(1, &grade(&facts));
        facts.broker = Answer::Away("responde 500 Internal Server Error".to_owned());
        facts.counted = Answer::Absent;
        facts.parts = vec![("panel-visual", false); 9];
        for line in first.lines().chain(text(1, &grade(&facts)).lines()) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn a_goal_says_what_was_looked_at_what_was_found_and_what_to_do() {
        let sheet = text(1, &[GOAL.missing("nada", "envíe uno")]);
        for line in ["✗ Algo se ve", "miró:   aquí", "halló:  nada", "→ ahora: envíe uno (paso 3)"]
        {
            assert!(sheet.contains(line), "{line}: {sheet}");
        }
        assert!(sheet.ends_with("✗ 0 logrados, 1 por lograr: lo dice cada «→ ahora»"));
    }

    #[test]
    fn what_is_optional_does_not_keep_a_class_from_being_complete() {
        let sheet = text(1, &[GOAL.achieved("todo"), GOAL.optional("nada", "pruebe")]);
        assert!(sheet.contains("✓ Algo se ve") && sheet.contains("○ Algo se ve"));
        assert!(sheet.contains("→ si hay tiempo: pruebe"));
        assert!(sheet.ends_with("✓ clase completa: 1 logrados, ninguno falta"));
    }

    #[test]
    fn json_has_the_marks_as_english_words() {
        let items = [GOAL.achieved("a"), GOAL.missing("b", "c"), GOAL.optional("d", "e")];
        let whole: Value = serde_json::from_str(&json(1, &items).unwrap()).unwrap();
        assert_eq!((&whole["class"], &whole["achieved"]), (&1.into(), &false.into()));
        let marks: Vec<_> = (0..3).map(|n| whole["items"][n]["mark"].clone()).collect();
        assert_eq!(marks, ["achieved", "missing", "optional"]);
        assert_eq!(whole["items"][0]["next"], Value::Null);
        assert_eq!(whole["items"][1]["step"], 3);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        let hostile = "ñ «a» \"b\" \u{1b}[2J\u{9b}31m\u{202e}\r";
        let items = [GOAL.achieved(hostile)];
        for sheet in [text(1, &items), json(1, &items).unwrap()] {
            let is_harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
            assert!(sheet.chars().all(is_harmless), "{sheet:?}");
            assert!(sheet.contains("ñ «a»"), "{sheet}");
        }
    }

    #[test]
    fn long_texts_go_on_under_their_beginning() {
        let words = "palabra ".repeat(20);
        let lines = wrapped("  a: ", 5, &words);
        assert!(lines.len() > 1);
        assert!(lines[1].starts_with("     palabra"));
        let long = "x".repeat(100);
        assert_eq!(wrapped("a ", 2, &format!("b {long} c")).len(), 3);
    }
}
