//! A rule: which events become alerts in which channels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::event::EventSet;
use super::late::LateLimit;
use crate::states::{UnknownName, named};

named!(
    /// Where a rule stands, in the order in which rules count.
    RuleSource {
        /// In a start.
        Start = "start",
        /// In a schedule.
        Schedule = "schedule",
        /// In a backfill.
        Backfill = "backfill",
        /// In the document of a workflow.
        Document = "document",
        /// In a project.
        Project = "project",
        /// In the server.
        Server = "server",
    }
);

/// A rule. Its serde form is stored; documents have their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRule {
    /// Its name, unique where it stands.
    pub name: Option<String>,
    /// Its events.
    pub on: EventSet,
    /// The names of channels, each once.
    pub channels: Vec<String>,
    /// Time for which alerts are gathered into one message, in milliseconds.
    pub group_ms: Option<i64>,
    /// An expression that has to be true for an event to count.
    pub when: Option<String>,
    /// By when an instance has to succeed; only with `late`.
    pub late: Option<LateLimit>,
    /// Within which time a fire has to start an instance, in milliseconds; only with `not_started`.
    pub within_ms: Option<i64>,
    /// Whether events of instances that tasks start count.
    pub children: bool,
}

/// The name of a rule in alerts: `document/0`, `project/night`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleLabel(String);

impl RuleLabel {
    /// Makes the label of a rule; its place where it stands names it when it has no name.
    pub fn new(source: RuleSource, place: u32, name: Option<&str>) -> Self {
        Self(match name {
            Some(name) => format!("{source}/{name}"),
            None => format!("{source}/{place}"),
        })
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
