//! The script of a `shell` task.

use engine::task_type::shell::ShellFields;
use engine::task_type::{InvalidFields, PreparedAction};

use super::process::Script;

/// Reads the script and its interpreter.
pub(crate) fn read_script(action: &PreparedAction) -> Result<Script, InvalidFields> {
    let fields: ShellFields = action.read_fields()?;
    Ok(Script {
        text: fields.run,
        interpreter: fields.interpreter,
        background: fields.background,
    })
}
