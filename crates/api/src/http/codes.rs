//! The error codes of the REST interface: one list with status and title; each has a page in `docs/errors`.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// A stable code, upper snake in answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name),+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the code as answers show it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// Returns the status that it is answered with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }

            /// Returns the summary for people; the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON at all.
    MalformedBody = "MALFORMED_BODY", BAD_REQUEST, "The body cannot be parsed";
    /// An unknown or illegal query parameter, also a cursor of another list.
    InvalidQuery = "INVALID_QUERY", BAD_REQUEST, "A query parameter is wrong";
    /// A header that cannot be used.
    InvalidHeader = "INVALID_HEADER", BAD_REQUEST, "A header is wrong";
    /// No token, or one that is unknown, expired or revoked.
    Unauthenticated = "UNAUTHENTICATED", UNAUTHORIZED, "A valid token is needed";
    /// Wrong user name or password.
    LoginFailed = "LOGIN_FAILED", UNAUTHORIZED, "User name or password is wrong";
    /// A change with a cookie that no page of this server made.
    Csrf = "CSRF", FORBIDDEN, "The request is not from a page of this server";
    /// The user may not do this.
    Forbidden = "FORBIDDEN", FORBIDDEN, "Not allowed";
    /// No such thing.
    NotFound = "NOT_FOUND", NOT_FOUND, "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// A project of that name exists.
    ProjectExists = "PROJECT_EXISTS", CONFLICT, "The project exists already";
    /// The project still has workflows or instances.
    ProjectNotEmpty = "PROJECT_NOT_EMPTY", CONFLICT, "The project is not empty";
    /// The project `default` stays.
    ProjectRequired = "PROJECT_REQUIRED", CONFLICT, "The project cannot be deleted";
    /// A user of that name exists.
    UserExists = "USER_EXISTS", CONFLICT, "The user exists already";
    /// A workflow of that name exists.
    WorkflowExists = "WORKFLOW_EXISTS", CONFLICT, "The workflow exists already";
    /// The workflow still has open instances.
    WorkflowHasOpenInstances = "WORKFLOW_HAS_OPEN_INSTANCES", CONFLICT, "The workflow has open instances";
    /// The workflow may not be started.
    WorkflowDisabled = "WORKFLOW_DISABLED", CONFLICT, "The workflow is disabled";
    /// The operation cannot apply in this state.
    InvalidState = "INVALID_STATE", CONFLICT, "Not possible in this state";
    /// A schedule that stands in a document.
    ManagedByDocument = "MANAGED_BY_DOCUMENT", CONFLICT, "The document manages the schedule";
    /// A calendar that a schedule names, or a limit that a document names.
    InUse = "IN_USE", CONFLICT, "It is in use";
    /// Something secret is to be stored by a node without a key.
    NoSecretsKey = "NO_SECRETS_KEY", CONFLICT, "There is no key for secrets";
    /// The last administrator cannot be removed or demoted.
    LastAdmin = "LAST_ADMIN", CONFLICT, "The last administrator must stay";
    /// The first request with this key is under way.
    IdempotencyKeyInUse = "IDEMPOTENCY_KEY_IN_USE", CONFLICT, "The same request is under way";
    /// A repeated request whose answer held a secret.
    SecretShownOnce = "SECRET_SHOWN_ONCE", CONFLICT, "The secret was shown once";
    /// `If-Match` names another version.
    PreconditionFailed = "PRECONDITION_FAILED", PRECONDITION_FAILED, "It has changed in the meantime";
    /// Above the size limit.
    BodyTooLarge = "BODY_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large";
    /// A content type that the endpoint does not read.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "The content type is not supported";
    /// The body is JSON, but not what the endpoint takes.
    InvalidBody = "INVALID_BODY", UNPROCESSABLE_ENTITY, "The body is not valid";
    /// A workflow document with errors.
    InvalidDocument = "INVALID_DOCUMENT", UNPROCESSABLE_ENTITY, "The workflow document has errors";
    /// The start's body does not fit the workflow.
    InvalidStart = "INVALID_START", UNPROCESSABLE_ENTITY, "The start is not valid";
    /// A start sets a parameter that the workflow does not declare.
    UnknownParameter = "UNKNOWN_PARAMETER", UNPROCESSABLE_ENTITY, "The workflow declares no such parameter";
    /// A time zone that does not exist.
    UnknownTimezone = "UNKNOWN_TIMEZONE", UNPROCESSABLE_ENTITY, "There is no such time zone";
    /// An expression that does not follow the grammar.
    InvalidCron = "INVALID_CRON", UNPROCESSABLE_ENTITY, "The cron expression is not valid";
    /// A `when` that is no expression.
    InvalidExpression = "INVALID_EXPRESSION", UNPROCESSABLE_ENTITY, "The expression is not valid";
    /// An expression that no date matches.
    NeverFires = "NEVER_FIRES", UNPROCESSABLE_ENTITY, "The cron expression never fires";
    /// A schedule names a calendar that does not exist.
    UnknownCalendar = "UNKNOWN_CALENDAR", UNPROCESSABLE_ENTITY, "There is no such calendar";
    /// A document names a workflow of a project that does not grant it.
    NotGranted = "NOT_GRANTED", UNPROCESSABLE_ENTITY, "It is not granted to the project";
    /// A task names a limit that does not exist.
    UnknownLimit = "UNKNOWN_LIMIT", UNPROCESSABLE_ENTITY, "There is no such limit";
    /// A task names a secret that does not exist.
    UnknownSecret = "UNKNOWN_SECRET", UNPROCESSABLE_ENTITY, "There is no such secret";
    /// A placeholder of a secret where none may stand.
    SecretMisplaced = "SECRET_MISPLACED", UNPROCESSABLE_ENTITY, "A secret cannot stand here";
    /// A value that is too short to be masked.
    SecretTooShort = "SECRET_TOO_SHORT", UNPROCESSABLE_ENTITY, "The secret is too short";
    /// A value above the size limit.
    ValueTooLarge = "VALUE_TOO_LARGE", UNPROCESSABLE_ENTITY, "The value is too large";
    /// A connection that a document names.
    UnknownConnection = "UNKNOWN_CONNECTION", UNPROCESSABLE_ENTITY, "There is no such connection";
    /// A channel that a rule or a group names.
    UnknownChannel = "UNKNOWN_CHANNEL", UNPROCESSABLE_ENTITY, "There is no such channel";
    /// A stored secret would be used by another user, or sent to another place.
    SecretNeeded = "SECRET_NEEDED", UNPROCESSABLE_ENTITY, "A secret must be sent again";
    /// A backfill without a date.
    NoDates = "NO_DATES", UNPROCESSABLE_ENTITY, "The backfill has no date";
    /// A backfill with more dates than allowed.
    TooManyDates = "TOO_MANY_DATES", UNPROCESSABLE_ENTITY, "The backfill has too many dates";
    /// A name that breaks the rules for names.
    InvalidName = "INVALID_NAME", UNPROCESSABLE_ENTITY, "The name is not legal";
    /// The same key with another body.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY, "The idempotency key was used for another request";
    /// Too many failed logins, or too many requests.
    TooManyRequests = "TOO_MANY_REQUESTS", TOO_MANY_REQUESTS, "Too many requests";
    /// A mistake in the program.
    Internal = "INTERNAL", INTERNAL_SERVER_ERROR, "Internal error";
    /// The database cannot be reached, or its disk is full.
    StoreUnavailable = "STORE_UNAVAILABLE", SERVICE_UNAVAILABLE, "The database is not available";
    /// The worker that has the log cannot be reached.
    LogUnavailable = "LOG_UNAVAILABLE", SERVICE_UNAVAILABLE, "The log cannot be read now";
    /// This node is not ready to serve.
    NotReady = "NOT_READY", SERVICE_UNAVAILABLE, "The node is not ready";
}

impl Code {
    /// Finds a code by its text.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}
