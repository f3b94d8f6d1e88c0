//! The YAML output of values.

use serde_json::Value;

use super::failure::{Exit, Failure};

/// Returns a value as a YAML document that every YAML 1.1 or 1.2 parser reads back as the same value.
pub(super) fn to_yaml(value: &Value) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_back(value: &Value) -> Value {
        let text = to_yaml(value).unwrap();
        document::parse_value(text.as_bytes(), document::Format::Yaml)
            .unwrap_or_else(|diagnostics| panic!("{diagnostics:?} in {text:?}"))
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
