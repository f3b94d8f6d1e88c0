//! The definition of a workflow: its model, its documents.
//!
//! A JSON value goes in; a valid definition or every error at once comes out. The text formats in front of it
//! (YAML, JSON) live outside this crate; they only add lines and columns.

pub mod duration;
pub mod names;

pub(crate) mod diagnostic;
pub(crate) mod labels;
pub(crate) mod limits;
pub(crate) mod model;
pub(crate) mod params;
pub(crate) mod secret_places;
pub(crate) mod validator;
pub(crate) mod values;

mod concurrency;
mod cut_off;
mod defaults;
mod graph;
mod limit_uses;
mod lint;
mod logic;
mod needs;
mod param_check;
mod parse;
mod schema;
mod serialize;
mod tasks;
mod workflow_references;

pub use concurrency::{ConcurrencyRule, ConcurrencyStrategy};
pub use defaults::ProjectDefaults;
pub use diagnostic::{Diagnostic, DiagnosticTarget};
pub use labels::parse_label_map;
pub use limit_uses::MAX_LIMIT_SLOTS;
pub use limits::{MAX_TASKS, MAX_VALUE_BYTES};
pub use lint::lint;
pub use model::{
    Definition, Direction, LimitUse, OnCutOff, Output, Param, Predecessor, RetryPolicy, TaskDefinition,
};
pub use params::check_external_param;
pub use parse::parse;
pub use schema::{document_schema, task_type_schemas};
pub use secret_places::SecretReference;
pub use serialize::serialize;
pub use values::ParamType;
pub use workflow_references::{ProjectAccess, ReferenceKind, WorkflowReference};

#[cfg(test)]
mod tests;
