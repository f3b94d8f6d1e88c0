//! The script of a `python` task.

use engine::task_type::python::PythonFields;
use engine::task_type::{InvalidFields, PreparedAction};

use super::process::Script;

/// Reads the script and its interpreter.
pub(crate) fn read_script(action: &PreparedAction) -> Result<Script, InvalidFields> {
    let fields: PythonFields = action.read_fields()?;
    Ok(Script {
        text: fields.run,
        interpreter: fields.python,
        background: fields.background,
    })
}
