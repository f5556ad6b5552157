//! The README's commands, read from the README itself.

/// A command, and what the README says that it prints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Line of the file, from 1.
    pub line: usize,
    /// The command, as printed; continued lines joined by newlines.
    pub command: String,
    /// What it prints; `…` stands for anything.
    pub expected: Option<String>,
}

/// What a laboratory runs in: some of the README's blocks are for one of the
/// two alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Processes of `cargo lab`.
    Machine,
    /// Containers of `docker compose`.
    Containers,
}

impl Place {
    /// Whether a block's commands are for this place; none for a block that
    /// holds no commands. With containers nothing of `cargo lab` is needed, and
    /// a plain block that uses it is about the other place.
    fn runs(self, kind: &str, body: &str) -> Option<bool> {
        match kind {
            "sh docker" => Some(self == Self::Containers),
            "sh" => Some(self == Self::Machine || !body.contains("cargo lab")),
            _ => None,
        }
    }
}

/// Steps of every `sh` block that is for `place`. A `text` or `json` block right
/// behind one says what the block's last command prints. Blocks of other kinds
/// (`console`) are not run.
#[must_use]
pub fn steps(markdown: &str, place: Place) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut expecting = false;
    for (line, kind, body) in blocks(markdown) {
        if let Some(runs) = place.runs(kind, &body) {
            if runs {
                steps.extend(commands(line, &body));
            }
            expecting = runs;
            continue;
        }
        match kind {
            "text" | "json" if expecting => {
                if let Some(step) = steps.last_mut() {
                    step.expected = Some(body);
                }
            }
            _ => {}
        }
        expecting = false;
    }
    steps
}

fn blocks(markdown: &str) -> Vec<(usize, &str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, &str, String)> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((index + 2, kind.trim(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, _, body)), None) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn commands(first_line: usize, body: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut continued = false;
    for (index, line) in body.lines().enumerate() {
        match steps.last_mut() {
            Some(step) if continued => step.command = format!("{}\n{line}", step.command),
            _ if line.trim().is_empty() || line.starts_with('#') => continue,
            _ => steps.push(Step {
                line: first_line + index,
                command: line.to_owned(),
                expected: None,
            }),
        }
        continued = line.ends_with('\\');
    }
    steps
}

impl Step {
    /// Whether `printed` is what the README says.
    #[must_use]
    pub fn is_as_expected(&self, printed: &str) -> bool {
        self.expected.as_deref().is_none_or(|expected| matches(expected.trim(), printed.trim()))
    }
}

/// Whether the pieces between the `…` of `pattern` come in `text`, in order.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<_> = pieces.collect();
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        let found =
            if last { rest.ends_with(piece).then_some(rest.len()) } else { after(rest, piece) };
        let Some(end) = found else { return false };
        rest = &rest[end..];
    }
    pieces.is_empty().then_some(rest).is_none_or(str::is_empty)
}

fn after(text: &str, piece: &str) -> Option<usize> {
    text.find(piece).map(|start| start + piece.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_what_they_print_are_found() {
        let markdown = "x\n```sh\n# a comment\none\ntwo \\\n  more\n```\n\n```text\na…b\n```\n```console\nno\n```\n";
        let steps = steps(markdown, Place::Machine);
        assert_eq!(steps.len(), 2);
        assert_eq!((steps[0].line, steps[0].command.as_str()), (4, "one"));
        assert_eq!(steps[1].command, "two \\\n  more");
        assert!(steps[0].expected.is_none());
        assert!(steps[1].is_as_expected("a xyz b\n") && !steps[1].is_as_expected("a xyz c"));
    }

    #[test]
    fn each_place_runs_its_own_blocks_and_those_of_both() {
        let markdown = "```sh\nboth\n```\n```text\nsaid\n```\n\
            ```sh\ncargo lab stop analiticas\nwith it\n```\n```text\nnative\n```\n\
            ```sh docker\ndocker compose stop analiticas\n```\n```json\n{}\n```\n";
        let of = |place| {
            let steps = steps(markdown, place).into_iter();
            steps.map(|step| (step.command, step.expected)).collect::<Vec<_>>()
        };
        let step = |command: &str, expected: Option<&str>| {
            (command.to_owned(), expected.map(|expected| format!("{expected}\n")))
        };
        assert_eq!(
            of(Place::Machine),
            [
                step("both", Some("said")),
                step("cargo lab stop analiticas", None),
                step("with it", Some("native")),
            ]
        );
        assert_eq!(
            of(Place::Containers),
            [step("both", Some("said")), step("docker compose stop analiticas", Some("{}"))]
        );
    }

    #[test]
    fn dots_stand_for_anything_and_the_rest_for_itself() {
        for (pattern, text, wanted) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a…", "abc", true),
            ("…c", "abc", true),
            ("a…c…e", "abcde", true),
            ("a…c…e", "abde", false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
