//! Who may do what: the only way from a request to the server's state goes through `Authorised` or `Open`.
//!
//! A handler without one of them cannot reach anything, and the guard in front of all routes refuses every
//! path that is not listed as open when there is no valid token: denied unless allowed, twice.

mod guard;
mod identities;
mod objects;

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use engine::ids::Millis;

pub(super) use self::guard::guard;
pub(super) use self::identities::Identities;
pub use self::identities::token_hash;
pub(super) use self::objects::{
    Everything, Object, OfInstance, OfOperation, OfProject, OfStartable, number, path_value,
};
use super::ApiState;
use super::codes::Code;
use super::limits::Limits;
use super::password::Passwords;
use super::problem::Problem;
use super::respond::RequestId;
use store::catalog::{
    AuditEntry, AuditOutcome, Catalog, Identity, Permission, ProjectId, Request, RequestKey, Role, Visible,
};

/// Everything behind the handlers.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) state: ApiState,
    pub(super) passwords: Passwords,
    pub(super) identities: Identities,
    pub(super) limits: Limits,
}

/// How handlers' state travels with the application; private, so that only this module can take it out.
#[derive(Clone)]
struct Shared(Arc<Server>);

impl Server {
    pub(super) fn new(state: ApiState) -> Self {
        Self {
            limits: Limits::new(state.rates),
            state,
            passwords: Passwords::new(),
            identities: Identities::default(),
        }
    }

    /// Wraps the server for `App::app_data`.
    pub(super) fn into_app_data(self: Arc<Self>) -> impl Clone + 'static {
        Shared(self)
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.state.catalog
    }

    pub(super) fn now(&self) -> Millis {
        self.state.node.clock().now()
    }
}

/// Whether the node that answers takes nothing new any more.
pub(super) fn is_leaving(request: &HttpRequest) -> bool {
    server_of(request).is_ok_and(|server| server.state.node.is_draining())
}

fn server_of(request: &HttpRequest) -> Result<Arc<Server>, Problem> {
    request
        .app_data::<Shared>()
        .map(|shared| Arc::clone(&shared.0))
        .ok_or_else(|| Problem::internal("the application has no state"))
}

/// What a caller must be allowed to do.
pub(super) trait Need: 'static {
    /// The permission in the object's project; none asks for an administrator or just a valid token.
    const LEVEL: Level;
}

/// The kinds of need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// A valid token.
    SignedIn,
    /// A grant on the object's project.
    Granted(Permission),
    /// The role.
    Admin,
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $level:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(super) enum $name {}

            impl Need for $name {
                const LEVEL: Level = $level;
            }
        )+
    };
}

needs! {
    /// Anybody with a valid token.
    SignedIn = Level::SignedIn;
    /// May see the project.
    Read = Level::Granted(Permission::Read);
    /// May start and control instances of the project.
    Execute = Level::Granted(Permission::Execute);
    /// May change the project's workflows.
    Write = Level::Granted(Permission::Write);
    /// An administrator.
    Admin = Level::Admin;
}

/// Proof that the caller may do `N` with this `O`; the way to the state for every handler that is not open.
#[derive(Debug)]
pub(super) struct Authorised<N, O> {
    /// What the request is about.
    pub(super) object: O,
    /// Who asks.
    pub(super) identity: Identity,
    /// Everything behind the handlers.
    pub(super) server: Arc<Server>,
    source: String,
    request_id: String,
    need: PhantomData<N>,
}

impl<N, O> Authorised<N, O> {
    pub(super) fn catalog(&self) -> &Catalog {
        self.server.catalog()
    }

    /// Describes a change for the catalog and its audit log.
    pub(super) fn request(&self, key: Option<RequestKey>) -> Request {
        Request {
            user: self.identity.name.clone(),
            source: self.source.clone(),
            request_id: self.request_id.clone(),
            at: self.server.now(),
            key,
        }
    }

    /// What lists may show to the caller.
    pub(super) fn visible(&self) -> Visible {
        match self.identity.role {
            Role::Admin => Visible::All,
            Role::Member => Visible::GrantedTo(self.identity.user),
        }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.identity.role == Role::Admin
    }
}

impl<N: Need, O: Object> FromRequest for Authorised<N, O> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let server = server_of(&request)?;
            let identity = request.extensions().get::<Identity>().cloned();
            let identity = identity.ok_or_else(guard::no_token)?;
            let (object, project) = O::find(&server, &request).await?;
            let this = Self {
                object,
                identity,
                server,
                source: source_of(&request),
                request_id: RequestId::of(&request),
                need: PhantomData,
            };
            this.check(project, &request).await?;
            Ok(this)
        })
    }
}

impl<N: Need, O> Authorised<N, O> {
    async fn check(&self, project: Option<ProjectId>, request: &HttpRequest) -> Result<(), Problem> {
        let Err(problem) = authorise(&self.server, &self.identity, N::LEVEL, project).await else {
            return Ok(());
        };
        if problem.code() == Code::Forbidden {
            let entry = AuditEntry {
                action: format!("http.{}", request.method().as_str().to_ascii_lowercase()),
                kind: "path".to_owned(),
                resource: request.path().to_owned(),
                outcome: AuditOutcome::Denied,
                detail: String::new(),
            };
            if let Err(error) = self.catalog().record(&entry, &self.request(None)).await {
                tracing::warn!(%error, "a denial is missing in the audit log");
            }
        }
        Err(problem)
    }
}

/// Decides whether a caller may do something; the one place where that is decided.
pub(super) async fn authorise(
    server: &Server,
    identity: &Identity,
    level: Level,
    project: Option<ProjectId>,
) -> Result<(), Problem> {
    if identity.role == Role::Admin {
        return Ok(());
    }
    let needed = match (level, project) {
        (Level::SignedIn, _) => return Ok(()),
        (Level::Granted(needed), Some(project)) => (needed, project),
        (Level::Granted(_), None) | (Level::Admin, _) => {
            return Err(Problem::new(
                Code::Forbidden,
                "Only an administrator may do this.",
            ));
        }
    };
    let granted = server.catalog().permission(identity.user, needed.1).await?;
    if granted.is_some_and(|granted| granted >= needed.0) {
        return Ok(());
    }
    let word = match needed.0 {
        Permission::Read => "read",
        Permission::Execute => "execute",
        Permission::Write => "write",
    };
    let detail = format!("This needs the permission `{word}` on the project.");
    Err(Problem::new(Code::Forbidden, detail))
}

/// The way to the state for the few handlers that need no token; `guard::is_open` lists their paths.
#[derive(Debug)]
pub(super) struct Open {
    /// Everything behind the handlers.
    pub(super) server: Arc<Server>,
    /// The address that the request came from.
    pub(super) source: String,
    /// The id under which the request is logged.
    pub(super) request_id: String,
}

impl FromRequest for Open {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(server_of(request).map(|server| Self {
            server,
            source: source_of(request),
            request_id: RequestId::of(request),
        }))
    }
}

fn source_of(request: &HttpRequest) -> String {
    request
        .peer_addr()
        .map(|address| address.ip().to_string())
        .unwrap_or_default()
}
