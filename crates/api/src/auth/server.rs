//! The shared state of all handlers, taken out of the application only by `auth`.

use std::sync::Arc;

use actix_web::HttpRequest;
use catalog::{Catalog, GivenValue};
use engine::ids::Timestamp;
use secrets::MaskerCache;

use crate::auth::identities::IdentityCache;
use crate::auth::limits::RateLimits;
use crate::auth::password::Passwords;
use crate::http::problem::Problem;
use crate::state::ApiState;

/// Everything behind the handlers.
#[derive(Debug)]
pub(crate) struct Server {
    state: ApiState,
    passwords: Passwords,
    identities: IdentityCache,
    limits: RateLimits,
    maskers: MaskerCache<Vec<GivenValue>>,
}

/// Carries the server in the application; private, so that only this module can take it out.
#[derive(Clone)]
struct SharedServer(Arc<Server>);

impl Server {
    pub(crate) fn new(state: ApiState) -> Self {
        Self {
            limits: RateLimits::new(state.rates),
            state,
            passwords: Passwords::new(),
            identities: IdentityCache::default(),
            maskers: MaskerCache::default(),
        }
    }

    /// Wraps the server for `App::app_data`.
    pub(crate) fn into_app_data(self: Arc<Self>) -> impl Clone + 'static {
        SharedServer(self)
    }

    pub(crate) fn state(&self) -> &ApiState {
        &self.state
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn identities(&self) -> &IdentityCache {
        &self.identities
    }

    pub(crate) fn limits(&self) -> &RateLimits {
        &self.limits
    }

    /// Returns what masks the values that attempts were given.
    pub(crate) fn maskers(&self) -> &MaskerCache<Vec<GivenValue>> {
        &self.maskers
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.state.catalog
    }

    /// Returns the database's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.state.node.clock().now()
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.state.closing.borrow()
    }
}

/// Whether the node that serves the request drains.
pub(crate) fn is_draining(request: &HttpRequest) -> bool {
    server_of(request).is_ok_and(|server| server.state.node.is_draining())
}

/// Returns the path below which the server of a request is mounted.
pub(crate) fn base_path_of(request: &HttpRequest) -> Result<String, Problem> {
    Ok(server_of(request)?.state.address.base_path().to_owned())
}

pub(in crate::auth) fn server_of(request: &HttpRequest) -> Result<Arc<Server>, Problem> {
    request
        .app_data::<SharedServer>()
        .map(|shared| Arc::clone(&shared.0))
        .ok_or_else(|| Problem::internal("the application has no state"))
}
