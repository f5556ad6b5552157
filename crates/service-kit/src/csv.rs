//! What every table that people open in a spreadsheet has to keep to, wherever it is made.

/// Where a spreadsheet may begin another cell, whatever the file's own separator is: with
/// many languages it expects semicolons, and the text of a cell is pasted by tabs and lines.
const SEPARATORS: [char; 4] = [';', '\t', '\n', '\r'];

/// A table in UTF-8 that begins with these bytes is one for Excel, which takes any other
/// for one in the encoding of its machine: a byte-order mark (Unicode 17, section 23.8).
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A cell that a spreadsheet takes for text, in whatever way it takes the line apart: an
/// apostrophe comes before what would be a formula. Formulas begin with one of four
/// characters, also in their wide forms; space, controls and quotes before one are skipped.
/// What begins with a control gets one as well.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    if text.starts_with(char::is_control) {
        cell.push('\'');
    }
    for piece in text.split_inclusive(SEPARATORS) {
        if could_be_formula(piece) {
            cell.push('\'');
        }
        cell.push_str(piece);
    }
    cell
}

fn could_be_formula(text: &str) -> bool {
    let is_skipped =
        |c: &char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\u{feff}');
    let first = text.chars().find(|c| !is_skipped(c));
    first.is_some_and(|first| "=+-@＝＋－＠".contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_formula_is_none_in_whatever_way_a_line_is_taken_apart() {
        for (text, cell) in [
            ("=1", "'=1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            (" =1", "' =1"),
            ("\t=1", "'\t'=1"),
            ("\r\n@x", "'\r\n'@x"),
            ("＝1", "'＝1"),
            ("\tx", "'\tx"),
            ("a;=1", "a;'=1"),
            ("a; \"=1\";b", "a;' \"=1\";b"),
            ("a\t-1\n+2", "a\t'-1\n'+2"),
            (";;=1", ";;'=1"),
            ("\u{feff}=1", "'\u{feff}=1"),
        ] {
            assert_eq!(inert(text), cell, "{text:?}");
        }
        for text in ["", "a=1", "ticket -1", "'=1", "¿qué?", "a;b", "1,=2", "a; b=1"] {
            assert_eq!(inert(text), text);
        }
    }

    #[test]
    fn what_was_made_inert_stays_as_it_is() {
        for text in ["=1;=2\t=3", "\t\t=1", "\u{0}=1;", "x"] {
            let pieces = inert(text);
            let formulas = pieces.split(SEPARATORS).filter(|piece| could_be_formula(piece));
            assert_eq!(formulas.count(), 0, "{pieces:?}");
        }
    }
}
