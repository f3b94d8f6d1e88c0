//! The fields of approval tasks.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::spec::params::{TYPES, parse_type, parse_value};
use crate::spec::validator::{Path, Validator};
use crate::spec::{ParamType, names};
use crate::states::{UnknownName, named};
use crate::task_type::TaskAction;

/// The most bytes of a message before parameters are put in.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// The most approvers of one task.
const MAX_APPROVERS: usize = 100;

/// The most inputs of one task.
const MAX_INPUTS: usize = 100;

/// What stands before the name of a group of users.
const GROUP_PREFIX: &str = "group:";

/// Keys of an input.
const INPUT_KEYS: &[&str] = &["type", "required", "default"];

named!(
    /// What the time limit of an approval does.
    ApprovalTimeout {
        /// The attempt fails, and is retried by its policy.
        Fail = "fail",
        /// It counts as approved; outputs are the defaults of the inputs.
        Approve = "approve",
        /// It counts as rejected.
        Reject = "reject",
    }
);

/// The fields of an approval task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalTask {
    /// What is asked; may hold placeholders.
    pub message: String,
    /// Names of users, and of groups with the prefix `group:`; empty for everyone who may execute.
    pub approvers: Vec<String>,
    /// What an approval answers, in document order.
    pub inputs: Vec<ApprovalInput>,
    /// What the time limit does.
    pub on_timeout: ApprovalTimeout,
}

/// One answer that an approval gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalInput {
    /// Its name, which is that of an output of the task.
    pub name: String,
    /// The type of its value.
    pub kind: ParamType,
    /// Whether an approval has to give it.
    pub required: bool,
    /// The value when it is left out.
    pub default: Option<String>,
}

impl ApprovalTask {
    /// Reads the fields of an action of this type; none for other actions.
    pub fn of_action(action: &TaskAction) -> Option<Self> {
        let mut validator = Validator::default();
        Self::parse(&mut validator, &action.fields_object(), &Path::ROOT)
    }

    /// Parses the fields of a task; `None` when something is wrong. What the table of fields checks is not reported again.
    pub(crate) fn parse(
        validator: &mut Validator,
        fields: &Map<String, Value>,
        at: &Path<'_>,
    ) -> Option<Self> {
        let message = fields.get("message").and_then(Value::as_str);
        let message = message.and_then(|text| parse_message(validator, text, &at.key("message")));
        let approvers = fields.get("approvers").map_or_else(Vec::new, |value| {
            parse_approvers(validator, value, &at.key("approvers"))
        });
        let inputs = fields.get("inputs").map_or_else(Vec::new, |value| {
            parse_inputs(validator, value, &at.key("inputs"))
        });
        let on_timeout = fields
            .get("on_timeout")
            .and_then(|value| value.as_str()?.parse().ok())
            .unwrap_or(ApprovalTimeout::Fail);
        Some(Self {
            message: message?,
            approvers,
            inputs,
            on_timeout,
        })
    }

    /// Whether a user is named, or one of the groups that the user is in.
    pub fn names_user(&self, user: &str, groups: &BTreeSet<String>) -> bool {
        self.approvers
            .iter()
            .any(|approver| match approver.strip_prefix(GROUP_PREFIX) {
                Some(group) => groups.contains(group),
                None => approver == user,
            })
    }

    /// Writes the inputs as documents and lists show them.
    pub fn inputs_document(&self) -> Value {
        let inputs = self.inputs.iter().map(|input| {
            let kind = TYPES.iter().find(|(_, kind)| *kind == input.kind);
            let mut shown = json!({ "type": kind.map(|(name, _)| *name), "required": input.required });
            if let Some(default) = &input.default {
                shown["default"] = json!(default);
            }
            (input.name.clone(), shown)
        });
        Value::Object(inputs.collect())
    }
}

fn parse_message(validator: &mut Validator, text: &str, at: &Path<'_>) -> Option<String> {
    if text.trim().is_empty() {
        validator.invalid(at, "MISSING", "a message says what is asked");
        return None;
    }
    if text.len() > MAX_MESSAGE_BYTES {
        let message = format!(
            "it has {} bytes, at most {MAX_MESSAGE_BYTES} are allowed",
            text.len()
        );
        validator.invalid(at, "TOO_LARGE", message);
        return None;
    }
    Some(text.to_owned())
}

fn parse_approvers(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Vec<String> {
    let Some(list) = validator.list(value, at, MAX_APPROVERS) else {
        return Vec::new();
    };
    if list.is_empty() {
        let message = "no user could decide; leave `approvers` out for everyone who may execute";
        validator.invalid(at, "MISSING", message);
    }
    let mut approvers: Vec<String> = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(text) = validator.text(value, &at) else {
            continue;
        };
        let name = text.strip_prefix(GROUP_PREFIX).unwrap_or(text);
        match names::check(name) {
            Err(message) => validator.invalid(&at, "BAD_NAME", message),
            Ok(()) if approvers.iter().any(|known| known == text) => {
                validator.invalid(&at, "DUPLICATE_VALUE", format!("`{text}` is listed twice"));
            }
            Ok(()) => approvers.push(text.to_owned()),
        }
    }
    approvers
}

fn parse_inputs(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Vec<ApprovalInput> {
    let Some(map) = validator.map(value, at) else {
        return Vec::new();
    };
    if !validator.at_most(map.len(), MAX_INPUTS, at) {
        return Vec::new();
    }
    map.iter()
        .filter_map(|(name, value)| parse_input(validator, name, value, &at.key(name)))
        .collect()
}

fn parse_input(validator: &mut Validator, name: &str, value: &Value, at: &Path<'_>) -> Option<ApprovalInput> {
    let is_legal = validator.param_name(name, at);
    let map = validator.object(value, at, INPUT_KEYS)?;
    let given = map.get("default").filter(|value| !value.is_null());
    let kind = parse_type(validator, map.get("type"), given, at)?;
    let required = map
        .get("required")
        .and_then(|value| validator.boolean(value, &at.key("required")))
        .unwrap_or_default();
    let input = ApprovalInput {
        name: name.to_owned(),
        kind,
        required,
        default: given.and_then(|value| parse_value(validator, kind, value, &at.key("default"))),
    };
    is_legal.then_some(input)
}
