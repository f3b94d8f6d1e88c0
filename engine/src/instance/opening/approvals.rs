//! The begin of an attempt that waits for the decision of a person.

use std::collections::BTreeMap;

use crate::approval::ApprovalProgress;
use crate::attempt::AttemptEnd;
use crate::ids::Timestamp;
use crate::params::TimeBase;
use crate::spec::model::TaskDefinition;
use crate::task::Opening;

/// Fixes what the attempt asks.
pub(super) fn open(
    task: &TaskDefinition,
    (values, base): (&BTreeMap<String, String>, TimeBase),
    at: Timestamp,
) -> Opening {
    let prepared = task.action.prepare(values, base);
    let message = prepared.action.fields.get("message");
    let message = message.and_then(|message| message.as_str()).unwrap_or_default();
    let progress = ApprovalProgress {
        message: message.to_owned(),
    };
    match serde_json::to_value(&progress) {
        Ok(detail) => Opening::Waits {
            reason: format!("waits for an approval: {}", progress.summary()),
            failure_wait_ms: None,
            detail,
        },
        Err(error) => Opening::Ends(AttemptEnd::hopeless(&error.to_string(), at)),
    }
}
