//! The runner of each task type.

use std::sync::Arc;

use engine::task_type::http::HTTP;
use engine::task_type::python::PYTHON;
use engine::task_type::shell::SHELL;
use ports::RunnerRegistry;

use super::http::HttpRunner;
use super::limits::RunnerLimits;
use super::log_files::LogFiles;
use super::process::{ProcessRunner, ScriptTypes};
use super::{python, shell};

/// Registers the runner of each task type that runs on workers; their output goes to `logs`.
///
/// # Errors
/// A sentence that says why an HTTP client cannot be made.
pub fn runners(limits: RunnerLimits, logs: &LogFiles) -> Result<RunnerRegistry, String> {
    let processes = ProcessRunner::new(limits.log, script_types(), logs.clone());
    Ok(RunnerRegistry::default()
        .with(&[SHELL.name, PYTHON.name], Arc::new(processes))
        .with(&[HTTP.name], Arc::new(HttpRunner::new(limits, logs.clone())?)))
}

/// Returns the task types that run as processes.
pub(crate) fn script_types() -> ScriptTypes {
    let mut types = ScriptTypes::new();
    types.insert(SHELL.name, shell::read_script);
    types.insert(PYTHON.name, python::read_script);
    types
}
