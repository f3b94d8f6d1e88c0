//! A connection with everything that its user needs.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A connection with its secrets, as a worker gets it. It travels between nodes by the name of its type, so that a
/// worker without that type can refuse it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedConnection {
    /// The name of the connection; empty when it is not stored.
    pub name: String,
    /// The name of its type.
    #[serde(rename = "type")]
    pub connection_type: String,
    /// Its fields, defaults filled in and secrets in the clear.
    pub fields: Map<String, Value>,
    /// The secrets among them, which are masked in whatever shows what was done with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// Fields that are not those of their type; the sender has another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fields of a {0} connection cannot be read; is every node of the same version?")]
pub struct InvalidConnection(pub String);

impl ResolvedConnection {
    /// Reads the fields as the struct of their type, for example [`super::ssh::SshFields`].
    ///
    /// # Errors
    /// The fields are not those of that type.
    pub fn read_fields<T: DeserializeOwned>(&self) -> Result<T, InvalidConnection> {
        // The error of the parser may repeat a value.
        serde_json::from_value(Value::Object(self.fields.clone()))
            .map_err(|_| InvalidConnection(self.connection_type.clone()))
    }
}

impl fmt::Debug for ResolvedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedConnection")
            .field("name", &self.name)
            .field("type", &self.connection_type)
            .finish_non_exhaustive()
    }
}
