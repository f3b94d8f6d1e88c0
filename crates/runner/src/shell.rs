//! The script of a `shell` task.

use engine::definition::Work;

use super::process::Script;

/// Reads the script and its interpreter; none for another task type.
pub(crate) fn read_script(work: &Work) -> Option<Script> {
    match work {
        Work::Shell { run, interpreter } => Some(Script {
            text: run.clone(),
            interpreter: interpreter.clone(),
        }),
        Work::Python { .. } | Work::Http { .. } | Work::Noop => None,
    }
}
