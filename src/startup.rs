//! Builds a node from its configuration.

use std::process::ExitCode;

use crate::config::{Config, Mode};

/// Why a node could not be built, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// A node of a cluster is asked for.
    #[error("this build runs `porpoise standalone` only; nodes of a cluster are not part of it")]
    StandaloneOnly,
    /// Standalone is asked for.
    #[error("this build has no node")]
    NoNode,
}

/// Runs a node until it is stopped.
///
/// # Errors
/// The text says what the operator should do.
pub fn run(config: Config) -> Result<ExitCode, StartupError> {
    match config.mode {
        Mode::Standalone => Err(StartupError::NoNode),
        Mode::Cluster => Err(StartupError::StandaloneOnly),
    }
}
