//! The parsers of values.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use actors::execution::worker_selection::WorkerSelection;
use engine::timezone::{Tz, parse_timezone};
use ports::RetentionLimit;
use primitives::secret::Secret;
use primitives::units::parse_duration;
use reqwest::Url;

use super::log::LogFormat;
use super::role::Role;

/// Fewest characters of a secret that protects a cluster.
const MIN_SECRET_CHARS: usize = 32;

pub(super) fn parse_text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

pub(super) fn parse_path(text: &str) -> Result<PathBuf, String> {
    Ok(text.into())
}

pub(super) fn parse_secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

pub(super) fn parse_long_secret(text: &str) -> Result<Secret, String> {
    if text.chars().count() < MIN_SECRET_CHARS {
        return Err(format!("must have at least {MIN_SECRET_CHARS} characters"));
    }
    parse_secret(text)
}

pub(super) fn parse_retention(text: &str) -> Result<RetentionLimit, String> {
    text.parse()
}

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    SocketAddr::from_str(text).map_err(|_| format!("`{text}` is not an address such as 127.0.0.1:7070"))
}

pub(super) fn parse_host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not HOST:PORT")),
    }
}

pub(super) fn parse_positive(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("`{text}` is not a whole number above 0")),
    }
}

pub(super) fn parse_natural(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a whole number from 0 on"))
}

/// Also takes what Consul's own tools take for true and false.
pub(super) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("`{text}` is not true or false")),
    }
}

/// Parses a path of URLs; the root is the empty text.
pub(super) fn parse_base_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let is_plain = |part: &str| {
        let is_name = part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        is_name && !matches!(part, "" | "." | "..")
    };
    let is_path = path
        .strip_prefix('/')
        .is_some_and(|parts| parts.split('/').all(is_plain));
    if path.is_empty() || is_path {
        return Ok(path.to_owned());
    }
    Err(format!(
        "`{text}` is not a path such as /porpoise, of letters, digits, `-`, `_`, `.` and `~`"
    ))
}

/// The address of the server in browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicUrl {
    /// Scheme, host and port, as browsers write them in `Origin`.
    pub(super) origin: String,
    /// The path, without a slash at its end.
    pub(super) path: String,
}

/// The error does not repeat the text, which may contain a password.
pub(super) fn parse_public_url(text: &str) -> Result<PublicUrl, String> {
    let wrong = || "should be http:// or https://, a host, perhaps a port and a path".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    Ok(PublicUrl {
        origin: url.origin().ascii_serialization(),
        path: url.path().trim_end_matches('/').to_owned(),
    })
}

/// The error does not repeat the text, which may contain a password.
pub(super) fn parse_agent_url(text: &str) -> Result<String, String> {
    if has_scheme(text, &["http://", "https://", "unix:///"]) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("should begin with http://, https:// or unix:///".to_owned())
    }
}

/// The error does not repeat the text, which may contain a password.
pub(super) fn parse_database_url(text: &str) -> Result<Secret, String> {
    if has_scheme(text, &["postgres://", "postgresql://", "sqlite:"]) {
        Ok(Secret::new(text))
    } else {
        Err("should begin with postgres:// or sqlite://".to_owned())
    }
}

fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    schemes.iter().any(|scheme| text.starts_with(scheme))
}

pub(super) fn parse_missed_after(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    let is_allowed = (Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&time);
    is_allowed
        .then_some(time)
        .ok_or_else(|| format!("`{text}` is not between 1s and 1d"))
}

pub(super) fn parse_roles(text: &str) -> Result<Vec<Role>, String> {
    let mut roles = Vec::new();
    for name in text.split(',').map(str::trim) {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == name);
        roles.push(role.ok_or_else(|| format!("`{name}` is not one of master, worker, api"))?);
    }
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}

/// Reads absolute folders, separated by commas: a relative one would depend on where the node was started.
pub(super) fn parse_folders(text: &str) -> Result<Vec<PathBuf>, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| match PathBuf::from(name) {
            folder if folder.is_absolute() => Ok(folder),
            _ => Err(format!("`{name}` is not an absolute path")),
        })
        .collect()
}

pub(super) fn parse_zone(text: &str) -> Result<Tz, String> {
    parse_timezone(text).map_err(|error| error.to_string())
}

pub(super) fn parse_worker_choice(text: &str) -> Result<WorkerSelection, String> {
    match text {
        "least_loaded" => Ok(WorkerSelection::LeastLoaded),
        "round_robin" => Ok(WorkerSelection::RoundRobin),
        "random" => Ok(WorkerSelection::Random),
        "weighted" => Ok(WorkerSelection::Weighted),
        other => Err(format!(
            "`{other}` is not one of least_loaded, round_robin, random, weighted"
        )),
    }
}

pub(super) fn parse_log_level(text: &str) -> Result<String, String> {
    let wrong = |error| format!("`{text}` is no level and no list of target=level: {error}");
    tracing_subscriber::EnvFilter::try_new(text).map_err(wrong)?;
    Ok(text.to_owned())
}

pub(super) fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("`{other}` is not one of auto, text, json")),
    }
}
