//! The ends of jobs.

use std::collections::BTreeMap;

use engine::attempt::{AttemptResult, FailureKind};
use engine::params::OutputCollector;
use ports::JobEnd;

/// Returns the end of a job that failed; the next attempt may succeed.
pub(crate) fn failed_end(exit_code: Option<i32>, error: String) -> JobEnd {
    JobEnd {
        result: AttemptResult::Failed,
        exit_code,
        error: Some(error),
        failure: FailureKind::Transient,
        outputs: BTreeMap::new(),
    }
}

/// Returns the end of a job that failed and that no next attempt cures.
pub(crate) fn permanent_end(error: String) -> JobEnd {
    JobEnd {
        failure: FailureKind::Permanent,
        ..failed_end(None, error)
    }
}

/// Adds what a job set to its end; a job whose outputs cannot be kept has failed.
pub(crate) fn end_with_outputs(end: JobEnd, outputs: OutputCollector) -> JobEnd {
    match outputs.finish() {
        Ok(outputs) => JobEnd { outputs, ..end },
        Err(error) if end.result == AttemptResult::Succeeded => failed_end(end.exit_code, error.to_string()),
        Err(_) => end,
    }
}
