//! Checks of fields that only all fields of a task together allow.

use serde_json::{Map, Value};

use super::approval::APPROVAL;
use super::definition::TaskType;
use super::dependent::DEPENDENT;
use crate::approval::ApprovalTask;
use crate::dependent::DependencyTask;
use crate::spec::validator::{Path, Validator};

/// Checks what only all fields of a task together show; reports everything that is wrong with them.
pub(super) fn check_waits(
    task_type: &TaskType,
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
) -> Option<()> {
    if task_type.name == DEPENDENT.name {
        DependencyTask::parse(validator, map, at)?;
    } else if task_type.name == APPROVAL.name {
        ApprovalTask::parse(validator, map, at)?;
    }
    Some(())
}
