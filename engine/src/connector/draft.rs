//! A connector as a request describes it, and what becomes of the stored one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::family::{ConnectorFamily, ConnectorType};
use super::secret_fields::{SecretField, put_value, secret_fields, take_value};
use super::secret_text::{is_reference, secret_names};
use super::stored::StoredConnector;
use crate::spec::diagnostic::{Diagnostic, DiagnosticTarget};
use crate::spec::validator::{Path, Validator};
use crate::task_type::field::parse_fields;

/// Fields that say who uses a secret, or where it is sent; when one changes, no stored secret is used with it.
const SECRET_BOUND_KEYS: &[&str] = &[
    "type",
    "user",
    "client_id",
    "access_key",
    "tenant",
    "host",
    "port",
    "url",
    "endpoint",
    "token_url",
    "authority",
    "server",
    "api_url",
];

/// A connector as a request describes it. It holds secrets: it is never printed.
pub struct ConnectorDraft {
    family: &'static ConnectorFamily,
    connector_type: &'static ConnectorType,
    values: Map<String, Value>,
}

/// What is to be stored. It holds secrets: it is never printed.
pub struct ConnectorUpdate {
    /// Its type.
    pub connector_type: &'static ConnectorType,
    /// Its fields in the clear, without those that equal their default.
    pub fields: Map<String, Value>,
    /// The sealed texts that stay, by JSON pointer.
    pub kept: BTreeMap<String, String>,
    /// The texts that are to be sealed, by JSON pointer.
    pub secrets: BTreeMap<String, String>,
    /// The secrets of the project that its fields name, as far as they were sent.
    pub secret_names: BTreeMap<String, Vec<String>>,
}

impl ConnectorFamily {
    /// Parses a body.
    ///
    /// # Errors
    /// Lists everything that is wrong with it.
    pub fn parse(&'static self, body: &Value) -> Result<ConnectorDraft, Vec<Diagnostic>> {
        let mut validator = Validator::default();
        let draft = self.parse_draft(&mut validator, body);
        validator.finish(draft)
    }

    fn parse_draft(&'static self, validator: &mut Validator, body: &Value) -> Option<ConnectorDraft> {
        let at = Path::ROOT;
        let map = validator.map(body, &at)?;
        let connector_type = self.parse_type(validator, map)?;
        let known = self.fields_of(connector_type);
        let known: Vec<&str> = ["type"]
            .into_iter()
            .chain(known.iter().map(|field| field.key))
            .collect();
        validator.check_keys(map.keys(), &at, &known);
        let own = parse_fields(connector_type.fields, validator, map, &at);
        let common = parse_fields(self.common, validator, map, &at);
        let values = own?.into_iter().chain(common?);
        let values = values.map(|(key, value)| (key.to_owned(), value)).collect();
        Some(ConnectorDraft {
            family: self,
            connector_type,
            values,
        })
    }

    fn parse_type(
        &self,
        validator: &mut Validator,
        map: &Map<String, Value>,
    ) -> Option<&'static ConnectorType> {
        let names: Vec<&str> = self.types.iter().map(|known| known.name).collect();
        let Some(given) = map.get("type") else {
            let hint = format!("it is one of {}", names.join(", "));
            validator.missing(&Path::ROOT, "type", &hint);
            return None;
        };
        let at = Path::ROOT.key("type");
        let name = validator.text(given, &at)?;
        let found = self.find_type(name);
        if found.is_none() {
            let hint = match validator.nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", names.join(", ")),
            };
            let message = format!("there is no type `{name}` of a {}; {hint}", self.noun);
            validator.invalid(&at, "UNKNOWN_TYPE", message);
        }
        found
    }
}

impl ConnectorDraft {
    /// Returns its type.
    pub fn connector_type(&self) -> &'static ConnectorType {
        self.connector_type
    }

    /// Returns the value of a field, unless it is left out or equals its default.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Decides about each secret field: what was left out keeps what is stored, unless it would go to another place.
    ///
    /// # Errors
    /// Lists the secret fields that must be sent.
    pub fn merge(mut self, stored: Option<&StoredConnector>) -> Result<ConnectorUpdate, Vec<Diagnostic>> {
        let fields = self.family.fields_of(self.connector_type);
        let secret_fields = secret_fields(&fields, &self.values);
        let has_moved = stored.is_some_and(|stored| self.has_moved_from(stored, &secret_fields));
        let mut update = ConnectorUpdate {
            connector_type: self.connector_type,
            fields: Map::new(),
            kept: BTreeMap::new(),
            secrets: BTreeMap::new(),
            secret_names: BTreeMap::new(),
        };
        let mut diagnostics = Vec::new();
        for secret in secret_fields {
            let given = take_value(&mut self.values, &secret.pointer);
            let fate = match given {
                Some(Value::String(text)) => SecretFate::Set(text),
                Some(Value::Null) => SecretFate::Absent,
                other => match stored.and_then(|stored| stored_secret(stored, &secret.pointer)) {
                    Some(_) if has_moved => SecretFate::Needed(HAS_MOVED),
                    Some(stored) => stored,
                    None if other.is_some() => {
                        SecretFate::Needed("none is stored that could be kept: send it")
                    }
                    None => SecretFate::Absent,
                },
            };
            let fault = self.settle(&mut update, &secret.pointer, fate, secret.required);
            diagnostics.extend(fault);
        }
        update.fields = self.values;
        if diagnostics.is_empty() {
            Ok(update)
        } else {
            Err(diagnostics)
        }
    }

    /// Puts one secret field where it belongs; returns what is wrong with it.
    fn settle(
        &mut self,
        update: &mut ConnectorUpdate,
        pointer: &str,
        fate: SecretFate,
        required: Option<&str>,
    ) -> Option<Diagnostic> {
        match fate {
            SecretFate::Set(text) => {
                let names = secret_names(&text);
                if !names.is_empty() {
                    update.secret_names.insert(pointer.to_owned(), names);
                }
                if is_reference(&text) {
                    put_value(&mut self.values, pointer, json!(text));
                } else {
                    update.secrets.insert(pointer.to_owned(), text);
                }
                None
            }
            SecretFate::Sealed(text) => {
                update.kept.insert(pointer.to_owned(), text);
                None
            }
            SecretFate::Needed(why) => Some(fault(pointer, "SECRET_NEEDED", why)),
            SecretFate::Absent => {
                let hint = required?;
                let key = pointer.rsplit('/').next().unwrap_or_default();
                Some(fault(pointer, "MISSING", &format!("`{key}` is missing: {hint}")))
            }
        }
    }

    fn has_moved_from(&self, stored: &StoredConnector, secrets: &[SecretField]) -> bool {
        if stored.connector_type.name != self.connector_type.name {
            return true;
        }
        let (mut new, mut old) = (self.values.clone(), stored.fields.clone());
        let has_new_secret_place = secrets.iter().any(|secret| {
            let given = take_value(&mut new, &secret.pointer);
            let known = take_value(&mut old, &secret.pointer);
            let is_bound = SECRET_BOUND_KEYS
                .iter()
                .any(|key| secret.pointer.ends_with(&format!("/{key}")));
            // A sealed text is not compared: one that is sent counts as another one.
            is_bound && matches!(&given, Some(Value::String(_))) && given != known
        });
        has_new_secret_place || bound_values(&new) != bound_values(&old)
    }
}

/// What becomes of one secret field.
enum SecretFate {
    /// This text is stored.
    Set(String),
    /// The sealed text stays.
    Sealed(String),
    /// It must be sent, for this reason.
    Needed(&'static str),
    /// There is none.
    Absent,
}

const HAS_MOVED: &str =
    "the type, the user or the place that it is sent to changes: send it again, or null to remove it";

fn stored_secret(stored: &StoredConnector, pointer: &str) -> Option<SecretFate> {
    if let Some(text) = stored.sealed.get(pointer) {
        return Some(SecretFate::Sealed(text.clone()));
    }
    let mut fields = stored.fields.clone();
    match take_value(&mut fields, pointer) {
        Some(Value::String(reference)) => Some(SecretFate::Set(reference)),
        _ => None,
    }
}

fn fault(pointer: &str, code: &'static str, message: &str) -> Diagnostic {
    Diagnostic {
        pointer: pointer.to_owned(),
        target: DiagnosticTarget::Value,
        code,
        message: message.to_owned(),
    }
}

/// Returns what a stored secret is bound to, by pointer.
fn bound_values(values: &Map<String, Value>) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    collect_bound(values, "", &mut found);
    found
}

fn collect_bound(values: &Map<String, Value>, at: &str, found: &mut BTreeSet<(String, String)>) {
    for (key, value) in values {
        let pointer = format!("{at}/{key}");
        if let Value::Object(map) = value {
            collect_bound(map, &pointer, found);
        } else if SECRET_BOUND_KEYS.contains(&key.as_str()) {
            found.insert((pointer, value.to_string()));
        }
    }
}
