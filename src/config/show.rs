//! What `config show` prints: every key with its value and where it came from.

use api::Mode;
use primitives::environment::Environment;

use super::error::ConfigError;
use super::key::Visibility;
use super::keys::KEYS;
use super::load::check_key_pairs;
use super::sources::{Flags, Origin, SourcedText, gather_sources};

/// One line of `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
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
pub fn list_keys(flags: &Flags, environment: &Environment) -> Result<Vec<KeyLine>, ConfigError> {
    let mut texts = gather_sources(Mode::Cluster, flags, environment);
    texts.check_values();
    check_key_pairs(&mut texts);
    texts.check_mistakes()?;
    Ok(KEYS
        .iter()
        .map(|key| {
            let found = texts.find(*key);
            KeyLine {
                key: key.name(),
                value: masked(key.visibility(), found.map_or("", SourcedText::text)),
                origin: found.map_or(Origin::Default, |found| found.origin().clone()),
                about: key.about(),
            }
        })
        .collect())
}

fn masked(visibility: Visibility, text: &str) -> String {
    match visibility {
        Visibility::Hidden if !text.is_empty() => "***".to_owned(),
        Visibility::MaskedUrl => without_password(text),
        Visibility::Shown | Visibility::Hidden => text.to_owned(),
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
