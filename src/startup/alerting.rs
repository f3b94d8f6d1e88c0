//! What sends alerts: the channels behind the API and the master.

use std::sync::Arc;

use actors::alerting::alert_deps::AlertResources;
use catalog::Catalog;
use egress::EgressPolicy;
use notify::ChannelSender;
use ports::AlertSender;
use ports::clock::Clock;

use super::start::NodeResources;
use super::{StartupError, startup_error};
use crate::config::Role;

/// Makes the sender to the channels of the catalog.
pub(super) fn make_alert_sender(
    catalog: &Catalog,
    clock: Clock,
) -> Result<Arc<dyn AlertSender>, StartupError> {
    let sender = ChannelSender::new(Arc::new(catalog.clone()), EgressPolicy::DenyMetadata, clock);
    Ok(Arc::new(sender.map_err(startup_error)?))
}

impl NodeResources {
    /// Returns what a master delivers alerts with.
    pub(super) fn alert_resources(&self) -> Result<Option<AlertResources>, StartupError> {
        if !self.config.has(Role::Master) {
            return Ok(None);
        }
        let server = &self.config.server;
        let listens_at = self.api.as_ref().map_or(server.listen, |(_, address)| *address);
        Ok(Some(AlertResources {
            store: Arc::clone(&self.alerts),
            sender: make_alert_sender(&self.catalog, self.incarnation.clock.clone())?,
            public_url: server.address.url_at(listens_at),
        }))
    }
}
