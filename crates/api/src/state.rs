//! What a node gives to its REST interface.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use catalog::Catalog;
use engine::timezone::Tz;
use metrics_exporter_prometheus::PrometheusHandle;
use ports::node::Node;
use ports::{AlertSender, LogSource};
use tokio::sync::{Notify, watch};

use crate::graphs::node_places::LayoutCache;
use crate::ui::files::UiFiles;

/// How a process takes part in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One process with every role.
    Standalone,
    /// One node of a cluster.
    Cluster,
}

/// Request rates that one caller of REST may reach, in requests a second with bursts of twice as many; 0 is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// With one valid token.
    pub per_token: u32,
    /// Without a valid token, from one address.
    pub per_address: u32,
}

/// Where browsers reach the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicAddress {
    base_path: String,
    origin: Option<String>,
}

impl PublicAddress {
    /// Everything is served below `base_path`, which has a slash at its beginning and none at its end; it is empty at
    /// the root. `origin` is scheme, host and port; those of each request when none.
    pub fn new(base_path: impl Into<String>, origin: Option<String>) -> Self {
        Self {
            base_path: base_path.into(),
            origin,
        }
    }

    /// Returns the path below which everything is served; empty at the root.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Returns the path of cookies.
    pub(crate) fn root_path(&self) -> &str {
        if self.base_path.is_empty() {
            "/"
        } else {
            &self.base_path
        }
    }

    pub(crate) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Whether the browser of a request speaks TLS, as far as the configuration or a proxy says.
    pub(crate) fn is_encrypted(&self, request: &HttpRequest) -> bool {
        let is_public = self.origin().is_some_and(|origin| origin.starts_with("https:"));
        is_public || request.connection_info().scheme() == "https"
    }

    /// Returns the address of the UI for the client of a request, without a slash at its end.
    pub(crate) fn url_for(&self, request: &HttpRequest) -> String {
        let of_request = || {
            let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
            let host = host.map_or_else(|| request.app_config().local_addr().to_string(), str::to_owned);
            format!("{}://{host}", request.connection_info().scheme())
        };
        let origin = self.origin.clone().unwrap_or_else(of_request);
        format!("{origin}{}", self.base_path)
    }
}

/// Whether users may log in by a password that is stored here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordLogin {
    /// They may.
    Allowed,
    /// Tokens and other providers only.
    Refused,
}

/// The dependencies of the interface.
#[derive(Clone)]
pub struct ApiState {
    /// The actors of this node.
    pub node: Arc<dyn Node>,
    /// The stored things.
    pub catalog: Catalog,
    /// The logs of attempts.
    pub logs: Arc<dyn LogSource>,
    /// Sends test messages to channels.
    pub alert_sender: Arc<dyn AlertSender>,
    /// The registry behind `/metrics`.
    pub metrics: PrometheusHandle,
    /// How this node was started.
    pub mode: Mode,
    /// The program's version.
    pub version: &'static str,
    /// The zone of instances that neither their start nor their workflow gives one.
    pub timezone: Tz,
    /// Request rates that one caller may reach.
    pub rates: Rates,
    /// Where browsers reach the server.
    pub address: PublicAddress,
    /// Whether users may log in by password.
    pub password_login: PasswordLogin,
    /// The lifetime of a session that a login opens.
    pub session_lifetime: Duration,
    /// The files of the web UI; none in a build without it.
    pub ui: Arc<UiFiles>,
    /// Where the tasks of workflows are drawn.
    pub layouts: Arc<LayoutCache>,
    /// Notified when a deletion of ended instances was requested.
    pub retention_requests: Arc<Notify>,
    /// Notified when an operation on many instances was requested.
    pub bulk_requests: Arc<Notify>,
    /// Notified when secret values are to be encrypted again.
    pub rotation_requests: Arc<Notify>,
    /// Becomes true when the server is about to stop: streams and waits end.
    pub closing: watch::Receiver<bool>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Returns when the server is about to stop.
pub(crate) async fn wait_until_closing(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        // The sender was dropped without announcing a stop; then only the deadline of a wait ends it.
        std::future::pending::<()>().await;
    }
}
