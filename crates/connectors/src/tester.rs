//! Tests of connections from a worker.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use egress::EgressPolicy;
use engine::connection::{InvalidConnection, ResolvedConnection};
use ports::connections::{ConnectionTest, ConnectionTester};
use primitives::error_chain::root_cause;
use reqwest::{Method, Request, StatusCode};
use secrets::mask_values;

use crate::failure::explain_contact;
use crate::http::{HttpConnection, Redirects};
use crate::sqlite::SqliteFolders;
use crate::{mysql, postgresql, smtp, sqlite, ssh};

/// The longest time that connecting and logging in may take.
const TIMEOUT: Duration = Duration::from_secs(8);

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

/// What a test found.
struct Finding {
    /// What answered, or what failed.
    found: Result<String, String>,
    accepted_key: Option<String>,
}

impl Finding {
    fn failure(why: String) -> Self {
        Self::from(Err(why))
    }
}

impl From<Result<String, String>> for Finding {
    fn from(found: Result<String, String>) -> Self {
        Self {
            found,
            accepted_key: None,
        }
    }
}

impl WorkerConnectionTester {
    /// Tests within limits.
    pub fn new(limits: TestLimits) -> Self {
        Self { limits }
    }

    async fn connect(&self, connection: &ResolvedConnection) -> Result<Finding, InvalidConnection> {
        // Users connect to hosts and databases of their own; only services may be bound to public addresses.
        let policy = EgressPolicy::DenyMetadata;
        Ok(match connection.connection_type.as_str() {
            "postgresql" => postgresql::log_in(policy, &connection.read_fields()?)
                .await
                .into(),
            "mysql" => mysql::log_in(policy, &connection.read_fields()?).await.into(),
            "sqlite" => {
                let fields = connection.read_fields()?;
                sqlite::open_database(&self.limits.sqlite_folders, &fields)
                    .await
                    .into()
            }
            "smtp" => smtp::log_in(policy, &connection.read_fields()?).await.into(),
            "ssh" => {
                let contact = ssh::log_in(policy, &connection.read_fields()?).await;
                Finding {
                    found: contact.login,
                    accepted_key: contact.accepted_key,
                }
            }
            "http" => {
                let fields = connection.read_fields()?;
                let opened = HttpConnection::open(fields, self.limits.http_egress, Redirects::WithinOrigin);
                match opened {
                    Ok(opened) => request_base(&opened).await.into(),
                    Err(error) => Finding::failure(error.to_string()),
                }
            }
            other => Finding::failure(format!("this worker does not know connections of type {other}")),
        })
    }
}

#[async_trait]
impl ConnectionTester for WorkerConnectionTester {
    async fn test(&self, connection: &ResolvedConnection) -> ConnectionTest {
        let begun = Instant::now();
        let finding = match tokio::time::timeout(TIMEOUT, self.connect(connection)).await {
            Ok(Ok(finding)) => finding,
            Ok(Err(error)) => Finding::failure(error.to_string()),
            Err(_) => Finding::failure(slow_answer()),
        };
        let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (ok, detail) = match finding.found {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        ConnectionTest {
            ok,
            detail: mask_values(&detail, connection.secrets.iter().map(String::as_str)),
            latency_ms,
            accepted_key: finding.accepted_key,
        }
    }
}

fn slow_answer() -> String {
    let seconds = TIMEOUT.as_secs();
    format!("no answer within {seconds} s: the other side accepts no connection, or is silent or slow on it")
}

/// Asks for the base; any answer of the service itself is good.
async fn request_base(connection: &HttpConnection) -> Result<String, String> {
    let url = connection.url("").map_err(|error| error.to_string())?;
    let mut request = Request::new(Method::GET, url.clone());
    let authorized = connection.authorize(&mut request, Utc::now()).await;
    authorized.map_err(|error| error.to_string())?;
    let answer = connection.client().execute(request).await;
    let answer = answer.map_err(|error| {
        let (host, port) = (url.host_str(), url.port_or_known_default());
        explain_contact(&error, host.unwrap_or_default(), port.unwrap_or_default())
            .unwrap_or_else(|| format!("no answer by HTTP: {}", root_cause(&error)))
    })?;
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
