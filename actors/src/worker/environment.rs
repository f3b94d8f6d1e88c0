//! The names that every attempt finds in its environment.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use engine::ids::Uid;

use crate::protocol::Dispatch;

/// Adds the contract's own names; nothing that the dispatch carries can replace them.
pub(super) fn complete(mut dispatch: Dispatch, output: &Path) -> Dispatch {
    let uid = dispatch.uid;
    let own = [
        ("PORPOISE_INSTANCE_ID", uid.instance.to_string()),
        ("PORPOISE_WORKFLOW", dispatch.workflow.clone()),
        ("PORPOISE_PROJECT", dispatch.project.clone()),
        ("PORPOISE_TASK", dispatch.task.clone()),
        ("PORPOISE_ATTEMPT", dispatch.attempt.to_string()),
        ("PORPOISE_ATTEMPT_UID", uid.to_string()),
        ("PORPOISE_OUTPUT", output.to_string_lossy().into_owned()),
    ];
    for (name, value) in own {
        dispatch.env.insert(name.to_owned(), value);
    }
    dispatch
        .env
        .entry("TRACEPARENT".to_owned())
        .or_insert_with(|| traceparent(&uid));
    dispatch
}

/// One trace per instance and one span per attempt, the same whoever computes it.
fn traceparent(uid: &Uid) -> String {
    let high = digest(&("trace", uid.generation, uid.instance));
    let low = digest(&("trace, low half", uid.generation, uid.instance));
    format!("00-{high:016x}{low:016x}-{:016x}-01", digest(uid))
}

/// Never zero, which would be no id.
fn digest(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish().max(1)
}
