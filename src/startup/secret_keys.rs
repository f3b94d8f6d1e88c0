//! The keys of stored secrets: read at the start, and again on SIGHUP.

use secrets::{KeySource, SharedKeyRing};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{StartupError, startup_error};
use crate::config::{Config, Mode};

/// Reads the keys; a standalone process makes its file at the first start.
pub(super) fn load_keys(config: &Config) -> Result<SharedKeyRing, StartupError> {
    let source = config.key_source();
    if config.mode == Mode::Standalone && config.secrets.key_file.is_none() {
        source.create_missing_file().map_err(startup_error)?;
    }
    let keys = SharedKeyRing::new(source.read().map_err(startup_error)?);
    let hangups = signal(SignalKind::hangup()).map_err(startup_error)?;
    actix_rt::spawn(read_again_on_hangup(hangups, source, keys.clone()));
    Ok(keys)
}

/// Replaces the keys at each SIGHUP; a file that cannot be used changes nothing.
async fn read_again_on_hangup(mut hangups: Signal, source: KeySource, keys: SharedKeyRing) {
    while hangups.recv().await.is_some() {
        match source.read() {
            Ok(ring) => {
                let ids: Vec<_> = ring.ids().map(ToString::to_string).collect();
                tracing::info!(keys = ids.join(","), "SIGHUP: the keys of secrets are read again");
                keys.replace(ring);
            }
            Err(error) => tracing::error!(%error, "SIGHUP: the keys of secrets stay as they were"),
        }
    }
}
