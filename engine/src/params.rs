//! Parameters: which value a task sees under which name, and how it gets it.

pub mod time;

mod builtins;
mod fill;
mod layers;
mod outputs;
mod prepare;
mod upstream;

pub use builtins::{Facts, builtins};
pub use layers::{Layers, ParamError, resolve};
pub use outputs::{OutputScanner, read_output_file};
pub use prepare::{Prepared, prepare, prepare_text};
pub use time::Base;
pub use upstream::upstream;

/// The most bytes of all values that one task sees.
pub const MAX_TOTAL_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
