//! Rules as documents have them: written, and as a JSON Schema.

use serde_json::{Value, json};

use super::event::AlertEvent;
use super::late::LateLimit;
use super::rule::AlertRule;
use super::rule_fields::{MAX_CHANNELS, MAX_RULES, nameable_events};
use crate::expression::MAX_EXPRESSION_BYTES;
use crate::spec::duration::HumanDuration;
use crate::spec::names::MAX_CHARS;

/// Writes rules as documents have them.
pub fn serialize_rules(rules: &[AlertRule]) -> Value {
    rules.iter().map(serialize_rule).collect()
}

fn serialize_rule(rule: &AlertRule) -> Value {
    let duration = |ms: i64| json!(HumanDuration(ms).to_string());
    let time_of_day = |minutes: u32| json!(format!("{:02}:{:02}", minutes / 60, minutes % 60));
    let (by, after) = match rule.late {
        Some(LateLimit::By(minutes)) => (Some(time_of_day(minutes)), None),
        Some(LateLimit::After(ms)) => (None, Some(duration(ms))),
        None => (None, None),
    };
    let members = [
        ("name", rule.name.as_ref().map(|name| json!(name))),
        ("on", Some(rule.on.iter().map(|event| json!(event)).collect())),
        ("channels", Some(json!(rule.channels))),
        ("group", rule.group_ms.map(duration)),
        ("when", rule.when.as_ref().map(|when| json!(when))),
        ("by", by),
        ("after", after),
        ("within", rule.within_ms.map(duration)),
        ("children", rule.children.then(|| json!(true))),
    ];
    let members = members
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(members.collect())
}

/// Returns the JSON Schema of a list of rules.
pub fn rule_list_schema() -> Value {
    let events: Vec<AlertEvent> = nameable_events().collect();
    let duration = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "array",
        "description": "Which events send alerts to which channels.",
        "maxItems": MAX_RULES,
        "items": {
            "type": "object",
            "required": ["on", "channels"],
            "additionalProperties": false,
            "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": MAX_CHARS },
                "on": { "type": "array", "minItems": 1, "items": { "enum": events } },
                "channels": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_CHANNELS,
                    "items": { "type": "string" },
                },
                "group": duration("Gathers the alerts of this time into one message."),
                "when": {
                    "type": "string",
                    "maxLength": MAX_EXPRESSION_BYTES,
                    "description": "An expression over instance, event, task.name and task.error.",
                },
                "by": { "type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$", "description": "For late." },
                "after": duration("For late, in place of by."),
                "within": duration("For not_started."),
                "children": {
                    "type": "boolean",
                    "default": false,
                    "description": "Whether events of instances that tasks start count.",
                },
            },
        },
    })
}
