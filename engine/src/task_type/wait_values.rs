//! The schemas of fields that are checked together with the others of their task.

use serde_json::{Value, json};

use crate::dependent::{DependencyCycle, DependencyDate};

/// The schema of the items of a group; groups stand inside each other.
pub(super) fn dependencies_schema() -> Value {
    let dates: Vec<&str> = DependencyDate::ALL.iter().map(|date| date.as_str()).collect();
    let cycles: Vec<&str> = DependencyCycle::ALL.iter().map(|cycle| cycle.as_str()).collect();
    let item = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "project": { "type": "string" },
            "workflow": { "type": "string" },
            "task": { "type": "string", "description": "One task of it, in place of its final state." },
            "tasks": { "enum": ["all"], "description": "No task of it has failed either." },
            "cycle": { "enum": cycles },
            "date": { "enum": dates },
            "within": { "type": "string", "description": "With `cycle: none`: how long ago it may have ended." },
            "pass_outputs": { "type": "boolean", "default": false },
            "all": { "type": "array", "minItems": 1 },
            "any": { "type": "array", "minItems": 1 },
        },
    });
    json!({ "type": "array", "minItems": 1, "maxItems": 100, "items": item })
}

pub(super) fn approvers_schema() -> Value {
    json!({ "type": "array", "minItems": 1, "maxItems": 100, "items": { "type": "string", "minLength": 1 } })
}

pub(super) fn approval_inputs_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "type": { "enum": ["string", "integer", "number", "boolean", "json"], "default": "string" },
                "required": { "type": "boolean", "default": false },
                "default": {},
            },
        },
    })
}
