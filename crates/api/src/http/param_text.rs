//! Values of parameters in bodies.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The value of a parameter: any JSON, kept as the text in which it came.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = serde_json::Value)]
pub(crate) struct ParamText(String);

impl ParamText {
    /// Returns the text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl<'de> Deserialize<'de> for ParamText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match raw.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw.get()).map(Self).map_err(Error::custom),
            Some(b'n') => Err(Error::custom("a value is needed here, not nothing")),
            _ => Ok(Self(raw.get().to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_text() {
        let cases = [
            ("3.10", "3.10"),
            ("1e3", "1e3"),
            ("true", "true"),
            (r#""a\u0062""#, "ab"),
            ("[1, 2.0]", "[1, 2.0]"),
        ];
        for (json, text) in cases {
            assert_eq!(serde_json::from_str::<ParamText>(json).unwrap().into_text(), text);
        }
        assert!(serde_json::from_str::<ParamText>("null").is_err());
    }
}
