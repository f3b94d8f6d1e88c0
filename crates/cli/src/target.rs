//! Which server a client command talks to, and with which token.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use primitives::data_folder::admin_token_file;
use primitives::private_files::replace_private_file;

use super::failure::{Exit, Failure};
use super::server_url::ServerUrl;
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

impl Context {
    /// Whether the context is for this server.
    fn is_of(&self, url: &ServerUrl) -> bool {
        ServerUrl::parse(&self.url).is_ok_and(|own| own == *url)
    }
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
        let (name, why) = match (&settings.context, &self.current) {
            (Some(name), _) => (name, "named by PORPOISE_CONTEXT"),
            (None, Some(name)) => (name, "the current one"),
            (None, None) => return Ok(None),
        };
        match self.contexts.get_key_value(name) {
            Some((name, context)) => Ok(Some((name.as_str(), context))),
            None => Err(self.missing(name, why)),
        }
    }

    /// Says that there is no such context, and which there are.
    pub(super) fn missing(&self, name: &str, why: &str) -> Failure {
        let message = format!("there is no context `{name}`, {why}");
        let failure = Failure::new(Exit::NotFound, message);
        let names: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
        match names.as_slice() {
            [] => failure.with_hint("`porpoise login` or `porpoise context set NAME --url URL` makes one"),
            _ => failure.with_hint(&format!(
                "`porpoise context use NAME` chooses one of: {}",
                names.join(", ")
            )),
        }
    }
}

/// Where an address or a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SettingOrigin {
    /// The flag `--url`.
    Flag,
    /// A variable of the environment.
    Environment(&'static str),
    /// A context, by its name.
    Context(String),
    /// The data folder of a node below the current folder.
    DataFolder,
    /// Built in.
    Default,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--url"),
            Self::Environment(name) => f.write_str(name),
            Self::Context(name) => write!(f, "context `{name}`"),
            Self::DataFolder => f.write_str("./data/admin-token"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A token, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct OriginalToken {
    secret: Secret,
    origin: SettingOrigin,
}

impl OriginalToken {
    /// Checks a token; blanks around it, as from a file with a final line end, are no part of it.
    fn parse(text: &str, origin: SettingOrigin) -> Result<Self, Failure> {
        let secret =
            check_token(text).map_err(|why| Failure::new(Exit::Usage, format!("{origin}: {why}")))?;
        Ok(Self { secret, origin })
    }

    /// Returns the token itself.
    pub(super) fn reveal(&self) -> &str {
        self.secret.reveal()
    }
}

/// Takes the blanks around a token away and checks the rest.
///
/// # Errors
/// A sentence that does not contain the token.
pub(super) fn check_token(text: &str) -> Result<Secret, String> {
    let token = text.trim();
    let is_legal = |c: char| c.is_ascii_graphic();
    match token.chars().find(|c| !is_legal(*c)) {
        _ if token.is_empty() => Err("the token is empty".to_owned()),
        Some(c) if c == '\n' || c == '\r' => {
            Err("the token has a line end in it; a token is one line".to_owned())
        }
        Some(c) => Err(format!(
            "the token has `{}` in it; a token is letters, digits and signs without blanks",
            c.escape_default()
        )),
        None => Ok(Secret::new(token)),
    }
}

/// A server and a token.
#[derive(Debug, Clone)]
pub(super) struct Target {
    url: ServerUrl,
    url_origin: SettingOrigin,
    token: Option<OriginalToken>,
    /// The context in use when its token was left out because it belongs to another server: its name and address.
    other_context: Option<(String, String)>,
}

impl Target {
    /// Finds both: flag, environment, context, default. The token of a context goes to its own server only, that of
    /// the data folder to this machine only.
    pub(super) fn find(flag: Option<&str>, settings: &Settings) -> Result<Self, Failure> {
        let contexts = Contexts::load(settings)?;
        let context = contexts.in_use(settings)?;
        let (text, url_origin) = match (flag, settings.url.as_deref(), context) {
            (Some(url), _, _) => (url, SettingOrigin::Flag),
            (None, Some(url), _) => (url, SettingOrigin::Environment("PORPOISE_URL")),
            (None, None, Some((name, context))) => {
                (context.url.as_str(), SettingOrigin::Context(name.to_owned()))
            }
            (None, None, None) => (DEFAULT_URL, SettingOrigin::Default),
        };
        let url = ServerUrl::parse(text)
            .map_err(|why| Failure::new(Exit::Usage, format!("{url_origin}: {why}")))?;
        let (own, other) = match context {
            Some(named) if named.1.is_of(&url) => (Some(named), None),
            other => (None, other),
        };
        Ok(Self {
            token: find_token(settings, own, &url)?,
            other_context: other.map(|(name, context)| (name.to_owned(), context.url.clone())),
            url,
            url_origin,
        })
    }

    /// The server.
    pub(super) fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// The token, when one was found.
    pub(super) fn token(&self) -> Option<&OriginalToken> {
        self.token.as_ref()
    }

    /// The same server without a token, for a login.
    pub(super) fn without_token(self) -> Self {
        Self { token: None, ..self }
    }

    /// Names the server, and where its address comes from unless that is the default.
    pub(super) fn describe_server(&self) -> String {
        match &self.url_origin {
            SettingOrigin::Default => self.url.to_string(),
            origin => format!("{} ({origin})", self.url),
        }
    }

    /// What helps when the server cannot be reached.
    pub(super) fn unreachable_hint(&self) -> &'static str {
        match self.url_origin {
            SettingOrigin::Context(_) => {
                "`porpoise context list` shows the servers that this client knows, `porpoise context use NAME` chooses \
                 one, --url names another"
            }
            _ => "is it running? `porpoise standalone` starts one; `porpoise doctor` looks further",
        }
    }

    /// What helps when the server refuses the token, or the lack of one.
    pub(super) fn token_hint(&self) -> String {
        let login = "`porpoise login` gets one, or set PORPOISE_TOKEN";
        match (&self.token, &self.other_context) {
            (Some(token), _) => match &token.origin {
                SettingOrigin::Context(name) => format!(
                    "the token of context `{name}` is not valid there any more; `porpoise login` gets a new one"
                ),
                origin => format!("the token of {origin} is not valid there; {login}"),
            },
            (None, Some((name, url))) => {
                format!(
                    "no token was found for {}: context `{name}` is for {url}; {login}",
                    self.url
                )
            }
            (None, None) => format!("no token was found for {}; {login}", self.url),
        }
    }
}

fn find_token(
    settings: &Settings,
    context: Option<(&str, &Context)>,
    url: &ServerUrl,
) -> Result<Option<OriginalToken>, Failure> {
    let context_token = context.and_then(|(name, context)| Some((name, context.token.as_deref()?)));
    match (&settings.token, context_token) {
        (Some(token), _) => {
            OriginalToken::parse(token, SettingOrigin::Environment("PORPOISE_TOKEN")).map(Some)
        }
        (None, Some((name, token))) => {
            OriginalToken::parse(token, SettingOrigin::Context(name.to_owned())).map(Some)
        }
        (None, None) => token_in(Path::new("./data"))
            .filter(|_| url.is_loopback())
            .map(|token| OriginalToken::parse(&token, SettingOrigin::DataFolder))
            .transpose(),
    }
}

fn token_in(data: &Path) -> Option<String> {
    let text = fs::read_to_string(admin_token_file(data)).ok()?;
    Some(text).filter(|token| !token.trim().is_empty())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    replace_private_file(path, text.as_bytes())
}

#[cfg(test)]
mod tests;
