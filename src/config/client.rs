//! What client commands take from the environment, and the only place that reads it.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment of the process; variables that are empty count as not set.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Reads the environment of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads settings from the environment"
)]
pub fn environment() -> Environment {
    Environment::of(
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

/// The settings of client commands.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `PORPOISE_URL`.
    pub url: Option<String>,
    /// `PORPOISE_TOKEN`.
    pub token: Option<String>,
    /// `PORPOISE_CONTEXT`: the context to use instead of the current one.
    pub context: Option<String>,
    /// `PORPOISE_PASSWORD`: for `login` without a terminal.
    pub password: Option<String>,
    /// The file of contexts; `None` when there is no home folder.
    pub contexts_file: Option<PathBuf>,
    /// Whether `NO_COLOR` asks for plain output.
    pub plain: bool,
}

impl Settings {
    /// Takes the client's settings from an environment.
    pub fn of(environment: &Environment) -> Self {
        let own = |name: &str| environment.get(name).map(str::to_owned);
        let folder = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| {
            environment
                .get("HOME")
                .map(|home| PathBuf::from(home).join(".config"))
        });
        Self {
            url: own("PORPOISE_URL"),
            token: own("PORPOISE_TOKEN"),
            context: own("PORPOISE_CONTEXT"),
            password: own("PORPOISE_PASSWORD"),
            contexts_file: folder.map(|folder| folder.join("porpoise").join("contexts.json")),
            plain: environment.get("NO_COLOR").is_some(),
        }
    }
}
