//! Parameters: the value that a task sees under each name.

pub mod time;

pub(crate) mod check;
pub(crate) mod interpolate;
pub(crate) mod secret_slots;
pub(crate) mod text;

mod builtins;
mod output_collector;
mod output_file;
mod output_scanner;
mod scopes;
mod task_values;
mod upstream;

pub use builtins::{BuiltinContext, builtin_params, run_independent_params};
pub use output_collector::{OutputCollector, OutputError};
pub use output_file::{MAX_OUTPUT_LINE_BYTES, OutputFileParser};
pub use output_scanner::OutputScanner;
pub use scopes::{ParamError, ParamScopes, resolve_params};
pub use secret_slots::{
    SECRET_PREFIX, SecretSlot, SlotTarget, UnfilledSlot, ValueEscaping, fill_secret_slots,
};
pub(crate) use task_values::declared_types;
pub use task_values::task_values;
pub use text::{PreparedVariable, interpolate_text, interpolate_variable};
pub use time::TimeBase;
pub(crate) use upstream::upstream_givers;
pub use upstream::upstream_outputs;

#[cfg(test)]
mod tests;
