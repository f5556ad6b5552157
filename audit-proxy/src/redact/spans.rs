//! Where in a JSON text what is to be hidden lies, also within JSON that is written in a
//! string of it. Pure.

use std::ops::Range;

use super::Hiding;
use crate::{
    folding::folded_name,
    json::{Json, Part, Token, begins, characters},
};

/// Strings in strings that are looked into, one in another. What is deeper is hidden as a
/// whole: each is gone through as often as there are strings around it.
const MAX_LEVEL: usize = 8;

/// A stretch of a JSON text that is a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Span {
    /// Its bytes in the text.
    pub(super) range: Range<usize>,
    /// How many strings it lies in, one in another.
    pub(super) level: usize,
}

/// What is to be hidden in `json`, from first to last.
pub(super) fn spans(json: Json<'_>, hiding: &Hiding<'_>) -> Vec<Span> {
    Search { hiding, path: Vec::new() }.within(json, 0)
}

/// Going through a text.
struct Search<'h, 'r> {
    hiding: &'h Hiding<'r>,
    /// The arrays and objects around what comes next, from without to within, and where in
    /// each that is.
    path: Vec<Step>,
}

enum Step {
    Element(usize),
    /// The name, as it is compared.
    Field(String),
}

impl Search<'_, '_> {
    /// Leaves the path as it was: what is opened in a text is closed in it.
    fn within(&mut self, json: Json<'_>, level: usize) -> Vec<Span> {
        let (mut found, mut tokens) = (Vec::new(), json.tokens());
        let floor = self.path.len();
        while let Some(token) = tokens.next() {
            match token.part {
                Part::Name => self.go_to(folded_name(&json.said(&token))),
                Part::Close => {
                    self.path.pop();
                    self.go_on(floor);
                }
                _ if self.is_hidden(level, floor) => {
                    let range = token.range.start..end(&token, &mut tokens);
                    found.push(Span { range, level: 0 });
                    self.go_on(floor);
                }
                Part::OpenObject => self.path.push(Step::Field(String::new())),
                Part::OpenArray => self.path.push(Step::Element(0)),
                Part::Text => {
                    found.extend(self.within_string(json, &token, level));
                    self.go_on(floor);
                }
                Part::Bare => self.go_on(floor),
            }
        }
        found
    }

    fn go_to(&mut self, field: String) {
        if let Some(Step::Field(name)) = self.path.last_mut() {
            *name = field;
        }
    }

    /// To the next element, where it is in an array of this text.
    fn go_on(&mut self, floor: usize) {
        if let Some(Step::Element(index)) = self.path[floor..].last_mut() {
            *index += 1;
        }
    }

    /// Whether what comes next is hidden. The whole of a text in a string is what the string
    /// was, and that was not.
    fn is_hidden(&self, level: usize, floor: usize) -> bool {
        (level == 0 || self.path.len() > floor) && self.hiding.hides(&self.path)
    }

    /// What is to be hidden in a string: values of the JSON that it is, or all of it where
    /// nobody can tell.
    fn within_string(&mut self, json: Json<'_>, token: &Token, level: usize) -> Vec<Span> {
        let inside = token.inside();
        if !begins(characters(json.literal(inside.clone())).map(|(_, character)| character)) {
            return Vec::new();
        }
        let text = json.said(token);
        let whole = || vec![Span { range: token.range.clone(), level: 0 }];
        match Json::read(&text) {
            Some(_) if level == MAX_LEVEL => whole(),
            Some(inner) => {
                let spans = self.within(inner, level + 1);
                outward(spans, json.literal(inside.clone()), inside.start)
            }
            None if self.hiding.may_concern(&text) => whole(),
            None => Vec::new(),
        }
    }
}

impl Hiding<'_> {
    fn hides(&self, path: &[Step]) -> bool {
        self.0.iter().any(|places| {
            matches!(path.last(), Some(Step::Field(name)) if places.names.contains(name))
                || places.pointers.iter().any(|pointer| leads_to(pointer, path))
        })
    }

    /// Whether a text that is nearly JSON could have a field in it that is hidden: one of
    /// their names is in it, or an escape, which may be a letter of one.
    fn may_concern(&self, text: &str) -> bool {
        let folded = folded_name(text);
        let mut names = self.0.iter().flat_map(|places| places.field_names());
        text.contains("\\u") || names.any(|name| folded.contains(name.as_str()))
    }
}

fn leads_to(pointer: &[String], path: &[Step]) -> bool {
    pointer.len() == path.len()
        && pointer.iter().zip(path).rev().all(|(segment, step)| match step {
            Step::Field(name) => segment == name,
            Step::Element(index) => *segment == index.to_string(),
        })
}

/// Where the value ends that begins with `token`.
fn end(token: &Token, tokens: &mut impl Iterator<Item = Token>) -> usize {
    let (mut open, mut end) = (0_usize, token.range.end);
    let mut part = token.part;
    loop {
        match part {
            Part::OpenObject | Part::OpenArray => open += 1,
            Part::Close => open -= 1,
            Part::Name | Part::Text | Part::Bare => {}
        }
        if open == 0 {
            return end;
        }
        let Some(next) = tokens.next() else { return end };
        (part, end) = (next.part, next.range.end);
    }
}

/// Spans of the text that a string says, as spans of the text that the string is in; its
/// inside begins there at byte `offset`.
fn outward(mut spans: Vec<Span>, inside: &str, offset: usize) -> Vec<Span> {
    let bounds = spans.iter_mut().flat_map(|Span { range, level }| {
        *level += 1;
        [&mut range.start, &mut range.end]
    });
    let (mut bounds, mut said) = (bounds.peekable(), 0);
    for (written, character) in characters(inside) {
        while let Some(bound) = bounds.next_if(|bound| **bound == said) {
            *bound = offset + written;
        }
        said += character.len_utf8();
    }
    bounds.for_each(|bound| *bound = offset + inside.len());
    spans
}
