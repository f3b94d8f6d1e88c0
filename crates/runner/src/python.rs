//! The script of a `python` task.

use engine::definition::Work;

use super::process::Script;

/// Reads the script and its interpreter; none for another task type.
pub(crate) fn read_script(work: &Work) -> Option<Script> {
    match work {
        Work::Python { run, python } => Some(Script {
            text: run.clone(),
            interpreter: python.clone(),
        }),
        Work::Shell { .. } | Work::Http { .. } | Work::Noop => None,
    }
}
