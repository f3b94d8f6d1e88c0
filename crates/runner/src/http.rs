//! Runs http tasks: one request, whose status is the exit code and whose body is the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use connectors::{HttpConnection, HttpConnectionError, Redirects};
use egress::{EgressPolicy, EgressResolver};
use engine::attempt::{AttemptResult, FailureKind};
use engine::connection::ResolvedConnection;
use engine::ids::DispatchId;
use engine::params::OutputCollector;
use engine::spec::{MAX_VALUE_BYTES, ParamType};
use engine::task_type::http::{HttpFields, HttpRequest};
use ports::{Job, JobEnd, Leftover, Runner, RunningJob, StartError};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, Response, Url};
use tokio::task::JoinHandle;

use primitives::error_chain::with_causes;

use super::job_end::{end_with_outputs, failed_end, permanent_end};
use super::limits::{LogLimits, RunnerLimits};
use super::log_files::LogFiles;
use super::log_tail::{LogTail, free_bytes, low_disk_reason};
use super::spare_files::UnusedFiles;

/// Longest time to connect. The task's own timeout bounds the wait for the response.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends requests.
#[derive(Debug, Clone)]
pub(crate) struct HttpRunner {
    client: Client,
    /// Follows no redirect: for tasks that expect the status of one.
    no_redirect_client: Client,
    egress: EgressPolicy,
    max_body_bytes: usize,
    min_free_disk: u64,
    logs: LogFiles,
}

impl HttpRunner {
    /// Makes the clients; the error is a sentence that says why they cannot be made.
    pub(crate) fn new(limits: RunnerLimits, logs: LogFiles) -> Result<Self, String> {
        // An error means that the process has installed its provider before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = |redirects| {
            Client::builder()
                .no_proxy()
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(redirects)
                .dns_resolver(Arc::new(EgressResolver::new(limits.egress)))
                .user_agent(concat!("porpoise/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| with_causes(&error))
        };
        Ok(Self {
            client: client(limits.egress.redirect_policy())?,
            no_redirect_client: client(Policy::none())?,
            egress: limits.egress,
            max_body_bytes: limits.http_body_bytes,
            min_free_disk: limits.log.min_free_disk,
            logs,
        })
    }
}

#[async_trait]
impl Runner for HttpRunner {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
        let fields = job.dispatch.action.read_fields::<HttpFields>();
        let fields = fields.map_err(|error| StartError::permanent(error.to_string()))?;
        let (logs, uid) = (self.logs.clone(), job.dispatch.uid);
        let log = tokio::task::spawn_blocking(move || logs.create(&uid)).await;
        let log = log
            .map_err(|_| "the worker is shutting down".to_owned())?
            .map_err(|error| format!("cannot write the log: {error}"))?;
        let exchange = Exchange {
            runner: self.clone(),
            connection_name: fields.connection,
            connection: job.dispatch.connection.clone(),
            request: fields.request,
            expect_status: fields.expect.map(|expect| expect.status).unwrap_or_default(),
            log,
            uid,
            declared: job.dispatch.outputs.clone(),
        };
        Ok(Box::new(RunningRequest {
            exchange: Some(tokio::spawn(exchange.run())),
            end: None,
            killed: false,
        }))
    }

    /// A request does not outlive its process.
    async fn kill_leftovers(&self, _: &[Leftover]) {}
}

/// An attempt whose request was sent.
struct RunningRequest {
    exchange: Option<JoinHandle<JobEnd>>,
    end: Option<JobEnd>,
    killed: bool,
}

#[async_trait]
impl RunningJob for RunningRequest {
    fn pid(&self) -> Option<i64> {
        None
    }

    fn start_ticks(&self) -> Option<u64> {
        None
    }

    async fn wait(&mut self) -> JobEnd {
        if let Some(exchange) = &mut self.exchange {
            let end = exchange.await;
            self.exchange = None;
            self.end = end.ok();
        }
        match &self.end {
            Some(end) => end.clone(),
            None if self.killed => JobEnd {
                result: AttemptResult::Killed,
                ..failed_end(
                    None,
                    "killed; the server may have acted on the request".to_owned(),
                )
            },
            None => failed_end(
                None,
                "the request was aborted by an error of the worker".to_owned(),
            ),
        }
    }

    fn kill(&mut self, _: Duration) {
        if let Some(exchange) = &self.exchange {
            self.killed = true;
            exchange.abort();
        }
    }
}

/// One request and its response.
struct Exchange {
    runner: HttpRunner,
    connection_name: Option<String>,
    /// The connection of that name.
    connection: Option<ResolvedConnection>,
    request: HttpRequest,
    expect_status: Vec<u16>,
    log: File,
    uid: DispatchId,
    /// The outputs that the task declares.
    declared: BTreeMap<String, ParamType>,
}

impl Exchange {
    async fn run(mut self) -> JobEnd {
        let end = self.exchange().await;
        self.runner.logs.seal(&self.uid, &self.log, UnusedFiles::Remove);
        end
    }

    async fn exchange(&mut self) -> JobEnd {
        let (client, request) = match self.prepare_request().await {
            Ok(prepared) => prepared,
            Err(HttpConnectionError::Unusable(reason)) => return permanent_end(reason),
            Err(HttpConnectionError::NoToken(reason)) => return failed_end(None, reason),
        };
        match client.execute(request).await {
            Ok(response) => self.read_response(response).await,
            Err(error) => failed_end(None, with_causes(&error)),
        }
    }

    /// Builds the request, and selects the client that sends it.
    async fn prepare_request(&self) -> Result<(Client, Request), HttpConnectionError> {
        let Some(name) = &self.connection_name else {
            let client = match self.redirects() {
                Redirects::None => &self.runner.no_redirect_client,
                Redirects::WithinOrigin => &self.runner.client,
            };
            let request = self.parse_url().and_then(|url| self.build_request(client, url));
            return Ok((client.clone(), request.map_err(HttpConnectionError::Unusable)?));
        };
        let connection = self.open_connection(name)?;
        let url = connection.url(&self.request.url)?;
        let client = connection.client().clone();
        let request = self.build_request(&client, url);
        let mut request = request.map_err(HttpConnectionError::Unusable)?;
        connection.authorize(&mut request, Utc::now()).await?;
        Ok((client, request))
    }

    fn open_connection(&self, name: &str) -> Result<HttpConnection, HttpConnectionError> {
        let missing = || format!("the master did not send the connection `{name}`");
        let connection = self.connection.as_ref().ok_or_else(missing);
        let connection = connection.map_err(HttpConnectionError::Unusable)?;
        let fields = connection.read_fields();
        let fields = fields.map_err(|error| HttpConnectionError::Unusable(error.to_string()))?;
        HttpConnection::open(fields, self.runner.egress, self.redirects())
    }

    /// A task that expects the status of a redirect follows none.
    fn redirects(&self) -> Redirects {
        let is_redirect = |status: &u16| (300..400).contains(status);
        if self.expect_status.iter().any(is_redirect) {
            Redirects::None
        } else {
            Redirects::WithinOrigin
        }
    }

    fn parse_url(&self) -> Result<Url, String> {
        let url = &self.request.url;
        let url: Url = url
            .parse()
            .map_err(|error| format!("`{url}` is not a URL: {error}"))?;
        self.runner.egress.check_url(&url)?;
        Ok(url)
    }

    /// Builds the request; the error is one of the task, which no next attempt cures.
    fn build_request(&self, client: &Client, url: Url) -> Result<Request, String> {
        let HttpRequest {
            method,
            headers,
            body,
            ..
        } = &self.request;
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not an HTTP method"))?;
        let mut request = client.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        if let Some(body) = body {
            request = request.body(body.clone());
        }
        request.build().map_err(|error| with_causes(&error))
    }

    async fn read_response(&mut self, mut response: Response) -> JobEnd {
        let status = response.status().as_u16();
        let mut body = Vec::new();
        if let Err(reason) = self.write_body(&mut response, &mut body).await {
            return failed_end(Some(status.into()), reason);
        }
        let is_expected = match self.expect_status.as_slice() {
            [] => response.status().is_success(),
            listed => listed.contains(&status),
        };
        if !is_expected {
            return failed_end(
                Some(status.into()),
                format!("the status {status} was not expected"),
            );
        }
        let mut outputs = self.read_outputs();
        set_response_outputs(&mut outputs, &response, &body);
        let end = JobEnd {
            result: AttemptResult::Succeeded,
            exit_code: Some(status.into()),
            error: None,
            failure: FailureKind::Transient,
            outputs: BTreeMap::new(),
        };
        end_with_outputs(end, outputs)
    }

    /// Writes the body to the log, and as much of it to `kept` as an output may have, and one byte more.
    async fn write_body(&mut self, response: &mut Response, kept: &mut Vec<u8>) -> Result<(), String> {
        let min_free_disk = self.runner.min_free_disk;
        if free_bytes(&self.log).is_ok_and(|free| free < min_free_disk) {
            return Err(low_disk_reason(min_free_disk));
        }
        let mut room = self.runner.max_body_bytes;
        while let Some(chunk) = response.chunk().await.map_err(|error| with_causes(&error))? {
            let part = &chunk[..chunk.len().min(room)];
            kept.extend(chunk.iter().take(MAX_VALUE_BYTES + 1 - kept.len()));
            self.log
                .write_all(part)
                .map_err(|error| format!("cannot write the log: {error}"))?;
            room -= part.len();
            if part.len() < chunk.len() {
                let mark = format!(
                    "\n[porpoise: the body is longer than {} bytes; the rest was not read]\n",
                    self.runner.max_body_bytes
                );
                return self
                    .log
                    .write_all(mark.as_bytes())
                    .map_err(|error| format!("cannot write the log: {error}"));
            }
        }
        Ok(())
    }

    /// Reads the values that the body sets.
    fn read_outputs(&self) -> OutputCollector {
        let outputs = OutputCollector::new(self.declared.clone());
        match self.log.try_clone() {
            // The body is within its own limit already.
            Ok(log) => LogTail::from_start(log, LogLimits::unbounded(), outputs).read_outputs(),
            Err(error) => {
                tracing::warn!(%error, "the log of an http task cannot be read");
                outputs
            }
        }
    }
}

/// Sets the outputs `status`, `body` and `header.x` where they are declared.
fn set_response_outputs(outputs: &mut OutputCollector, response: &Response, body: &[u8]) {
    let names: Vec<String> = outputs.names().map(str::to_owned).collect();
    for name in names {
        let value = match name.as_str() {
            "status" => Some(response.status().as_u16().to_string()),
            "body" => Some(String::from_utf8_lossy(body).into_owned()),
            other => other
                .strip_prefix("header.")
                .and_then(|header| header_text(response, header)),
        };
        if let Some(value) = value {
            outputs.set_value(&name, &value);
        }
    }
}

/// Returns the value of a header; several of one name are one list.
fn header_text(response: &Response, name: &str) -> Option<String> {
    let values = response.headers().get_all(name).iter();
    let texts: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

#[cfg(test)]
mod tests;
