//! What was probably meant by a name that does not exist.

use engine::spec::names::nearest;
use serde_json::Value;

use super::failure::{Exit, Failure};
use super::output::plain;
use super::rest::{Call, Rest};

/// Adds the workflow, or the project, that was probably meant.
pub(super) fn for_workflow(failure: Failure, rest: &Rest, project: &str, workflow: &str) -> Failure {
    if failure.exit != Exit::NotFound {
        return failure;
    }
    match names(rest, &["projects", project, "workflows"], "name") {
        Ok(known) if known.is_empty() => failure.with_hint(&format!(
            "project `{project}` has no workflow yet; `porpoise workflow apply -f FILE` stores one"
        )),
        Ok(known) => add_nearest(failure, workflow, &known, "porpoise workflow list"),
        Err(_) => for_project(failure, rest, project),
    }
}

/// Adds the project that was probably meant.
pub(super) fn for_project(failure: Failure, rest: &Rest, project: &str) -> Failure {
    for_name(failure, rest, project, &["projects"], "porpoise project list")
}

/// Adds the schedule, the workflow or the project that was probably meant.
pub(super) fn for_schedule(
    failure: Failure,
    rest: &Rest,
    project: &str,
    workflow: &str,
    schedule: &str,
) -> Failure {
    let path = ["projects", project, "workflows", workflow, "schedules"];
    match names(rest, &path, "name") {
        Ok(_) => for_name(failure, rest, schedule, &path, "porpoise schedule list"),
        Err(_) => for_workflow(failure, rest, project, workflow),
    }
}

/// Adds the calendar that was probably meant; `path` is that of the list.
pub(super) fn for_calendar(failure: Failure, rest: &Rest, path: &[&str], calendar: &str) -> Failure {
    for_name(failure, rest, calendar, path, "porpoise calendar list")
}

/// Adds the connection that was probably meant.
pub(super) fn for_connection(failure: Failure, rest: &Rest, path: &[&str], connection: &str) -> Failure {
    for_name(failure, rest, connection, path, "porpoise connection list")
}

/// Adds the limit that was probably meant.
pub(super) fn for_limit(failure: Failure, rest: &Rest, path: &[&str], limit: &str) -> Failure {
    for_name(failure, rest, limit, path, "porpoise limit list")
}

/// Adds the secret that was probably meant.
pub(super) fn for_secret(failure: Failure, rest: &Rest, project: &str, secret: &str) -> Failure {
    let command = format!("porpoise secret list --project {project}");
    for_name(failure, rest, secret, &["projects", project, "secrets"], &command)
}

/// Adds the channel that was probably meant.
pub(super) fn for_channel(failure: Failure, rest: &Rest, path: &[&str], channel: &str) -> Failure {
    for_name(failure, rest, channel, path, "porpoise channel list")
}

/// Adds the silence that was probably meant.
pub(super) fn for_silence(failure: Failure, rest: &Rest, silence: &str) -> Failure {
    for_name(failure, rest, silence, &["silences"], "porpoise silence list")
}

/// Adds the user that was probably meant.
pub(super) fn for_user(failure: Failure, rest: &Rest, user: &str) -> Failure {
    for_name(failure, rest, user, &["users"], "porpoise user list")
}

/// Adds the group of users that was probably meant.
pub(super) fn for_group(failure: Failure, rest: &Rest, group: &str) -> Failure {
    for_name(failure, rest, group, &["groups"], "porpoise group list")
}

/// Adds the task that was probably meant.
pub(super) fn for_task(failure: Failure, rest: &Rest, instance: &str, task: &str) -> Failure {
    let command = format!("porpoise instance tasks {instance}");
    for_name(failure, rest, task, &["instances", instance, "tasks"], &command)
}

/// Adds the incarnation of the node whose name was given instead of it.
pub(super) fn for_node(failure: Failure, rest: &Rest, node: &str) -> Failure {
    if !matches!(failure.exit, Exit::NotFound | Exit::Usage) {
        return failure;
    }
    let nodes = rest.list(&Call::get(&["nodes"]), usize::MAX).unwrap_or_default();
    let named = nodes.iter().find(|known| {
        plain(known.get("name")) == node && !matches!(plain(known.get("state")).as_str(), "dead" | "left")
    });
    match named {
        Some(known) => failure.with_hint(&format!(
            "node `{node}` is incarnation {}",
            plain(known.get("incarnation"))
        )),
        None => failure.with_hint("`porpoise node list` shows the incarnations"),
    }
}

fn for_name(failure: Failure, rest: &Rest, name: &str, path: &[&str], command: &str) -> Failure {
    if failure.exit != Exit::NotFound {
        return failure;
    }
    match names(rest, path, "name") {
        Ok(known) => add_nearest(failure, name, &known, command),
        Err(_) => failure,
    }
}

fn names(rest: &Rest, path: &[&str], member: &str) -> Result<Vec<String>, Failure> {
    let items = rest.for_polls().list(&Call::get(path), usize::MAX)?;
    Ok(items
        .iter()
        .filter_map(|item| item.get(member).and_then(Value::as_str))
        .map(str::to_owned)
        .collect())
}

/// Adds the known name that is nearest; without one, the command that lists them. A known name itself means that
/// something else was not found.
fn add_nearest(failure: Failure, name: &str, known: &[String], command: &str) -> Failure {
    if known.iter().any(|known| known == name) {
        return failure;
    }
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => failure.with_hint(&format!("did you mean `{near}`?")),
        None => failure.with_hint(&format!("`{command}` shows what there is")),
    }
}
