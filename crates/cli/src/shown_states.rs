//! The states of an instance and its tasks that were shown last.

use std::collections::BTreeMap;

use serde_json::Value;

use super::output::plain;

/// Finds what changed since the last look.
#[derive(Debug, Default)]
pub(super) struct ShownStates(BTreeMap<String, String>);

impl ShownStates {
    /// Returns a line when the task changed.
    pub(super) fn change_of_task(&mut self, task: &Value) -> Option<String> {
        self.change(&format!("task {}", plain(task.get("name"))), task)
    }

    /// Returns a line when the instance changed.
    pub(super) fn change_of_instance(&mut self, instance: &Value) -> Option<String> {
        self.change(&format!("instance {}", plain(instance.get("id"))), instance)
    }

    fn change(&mut self, what: &str, thing: &Value) -> Option<String> {
        let mut state = plain(thing.get("state"));
        if let Some(reason) = thing.get("reason").filter(|reason| reason.is_string()) {
            state.push_str(&format!(" ({})", plain(Some(reason))));
        }
        let before = self.0.insert(what.to_owned(), state.clone());
        let unstarted = before.is_none() && state.starts_with("pending");
        (before.as_ref() != Some(&state) && !unstarted).then(|| format!("{what}: {state}"))
    }
}
