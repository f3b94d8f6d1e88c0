//! Error answers: `application/problem+json` (RFC 9457) with a stable code.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use catalog::CatalogError;
use document::LocatedDiagnostic;
use ports::StoreError;
use serde::Serialize;
use store::DISK_FULL;
use utoipa::ToSchema;

use crate::http::codes::Code;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Detail {
    /// JSON pointer into the body; `/` and the name for a parameter of the path or the query.
    pub pointer: String,
    /// Stable, upper snake.
    pub code: String,
    /// What is wrong, readable.
    pub message: String,
    /// From 1, in YAML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// From 1, in YAML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// An error that becomes the whole answer.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<Detail>,
    retry_after: Option<u32>,
    allow: Option<String>,
}

/// The JSON form of a problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A URN of the code.
    #[schema(value_type = String)]
    r#type: String,
    /// The summary of the code.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened here, readable.
    detail: &'a str,
    /// Stable, upper snake.
    code: &'a str,
    /// Names this request in the server's log.
    request_id: &'a str,
    /// What is wrong with the request, place by place.
    errors: &'a [Detail],
}

impl Problem {
    /// Makes a problem; `detail` must not name addresses, paths or SQL.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = (code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after,
            allow: None,
        }
    }

    /// Names the places that are wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<Detail>) -> Self {
        self.errors = errors;
        self
    }

    /// Points to one place.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.errors.push(Detail {
            pointer: pointer.into(),
            code: self.code.as_str().to_owned(),
            message: self.detail.clone(),
            line: None,
            column: None,
        });
        self
    }

    /// Turns a problem of a query into one of a member of the body that has the same form.
    #[must_use]
    pub(crate) fn within_body(mut self, member: &str) -> Self {
        self.code = Code::InvalidBody;
        for error in &mut self.errors {
            error.pointer.insert_str(0, member);
            self.code.as_str().clone_into(&mut error.code);
        }
        self
    }

    /// Sets the time after which the request may succeed.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Names the methods that the path has.
    #[must_use]
    pub(crate) fn with_allowed_methods(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// No such thing; `what` is for example `instance 42`.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("There is no {what}."))
    }

    /// Makes the refusal of a request without a valid token.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            Code::Unauthenticated,
            "Send a valid token: `Authorization: Bearer TOKEN`.",
        )
    }

    /// The program made a mistake; the cause goes to the log only.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            Code::Internal,
            "The server made a mistake; its log has the details.",
        )
    }

    pub(crate) fn render_response(&self, request_id: &str) -> HttpResponse {
        let status = self.code.status();
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = &self.allow {
            response.insert_header((ALLOW, methods.as_str()));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"porpoise\""));
        }
        let body = ProblemBody {
            r#type: format!(
                "urn:porpoise:error:{}",
                self.code.as_str().to_lowercase().replace('_', "-")
            ),
            title: self.code.title(),
            status: status.as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id,
            errors: &self.errors,
        };
        response.body(serde_json::to_string(&body).unwrap_or_default())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// Without a request id; the outermost middleware renders it again with one.
    fn error_response(&self) -> HttpResponse {
        self.render_response("")
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NotFound { what } => Self::not_found(what),
            CatalogError::Conflict { code, detail } => match Code::from_text(code) {
                Some(code) => Self::new(code, detail),
                None => Self::internal(format!("{code}: {detail}")),
            },
            CatalogError::Unavailable(why) => store_unavailable(&why),
            CatalogError::Rejected(detail) => Self::new(Code::InvalidQuery, detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(why) => Self::internal(why),
            StoreError::Unavailable(why) | StoreError::Uncertain(why) => store_unavailable(&why),
        }
    }
}

/// The cause may name addresses or hold SQL: it goes to the log only.
fn store_unavailable(why: &str) -> Problem {
    tracing::warn!(cause = why, "the store is unavailable");
    let detail = if why.contains(DISK_FULL) {
        "The disk of the database is full; nothing was changed. Free some space and try again."
    } else {
        "The database cannot be reached; try again."
    };
    Problem::new(Code::StoreUnavailable, detail)
}

impl From<&engine::spec::Diagnostic> for Detail {
    fn from(issue: &engine::spec::Diagnostic) -> Self {
        Self {
            pointer: rooted_pointer(&issue.pointer),
            code: issue.code.to_owned(),
            message: issue.message.clone(),
            line: None,
            column: None,
        }
    }
}

impl From<&LocatedDiagnostic> for Detail {
    fn from(issue: &LocatedDiagnostic) -> Self {
        Self {
            pointer: rooted_pointer(&issue.pointer),
            code: issue.code.to_owned(),
            message: issue.message.clone(),
            line: issue.line,
            column: issue.column,
        }
    }
}

/// Pointers in answers begin with a slash, also the one to the whole body.
fn rooted_pointer(pointer: &str) -> String {
    if pointer.is_empty() {
        "/".to_owned()
    } else {
        pointer.to_owned()
    }
}
