//! Builds a value from JSON text, within bounds, and finds repeated keys.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{LocatedIssue, MAX_DEPTH, Parsed, whole};

/// Repeated keys that are listed.
const MAX_REPEATED: usize = 500;

/// Reads one JSON text.
pub(super) fn parse(text: &str) -> Result<Parsed, LocatedIssue> {
    let mut reading = Reading::default();
    let mut source = serde_json::Deserializer::from_str(text);
    let read = Seed(&mut reading).deserialize(&mut source);
    let value = read
        .and_then(|value| source.end().map(|()| value))
        .map_err(|error| {
            let code = if reading.too_deep {
                "TOO_DEEP"
            } else {
                "BROKEN_JSON"
            };
            LocatedIssue {
                line: u32::try_from(error.line()).ok(),
                column: u32::try_from(error.column()).ok(),
                ..whole(code, error.to_string())
            }
        })?;
    let issues = reading
        .repeated
        .into_iter()
        .map(|pointer| LocatedIssue {
            pointer,
            ..whole("DUPLICATE_KEY", "this key stands there more than once".to_owned())
        })
        .collect();
    Ok(Parsed {
        value,
        places: None,
        issues,
    })
}

/// Where the reader is, and the pointers of repeated keys.
#[derive(Default)]
struct Reading {
    path: Vec<String>,
    repeated: Vec<String>,
    too_deep: bool,
}

impl Reading {
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

    fn step(&mut self, step: String) {
        if let Some(last) = self.path.last_mut() {
            *last = step;
        }
    }

    fn repeat(&mut self) {
        if self.repeated.len() < MAX_REPEATED {
            let steps = self
                .path
                .iter()
                .map(|step| step.replace('~', "~0").replace('/', "~1"));
            self.repeated.push(steps.map(|step| format!("/{step}")).collect());
        }
    }
}

struct Seed<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
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
            self.0.step(list.len().to_string());
            match elements.next_element_seed(Seed(self.0))? {
                Some(value) => list.push(value),
                None => break,
            }
        }
        self.0.path.pop();
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        self.0.enter()?;
        while let Some(key) = members.next_key::<String>()? {
            self.0.step(key.clone());
            let value = members.next_value_seed(Seed(self.0))?;
            if map.contains_key(&key) {
                self.0.repeat();
            } else {
                map.insert(key, value);
            }
        }
        self.0.path.pop();
        Ok(Value::Object(map))
    }
}
