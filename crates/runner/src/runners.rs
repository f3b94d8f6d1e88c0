//! The runner of each task type.

use std::sync::Arc;

use actors::ports::RunnerRegistry;

use super::http::HttpRunner;
use super::limits::RunnerLimits;
use super::process::ProcessRunner;
use super::{python, shell};

/// Registers the runner of each task type that runs on workers.
///
/// # Errors
/// A sentence that says why an HTTP client cannot be made.
pub fn runners(limits: RunnerLimits) -> Result<RunnerRegistry, String> {
    let processes = ProcessRunner::new(limits.log_bytes, &[shell::read_script, python::read_script]);
    Ok(RunnerRegistry::default()
        .with(&["shell", "python"], Arc::new(processes))
        .with(&["http"], Arc::new(HttpRunner::new(limits)?)))
}
