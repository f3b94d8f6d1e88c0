//! The keys of stored secrets: read at the start, and again on SIGHUP.

use catalog::{Catalog, CatalogError};
use secrets::{KeyRing, KeySource, SharedKeyRing};
use store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{StartupError, startup_error};
use crate::config::{Config, Mode, Role};

/// Reads the keys; a standalone process makes its file at the first start. A master or api node that lacks a key which
/// stored values need does not start.
pub(super) async fn load_keys(config: &Config, store: &Store) -> Result<SharedKeyRing, StartupError> {
    let source = config.key_source();
    let catalog = Catalog::new(store);
    if config.mode == Mode::Standalone && config.secrets.key_file.is_none() && source.is_missing() {
        // A new key would only hide that the old one is gone.
        check_stored_keys(&catalog, &KeyRing::default()).await?;
        source.create_missing_file().map_err(startup_error)?;
    }
    let ring = source.read().map_err(startup_error)?;
    if !config.is_only(Role::Worker) {
        check_stored_keys(&catalog, &ring).await?;
    }
    let keys = SharedKeyRing::new(ring);
    let hangups = signal(SignalKind::hangup()).map_err(startup_error)?;
    actix_rt::spawn(read_again_on_hangup(hangups, source, catalog, keys.clone()));
    Ok(keys)
}

async fn check_stored_keys(catalog: &Catalog, ring: &KeyRing) -> Result<(), StartupError> {
    match describe_missing_keys(catalog, ring)
        .await
        .map_err(startup_error)?
    {
        None => Ok(()),
        Some(missing) => Err(StartupError::Other(format!(
            "secrets.key_file: stored secrets need {missing}, which this node lacks; add the line to its key file"
        ))),
    }
}

async fn describe_missing_keys(catalog: &Catalog, ring: &KeyRing) -> Result<Option<String>, CatalogError> {
    let missing = catalog.sealed_values().list_missing_keys(ring).await?;
    let ids: Vec<String> = missing.iter().map(|id| format!("the key {id}")).collect();
    Ok((!ids.is_empty()).then(|| ids.join(", ")))
}

/// Replaces the keys at each SIGHUP; a file that cannot be used changes nothing.
async fn read_again_on_hangup(mut hangups: Signal, source: KeySource, catalog: Catalog, keys: SharedKeyRing) {
    while hangups.recv().await.is_some() {
        let ring = match source.read() {
            Ok(ring) => ring,
            Err(error) => {
                tracing::error!(%error, "SIGHUP: the keys of secrets stay as they were");
                continue;
            }
        };
        let ids: Vec<String> = ring.ids().map(ToString::to_string).collect();
        match describe_missing_keys(&catalog, &ring).await {
            Ok(Some(missing)) => {
                tracing::error!(missing, "SIGHUP: stored secrets need a key that the file lacks");
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "SIGHUP: it is unknown whether a key is missing"),
        }
        tracing::info!(keys = ids.join(","), "SIGHUP: the keys of secrets are read again");
        keys.replace(ring);
    }
}
