//! The picture of `config show`: every key with its value and where it came from.

use super::keys::{KEYS, Kind};
use super::sources::{self, Flags, Origin};
use super::{ConfigError, Mode, read};
use primitives::environment::Environment;

/// One line of `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `section.key`.
    pub key: &'static str,
    /// The value, masked when it is secret; empty when nothing is set.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
    /// What it means.
    pub about: &'static str,
}

/// Returns every key with its value and origin.
///
/// # Errors
/// When a source cannot be read, names a key that does not exist, or gives one a value that it cannot have.
pub fn shown(flags: &Flags, environment: &Environment) -> Result<Vec<Shown>, ConfigError> {
    let mut gathered = sources::gather(Mode::Cluster, flags, environment);
    // Only for the mistakes: what no mode of serving would take is not shown as if it were fine.
    read::config(Mode::Standalone, &mut gathered);
    if !gathered.mistakes.is_empty() {
        return Err(ConfigError {
            mistakes: gathered.mistakes,
        });
    }
    Ok(KEYS
        .iter()
        .map(|key| {
            let found = gathered.values.get(key.name);
            let text = found.map(|found| found.text.as_str()).unwrap_or_default();
            Shown {
                key: key.name,
                value: masked(key.kind, text),
                origin: found.map_or(Origin::Default, |found| found.origin.clone()),
                about: key.about,
            }
        })
        .collect())
}

fn masked(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Secret if !text.is_empty() => "***".to_owned(),
        Kind::Url => without_password(text),
        Kind::Plain | Kind::Secret => text.to_owned(),
    }
}

/// Masks what may be a password: the part between the first `:` after the scheme and the last `@`, and every
/// query argument named so.
fn without_password(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, ""), |(url, query)| (url, query));
    let query = match query {
        "" => String::new(),
        query if query.contains("password") => "?***".to_owned(),
        query => format!("?{query}"),
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return format!("{url}{query}");
    };
    let Some((login, host)) = rest.rsplit_once('@') else {
        return format!("{url}{query}");
    };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{host}{query}"),
        None => format!("{url}{query}"),
    }
}
