//! The keys of a host that are known, and what that says of the one that it presents.

use std::io::Write as _;

use engine::connection::ssh::SshFields;
use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::{Algorithm, PublicKey};

/// The port that lines of known_hosts leave out.
const DEFAULT_PORT: u16 = 22;

/// The known keys of a host.
pub(super) struct HostKeys {
    host: String,
    port: u16,
    keys: Vec<PublicKey>,
    unknown_host: UnknownHost,
}

/// What happens to a host without a known key.
enum UnknownHost {
    Accept,
    Refuse,
}

/// What the known keys say of the one that a host presents.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyVerdict {
    /// It is known.
    Known,
    /// No key of the host was known; this line of known_hosts is to be kept.
    Accepted(String),
    /// No key of the host is known; this would be its line.
    Unknown(String),
    /// The host has other keys.
    Differs,
}

impl KeyVerdict {
    /// Whether the host is trusted.
    pub(super) fn is_trusted(&self) -> bool {
        match self {
            Self::Known | Self::Accepted(_) => true,
            Self::Unknown(_) | Self::Differs => false,
        }
    }

    /// Returns why the key is refused.
    pub(super) fn refusal(&self, host: &str) -> Option<String> {
        match self {
            Self::Known | Self::Accepted(_) => None,
            Self::Unknown(line) => Some(format!(
                "the key of {host} is not known; when it is the right one, add this line to `known_hosts`: {line}"
            )),
            Self::Differs => Some(format!(
                "{host} presents another key than the known one: it may be another host; when its key was changed \
                 on purpose, change `known_hosts`"
            )),
        }
    }

    /// Returns the line that is to be kept.
    pub(super) fn into_accepted_line(self) -> Option<String> {
        match self {
            Self::Accepted(line) => Some(line),
            Self::Known | Self::Unknown(_) | Self::Differs => None,
        }
    }
}

impl HostKeys {
    /// Reads the keys that a connection knows: its own lines, and the key that was accepted at the first contact.
    pub(super) fn read(fields: &SshFields) -> Result<Self, String> {
        let lines = [&fields.known_hosts, &fields.accepted_keys];
        let lines = lines.into_iter().flatten().flat_map(|text| text.lines());
        // The library reads files only, in which words are separated by single spaces.
        let lines: Vec<String> = lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
            .collect();
        let keys = read_keys(&lines.concat(), &fields.host, fields.port);
        Ok(Self {
            host: fields.host.clone(),
            port: fields.port,
            keys: keys.map_err(|why| format!("`known_hosts` cannot be read: {why}"))?,
            unknown_host: if fields.accept_new {
                UnknownHost::Accept
            } else {
                UnknownHost::Refuse
            },
        })
    }

    /// Returns the kinds of the known keys, so that the host presents one of these; none when no key is known.
    pub(super) fn algorithms(&self) -> Option<Vec<Algorithm>> {
        let known: Vec<Algorithm> = self.keys.iter().map(PublicKey::algorithm).collect();
        (!known.is_empty()).then_some(known)
    }

    /// Judges the key that the host presents.
    pub(super) fn judge(&self, presented: &PublicKey) -> KeyVerdict {
        if self
            .keys
            .iter()
            .any(|known| known.key_data() == presented.key_data())
        {
            return KeyVerdict::Known;
        }
        if !self.keys.is_empty() {
            return KeyVerdict::Differs;
        }
        let line = self.line_of(presented);
        match self.unknown_host {
            UnknownHost::Accept => KeyVerdict::Accepted(line),
            UnknownHost::Refuse => KeyVerdict::Unknown(line),
        }
    }

    fn line_of(&self, key: &PublicKey) -> String {
        let text = key.to_openssh().unwrap_or_default();
        // The kind and the key; a comment says nothing.
        let key = text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        match self.port {
            DEFAULT_PORT => format!("{} {key}", self.host),
            port => format!("[{}]:{port} {key}", self.host),
        }
    }
}

fn read_keys(lines: &str, host: &str, port: u16) -> Result<Vec<PublicKey>, String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(lines.as_bytes())
        .map_err(|error| error.to_string())?;
    let keys = known_host_keys_path(host, port, file.path());
    let keys = keys.map_err(|error| format!("a key of {host} is none: {error}"))?;
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILagOJFgwaMNhBWQINinKOXmqS4Gh5NgxgriXwdOoINJ";

    fn keys(known_hosts: &str, accepted: Option<&str>, accept_new: bool) -> HostKeys {
        let fields = SshFields {
            host: "h".into(),
            port: 2222,
            user: "u".into(),
            password: None,
            private_key: None,
            known_hosts: Some(known_hosts.to_owned()),
            accept_new,
            accepted_keys: accepted.map(str::to_owned),
        };
        HostKeys::read(&fields).expect("lines")
    }

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).expect("a key")
    }

    #[test]
    fn a_known_key_is_trusted_and_another_one_never() {
        let known = keys(
            &format!("# ours\n[h]:2222   {ONE} comment\r\nother {OTHER}\n"),
            None,
            true,
        );
        assert_eq!(known.judge(&key(ONE)), KeyVerdict::Known);
        assert_eq!(known.judge(&key(OTHER)), KeyVerdict::Differs);
        assert_eq!(known.algorithms(), Some(vec![Algorithm::Ed25519]));
    }

    #[test]
    fn an_unknown_key_is_kept_only_when_that_is_allowed() {
        let line = format!("[h]:2222 {ONE}");
        assert_eq!(
            keys("", None, false).judge(&key(ONE)),
            KeyVerdict::Unknown(line.clone())
        );
        assert_eq!(
            keys("", None, true).judge(&key(ONE)),
            KeyVerdict::Accepted(line.clone())
        );
        let kept = keys("", Some(&line), true);
        assert_eq!(kept.judge(&key(ONE)), KeyVerdict::Known);
        assert_eq!(kept.judge(&key(OTHER)), KeyVerdict::Differs);
    }

    #[test]
    fn hashed_names_are_known() {
        let line = format!("|1|c2FsdHNhbHRzYWx0c2FsdHNhbHQ=|j+qxZD+ImlZiI17ZZN0LvGdl0+k= {ONE}");
        assert_eq!(keys(&line, None, false).judge(&key(ONE)), KeyVerdict::Known);
    }
}
