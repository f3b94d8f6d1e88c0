//! The types of tasks, each defined in one file by the table of its fields.
//!
//! A type is one file below and one entry of [`TASK_TYPES`]; parser, serializer, JSON Schema and runner follow it.

pub mod approval;
pub mod child_workflow;
pub mod conditions;
pub mod dependent;
pub mod dynamic;
pub mod http;
pub mod noop;
pub mod python;
pub mod shell;
pub mod sub_workflow;
pub mod switch;

pub(crate) mod action;
mod background;
pub(crate) mod channel_values;
mod child_values;
mod connection_use;
mod connector_values;
pub(crate) mod definition;
pub(crate) mod field;
mod header_values;
pub(crate) mod logic_values;
mod program;
pub(crate) mod script;
pub(crate) mod site;
pub(crate) mod task_result;
mod value_kind;
mod wait_check;
mod wait_values;

#[cfg(test)]
mod tests;

pub use action::{InvalidFields, PreparedAction, PreparedTask, TaskAction};
pub use background::BackgroundPolicy;
pub use connection_use::ConnectionUse;
pub use definition::TaskType;
pub use field::{Field, FieldKind, FieldVariant, Presence};
pub use program::ProgramWords;
pub use site::{ExecutionSite, WatchKind};
pub use value_kind::ValueKind;

/// Every type, in the order in which they are listed for users.
pub const TASK_TYPES: &[&TaskType] = &[
    &shell::SHELL,
    &python::PYTHON,
    &http::HTTP,
    &sub_workflow::SUB_WORKFLOW,
    &dynamic::DYNAMIC,
    &conditions::CONDITIONS,
    &switch::SWITCH,
    &dependent::DEPENDENT,
    &approval::APPROVAL,
    &noop::NOOP,
];
