//! Where the keys of a node come from.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use primitives::secret::Secret;
use zeroize::Zeroizing;

use crate::key_ring::KeyRing;
use crate::sealing_key::{SealingKey, WrongKey};

/// Permissions that a key file must not have: any of other users, and writing by the group. Reading by the group is
/// how container platforms hand files to a user who is not root.
const FORBIDDEN_MODE: u32 = 0o027;

/// Why there are no keys. Each says what to do, and shows no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("secrets.key_file: cannot read {path}: {reason}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// Other users can read or change it.
    #[error(
        "secrets.key_file: other users can open {path} (mode {mode:o}); close it with `chmod 600 {path}`"
    )]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A line is no key.
    #[error("{source_name}, line {line}: {wrong}")]
    Line {
        /// The key of the configuration.
        source_name: String,
        /// Which line, from 1 on.
        line: usize,
        /// What a key is.
        wrong: WrongKey,
    },
    /// It has no key at all.
    #[error("{source_name}: there is no key; add one with `openssl rand -base64 32`")]
    Empty {
        /// The key of the configuration.
        source_name: String,
    },
    /// It cannot be made.
    #[error("cannot make the key file {path}: {reason}")]
    NotMade {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

/// Where the keys of a node come from.
#[derive(Debug, Clone, Default)]
pub enum KeySource {
    /// Nowhere: the node stores nothing secret.
    #[default]
    None,
    /// The lines of a text of the configuration.
    Text(Secret),
    /// A file, which is read again on SIGHUP.
    File(PathBuf),
}

impl KeySource {
    /// Reads the keys.
    ///
    /// # Errors
    /// What to change.
    pub fn read(&self) -> Result<KeyRing, KeyFileError> {
        match self {
            Self::None => Ok(KeyRing::default()),
            Self::Text(text) => parse("secrets.key".to_owned(), text.reveal()),
            Self::File(path) => read_file(path),
        }
    }

    /// Makes the file with one new key, unless it exists or the keys come from elsewhere.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create_missing_file(&self) -> Result<(), KeyFileError> {
        let Self::File(path) = self else {
            return Ok(());
        };
        match create_file(path) {
            Err(reason) if reason.kind() != io::ErrorKind::AlreadyExists => Err(KeyFileError::NotMade {
                path: path.clone(),
                reason,
            }),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Returns whether the keys come from a file that does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::File(path) if !path.exists())
    }
}

fn create_file(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let line = Zeroizing::new(format!("{}\n", SealingKey::generate_base64().reveal()));
    file.write_all(line.as_bytes())?;
    // A value that is stored under a key that a crash loses is lost too.
    file.sync_all()?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn read_file(path: &Path) -> Result<KeyRing, KeyFileError> {
    let unreadable = |reason| KeyFileError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let mut file = fs::File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & FORBIDDEN_MODE != 0 {
        return Err(KeyFileError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    parse(format!("secrets.key_file {}", path.display()), &text)
}

fn parse(source_name: String, text: &str) -> Result<KeyRing, KeyFileError> {
    match KeyRing::from_lines(text) {
        Ok(ring) if ring.is_empty() => Err(KeyFileError::Empty { source_name }),
        Ok(ring) => Ok(ring),
        Err((line, wrong)) => Err(KeyFileError::Line {
            source_name,
            line,
            wrong,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.key");
        let source = KeySource::File(path.clone());
        assert!(source.is_missing());
        source.create_missing_file().expect("it is made");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let first = fs::read_to_string(&path).expect("it is there");
        source.create_missing_file().expect("it stays");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), first);
        assert_eq!(source.read().expect("a key").ids().count(), 1);
    }

    #[test]
    fn a_file_that_other_users_can_read_is_refused_with_the_command_that_closes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.key");
        let source = KeySource::File(path.clone());
        source.create_missing_file().expect("it is made");
        for (mode, is_refused) in [
            (0o644, true),
            (0o604, true),
            (0o620, true),
            (0o640, false),
            (0o400, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            let refused = source.read().err().map(|error| error.to_string());
            assert_eq!(refused.is_some(), is_refused, "{mode:o}: {refused:?}");
            let command = format!("chmod 600 {}", path.display());
            assert!(refused.is_none_or(|text| text.contains(&command)));
        }
    }

    #[test]
    fn a_wrong_source_says_what_is_wrong() {
        for (text, expected) in [
            ("", "there is no key"),
            ("abc", "secrets.key, line 1: a key is 32 bytes"),
        ] {
            let error = KeySource::Text(Secret::new(text)).read().expect_err("no keys");
            assert!(error.to_string().contains(expected), "{error}");
        }
        let error = KeySource::File("/nonexistent/key".into())
            .read()
            .expect_err("no file");
        assert!(
            error.to_string().contains("cannot read /nonexistent/key"),
            "{error}"
        );
    }
}
