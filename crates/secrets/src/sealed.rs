//! SealedText texts as columns hold them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sealing_key::KeyId;

/// The first part of a sealed text: the way it was made.
const VERSION: &str = "v1";

/// A sealed value, as it is stored: version, id of the key, nonce and ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedText(String);

impl SealedText {
    /// Takes the text of a column.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn from_parts(key: &KeyId, body: &str) -> Self {
        Self(format!("{VERSION}.{key}.{body}"))
    }

    /// Splits it into the id of its key and what that sealed; none for any other text.
    pub(crate) fn parts(&self) -> Option<(KeyId, &str)> {
        let (key, body) = self.0.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        Some((KeyId::new(key), body))
    }

    /// Returns the id of the key that opens it; none for a text that was not sealed.
    pub fn key_id(&self) -> Option<KeyId> {
        self.parts().map(|(key, _)| key)
    }

    /// Returns the text for a column.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret fields of a row: field → sealed value, one column of JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedFields(pub BTreeMap<String, SealedText>);

impl SealedFields {
    /// Reads the text of a column; none when it is not the JSON of sealed fields.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes the text of a column.
    pub fn to_stored(&self) -> String {
        serde_json::json!(self.0).to_string()
    }
}
