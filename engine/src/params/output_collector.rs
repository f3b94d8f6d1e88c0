//! The outputs that an attempt sets: only declared names count, within bounds, and of their declared type.

use std::collections::BTreeMap;

use super::scopes::MAX_TOTAL_BYTES;
use crate::spec::limits::MAX_VALUE_BYTES;
use crate::spec::values::{ParamType, check_value};

/// The most lines of one `setValue`.
pub(super) const MAX_LINES: usize = 1_024;

/// Why the outputs of an attempt cannot be kept. The attempt fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// One value is too large.
    #[error("the output `{0}` has more than {MAX_VALUE_BYTES} bytes")]
    ValueTooLarge(String),
    /// One value has too many lines to be the value of a `setValue`.
    #[error("the output `{0}` has more than {MAX_LINES} lines; write it to $PORPOISE_OUTPUT")]
    TooManyLines(String),
    /// All values together are too large.
    #[error("with the output `{0}` all outputs together have more than {MAX_TOTAL_BYTES} bytes")]
    TotalTooLarge(String),
    /// The output file ends inside of a value.
    #[error("the output `{name}` has no closing line `{mark}`")]
    Unclosed {
        /// The output.
        name: String,
        /// The line that is missing.
        mark: String,
    },
    /// The value is not of the declared type.
    #[error("the output `{name}` cannot be used: {detail}")]
    WrongType {
        /// The output.
        name: String,
        /// What it is declared as.
        detail: String,
    },
    /// The output file is too large to be read.
    #[error("the output file has more than {0} bytes")]
    FileTooLarge(u64),
}

/// Collects the values of one attempt; later ones of a name replace earlier ones.
#[derive(Debug, Default)]
pub struct OutputCollector {
    declared: BTreeMap<String, ParamType>,
    values: BTreeMap<String, Result<String, OutputError>>,
    bytes: usize,
    /// Stays, whatever is set later.
    failure: Option<OutputError>,
}

impl OutputCollector {
    /// Makes a collector of these outputs.
    pub fn new(declared: BTreeMap<String, ParamType>) -> Self {
        Self {
            declared,
            ..Self::default()
        }
    }

    /// Returns the declared names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.declared.keys().map(String::as_str)
    }

    /// Sets a value; one of a name that is not declared is left out.
    pub fn set_value(&mut self, name: &str, value: &str) {
        if value.len() > MAX_VALUE_BYTES {
            return self.reject_value(name, OutputError::ValueTooLarge);
        }
        // A zero byte could not be handed on in an environment.
        self.put(name, Ok(value.replace('\0', "\u{fffd}")));
        if self.bytes > MAX_TOTAL_BYTES {
            self.values.remove(name);
            self.fail(OutputError::TotalTooLarge(name.to_owned()));
        }
    }

    /// Remembers that the latest value of a name cannot be kept.
    pub(super) fn reject_value(&mut self, name: &str, error: impl FnOnce(String) -> OutputError) {
        self.put(name, Err(error(name.to_owned())));
    }

    /// Lets the attempt fail, whatever it sets.
    pub fn fail(&mut self, error: OutputError) {
        self.failure.get_or_insert(error);
    }

    fn put(&mut self, name: &str, value: Result<String, OutputError>) {
        if !self.declared.contains_key(name) || self.failure.is_some() {
            return;
        }
        let bytes_of = |value: &Result<String, OutputError>| value.as_ref().map_or(0, String::len);
        self.bytes += bytes_of(&value);
        let replaced = self.values.insert(name.to_owned(), value);
        self.bytes -= replaced.as_ref().map_or(0, bytes_of);
    }

    /// Returns the values.
    ///
    /// # Errors
    /// A declared output cannot be kept.
    pub fn finish(self) -> Result<BTreeMap<String, String>, OutputError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let checked = self.values.into_iter().map(|(name, value)| {
            let value = value?;
            let param_type = self.declared.get(&name).copied().unwrap_or(ParamType::String);
            match check_value(param_type, &value) {
                Ok(()) => Ok((name, value)),
                Err((_, detail)) => Err(OutputError::WrongType { name, detail }),
            }
        });
        checked.collect()
    }
}
