//! The first token of an empty database.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use engine::ids::Timestamp;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

use super::StartupError;
use crate::config::{Config, Mode};
use catalog::Catalog;

/// Minimum length of a bootstrap token, in characters; a shorter one could be guessed.
const MIN_TOKEN_LENGTH: usize = 32;

/// Gives the user `admin` its first token: the configured one, or one made now, printed once and kept in the
/// data folder for the local command line.
pub(super) async fn ensure_admin(
    config: &Config,
    catalog: &Catalog,
    at: Timestamp,
) -> Result<(), StartupError> {
    let empty = catalog
        .users()
        .is_empty()
        .await
        .map_err(|error| StartupError::Other(error.to_string()))?;
    let token = match &config.auth.bootstrap_token {
        Some(token) if token.reveal().len() < MIN_TOKEN_LENGTH => {
            return Err(StartupError::Other(format!(
                "auth.bootstrap_token must have at least {MIN_TOKEN_LENGTH} characters"
            )));
        }
        Some(token) => token.reveal().to_owned(),
        None if empty && config.mode == Mode::Cluster => {
            return Err(StartupError::Other(format!(
                "the cluster is empty: set PORPOISE__AUTH__BOOTSTRAP_TOKEN (or …_FILE) to a secret of at least \
                 {MIN_TOKEN_LENGTH} characters; it becomes the first token of the user admin"
            )));
        }
        None if empty => {
            let token = generate_token()?;
            write_token_file(&config.admin_token_file(), &token)?;
            announce_token(&config.admin_token_file(), &token);
            token
        }
        None => return Ok(()),
    };
    let hash = hex::encode(Sha256::digest(token.as_bytes()));
    catalog
        .users()
        .ensure_admin(&hash, at)
        .await
        .map_err(|error| StartupError::Other(error.to_string()))
}

fn generate_token() -> Result<String, StartupError> {
    let mut bytes = [0_u8; 32];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| StartupError::Other(format!("the system gives no random numbers: {error}")))?;
    Ok(format!("porp_{}", hex::encode(bytes)))
}

fn write_token_file(file: &Path, token: &str) -> Result<(), StartupError> {
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file);
    written
        .and_then(|mut file| file.write_all(token.as_bytes()))
        .map_err(|error| StartupError::Folder {
            folder: file.display().to_string(),
            reason: error.to_string(),
        })
}

/// Shown once, and only to a person: a log collector must not get it.
fn announce_token(file: &Path, token: &str) {
    let file = file.display();
    let mut out = std::io::stdout();
    let said = if out.is_terminal() {
        writeln!(
            out,
            "The token of the user `admin`, shown only now: {token}\nCommands on this machine find it in {file}."
        )
    } else {
        writeln!(
            std::io::stderr(),
            "the token of the user `admin` is kept in {file}"
        )
    };
    said.ok();
}
