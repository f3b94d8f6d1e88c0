//! Collects what is wrong with a JSON value while it is parsed.

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, DiagnosticTarget};
use super::values::{ParamType, check_value, value_text};
use super::{duration, names};
use crate::timezone::{Tz, parse_timezone};

/// More errors than this are counted, not listed.
const MAX_DIAGNOSTICS: usize = 500;

/// How many pairs of letters are compared for hints in one reading; afterwards errors come without a hint.
const MAX_COMPARED: usize = 20_000_000;

/// Where in the value the validator is; turned into a pointer only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    segment: PathSegment<'a>,
}

#[derive(Clone, Copy)]
enum PathSegment<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The whole value.
    pub(crate) const ROOT: Path<'static> = Path {
        parent: None,
        segment: PathSegment::Root,
    };

    /// The member `key`.
    pub(crate) fn key(&'a self, key: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            segment: PathSegment::Key(key),
        }
    }

    /// The element `index`.
    pub(crate) fn index(&'a self, index: usize) -> Path<'a> {
        Path {
            parent: Some(self),
            segment: PathSegment::Index(index),
        }
    }

    /// Returns the JSON pointer.
    pub(crate) fn to_pointer(self) -> String {
        let mut text = self.parent.map(|parent| parent.to_pointer()).unwrap_or_default();
        match self.segment {
            PathSegment::Root => {}
            PathSegment::Key(key) => {
                text.push('/');
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            PathSegment::Index(index) => text.push_str(&format!("/{index}")),
        }
        text
    }
}

/// Reads parts of a value, and reports a diagnostic for each that is wrong.
#[derive(Default)]
pub(crate) struct Validator {
    diagnostics: Vec<Diagnostic>,
    dropped: usize,
    compared: usize,
}

impl Validator {
    /// Reports that the value is wrong.
    pub(crate) fn invalid(&mut self, at: &Path<'_>, code: &'static str, message: impl Into<String>) {
        self.report(at, DiagnosticTarget::Value, code, message.into());
    }

    /// Reports that the key is wrong.
    pub(crate) fn invalid_key(&mut self, at: &Path<'_>, code: &'static str, message: impl Into<String>) {
        self.report(at, DiagnosticTarget::Key, code, message.into());
    }

    fn report(&mut self, at: &Path<'_>, target: DiagnosticTarget, code: &'static str, message: String) {
        if self.diagnostics.len() == MAX_DIAGNOSTICS {
            self.dropped += 1;
            return;
        }
        self.diagnostics.push(Diagnostic {
            pointer: at.to_pointer(),
            target,
            code,
            message,
        });
    }

    /// Whether nothing was wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Returns `value` when nothing was wrong, else everything that was.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        if self.dropped > 0 {
            self.diagnostics.push(Diagnostic {
                pointer: String::new(),
                target: DiagnosticTarget::Value,
                code: "TOO_MANY_ERRORS",
                message: format!("there are {} more errors", self.dropped),
            });
        }
        match value {
            Some(value) if self.diagnostics.is_empty() => Ok(value),
            _ => Err(self.diagnostics),
        }
    }

    /// Finds the name that was probably meant, as long as that is worth its time.
    pub(crate) fn nearest<'a>(
        &mut self,
        name: &str,
        candidates: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<&'a str> {
        if self.compared > MAX_COMPARED || self.diagnostics.len() == MAX_DIAGNOSTICS {
            return None;
        }
        let letters: usize = candidates.clone().map(str::len).sum();
        self.compared = self.compared.saturating_add(letters.saturating_mul(name.len()));
        if self.compared > MAX_COMPARED {
            return None;
        }
        names::nearest(name, candidates)
    }

    /// Reads an object; every key must be known.
    pub(crate) fn object<'v>(
        &mut self,
        value: &'v Value,
        at: &Path<'_>,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let map = self.map(value, at)?;
        self.check_keys(map.keys(), at, known);
        Some(map)
    }

    /// Checks that every key is known.
    pub(crate) fn check_keys<'v>(
        &mut self,
        keys: impl Iterator<Item = &'v String>,
        at: &Path<'_>,
        known: &[&str],
    ) {
        for key in keys.filter(|key| !known.contains(&key.as_str())) {
            let hint = match self.nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            self.invalid_key(
                &at.key(key),
                "UNKNOWN_KEY",
                format!("unknown key `{key}`; {hint}"),
            );
        }
    }

    /// Reads an object with keys of the user's choice.
    pub(crate) fn map<'v>(&mut self, value: &'v Value, at: &Path<'_>) -> Option<&'v Map<String, Value>> {
        let map = value.as_object();
        if map.is_none() {
            self.bad_type(value, at, "a map of keys and values");
        }
        map
    }

    /// Reads an array of at most `max` elements.
    pub(crate) fn list<'v>(&mut self, value: &'v Value, at: &Path<'_>, max: usize) -> Option<&'v Vec<Value>> {
        let Some(list) = value.as_array() else {
            match value {
                Value::String(_) | Value::Number(_) => {
                    let hint = format!("a list is needed here: write `[{}]`", shorten(value));
                    self.invalid(at, "BAD_TYPE", hint);
                }
                _ => self.bad_type(value, at, "a list"),
            }
            return None;
        };
        self.at_most(list.len(), max, at).then_some(list)
    }

    /// Reads a text.
    pub(crate) fn text<'v>(&mut self, value: &'v Value, at: &Path<'_>) -> Option<&'v str> {
        let text = value.as_str();
        if text.is_none() {
            self.bad_type(value, at, "a text");
        }
        text
    }

    /// Reads a text of at most `max` bytes.
    pub(crate) fn short_text(&mut self, value: &Value, at: &Path<'_>, max: usize) -> Option<String> {
        let text = self.text(value, at)?;
        self.fits(text, at, max).then(|| text.to_owned())
    }

    /// Reads a text, or a number or truth value as its text.
    pub(crate) fn scalar(&mut self, value: &Value, at: &Path<'_>, max: usize) -> Option<String> {
        if matches!(value, Value::Null | Value::Array(_) | Value::Object(_)) {
            self.bad_type(value, at, "a text");
            return None;
        }
        let text = value_text(value);
        self.fits(&text, at, max).then_some(text)
    }

    /// Reads `true` or `false`; YAML has two more spellings of each, which arrive as the texts that they are.
    pub(crate) fn boolean(&mut self, value: &Value, at: &Path<'_>) -> Option<bool> {
        let truth = match value.as_str() {
            Some("True" | "TRUE") => Some(true),
            Some("False" | "FALSE") => Some(false),
            _ => value.as_bool(),
        };
        if truth.is_none() {
            self.bad_type(value, at, "`true` or `false`");
        }
        truth
    }

    /// Reads a whole number within bounds.
    pub(crate) fn integer(&mut self, value: &Value, at: &Path<'_>, range: (i64, i64)) -> Option<i64> {
        if !value.is_number() || check_value(ParamType::Integer, &value_text(value)).is_err() {
            self.bad_type(value, at, "a whole number");
            return None;
        }
        let number = value.as_i64().filter(|n| (range.0..=range.1).contains(n));
        if number.is_none() {
            let message = format!("{value} is not between {} and {}", range.0, range.1);
            self.invalid(at, "OUT_OF_RANGE", message);
        }
        number
    }

    /// Reads a duration as milliseconds.
    pub(crate) fn duration(&mut self, value: &Value, at: &Path<'_>) -> Option<i64> {
        let ms = value.as_str().and_then(duration::parse);
        if ms.is_none() {
            let message = format!(
                "{} is not a duration: write for example `500ms`, `90s`, `10m`, `1h30m` or `2d`",
                shorten(value)
            );
            self.invalid(at, "BAD_DURATION", message);
        }
        ms
    }

    /// Reads a duration that is a limit: more than nothing.
    pub(crate) fn limit(&mut self, value: &Value, at: &Path<'_>) -> Option<i64> {
        let ms = self.duration(value, at)?;
        if ms == 0 {
            self.invalid(
                at,
                "OUT_OF_RANGE",
                "a time limit is longer than nothing; leave it out for no limit",
            );
        }
        Some(ms)
    }

    /// Reads one of the names of a closed set.
    pub(crate) fn choice<T>(&mut self, value: &Value, at: &Path<'_>, all: &[(&str, T)]) -> Option<T>
    where
        T: Copy,
    {
        let text = self.text(value, at)?;
        let found = all
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let known: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            let message = format!("{} is not one of {}", shorten(value), known.join(", "));
            self.invalid(at, "BAD_VALUE", message);
        }
        found
    }

    /// Reads the IANA name of a time zone.
    pub(crate) fn timezone(&mut self, value: &Value, at: &Path<'_>) -> Option<Tz> {
        let zone = parse_timezone(self.text(value, at)?);
        zone.map_err(|error| self.invalid(at, "UNKNOWN_TIMEZONE", error.to_string()))
            .ok()
    }

    /// Reads the name of a project, workflow, task or worker group.
    pub(crate) fn name(&mut self, value: &Value, at: &Path<'_>) -> Option<String> {
        let text = self.text(value, at)?;
        match names::check(text) {
            Ok(()) => Some(text.to_owned()),
            Err(message) => {
                self.invalid(at, "BAD_NAME", message);
                None
            }
        }
    }

    /// Checks the key of a parameter, an output or an environment variable.
    pub(crate) fn param_name(&mut self, name: &str, at: &Path<'_>) -> bool {
        if let Err((code, message)) = names::check_declared(name) {
            self.invalid_key(at, code, message);
            return false;
        }
        true
    }

    /// Reports that a required key is not there.
    pub(crate) fn missing(&mut self, at: &Path<'_>, key: &str, hint: &str) {
        self.invalid(&at.key(key), "MISSING", format!("`{key}` is missing: {hint}"));
    }

    /// Checks a number of things.
    pub(crate) fn at_most(&mut self, count: usize, max: usize, at: &Path<'_>) -> bool {
        if count > max {
            self.invalid(
                at,
                "TOO_MANY",
                format!("there are {count}, at most {max} are allowed"),
            );
        }
        count <= max
    }

    fn fits(&mut self, text: &str, at: &Path<'_>, max: usize) -> bool {
        if text.len() > max {
            let message = format!("it has {} bytes, at most {max} are allowed", text.len());
            self.invalid(at, "TOO_LARGE", message);
        }
        text.len() <= max
    }

    pub(crate) fn bad_type(&mut self, value: &Value, at: &Path<'_>, wanted: &str) {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) if wanted == "a text" => "a truth value (quote it to make it a text)",
            Value::Number(_) if wanted == "a text" => "a number (quote it to make it a text)",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
        };
        self.invalid(at, "BAD_TYPE", format!("{wanted} is needed here, not {found}"));
    }
}

/// Shows a value in a message, cut to a readable length.
fn shorten(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// Pairs every value of a closed set with its name, for [`Validator::choice`].
pub(crate) fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    all.iter().map(|value| (name(*value), *value)).collect()
}
