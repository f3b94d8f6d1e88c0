//! Gathers the text of every key from its sources; a later source wins.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::Mode;
use super::keys::{self, Key};
use super::read::yes_or_no;
use primitives::environment::Environment;

const PREFIX: &str = "PORPOISE__";

/// Variables of Consul's own tools, each with the key that it is a default of.
const CONSUL: [(&str, &str); 11] = [
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

/// The text of one key.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Everything that the sources say, with the mistakes found on the way.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) values: BTreeMap<&'static str, Found>,
    pub(super) mistakes: Vec<String>,
}

/// Reads all sources in their order.
pub(super) fn gather(mode: Mode, flags: &Flags, environment: &Environment) -> Gathered {
    let mut gathered = Gathered::default();
    for key in keys::KEYS.iter().filter(|key| !key.default.is_empty()) {
        gathered.put(key, key.default.to_owned(), Origin::Default);
    }
    if mode == Mode::Cluster {
        // A process alone has no use for Consul, whatever else on its machine has.
        gathered.read_consul(environment);
    }
    if let Some(path) = &flags.file {
        gathered.read_file(path);
    }
    for (name, value) in environment.with_prefix(PREFIX) {
        let key = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
        gathered.accept(&key, value.to_owned(), Origin::Environment(name.to_owned()));
    }
    for (key, value) in &flags.values {
        gathered.accept(key, value.clone(), Origin::Flag);
    }
    gathered
}

impl Gathered {
    fn put(&mut self, key: &Key, text: String, origin: Origin) {
        self.values.insert(key.name, Found { text, origin });
    }

    fn accept(&mut self, name: &str, text: String, origin: Origin) {
        if let Some(key) = keys::find(name) {
            return self.put(key, text, origin);
        }
        let Some(key) = keys::find_file_twin(name) else {
            let hint = keys::nearest(name)
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            self.mistakes
                .push(format!("{name}: there is no such key ({origin}){hint}"));
            return;
        };
        match fs::read_to_string(&text) {
            Ok(content) => self.put(key, content.trim_end().to_owned(), origin),
            Err(error) => self
                .mistakes
                .push(format!("{name}: cannot read {text}: {error} ({origin})")),
        }
    }

    /// Takes what Consul's own tools take from the environment; every source of ours wins over it.
    fn read_consul(&mut self, environment: &Environment) {
        for (name, key) in CONSUL {
            if let Some(value) = environment.get(name) {
                self.accept(key, value.to_owned(), Origin::Environment(name.to_owned()));
            }
        }
        let name = "CONSUL_HTTP_SSL";
        let wanted = environment.get(name).map_or(Ok(false), yes_or_no);
        let encrypted = wanted.unwrap_or_else(|why| {
            self.mistakes.push(format!("{name}: {why}"));
            false
        });
        let name = "CONSUL_HTTP_ADDR";
        if let Some(address) = environment.get(name) {
            let url = consul_url(address, encrypted);
            self.accept("consul.url", url, Origin::Environment(name.to_owned()));
        }
    }

    fn read_file(&mut self, path: &Path) {
        let origin = Origin::File(path.to_owned());
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.mistakes.push(format!("{origin}: {error}")),
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.read_table("", &table, &origin),
            Err(error) => self
                .mistakes
                .push(format!("{origin}: {}", error.to_string().trim_end())),
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
                other => self.mistakes.push(format!(
                    "{name}: should be text or a number, not {} ({origin})",
                    other.type_str()
                )),
            }
        }
    }
}

/// Consul's tools take `HOST:PORT` as well as an address with a scheme, and never go back to `http` when TLS is asked
/// for. Another scheme is refused where the key is read.
fn consul_url(text: &str, encrypted: bool) -> String {
    let scheme = if encrypted { "https" } else { "http" };
    match text.split_once("://") {
        None => format!("{scheme}://{text}"),
        Some(("http", rest)) => format!("{scheme}://{rest}"),
        Some(_) => text.to_owned(),
    }
}
