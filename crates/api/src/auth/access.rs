//! Authorisation: the only way from a request to the server's state goes through `Caller` or `PublicCaller`.
//!
//! A handler without one of them cannot reach anything, and the guard in front of all routes refuses every
//! path that is not listed as public when there is no valid token: denied unless allowed, twice.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use catalog::{
    AuditContext, AuditEntry, AuditOutcome, Catalog, Identity, Permission, ProjectId, RequestKey, UserRole,
    VisibilityScope,
};

use crate::auth::objects::Object;
use crate::auth::server::{Server, server_of};
use crate::http::codes::Code;
use crate::http::permission_first::signal_permission;
use crate::http::problem::Problem;
use crate::http::request_id::RequestId;

/// What a caller must be allowed to do.
pub(crate) trait Requirement: 'static {
    /// The permission in the object's project; none asks for an administrator or just a valid token.
    const LEVEL: Level;
}

/// The levels of requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// A valid token.
    AnyUser,
    /// A grant on the object's project.
    Grant(Permission),
    /// The role.
    Admin,
}

macro_rules! requirements {
    ($($(#[$doc:meta])* $name:ident = $level:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) enum $name {}

            impl Requirement for $name {
                const LEVEL: Level = $level;
            }
        )+
    };
}

requirements! {
    /// Has a valid token.
    AnyUser = Level::AnyUser;
    /// May see the project.
    Read = Level::Grant(Permission::Read);
    /// May start and control instances of the project.
    Execute = Level::Grant(Permission::Execute);
    /// May change the project's workflows, and delete instances.
    Write = Level::Grant(Permission::Write);
    /// May grant permissions on the project, and delete it.
    Owner = Level::Grant(Permission::Owner);
    /// Is an administrator.
    Admin = Level::Admin;
}

/// Proof that the caller may do `N` with this `O`; the way to the state for every handler that is not public.
#[derive(Debug)]
pub(crate) struct Caller<N, O> {
    object: O,
    identity: Identity,
    server: Arc<Server>,
    source: String,
    request_id: RequestId,
    requirement: PhantomData<N>,
}

impl<N, O> Caller<N, O> {
    /// Returns what the request is about.
    pub(crate) fn object(&self) -> &O {
        &self.object
    }

    /// Returns what the request is about, without the proof.
    pub(crate) fn into_object(self) -> O {
        self.object
    }

    /// Returns the user and the token of the request.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns everything behind the handlers.
    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Returns the address that the request came from.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        self.server.catalog()
    }

    /// Describes a change for the catalog and its audit log.
    pub(crate) fn audit_context(&self, key: Option<RequestKey>) -> AuditContext {
        AuditContext {
            user: self.identity.name.clone(),
            source: self.source.clone(),
            request_id: self.request_id.as_str().to_owned(),
            at: self.server.now(),
            key,
        }
    }

    /// Returns what lists may show to the caller.
    pub(crate) fn visible_projects(&self) -> VisibilityScope {
        match self.identity.role {
            UserRole::Admin => VisibilityScope::All,
            UserRole::Member => VisibilityScope::GrantedTo(self.identity.user),
        }
    }

    /// Returns what the caller may do in each of these projects; those without a grant are absent.
    pub(crate) async fn permissions_in(
        &self,
        projects: &[ProjectId],
    ) -> Result<BTreeMap<ProjectId, Permission>, Problem> {
        if self.is_admin() {
            return Ok(projects.iter().map(|id| (*id, Permission::Owner)).collect());
        }
        let grants = self.catalog().grants();
        Ok(grants.permissions(self.identity.user, projects).await?)
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.identity.role == UserRole::Admin
    }
}

impl<N: Requirement, O: Object> FromRequest for Caller<N, O> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let server = server_of(&request)?;
            let identity = request.extensions().get::<Identity>().cloned();
            let identity = identity.ok_or_else(Problem::unauthenticated)?;
            let (object, project) = O::find_object(&server, &request).await?;
            let this = Self {
                object,
                identity,
                server,
                source: source_address(&request),
                request_id: RequestId::from_request(&request),
                requirement: PhantomData,
            };
            this.check_permission(N::LEVEL, project, &request).await?;
            signal_permission(&request);
            Ok(this)
        })
    }
}

impl<N, O> Caller<N, O> {
    /// Refuses what the caller may not do in a project, and audits the refusal.
    pub(crate) async fn check_permission(
        &self,
        level: Level,
        project: Option<ProjectId>,
        request: &HttpRequest,
    ) -> Result<(), Problem> {
        let Err(problem) = check_level(&self.server, &self.identity, level, project).await else {
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
            if let Err(error) = self
                .catalog()
                .audit()
                .record(&entry, &self.audit_context(None))
                .await
            {
                tracing::warn!(%error, "a denial is missing in the audit log");
            }
        }
        Err(problem)
    }
}

/// Decides whether a caller may do something; the one place where that is decided.
pub(crate) async fn check_level(
    server: &Server,
    identity: &Identity,
    level: Level,
    project: Option<ProjectId>,
) -> Result<(), Problem> {
    if identity.role == UserRole::Admin {
        return Ok(());
    }
    let needed = match (level, project) {
        (Level::AnyUser, _) => return Ok(()),
        (Level::Grant(needed), Some(project)) => (needed, project),
        (Level::Grant(_), None) | (Level::Admin, _) => {
            return Err(Problem::new(
                Code::Forbidden,
                "Only an administrator may do this.",
            ));
        }
    };
    let granted = server
        .catalog()
        .grants()
        .permission(identity.user, needed.1)
        .await?;
    if granted.is_some_and(|granted| granted >= needed.0) {
        return Ok(());
    }
    let detail = format!("This needs the permission `{}` on the project.", needed.0);
    Err(Problem::new(Code::Forbidden, detail))
}

/// The way to the state for the few handlers that need no token; `guard::is_public` lists their paths.
#[derive(Debug)]
pub(crate) struct PublicCaller {
    server: Arc<Server>,
    source: String,
    request_id: RequestId,
}

impl PublicCaller {
    /// Returns everything behind the handlers.
    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Returns the address that the request came from.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Describes a change by `user` for the catalog and its audit log.
    pub(crate) fn audit_context(&self, user: &str) -> AuditContext {
        AuditContext {
            user: user.to_owned(),
            source: self.source.clone(),
            request_id: self.request_id.as_str().to_owned(),
            at: self.server.now(),
            key: None,
        }
    }
}

impl FromRequest for PublicCaller {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        signal_permission(request);
        std::future::ready(server_of(request).map(|server| Self {
            server,
            source: source_address(request),
            request_id: RequestId::from_request(request),
        }))
    }
}

fn source_address(request: &HttpRequest) -> String {
    request
        .peer_addr()
        .map(|address| address.ip().to_string())
        .unwrap_or_default()
}
