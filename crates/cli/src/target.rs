//! Which server a client command talks to, and with which token.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use primitives::data_folder::admin_token_file;
use primitives::private_files::replace_private_file;

use super::failure::{Exit, Failure};
use crate::settings::Settings;
use primitives::secret::Secret;

const DEFAULT_URL: &str = "http://127.0.0.1:7070";

/// A server that the client knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Context {
    /// Its address.
    pub(super) url: String,
    /// The token of the last login, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
}

/// The contexts of this user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contexts {
    /// The name of the one that is used.
    #[serde(default)]
    pub(super) current: Option<String>,
    /// By name.
    #[serde(default)]
    pub(super) contexts: BTreeMap<String, Context>,
}

impl Contexts {
    /// Reads the file; none is like an empty one.
    pub(super) fn load(settings: &Settings) -> Result<Self, Failure> {
        let Some(path) = &settings.contexts_file else {
            return Ok(Self::default());
        };
        let wrong = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", path.display()));
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Writes the file, readable by its owner only.
    pub(super) fn save(&self, settings: &Settings) -> Result<(), Failure> {
        let path = settings.contexts_file.as_ref().ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "no place for contexts: neither HOME nor XDG_CONFIG_HOME is set",
            )
        })?;
        write_private(path, &format!("{}\n", serde_json::json!(self)))
            .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))
    }

    /// Returns the context in use, by `PORPOISE_CONTEXT` or the current one.
    pub(super) fn in_use(&self, settings: &Settings) -> Result<Option<(&str, &Context)>, Failure> {
        let Some(name) = settings.context.as_ref().or(self.current.as_ref()) else {
            return Ok(None);
        };
        let found = self.contexts.get_key_value(name);
        let missing = || Failure::new(Exit::NotFound, format!("there is no context `{name}`"));
        found
            .map(|(name, context)| Some((name.as_str(), context)))
            .ok_or_else(missing)
    }
}

/// A server and a token.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Without a slash at the end.
    pub(super) url: String,
    /// `None` when none was found.
    pub(super) token: Option<Secret>,
}

impl Target {
    /// Finds both: flag, environment, context, default; the token of a context goes to its own server only.
    pub(super) fn find(flag: Option<&str>, settings: &Settings) -> Result<Self, Failure> {
        let contexts = Contexts::load(settings)?;
        let context = contexts.in_use(settings)?.map(|(_, context)| context);
        let url = flag
            .or(settings.url.as_deref())
            .or(context.map(|context| context.url.as_str()))
            .unwrap_or(DEFAULT_URL)
            .trim_end_matches('/')
            .to_owned();
        let token = settings
            .token
            .clone()
            .or_else(|| context.filter(|context| context.url == url)?.token.clone())
            .or_else(|| token_in(Path::new("./data")));
        Ok(Self {
            url,
            token: token.map(Secret::new),
        })
    }
}

fn token_in(data: &Path) -> Option<String> {
    let text = fs::read_to_string(admin_token_file(data)).ok()?;
    Some(text.trim().to_owned()).filter(|token| !token.is_empty())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    replace_private_file(path, text.as_bytes())
}

#[cfg(test)]
mod tests;
