//! Explanations in answers.

use std::fmt::Display;

use catalog as stored;
use engine::explain::Link;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::timestamp::{format_optional_time, format_time};

/// Characters of a name that a path holds only percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One thing that a task or an instance waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cause {
    /// `predecessor`, `delay`, `retry`, `slot`, `limit`, `worker_group`, `concurrency`, `project_cap`, `dependency`,
    /// `approval`, `child`, `owner`, `paused`, `attention`, `kill` or `reattach`.
    kind: String,
    /// A sentence with the names of what stands in the way.
    detail: String,
    since: String,
    /// When it ends; null where that is not known.
    until: Option<String>,
    /// The path of the API that shows what stands in the way; null where nothing does.
    link: Option<String>,
}

/// Why something waits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// The state of the instance or the task.
    state: String,
    waiting: bool,
    /// Empty when it does not wait.
    because: Vec<Cause>,
}

impl<S: Display> From<stored::Explanation<S>> for Explanation {
    fn from(explained: stored::Explanation<S>) -> Self {
        Self {
            state: explained.state.to_string(),
            waiting: !explained.causes.is_empty(),
            because: explained.causes.into_iter().map(Cause::from).collect(),
        }
    }
}

impl From<engine::explain::Cause> for Cause {
    fn from(cause: engine::explain::Cause) -> Self {
        Self {
            kind: cause.kind.to_string(),
            detail: cause.detail,
            since: format_time(cause.since),
            until: format_optional_time(cause.until),
            link: cause.link.as_ref().map(path_of),
        }
    }
}

/// Returns the path of a thing.
fn path_of(link: &Link) -> String {
    match link {
        Link::Instance(id) => format!("/api/v1/instances/{id}"),
        Link::Ownership(id) => format!("/api/v1/instances/{id}/ownership"),
        Link::Task { instance, task } => {
            let task = utf8_percent_encode(task, ENCODED);
            format!("/api/v1/instances/{instance}/tasks/{task}")
        }
        Link::Project(name) => format!("/api/v1/projects/{}", utf8_percent_encode(name, ENCODED)),
        Link::Limit { project, name } => {
            let name = utf8_percent_encode(name, ENCODED);
            match project {
                Some(project) => {
                    let project = utf8_percent_encode(project, ENCODED);
                    format!("/api/v1/projects/{project}/limits/{name}")
                }
                None => format!("/api/v1/limits/{name}"),
            }
        }
        Link::Nodes => "/api/v1/nodes".to_owned(),
    }
}
