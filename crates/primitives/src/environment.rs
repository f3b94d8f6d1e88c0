//! The environment of the process, and the only place that reads it for settings.

use std::collections::BTreeMap;

/// The environment of the process; variables that are empty count as not set.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Reads the environment of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads settings from the environment"
)]
pub fn environment() -> Environment {
    Environment::from_variables(
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    )
}

impl Environment {
    /// Takes the given variables.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
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

    /// Returns every variable whose name begins so, in order of their names.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
