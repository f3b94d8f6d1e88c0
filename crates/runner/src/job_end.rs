//! The ends of jobs that did not succeed.

use std::collections::BTreeMap;

use actors::ports::JobEnd;
use engine::attempt::AttemptResult;

/// Returns the end of a job that failed.
pub(crate) fn failed_end(exit_code: Option<i32>, error: String) -> JobEnd {
    JobEnd {
        result: AttemptResult::Failed,
        exit_code,
        error: Some(error),
        outputs: BTreeMap::new(),
    }
}
