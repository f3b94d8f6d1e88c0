//! The member `continue_from` of a start.

use catalog::{Continuation, StartCandidate, WorkflowId};
use engine::ids::InstanceId;
use serde_json::Value;

use crate::auth::access::{Caller, Execute};
use crate::http::codes::Code;
use crate::http::problem::Problem;

/// Where a wrong instance stands in the body.
const POINTER: &str = "/continue_from/instance";

/// Takes the instance to continue from out of the body of a start.
pub(crate) fn split_continuation(mut body: Value) -> Result<(Option<InstanceId>, Value), Problem> {
    let member = body
        .as_object_mut()
        .and_then(|members| members.shift_remove("continue_from"));
    let from = match member {
        None | Some(Value::Null) => return Ok((None, body)),
        Some(Value::Object(from)) => from,
        Some(_) => {
            let detail = "write `continue_from: {instance: ID}`";
            return Err(Problem::new(Code::InvalidBody, detail).at("/continue_from"));
        }
    };
    if let Some(unknown) = from.keys().find(|key| *key != "instance") {
        let detail = format!("unknown field `{unknown}`, expected `instance`");
        return Err(Problem::new(Code::InvalidBody, detail).at("/continue_from"));
    }
    let id = from.get("instance").and_then(Value::as_str);
    match id.and_then(|id| id.parse().ok()) {
        Some(id) => Ok((Some(id), body)),
        None => Err(Problem::new(
            Code::InvalidBody,
            "`instance` is the id of an instance, as a text.",
        )
        .at(POINTER)),
    }
}

/// Reads the instance to continue from: one of this workflow that has ended and ran for real.
pub(crate) async fn find_continuation(
    caller: &Caller<Execute, StartCandidate>,
    from: InstanceId,
    workflow_id: WorkflowId,
) -> Result<Continuation, Problem> {
    let refused = |detail: String| Problem::new(Code::InvalidStart, detail).at(POINTER);
    let found = caller.catalog().instances().find_continuation(from).await?;
    let found = found.filter(|continuation| continuation.workflow_id() == workflow_id);
    let continuation = found.ok_or_else(|| refused(format!("this workflow has no instance {from}")))?;
    if continuation.is_dry_run() {
        return Err(refused(format!(
            "instance {from} was a dry run, which has no results"
        )));
    }
    if !continuation.state().is_final() {
        let detail = format!(
            "instance {from} is {}; a start continues only from one that has ended",
            continuation.state()
        );
        return Err(Problem::new(Code::InvalidState, detail));
    }
    Ok(continuation)
}
