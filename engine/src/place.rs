//! The places of instances: what a run needs before it is admitted.
//!
//! A place is one of the `concurrency.limit` places of a workflow for a value of `concurrency.key`, and one of the
//! `max_instances` of its project. The store counts them; what is decided here follows from its answer.

use std::collections::BTreeMap;

use crate::ids::{InstanceId, Timestamp};
use crate::params::{ParamScopes, TimeBase, interpolate_text, resolve_params, run_independent_params};
use crate::spec::{ConcurrencyRule, Definition, duration::HumanDuration};
use crate::start::Start;
use crate::states::Priority;

/// The bytes of a key that count: it stands in an index.
const MAX_KEY_BYTES: usize = 1000;

/// What a commit needs of the places, beside its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceRequest {
    /// The run begins: nothing is stored unless a place is free, which the commit takes.
    Take,
    /// The run is queued until a place is free.
    Wait {
        /// When it has been queued for too long.
        due_at: Option<Timestamp>,
    },
}

/// What is known of the places when the next run of an instance is decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PlaceOutlook {
    /// One may be free; the commit finds out.
    #[default]
    Unknown,
    /// None is free: the run is queued.
    Full {
        /// What it waits for, in words.
        reason: String,
    },
    /// None is free, and a run that has no place is discarded: the command is refused.
    Refused {
        /// What holds the places, in words.
        reason: String,
    },
}

/// Whose key is resolved.
#[derive(Debug, Clone, Copy)]
pub struct KeyedStart<'a> {
    /// The version that is started.
    pub definition: &'a Definition,
    /// The choices of the start.
    pub start: &'a Start,
    /// The name of the project.
    pub project: &'a str,
    /// Parameters of the project.
    pub project_params: &'a BTreeMap<String, String>,
    /// When the instance was created.
    pub created_at: Timestamp,
}

impl KeyedStart<'_> {
    /// Returns the value of the key of a rule: the same in every run. Names that are unknown at the start stay as they
    /// are, as does a text whose parameters have no values.
    pub fn resolve_key(&self, rule: &ConcurrencyRule) -> String {
        let Some(template) = &rule.key else {
            return String::new();
        };
        let base = self.start.time_base(self.created_at);
        let values = match template.contains('$') {
            true => self.known_values(base).unwrap_or_default(),
            false => BTreeMap::new(),
        };
        let mut key = interpolate_text(template, &values, base).0;
        key.truncate(key.floor_char_boundary(MAX_KEY_BYTES));
        key
    }

    fn known_values(&self, base: TimeBase) -> Option<BTreeMap<String, String>> {
        let none = BTreeMap::new();
        let builtins = run_independent_params(base, self.project, &self.definition.name);
        let scopes = ParamScopes {
            builtins: &builtins,
            project: self.project_params,
            workflow: &self.definition.params,
            upstream: &none,
            task: &[],
            startup: &self.start.params,
        };
        resolve_params(scopes, base).ok()
    }
}

/// Returns the number by which instances of a priority are admitted, 0 first.
pub fn urgency_of(priority: Priority) -> u32 {
    priority as u32
}

/// Says what an instance waits for that has no place of its workflow.
pub fn no_place_reason(workflow: &str, rule: &ConcurrencyRule, key: &str) -> String {
    let of_key = match rule.key {
        Some(_) => format!(" for `{key}`"),
        None => String::new(),
    };
    let instances = plural(u64::from(rule.limit), "instance");
    format!("waits for a place: `{workflow}` allows {instances} at a time{of_key}")
}

/// Says what an instance waits for when its project has as many open instances as it may have.
pub fn project_cap_reason(project: &str, max_instances: u32) -> String {
    let instances = plural(u64::from(max_instances), "open instance");
    format!("waits for a place: the project `{project}` may have {instances}")
}

/// Says why an instance is discarded, or a command refused.
pub fn discard_reason(workflow: &str, holders: &[InstanceId]) -> String {
    let names: Vec<String> = holders.iter().map(ToString::to_string).collect();
    let verb = if names.len() == 1 { "holds" } else { "hold" };
    let noun = if names.len() == 1 { "instance" } else { "instances" };
    format!(
        "discarded: {noun} {} {verb} the place of `{workflow}`",
        names.join(", ")
    )
}

/// Says why a waiting instance ends that another one replaces.
pub fn replaced_reason(by: InstanceId) -> String {
    format!("replaced by {by}")
}

/// Says why an instance ends that was queued for too long.
pub fn start_within_reason(limit_ms: i64) -> String {
    format!("queued longer than {} (start_within)", HumanDuration(limit_ms))
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests;
