//! Builds a value from the events of a YAML text, within bounds.

mod scalar;

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Value};

use self::scalar::parse_scalar;
use crate::diagnostic::LocatedDiagnostic;
use crate::limits::{MAX_ALIAS_BYTES, MAX_ALIAS_NODES, MAX_DEPTH, MAX_NODES, MAX_REPEATED_KEYS};
use crate::parsed_text::ParsedText;
use crate::pointer;
use crate::source_map::{Position, SourceMap};

/// A value with its positions, and the cost of a copy.
#[derive(Clone)]
struct Node {
    value: Value,
    positions: SourceMap,
    nodes: usize,
    bytes: usize,
}

/// The key whose value is merged into its map.
const MERGE_KEY: &str = "<<";

/// The key of a member whose value has not come yet.
enum MemberKey {
    Name(String),
    Merge,
}

/// A list or map whose end has not come yet.
struct OpenCollection {
    anchor: usize,
    node: Node,
    /// The key whose value comes next; only in a map.
    key: Option<(MemberKey, Position)>,
    /// The key was used before: its value is parsed and dropped.
    is_repeated: bool,
    /// The values of `<<`, in their order.
    merges: Vec<Node>,
}

/// The value so far.
#[derive(Default)]
struct ValueBuilder {
    stack: Vec<OpenCollection>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    copied_nodes: usize,
    copied_bytes: usize,
    diagnostics: Vec<LocatedDiagnostic>,
}

/// Parses one YAML document.
pub(crate) fn parse_yaml(text: &str) -> Result<ParsedText, LocatedDiagnostic> {
    let mut builder = ValueBuilder::default();
    let mut documents = 0;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax_error(&error))?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
        }
        if documents > 1 {
            let message = "a second document begins here; write one workflow per text".to_owned();
            let start = position_of(span.start);
            return Err(LocatedDiagnostic::at(start, "MULTIPLE_DOCUMENTS", message));
        }
        builder.add_event(event, span)?;
    }
    let Some(root) = builder.root else {
        let start = Position { line: 1, column: 1 };
        let message = "the text holds no document".to_owned();
        return Err(LocatedDiagnostic::at(start, "EMPTY_DOCUMENT", message));
    };
    Ok(ParsedText {
        value: root.value,
        source_map: Some(root.positions),
        diagnostics: builder.diagnostics,
    })
}

impl ValueBuilder {
    fn add_event(&mut self, event: Event<'_>, span: Span) -> Result<(), LocatedDiagnostic> {
        let start = position_of(span.start);
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(LocatedDiagnostic::at(
                start,
                "TOO_LARGE",
                "the document has too many values".to_owned(),
            ));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = parse_scalar(&text, style, tag.as_deref())
                    .map_err(|(code, message)| LocatedDiagnostic::at(start, code, message))?;
                let is_merge = text == MERGE_KEY && style == ScalarStyle::Plain && tag.is_none();
                if self.expects_key() && is_merge {
                    self.begin_merge(start);
                    return Ok(());
                }
                if self.expects_key() {
                    return self.begin_member(text.into_owned(), start);
                }
                let bytes = text.len();
                self.add_node(anchor, Node::leaf(value, start, bytes))
            }
            Event::SequenceStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), start)?;
                self.open_collection(anchor, Value::Array(Vec::new()), start)
            }
            Event::MappingStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), start)?;
                self.open_collection(anchor, Value::Object(Map::new()), start)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(open) => self.add_node(open.anchor, merge_members(open.node, open.merges)?),
                None => Ok(()),
            },
            Event::Alias(anchor) => self.add_alias(anchor, start),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        self.stack
            .last()
            .is_some_and(|open| open.node.value.is_object() && open.key.is_none())
    }

    fn begin_merge(&mut self, start: Position) {
        if let Some(open) = self.stack.last_mut() {
            open.key = Some((MemberKey::Merge, start));
        }
    }

    fn begin_member(&mut self, key: String, start: Position) -> Result<(), LocatedDiagnostic> {
        let pointer = self.pointer_to(&key);
        let Some(open) = self.stack.last_mut() else {
            return Ok(());
        };
        open.is_repeated = open.node.value.get(&key).is_some();
        if open.is_repeated {
            self.diagnostics.push(LocatedDiagnostic {
                pointer,
                ..LocatedDiagnostic::at(
                    start,
                    "DUPLICATE_KEY",
                    format!("the key `{key}` is here for the second time"),
                )
            });
            if self.diagnostics.len() > MAX_REPEATED_KEYS {
                return Err(LocatedDiagnostic::at(
                    start,
                    "TOO_MANY_ERRORS",
                    "there are too many repeated keys".to_owned(),
                ));
            }
        }
        open.key = Some((MemberKey::Name(key), start));
        Ok(())
    }

    fn open_collection(
        &mut self,
        anchor: usize,
        value: Value,
        start: Position,
    ) -> Result<(), LocatedDiagnostic> {
        if self.expects_key() {
            return Err(LocatedDiagnostic::at(
                start,
                "BAD_KEY",
                "a key is a plain text, not a list or a map".to_owned(),
            ));
        }
        if self.stack.len() == MAX_DEPTH {
            let message = format!("lists and maps are nested deeper than {MAX_DEPTH}");
            return Err(LocatedDiagnostic::at(start, "TOO_DEEP", message));
        }
        self.stack.push(OpenCollection {
            anchor,
            node: Node::leaf(value, start, 0),
            key: None,
            is_repeated: false,
            merges: Vec::new(),
        });
        Ok(())
    }

    /// Adds a complete node to the innermost open collection, or makes it the root.
    fn add_node(&mut self, anchor: usize, mut node: Node) -> Result<(), LocatedDiagnostic> {
        if anchor > 0 {
            self.charge_copy(&node, node.positions.value)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.node.nodes += node.nodes;
        open.node.bytes += node.bytes;
        match (&mut open.node.value, open.key.take()) {
            (Value::Object(_), Some((MemberKey::Merge, _))) => open.merges.push(node),
            (Value::Object(map), Some((MemberKey::Name(key), start))) if !open.is_repeated => {
                open.node.bytes += key.len();
                node.positions.key = Some(start);
                map.insert(key, node.value);
                open.node.positions.children.push(node.positions);
            }
            (Value::Array(list), _) => {
                list.push(node.value);
                open.node.positions.children.push(node.positions);
            }
            _ => {}
        }
        Ok(())
    }

    fn add_alias(&mut self, anchor: usize, start: Position) -> Result<(), LocatedDiagnostic> {
        let Some(source) = self.anchors.get(&anchor) else {
            let message = "this alias names something that is not complete yet".to_owned();
            return Err(LocatedDiagnostic::at(start, "BAD_ALIAS", message));
        };
        self.copied_nodes += source.nodes;
        self.copied_bytes += source.bytes;
        if self.copied_nodes > MAX_ALIAS_NODES || self.copied_bytes > MAX_ALIAS_BYTES {
            return Err(LocatedDiagnostic::at(
                start,
                "TOO_LARGE",
                "aliases make the document too large".to_owned(),
            ));
        }
        if self.stack.len() + depth_of(&source.value) > MAX_DEPTH {
            let message = format!("lists and maps are nested deeper than {MAX_DEPTH}");
            return Err(LocatedDiagnostic::at(start, "TOO_DEEP", message));
        }
        let mut node = source.clone();
        node.positions.value = start;
        if self.expects_key() {
            return match node.value {
                Value::String(key) => self.begin_member(key, start),
                _ => Err(LocatedDiagnostic::at(
                    start,
                    "BAD_KEY",
                    "a key is a plain text".to_owned(),
                )),
            };
        }
        self.add_node(0, node)
    }

    /// Counts a copy, for an anchor or by an alias, against the budget.
    fn charge_copy(&mut self, copy: &Node, start: Position) -> Result<(), LocatedDiagnostic> {
        self.copied_nodes += copy.nodes;
        self.copied_bytes += copy.bytes;
        if self.copied_nodes > MAX_ALIAS_NODES || self.copied_bytes > MAX_ALIAS_BYTES {
            let message = "aliases and what they name make the document too large".to_owned();
            return Err(LocatedDiagnostic::at(start, "TOO_LARGE", message));
        }
        Ok(())
    }

    /// Returns the pointer to a key of the innermost open map.
    fn pointer_to(&self, key: &str) -> String {
        let mut pointer = String::new();
        for open in &self.stack {
            let step = match (&open.node.value, &open.key) {
                (Value::Array(list), _) => list.len().to_string(),
                (_, Some((MemberKey::Name(key), _))) => key.clone(),
                (_, Some((MemberKey::Merge, _))) => MERGE_KEY.to_owned(),
                (_, None) => key.to_owned(),
            };
            pointer::push_step(&mut pointer, &step);
        }
        pointer
    }
}

impl Node {
    fn leaf(value: Value, start: Position, bytes: usize) -> Self {
        Self {
            value,
            positions: SourceMap::leaf(start),
            nodes: 1,
            bytes,
        }
    }
}

/// Adds the members of merged maps to a map. Its own members come first, then those of earlier maps; what merges brought
/// along counted against the budget of aliases before, or stands in the text.
fn merge_members(mut into: Node, merges: Vec<Node>) -> Result<Node, LocatedDiagnostic> {
    for merge in merges {
        let start = merge.positions.value;
        let maps = match merge.value {
            Value::Array(list) => list.into_iter().zip(merge.positions.children).collect(),
            map => vec![(map, merge.positions)],
        };
        for (map, positions) in maps {
            let Value::Object(members) = map else {
                let message = format!("`{MERGE_KEY}` takes a map or a list of maps");
                return Err(LocatedDiagnostic::at(start, "BAD_MERGE", message));
            };
            add_members(&mut into, members, positions);
        }
    }
    Ok(into)
}

fn add_members(into: &mut Node, members: Map<String, Value>, positions: SourceMap) {
    let Value::Object(own) = &mut into.value else {
        return;
    };
    for ((key, value), position) in members.into_iter().zip(positions.children) {
        if !own.contains_key(&key) {
            own.insert(key, value);
            into.positions.children.push(position);
        }
    }
}

/// Recursion is bounded by `MAX_DEPTH`: only nodes that passed its check are measured.
fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth_of).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn position_of(marker: Marker) -> Position {
    let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: to_u32(marker.line()),
        column: to_u32(marker.col()).saturating_add(1),
    }
}

fn syntax_error(error: &ScanError) -> LocatedDiagnostic {
    let start = position_of(*error.marker());
    LocatedDiagnostic::at(start, "BROKEN_YAML", error.info().to_owned())
}

fn check_collection_tag(tag: Option<&Tag>, start: Position) -> Result<(), LocatedDiagnostic> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq")) => {
            Err(LocatedDiagnostic::at(
                start,
                "UNKNOWN_TAG",
                format!("the tag `{tag}` means nothing here"),
            ))
        }
        _ => Ok(()),
    }
}
