//! The environment of the process; no other module reads it for settings.

use std::collections::BTreeMap;

/// The environment of the process; variables that are empty count as not set.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Reads the environment of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads settings from the environment"
)]
pub fn read_environment() -> Environment {
    Environment::from_variables(
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    )
}

impl Environment {
    /// Makes an environment of the given variables, without the empty ones.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(
            variables
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    /// Returns a variable that is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns every variable whose name begins with `prefix`, ordered by name.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
