//! The definition of a task type.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::field::Field;
use super::site::ExecutionSite;
use crate::params::secret_slots::SecretSlot;
use crate::params::time::TimeBase;

/// A task type: everything that parser, serializer, schema and dispatch need to know of it.
#[derive(Debug)]
pub struct TaskType {
    /// The name that documents use.
    pub name: &'static str,
    /// What tasks of it do, as a sentence.
    pub doc: &'static str,
    /// Where they run.
    pub site: ExecutionSite,
    /// The keys of its own, beside those of every task.
    pub fields: &'static [Field],
    /// The fields in which placeholders of secrets may stand, each by its keys from the outside in.
    pub secret_fields: &'static [&'static [&'static str]],
    /// Puts parameters into the fields.
    pub(crate) prepare: PrepareFields,
}

impl TaskType {
    /// Whether a task of this type may have a common key, with its common meaning: a field of its own replaces the key,
    /// and keys about workers mean nothing in the owner.
    pub(crate) fn has_common_key(&self, key: &str) -> bool {
        !self.site.refuses_key(key) && self.fields.iter().all(|field| field.key != key)
    }
}

/// Replaces the placeholders in fields; returns what else the parameters make.
pub(crate) type PrepareFields =
    fn(&mut Map<String, Value>, &BTreeMap<String, String>, TimeBase) -> Preparation;

/// What parameters make beside the fields.
#[derive(Debug, Default)]
pub(crate) struct Preparation {
    /// Variables for the processes of the task.
    pub(crate) env: BTreeMap<String, String>,
    /// The places for values of secrets.
    pub(crate) secrets: Vec<SecretSlot>,
    /// What a person should know, as readable texts.
    pub(crate) warnings: Vec<String>,
}
