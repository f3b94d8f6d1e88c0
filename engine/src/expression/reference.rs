//! The source of an expression as the language reads it, with what it names.

use std::collections::BTreeSet;

use super::ExpressionError;
use crate::spec::names;

/// The deepest nesting of brackets, and of operators with one operand. Each level takes stack while it is read.
const MAX_NESTING: usize = 64;

/// An expression in which every `${name}` is replaced by `params['name']`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rewritten {
    source: String,
    /// Where a replacement ends in the source, with the end of what it replaces.
    replaced: Vec<(usize, usize)>,
    params: BTreeSet<String>,
    tasks: BTreeSet<String>,
    /// The place at which brackets or operators with one operand are nested too deeply.
    too_deep: Option<usize>,
}

/// One word of an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Word<'a> {
    /// Letters, digits and `_`.
    Name(&'a str),
    /// What stands between quotes, as it is written.
    Quoted(&'a str),
    /// `${name}`.
    Param(&'a str),
    /// Any other character.
    Sign(char),
}

impl Rewritten {
    /// Reads an expression; what is no expression stays as it is.
    pub(super) fn new(text: &str) -> Self {
        let mut rewritten = Self::default();
        let mut words: Vec<Word<'_>> = Vec::new();
        let mut depth = Depth::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let place = text.len() - rest.len();
            let (word, length) = next_word(rest, first);
            let param = match word {
                Word::Param(name) => Some(name),
                Word::Quoted(inner) => whole_param(inner),
                Word::Name(_) | Word::Sign(_) => None,
            };
            match param {
                Some(name) => rewritten.replace(name, place + length),
                None => rewritten.source.push_str(&rest[..length]),
            }
            if depth.follow(word) > MAX_NESTING {
                rewritten.too_deep.get_or_insert(place);
            }
            if !matches!(word, Word::Sign(sign) if sign.is_whitespace()) {
                words.push(word);
                rewritten.tasks.extend(named_task(&words));
            }
            rest = &rest[length..];
        }
        rewritten
    }

    fn replace(&mut self, name: &str, original_end: usize) {
        self.source.push_str(&format!("params['{name}']"));
        self.replaced.push((self.source.len(), original_end));
        self.params.insert(name.to_owned());
    }

    /// Returns what the language reads.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Returns the names of parameters in `${name}`.
    pub(super) fn params(&self) -> &BTreeSet<String> {
        &self.params
    }

    /// Returns the names in `tasks.NAME` and `tasks['NAME']`.
    pub(super) fn tasks(&self) -> &BTreeSet<String> {
        &self.tasks
    }

    /// Refuses an expression that takes too much stack to read.
    pub(super) fn check_nesting(&self) -> Result<(), ExpressionError> {
        match self.too_deep {
            None => Ok(()),
            Some(place) => Err(ExpressionError {
                position: place + 1,
                message: format!("syntax error: it is nested more than {MAX_NESTING} levels deep"),
            }),
        }
    }

    /// Returns the place in the expression as it is written, in bytes, for one in the source.
    pub(super) fn original_place(&self, place: usize) -> usize {
        let before = self.replaced.iter().take_while(|(end, _)| *end <= place);
        match before.last() {
            Some((end, original_end)) => original_end + (place - end),
            None => place,
        }
    }
}

/// How deeply brackets and operators with one operand are nested.
#[derive(Default)]
struct Depth {
    brackets: usize,
    /// Operators in a row, each of which may have one operand.
    operators: usize,
}

impl Depth {
    fn follow(&mut self, word: Word<'_>) -> usize {
        match word {
            Word::Sign('(' | '[' | '{') => self.brackets += 1,
            Word::Sign(')' | ']' | '}') => self.brackets = self.brackets.saturating_sub(1),
            Word::Sign('-' | '+') | Word::Name("not") => self.operators += 1,
            Word::Sign(sign) if sign.is_whitespace() => {}
            Word::Name(_) | Word::Quoted(_) | Word::Param(_) | Word::Sign(_) => self.operators = 0,
        }
        self.brackets + self.operators
    }
}

/// Returns the first word with its length in bytes.
fn next_word(rest: &str, first: char) -> (Word<'_>, usize) {
    let is_name = |c: char| c == '_' || c.is_alphanumeric();
    if is_name(first) {
        let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        return (Word::Name(&rest[..length]), length);
    }
    if let Some(end) = quoted_end(rest, first) {
        return (Word::Quoted(&rest[1..end]), end + 1);
    }
    if let Some(name) = leading_param(rest) {
        return (Word::Param(name), name.len() + "${}".len());
    }
    (Word::Sign(first), first.len_utf8())
}

/// Returns the place of the closing quote of a text that begins with one.
fn quoted_end(rest: &str, quote: char) -> Option<usize> {
    if quote != '\'' && quote != '"' {
        return None;
    }
    let mut is_escaped = false;
    let mut inside = rest.char_indices().skip(1);
    let end = inside.find(|(_, c)| {
        let ends = !is_escaped && *c == quote;
        is_escaped = !is_escaped && *c == '\\';
        ends
    });
    end.map(|(place, _)| place)
}

/// Returns the name of a text that begins with `${name}`.
fn leading_param(rest: &str) -> Option<&str> {
    let (name, _) = rest.strip_prefix("${")?.split_once('}')?;
    names::check_param(name).is_ok().then_some(name)
}

/// Returns the name of a text that is `${name}` and nothing more.
fn whole_param(text: &str) -> Option<&str> {
    let name = leading_param(text)?;
    (text.len() == name.len() + "${}".len()).then_some(name)
}

/// Returns the task that the last words name.
fn named_task(words: &[Word<'_>]) -> Option<String> {
    let (before, name) = match words {
        [
            before @ ..,
            Word::Name("tasks"),
            Word::Sign('.'),
            Word::Name(name),
        ]
        | [
            before @ ..,
            Word::Name("tasks"),
            Word::Sign('['),
            Word::Quoted(name),
            Word::Sign(']'),
        ] => (before, *name),
        _ => return None,
    };
    // A member or a filter of that name is something else.
    let is_root = !matches!(before.last(), Some(Word::Sign('.' | '|')));
    is_root.then(|| name.to_owned())
}
