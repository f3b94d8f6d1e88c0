//! Tests of connections from a worker.

use std::future::Future;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use egress::EgressPolicy;
use engine::connection::{CONNECTIONS, InvalidConnection, ResolvedConnection};
use ports::connections::{ConnectionTest, ConnectionTester};
use primitives::error_chain::root_cause;
use reqwest::{Method, Request, StatusCode};

use crate::http::{HttpConnection, Redirects};
use crate::sqlite::SqliteFolders;
use crate::{mysql, postgresql, smtp, sqlite, ssh};

/// The longest time that connecting and logging in may take.
const TIMEOUT: Duration = Duration::from_secs(8);

/// What stands in the place of a secret.
const MASK: &str = "***";

/// What tests may reach.
#[derive(Debug, Clone)]
pub struct TestLimits {
    /// Which addresses services may have.
    pub http_egress: EgressPolicy,
    /// The folders of SQLite files.
    pub sqlite_folders: SqliteFolders,
}

impl Default for TestLimits {
    fn default() -> Self {
        Self {
            http_egress: EgressPolicy::DenyMetadata,
            sqlite_folders: SqliteFolders::default(),
        }
    }
}

/// Tests connections from this process.
#[derive(Debug)]
pub struct WorkerConnectionTester {
    limits: TestLimits,
}

/// What a successful test found.
struct Success {
    detail: String,
    accepted_key: Option<String>,
}

impl From<String> for Success {
    fn from(detail: String) -> Self {
        Self {
            detail,
            accepted_key: None,
        }
    }
}

impl WorkerConnectionTester {
    /// Tests within limits.
    pub fn new(limits: TestLimits) -> Self {
        Self { limits }
    }

    async fn connect(&self, connection: &ResolvedConnection) -> Result<Success, String> {
        let wrong = |error: InvalidConnection| error.to_string();
        // Users connect to hosts and databases of their own; only services may be bound to public addresses.
        let policy = EgressPolicy::DenyMetadata;
        match connection.connection_type.as_str() {
            "postgresql" => {
                let fields = connection.read_fields().map_err(wrong)?;
                postgresql::log_in(policy, &fields).await.map(Success::from)
            }
            "mysql" => {
                let fields = connection.read_fields().map_err(wrong)?;
                mysql::log_in(policy, &fields).await.map(Success::from)
            }
            "sqlite" => {
                let fields = connection.read_fields().map_err(wrong)?;
                sqlite::open_database(&self.limits.sqlite_folders, &fields)
                    .await
                    .map(Success::from)
            }
            "smtp" => {
                let fields = connection.read_fields().map_err(wrong)?;
                smtp::log_in(policy, &fields).await.map(Success::from)
            }
            "ssh" => {
                let fields = connection.read_fields().map_err(wrong)?;
                let login = ssh::log_in(policy, &fields).await?;
                Ok(Success {
                    detail: login.detail,
                    accepted_key: login.accepted_key,
                })
            }
            "http" => {
                let fields = connection.read_fields().map_err(wrong)?;
                let opened = HttpConnection::open(fields, self.limits.http_egress, Redirects::WithinOrigin);
                let opened = opened.map_err(|error| error.to_string())?;
                request_base(&opened).await.map(Success::from)
            }
            other => Err(format!("this worker does not know connections of type {other}")),
        }
    }
}

#[async_trait]
impl ConnectionTester for WorkerConnectionTester {
    async fn test(&self, connection: &ResolvedConnection) -> ConnectionTest {
        let begun = Instant::now();
        let found = within_timeout(self.connect(connection)).await;
        let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (ok, detail, accepted_key) = match found {
            Ok(success) => (true, success.detail, success.accepted_key),
            Err(why) => (false, why, None),
        };
        ConnectionTest {
            ok,
            detail: mask_secrets(connection, detail),
            latency_ms,
            accepted_key,
        }
    }
}

async fn within_timeout(found: impl Future<Output = Result<Success, String>>) -> Result<Success, String> {
    let in_time = tokio::time::timeout(TIMEOUT, found).await;
    in_time.unwrap_or_else(|_| {
        let seconds = TIMEOUT.as_secs();
        Err(format!(
            "the other side accepts the connection and does not answer within {seconds} s"
        ))
    })
}

/// Asks for the base; any answer of the service itself is good.
async fn request_base(connection: &HttpConnection) -> Result<String, String> {
    let url = connection.url("").map_err(|error| error.to_string())?;
    let mut request = Request::new(Method::GET, url);
    let authorized = connection.authorize(&mut request, Utc::now()).await;
    authorized.map_err(|error| error.to_string())?;
    let answer = connection.client().execute(request).await;
    let answer = answer.map_err(|error| format!("no answer: {}", root_cause(&error)))?;
    let status = answer.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(format!(
            "the service refuses the login with the status {}",
            status.as_u16()
        )),
        status if status.is_server_error() => {
            Err(format!("the service answers with the status {}", status.as_u16()))
        }
        status => Ok(format!("the service answers with the status {}", status.as_u16())),
    }
}

/// Hides what another side repeats of the secrets that it was sent.
fn mask_secrets(connection: &ResolvedConnection, detail: String) -> String {
    let secrets = CONNECTIONS.secret_texts(&connection.connection_type, &connection.fields);
    secrets
        .iter()
        .fold(detail, |detail, secret| detail.replace(secret.as_str(), MASK))
}
