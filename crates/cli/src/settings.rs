//! What client commands take from the environment.

use std::path::PathBuf;

use primitives::environment::Environment;

use crate::output::ColourChoice;

/// The settings of client commands.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `PORPOISE_URL`.
    pub(crate) url: Option<String>,
    /// `PORPOISE_TOKEN`.
    pub(crate) token: Option<String>,
    /// `PORPOISE_CONTEXT`: the context to use instead of the current one.
    pub(crate) context: Option<String>,
    /// `PORPOISE_PASSWORD`: for `login` without a terminal.
    pub(crate) password: Option<String>,
    /// The file of contexts; `None` when there is no home folder.
    pub(crate) contexts_file: Option<PathBuf>,
    /// `NO_COLOR`.
    pub(crate) colour: ColourChoice,
}

impl Settings {
    /// Takes the client's settings from an environment.
    pub(crate) fn from_environment(environment: &Environment) -> Self {
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
            colour: match environment.get("NO_COLOR") {
                Some(_) => ColourChoice::Never,
                None => ColourChoice::OnTerminal,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_variables(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn contexts_lie_below_the_config_folder_or_home() {
        let file = |pairs: &[(&str, &str)]| Settings::from_environment(&environment(pairs)).contexts_file;
        assert_eq!(
            file(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "")]),
            Some(PathBuf::from("/h/.config/porpoise/contexts.json"))
        );
        assert_eq!(
            file(&[("XDG_CONFIG_HOME", "/x")]),
            Some(PathBuf::from("/x/porpoise/contexts.json"))
        );
        assert_eq!(file(&[]), None);
    }
}
