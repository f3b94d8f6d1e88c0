//! Values as YAML text.

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

/// A value that cannot be written as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwritableYaml(String);

impl std::fmt::Display for UnwritableYaml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnwritableYaml {}

/// Returns a value as a YAML document that every YAML 1.1 or 1.2 parser reads back as the same value.
///
/// # Errors
/// The serializer refuses the value.
pub fn to_yaml(value: &Value) -> Result<String, UnwritableYaml> {
    serde_saphyr::to_string(&YamlNode(value)).map_err(|error| UnwritableYaml(error.to_string()))
}

/// A value whose numbers every serializer understands; those of `serde_json` have a form of their own.
struct YamlNode<'a>(&'a Value);

impl Serialize for YamlNode<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null | Value::Bool(_) | Value::String(_) => self.0.serialize(serializer),
            Value::Number(number) => serialize_number(number, serializer),
            Value::Array(list) => serializer.collect_seq(list.iter().map(YamlNode)),
            Value::Object(map) => {
                serializer.collect_map(map.iter().map(|(key, value)| (key, YamlNode(value))))
            }
        }
    }
}

/// A number that YAML would write in another way stays a text.
fn serialize_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    let is_exact = |same: Option<Number>| same.is_some_and(|same| same == *number);
    if let Some(integer) = number
        .as_i128()
        .filter(|integer| integer.to_string() == number.as_str())
    {
        return serializer.serialize_i128(integer);
    }
    match number.as_f64() {
        Some(float) if is_exact(Number::from_f64(float)) => serializer.serialize_f64(float),
        _ => serializer.serialize_str(number.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_back(value: &Value) -> Value {
        let text = to_yaml(value).unwrap();
        let read = crate::parse_value(text.as_bytes(), crate::Format::Yaml)
            .unwrap_or_else(|diagnostics| panic!("{diagnostics:?} in {text:?}"));
        with_plain_numbers(read)
    }

    /// Writes each number as `serde_json` does; YAML writes exponents in another way.
    fn with_plain_numbers(value: Value) -> Value {
        match value {
            Value::Number(number) if number.is_f64() => json!(number.as_f64()),
            Value::Array(list) => list.into_iter().map(with_plain_numbers).collect(),
            Value::Object(map) => map
                .into_iter()
                .map(|(key, value)| (key, with_plain_numbers(value)))
                .collect(),
            other => other,
        }
    }

    #[test]
    fn a_number_without_another_spelling_keeps_its_text() {
        for text in [
            "3.10",
            "1e400",
            "12345678901234567890123456789012345678901234567890",
        ] {
            let value = crate::parse_value(format!("[{text}]").as_bytes(), crate::Format::Json).unwrap();
            assert_eq!(read_back(&value), json!([text]), "{text}");
        }
        assert_eq!(to_yaml(&json!([u64::MAX])).unwrap(), format!("- {}\n", u64::MAX));
    }

    #[test]
    fn words_with_a_meaning_in_yaml_stay_texts() {
        for word in [
            "yes", "NO", "on", "y", "null", "", "1e3", "- a", "a\nb", "0x10", "~", "*a", "12:30", " a", "a ",
        ] {
            let text = to_yaml(&json!({ "key": word })).unwrap();
            assert_eq!(
                read_back(&json!({ "key": word })),
                json!({ "key": word }),
                "{text}"
            );
            assert_ne!(
                text,
                format!("key: {word}\n"),
                "YAML 1.1 would not read {word} as text"
            );
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["\\PC{0,20}", "[-?:#&*!|>'\"%@`{}\\[\\], \n\t~a0.]{0,12}",];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back_as_the_same_value(value in any_value()) {
            prop_assert_eq!(read_back(&value), value);
        }
    }
}
