//! Gathers the text of every key from its sources; a later source wins.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use api::Mode;
use primitives::environment::Environment;

use super::error::ConfigError;
use super::key::{AnyKey, Key};
use super::keys::{KEYS, find_key, find_key_of_file, nearest_name};
use super::values::parse_bool;

const PREFIX: &str = "PORPOISE__";

/// Variables of Consul's own tools, each with the key that it is a default of.
const CONSUL_VARIABLES: [(&str, &str); 11] = [
    ("CONSUL_HTTP_TOKEN", "consul.token"),
    // The last one wins: as in Consul's own client, the file.
    ("CONSUL_HTTP_TOKEN_FILE", "consul.token_file"),
    ("CONSUL_HTTP_AUTH", "consul.http_auth"),
    ("CONSUL_NAMESPACE", "consul.namespace"),
    ("CONSUL_PARTITION", "consul.partition"),
    ("CONSUL_CACERT", "consul.ca_file"),
    ("CONSUL_CAPATH", "consul.ca_path"),
    ("CONSUL_TLS_SERVER_NAME", "consul.server_name"),
    ("CONSUL_CLIENT_CERT", "consul.cert_file"),
    ("CONSUL_CLIENT_KEY", "consul.key_file"),
    ("CONSUL_HTTP_SSL_VERIFY", "consul.verify_tls"),
];

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The file of `--config`.
    pub file: Option<PathBuf>,
    /// Keys (or `_file` twins) with their values.
    pub values: Vec<(&'static str, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing said otherwise.
    Default,
    /// The file of `--config`.
    File(PathBuf),
    /// The environment variable of this name.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// The text of one key, with the source that gave it.
#[derive(Debug, Clone)]
pub(super) struct SourcedText {
    text: String,
    origin: Origin,
}

impl SourcedText {
    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns where it came from.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The texts of all sources, with the mistakes found on the way.
#[derive(Debug, Default)]
pub(super) struct SourceTexts {
    texts: BTreeMap<&'static str, SourcedText>,
    mistakes: Vec<String>,
}

/// Reads all sources in their order.
pub(super) fn gather_sources(mode: Mode, flags: &Flags, environment: &Environment) -> SourceTexts {
    let mut texts = SourceTexts::default();
    for key in KEYS.iter().filter(|key| !key.default_text().is_empty()) {
        texts.set(*key, key.default_text().to_owned(), Origin::Default);
    }
    if mode == Mode::Cluster {
        // A standalone process does not use Consul, whatever other programs on its machine do.
        texts.read_consul_variables(environment);
    }
    if let Some(path) = &flags.file {
        texts.read_file(path);
    }
    for (name, value) in environment.with_prefix(PREFIX) {
        let key = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
        texts.accept(&key, value.to_owned(), Origin::Environment(name.to_owned()));
    }
    for (key, value) in &flags.values {
        texts.accept(key, value.clone(), Origin::Flag);
    }
    texts
}

impl SourceTexts {
    /// Returns the text of a key that is set; a key can be set to nothing.
    pub(super) fn find(&self, key: &dyn AnyKey) -> Option<&SourcedText> {
        self.texts.get(key.name())
    }

    /// Returns whether a key is set.
    pub(super) fn is_set(&self, key: &dyn AnyKey) -> bool {
        self.texts.contains_key(key.name())
    }

    /// Adds a mistake.
    pub(super) fn reject(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    /// Adds every key whose value is wrong to the mistakes.
    pub(super) fn check_values(&mut self) {
        for key in KEYS {
            let Some(found) = self.texts.get(key.name()) else {
                continue;
            };
            if let Err(why) = key.check(&found.text) {
                let name = key.name();
                self.mistakes.push(format!("{name}: {why} ({})", found.origin));
            }
        }
    }

    /// Fails with every mistake so far.
    pub(super) fn check_mistakes(&self) -> Result<(), ConfigError> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        Err(ConfigError {
            mistakes: self.mistakes.clone(),
        })
    }

    /// Returns the value of a key with a default.
    pub(super) fn value<T>(&self, key: &Key<T>) -> Result<T, ConfigError> {
        self.optional_value(key)?
            .ok_or_else(|| mistake(key, "must not be empty"))
    }

    /// Returns the value of a key, if it is set.
    pub(super) fn optional_value<T>(&self, key: &Key<T>) -> Result<Option<T>, ConfigError> {
        let text = self.find(key).map_or("", SourcedText::text);
        if text.is_empty() {
            return Ok(None);
        }
        key.parse(text).map(Some).map_err(|why| mistake(key, &why))
    }

    fn set(&mut self, key: &dyn AnyKey, text: String, origin: Origin) {
        self.texts.insert(key.name(), SourcedText { text, origin });
    }

    fn accept(&mut self, name: &str, text: String, origin: Origin) {
        if let Some(key) = find_key(name) {
            return self.set(key, text, origin);
        }
        let Some(key) = find_key_of_file(name) else {
            let hint = nearest_name(name)
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            return self.reject(format!("{name}: there is no such key ({origin}){hint}"));
        };
        match fs::read_to_string(&text) {
            Ok(content) => self.set(key, content.trim_end().to_owned(), origin),
            Err(error) => self.reject(format!("{name}: cannot read {text}: {error} ({origin})")),
        }
    }

    /// Reads the variables of Consul's own tools; every other source but the defaults overrides them.
    fn read_consul_variables(&mut self, environment: &Environment) {
        for (name, key) in CONSUL_VARIABLES {
            if let Some(value) = environment.get(name) {
                self.accept(key, value.to_owned(), Origin::Environment(name.to_owned()));
            }
        }
        let name = "CONSUL_HTTP_SSL";
        let scheme = match environment.get(name).map_or(Ok(false), parse_bool) {
            Ok(true) => "https",
            Ok(false) => "http",
            Err(why) => {
                self.reject(format!("{name}: {why}"));
                "http"
            }
        };
        let name = "CONSUL_HTTP_ADDR";
        if let Some(address) = environment.get(name) {
            let url = consul_url(address, scheme);
            self.accept("consul.url", url, Origin::Environment(name.to_owned()));
        }
    }

    fn read_file(&mut self, path: &Path) {
        let origin = Origin::File(path.to_owned());
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.reject(format!("{origin}: {error}")),
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.read_table("", &table, &origin),
            Err(error) => self.reject(format!("{origin}: {}", error.to_string().trim_end())),
        }
    }

    fn read_table(&mut self, above: &str, table: &toml::Table, origin: &Origin) {
        for (name, value) in table {
            let name = format!("{above}{name}");
            match value {
                toml::Value::Table(inner) => self.read_table(&format!("{name}."), inner, origin),
                toml::Value::String(text) => self.accept(&name, text.clone(), origin.clone()),
                toml::Value::Integer(number) => self.accept(&name, number.to_string(), origin.clone()),
                toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
                    let words: Vec<_> = items.iter().filter_map(toml::Value::as_str).collect();
                    self.accept(&name, words.join(","), origin.clone());
                }
                other => self.reject(format!(
                    "{name}: should be text or a number, not {} ({origin})",
                    other.type_str()
                )),
            }
        }
    }
}

/// Consul's tools take `HOST:PORT` as well as an address with a scheme, and never downgrade to `http` when TLS is asked
/// for. Another scheme is rejected where the value is parsed.
fn consul_url(text: &str, scheme: &str) -> String {
    match text.split_once("://") {
        None => format!("{scheme}://{text}"),
        Some(("http", rest)) => format!("{scheme}://{rest}"),
        Some(_) => text.to_owned(),
    }
}

fn mistake(key: &dyn AnyKey, why: &str) -> ConfigError {
    ConfigError {
        mistakes: vec![format!("{}: {why}", key.name())],
    }
}
