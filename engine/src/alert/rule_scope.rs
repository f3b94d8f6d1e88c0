//! What the `when` of a rule can name.

use std::collections::BTreeMap;

use minijinja::Value;

use super::event::AlertEvent;
use super::subject::{AlertedInstance, EventSubject};
use crate::expression::ExpressionScope;

/// The names that an expression of a rule may begin with.
pub(super) const RULE_NAMES: [&str; 3] = ["instance", "event", "task"];

/// Returns what an expression can name. Members of an instance or a task that there is not are unknown, so that an
/// expression about them fails and counts as true.
pub(super) fn rule_scope<'a>(event: AlertEvent, subject: &'a EventSubject) -> ExpressionScope<'a> {
    let optional = |text: &Option<String>| text.as_deref().map_or_else(|| Value::from(()), Value::from);
    let task = subject.task.as_ref().map(|_| {
        Value::from_pairs([
            ("name", optional(&subject.task)),
            ("error", optional(&subject.error)),
        ])
    });
    let mut objects = BTreeMap::from([("event", Value::from(event.as_str()))]);
    objects.extend(task.map(|task| ("task", task)));
    ExpressionScope {
        instance: subject
            .instance
            .as_ref()
            .map(instance_members)
            .unwrap_or_default(),
        objects,
        ..ExpressionScope::default()
    }
}

fn instance_members(instance: &AlertedInstance) -> BTreeMap<&'static str, Value> {
    let scheduled_at = instance.scheduled_at.as_deref();
    let labels = instance.labels.iter();
    BTreeMap::from([
        ("id", Value::from(instance.id.as_str())),
        ("workflow", Value::from(instance.workflow.as_str())),
        ("project", Value::from(instance.project.as_str())),
        ("state", Value::from(instance.state.as_str())),
        (
            "scheduled_at",
            scheduled_at.map_or_else(|| Value::from(()), Value::from),
        ),
        ("trigger", Value::from(instance.trigger.as_str())),
        (
            "labels",
            Value::from_pairs(labels.map(|(name, value)| (name.as_str(), value.as_str()))),
        ),
    ])
}
