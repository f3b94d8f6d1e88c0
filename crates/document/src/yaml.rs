//! Builds a value from the events of a YAML text, within bounds.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Value};

use super::place::{Mark, Place};
use super::{LocatedIssue, MAX_DEPTH, Parsed, whole};

/// What aliases may add to a document: values, and bytes of text.
const ALIAS_NODES: usize = 50_000;
const ALIAS_BYTES: usize = 1024 * 1024;

/// The most values of a document; 20,000 tasks with a hundred needs each fit.
const MAX_NODES: usize = 2_500_000;

/// A value with its place, and what copying it would cost.
#[derive(Clone)]
struct Node {
    value: Value,
    place: Place,
    nodes: usize,
    bytes: usize,
}

/// A list or map that is not closed yet.
struct Open {
    anchor: usize,
    node: Node,
    /// The key whose value comes next; only in a map.
    key: Option<(String, Mark)>,
    /// The key was used before: its value is read and dropped.
    repeated: bool,
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    copied_nodes: usize,
    copied_bytes: usize,
    issues: Vec<LocatedIssue>,
}

/// Reads one YAML document.
pub(super) fn parse(text: &str) -> Result<Parsed, LocatedIssue> {
    let mut builder = Builder::default();
    let mut documents = 0;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| broken(&error))?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
        }
        if documents > 1 {
            let message = "a second document begins here; write one workflow per text".to_owned();
            return Err(at(mark(span.start), "MULTIPLE_DOCUMENTS", message));
        }
        builder.take(event, span)?;
    }
    let Some(root) = builder.root else {
        return Err(whole(
            "EMPTY_DOCUMENT",
            "the text holds no document (line 1)".to_owned(),
        ));
    };
    Ok(Parsed {
        value: root.value,
        places: Some(root.place),
        issues: builder.issues,
    })
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), LocatedIssue> {
        let start = mark(span.start);
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(at(
                start,
                "TOO_LARGE",
                "the document has too many values".to_owned(),
            ));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value =
                    scalar(&text, style, tag.as_deref()).map_err(|(code, why)| at(start, code, why))?;
                if self.wants_key() {
                    return self.take_key(text.into_owned(), start);
                }
                let bytes = text.len();
                self.close(anchor, leaf(value, start, bytes))
            }
            Event::SequenceStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), start)?;
                self.open(anchor, Value::Array(Vec::new()), start)
            }
            Event::MappingStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), start)?;
                self.open(anchor, Value::Object(Map::new()), start)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(open) => self.close(open.anchor, open.node),
                None => Ok(()),
            },
            Event::Alias(anchor) => self.copy(anchor, start),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn wants_key(&self) -> bool {
        self.stack
            .last()
            .is_some_and(|open| open.node.value.is_object() && open.key.is_none())
    }

    fn take_key(&mut self, key: String, start: Mark) -> Result<(), LocatedIssue> {
        let pointer = self.pointer(&key);
        let Some(open) = self.stack.last_mut() else {
            return Ok(());
        };
        open.repeated = open.node.value.get(&key).is_some();
        if open.repeated {
            self.issues.push(LocatedIssue {
                pointer,
                ..at(
                    start,
                    "DUPLICATE_KEY",
                    format!("the key `{key}` stands here for the second time"),
                )
            });
            if self.issues.len() > 500 {
                return Err(at(
                    start,
                    "TOO_MANY_ERRORS",
                    "there are too many repeated keys".to_owned(),
                ));
            }
        }
        open.key = Some((key, start));
        Ok(())
    }

    fn open(&mut self, anchor: usize, value: Value, start: Mark) -> Result<(), LocatedIssue> {
        if self.wants_key() {
            return Err(at(
                start,
                "BAD_KEY",
                "a key is a plain text, not a list or a map".to_owned(),
            ));
        }
        if self.stack.len() == MAX_DEPTH {
            let message = format!("lists and maps are nested deeper than {MAX_DEPTH}");
            return Err(at(start, "TOO_DEEP", message));
        }
        self.stack.push(Open {
            anchor,
            node: leaf(value, start, 0),
            key: None,
            repeated: false,
        });
        Ok(())
    }

    /// Puts a finished node into what is open, or makes it the root.
    fn close(&mut self, anchor: usize, mut node: Node) -> Result<(), LocatedIssue> {
        if anchor > 0 {
            self.charge(&node, node.place.value)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.node.nodes += node.nodes;
        open.node.bytes += node.bytes;
        match (&mut open.node.value, open.key.take()) {
            (Value::Object(map), Some((key, start))) if !open.repeated => {
                open.node.bytes += key.len();
                node.place.key = Some(start);
                map.insert(key, node.value);
                open.node.place.inside.push(node.place);
            }
            (Value::Array(list), _) => {
                list.push(node.value);
                open.node.place.inside.push(node.place);
            }
            _ => {}
        }
        Ok(())
    }

    fn copy(&mut self, anchor: usize, start: Mark) -> Result<(), LocatedIssue> {
        let Some(source) = self.anchors.get(&anchor) else {
            let message = "this alias names something that is not complete yet".to_owned();
            return Err(at(start, "BAD_ALIAS", message));
        };
        self.copied_nodes += source.nodes;
        self.copied_bytes += source.bytes;
        if self.copied_nodes > ALIAS_NODES || self.copied_bytes > ALIAS_BYTES {
            return Err(at(
                start,
                "TOO_LARGE",
                "aliases make the document too large".to_owned(),
            ));
        }
        if self.stack.len() + depth(&source.value) > MAX_DEPTH {
            let message = format!("lists and maps are nested deeper than {MAX_DEPTH}");
            return Err(at(start, "TOO_DEEP", message));
        }
        let mut node = source.clone();
        node.place.value = start;
        if self.wants_key() {
            return match node.value {
                Value::String(key) => self.take_key(key, start),
                _ => Err(at(start, "BAD_KEY", "a key is a plain text".to_owned())),
            };
        }
        self.close(0, node)
    }

    /// Counts a copy, for an anchor or by an alias, against the budget.
    fn charge(&mut self, copy: &Node, start: Mark) -> Result<(), LocatedIssue> {
        self.copied_nodes += copy.nodes;
        self.copied_bytes += copy.bytes;
        if self.copied_nodes > ALIAS_NODES || self.copied_bytes > ALIAS_BYTES {
            let message = "aliases and what they name make the document too large".to_owned();
            return Err(at(start, "TOO_LARGE", message));
        }
        Ok(())
    }

    /// The pointer to a key of the innermost open map.
    fn pointer(&self, key: &str) -> String {
        let mut pointer = String::new();
        for open in &self.stack {
            let step = match (&open.node.value, &open.key) {
                (Value::Array(list), _) => list.len().to_string(),
                (_, Some((key, _))) => key.clone(),
                (_, None) => key.to_owned(),
            };
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }
}

fn leaf(value: Value, start: Mark, bytes: usize) -> Node {
    Node {
        value,
        place: Place {
            key: None,
            value: start,
            inside: Vec::new(),
        },
        nodes: 1,
        bytes,
    }
}

/// Bounded by `MAX_DEPTH`, since only complete nodes are measured.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn mark(marker: Marker) -> Mark {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Mark {
        line: small(marker.line()),
        column: small(marker.col()).saturating_add(1),
    }
}

fn at(mark: Mark, code: &'static str, message: String) -> LocatedIssue {
    LocatedIssue {
        line: Some(mark.line),
        column: Some(mark.column),
        ..whole(code, message)
    }
}

fn broken(error: &ScanError) -> LocatedIssue {
    let mark = mark(*error.marker());
    let message = format!("line {} column {}: {}", mark.line, mark.column, error.info());
    at(mark, "BROKEN_YAML", message)
}

type Wrong = (&'static str, String);

/// The YAML 1.2 core schema: only plain scalars are anything but text, and `no` is a text.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Wrong> {
    let Some(tag) = tag else {
        return match style {
            ScalarStyle::Plain => plain(text),
            ScalarStyle::SingleQuoted
            | ScalarStyle::DoubleQuoted
            | ScalarStyle::Literal
            | ScalarStyle::Folded => Ok(Value::from(text)),
        };
    };
    match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Ok(Value::from(text)),
        (true, "int" | "float" | "bool" | "null") => plain(text),
        (false, "") if tag.handle.is_empty() || tag.handle == "!" => Ok(Value::from(text)),
        _ => Err(("UNKNOWN_TAG", format!("the tag `{tag}` means nothing here"))),
    }
}

fn check_collection_tag(tag: Option<&Tag>, start: Mark) -> Result<(), LocatedIssue> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq")) => Err(at(
            start,
            "UNKNOWN_TAG",
            format!("the tag `{tag}` means nothing here"),
        )),
        _ => Ok(()),
    }
}

fn plain(text: &str) -> Result<Value, Wrong> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err((
            "BAD_VALUE",
            format!("`{text}` is not a number that JSON can carry; quote it"),
        ));
    }
    Ok(integer(text, unsigned)
        .or_else(|| float(text, unsigned))
        .unwrap_or_else(|| Value::from(text)))
}

fn integer(text: &str, unsigned: &str) -> Option<Value> {
    let radix = |digits: &str, radix: u32| {
        let legal = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        legal.then(|| u64::from_str_radix(digits, radix).ok().map(Value::from))?
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = text.strip_prefix('+').unwrap_or(text);
    let small = number.parse::<i64>().map(Value::from);
    small.or_else(|_| number.parse::<u64>().map(Value::from)).ok()
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, but not a whole number: one that is
/// too large for 64 bits stays a text, so that no digit is lost.
fn float(text: &str, unsigned: &str) -> Option<Value> {
    let is_float = unsigned.contains(['.', 'e', 'E']);
    let legal = unsigned
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !is_float || !legal || !starts {
        return None;
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    serde_json::Number::from_f64(number).map(Value::Number)
}
