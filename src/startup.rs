//! Builds a node from its configuration, serves until it is stopped, and drains.
//!
//! The only place that constructs adapters and root actors.

mod alerting;
mod bootstrap_admin;
mod bulk_operations;
mod cluster;
mod graceful_close;
mod incarnation;
mod log_removal;
mod network;
mod node;
mod restart_backoff;
mod retention;
mod secret_keys;
mod secret_rotation;
mod serve;
mod shutdown;
mod standalone;
mod start;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Config, Mode};

/// Why a node did not start. Each is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// A folder or file cannot be used.
    #[error(
        "the data folder {folder} cannot be used: {reason}; choose another with --data, or correct its permissions"
    )]
    Folder {
        /// Which.
        folder: String,
        /// What the system says.
        reason: String,
    },
    /// The port is taken, or is not ours to take.
    #[error("cannot listen on {address}: {reason}; choose another with {flag} (port 0 takes any free one)")]
    Listen {
        /// What says where.
        flag: &'static str,
        /// Which.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// The database's schema is not what this program knows.
    #[error("{0}")]
    Schema(String),
    /// Anything else that ends in a sentence.
    #[error("{0}")]
    Other(String),
}

/// Runs a node until a signal or a drain ends it.
///
/// # Errors
/// What kept it from starting.
pub fn run(config: Config) -> Result<ExitCode, StartupError> {
    match config.mode {
        Mode::Standalone => actix_rt::System::new().block_on(standalone::run(config)),
        Mode::Cluster => actix_rt::System::new().block_on(cluster::run(config)),
    }
}

/// Makes the data folder, readable by its owner only, checks that it can be written, and returns its full path:
/// tasks get paths below it, and work in folders of their own.
fn prepare_data_folder(folder: &Path) -> Result<PathBuf, StartupError> {
    use std::os::unix::fs::DirBuilderExt;
    let refused = |error: io::Error| StartupError::Folder {
        folder: folder.display().to_string(),
        reason: error.to_string(),
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(refused)?;
    let probe = folder.join(".writable");
    std::fs::write(&probe, b"").map_err(refused)?;
    std::fs::remove_file(&probe).map_err(refused)?;
    folder.canonicalize().map_err(refused)
}

/// Takes the port before anything else is changed, so that a taken one harms nothing.
fn listen(flag: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartupError> {
    let refused = |error: io::Error| StartupError::Listen {
        flag,
        address,
        reason: error.to_string(),
    };
    let listener = TcpListener::bind(address).map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

fn startup_error(error: impl std::fmt::Display) -> StartupError {
    StartupError::Other(error.to_string())
}
