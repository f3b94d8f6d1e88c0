//! Parameters: the value that a task sees under each name.

pub mod time;

pub(crate) mod interpolate;
pub(crate) mod text;

mod builtins;
mod outputs;
mod scopes;
mod upstream;

pub use builtins::{BuiltinContext, builtin_params};
pub use outputs::{OutputScanner, read_output_file};
pub use scopes::{ParamError, ParamScopes, resolve_params};
pub use text::interpolate_text;
pub use time::TimeBase;
pub use upstream::upstream_outputs;

#[cfg(test)]
mod tests;
