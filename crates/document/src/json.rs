//! Parses JSON text within bounds, and finds repeated keys.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::diagnostic::LocatedDiagnostic;
use crate::limits::{MAX_DEPTH, MAX_REPEATED_KEYS};
use crate::number::{NUMBER_KEY, NumberTexts, parse_number};
use crate::parsed_text::ParsedText;
use crate::pointer;

/// Parses one JSON text.
pub(crate) fn parse_json(text: &str) -> Result<ParsedText, LocatedDiagnostic> {
    let mut cursor = JsonCursor::new(text);
    let mut source = serde_json::Deserializer::from_str(text);
    let read = ValueSeed(&mut cursor).deserialize(&mut source);
    let value = read
        .and_then(|value| source.end().map(|()| value))
        .map_err(|error| {
            let code = if cursor.too_deep {
                "TOO_DEEP"
            } else {
                "BROKEN_JSON"
            };
            LocatedDiagnostic {
                line: u32::try_from(error.line()).ok(),
                column: column_in_characters(text, &error),
                ..LocatedDiagnostic::of_text(code, message_without_position(&error))
            }
        })?;
    let diagnostics = cursor
        .repeated
        .into_iter()
        .map(|pointer| {
            let message = "this key is there more than once".to_owned();
            LocatedDiagnostic {
                pointer,
                ..LocatedDiagnostic::of_text("DUPLICATE_KEY", message)
            }
        })
        .collect();
    Ok(ParsedText {
        value,
        source_map: None,
        diagnostics,
    })
}

/// The text of an error without its end " at line 4 column 2", which the diagnostic has as numbers.
fn message_without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// The column of an error, which serde_json counts in bytes.
fn column_in_characters(text: &str, error: &serde_json::Error) -> Option<u32> {
    let line = text.split('\n').nth(error.line().checked_sub(1)?)?;
    let before = line.char_indices().take_while(|(at, _)| *at < error.column());
    u32::try_from(before.count().max(1)).ok()
}

/// The path to the value that is being parsed, and the pointers of repeated keys.
struct JsonCursor<'t> {
    numbers: NumberTexts<'t>,
    path: Vec<String>,
    repeated: Vec<String>,
    too_deep: bool,
}

impl<'t> JsonCursor<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            numbers: NumberTexts::new(text),
            path: Vec::new(),
            repeated: Vec::new(),
            too_deep: false,
        }
    }

    fn enter<E: Error>(&mut self) -> Result<(), E> {
        self.path.push(String::new());
        self.too_deep = self.path.len() > MAX_DEPTH;
        if self.too_deep {
            return Err(E::custom(format!(
                "lists and maps are nested deeper than {MAX_DEPTH}"
            )));
        }
        Ok(())
    }

    /// Returns a number with the text in which it is written.
    fn parse_number<E: Error>(&mut self, parsed: &str) -> Result<Value, E> {
        let number = parse_number(self.numbers.next_text(parsed));
        number.ok_or_else(|| E::custom(format!("`{parsed}` is not a number")))
    }

    fn set_step(&mut self, step: String) {
        if let Some(last) = self.path.last_mut() {
            *last = step;
        }
    }

    fn note_repeated_key(&mut self) {
        if self.repeated.len() < MAX_REPEATED_KEYS {
            let mut pointer = String::new();
            for step in &self.path {
                pointer::push_step(&mut pointer, step);
            }
            self.repeated.push(pointer);
        }
    }
}

/// Deserializes one value, and tells the cursor where it is.
struct ValueSeed<'a, 't>(&'a mut JsonCursor<'t>);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        self.0.parse_number(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        self.0.parse_number(&number.to_string())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        self.0.enter()?;
        loop {
            self.0.set_step(list.len().to_string());
            match elements.next_element_seed(ValueSeed(self.0))? {
                Some(value) => list.push(value),
                None => break,
            }
        }
        self.0.path.pop();
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut next_key = members.next_key::<String>()?;
        if next_key.as_deref() == Some(NUMBER_KEY) {
            return self.0.parse_number(&members.next_value::<String>()?);
        }
        self.0.enter()?;
        while let Some(key) = next_key {
            self.0.set_step(key.clone());
            let value = members.next_value_seed(ValueSeed(self.0))?;
            if map.contains_key(&key) {
                self.0.note_repeated_key();
            } else {
                map.insert(key, value);
            }
            next_key = members.next_key()?;
        }
        self.0.path.pop();
        Ok(Value::Object(map))
    }
}
