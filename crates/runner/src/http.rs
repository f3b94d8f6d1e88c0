//! Runs http tasks: one request, whose status is the exit code and whose body is the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use actors::ports::{Job, JobEnd, Leftover, Runner, RunningJob};
use async_trait::async_trait;
use engine::attempt::AttemptResult;
use engine::ids::DispatchId;
use engine::task_type::http::{HttpFields, HttpRequest};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use tokio::task::JoinHandle;

use primitives::error_chain::with_causes;

use super::egress::{EgressPolicy, EgressResolver};
use super::job_end::failed_end;
use super::limits::{LogLimits, RunnerLimits};
use super::log_files::LogFiles;
use super::log_tail::{LogTail, free_bytes, low_disk_reason};

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
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String> {
        let fields = job.dispatch.action.read_fields::<HttpFields>();
        let fields = fields.map_err(|error| error.to_string())?;
        let (logs, uid) = (self.logs.clone(), job.dispatch.uid);
        let log = tokio::task::spawn_blocking(move || logs.create(&uid)).await;
        let log = log
            .map_err(|_| "the worker is shutting down".to_owned())?
            .map_err(|error| format!("cannot write the log: {error}"))?;
        let exchange = Exchange {
            runner: self.clone(),
            request: fields.request,
            expect_status: fields.expect.map(|expect| expect.status).unwrap_or_default(),
            log,
            uid,
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
    request: HttpRequest,
    expect_status: Vec<u16>,
    log: File,
    uid: DispatchId,
}

impl Exchange {
    async fn run(mut self) -> JobEnd {
        let end = match self.send_request().await {
            Ok(response) => self.read_response(response).await,
            Err(reason) => failed_end(None, reason),
        };
        self.runner.logs.seal(&self.uid, &self.log);
        end
    }

    async fn send_request(&self) -> Result<Response, String> {
        let HttpRequest {
            method,
            url,
            headers,
            body,
        } = &self.request;
        let url: Url = url
            .parse()
            .map_err(|error| format!("`{url}` is not a URL: {error}"))?;
        self.runner.egress.check_url(&url)?;
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not an HTTP method"))?;
        let expects_redirect = self
            .expect_status
            .iter()
            .any(|status| (300..400).contains(status));
        let client = if expects_redirect {
            &self.runner.no_redirect_client
        } else {
            &self.runner.client
        };
        let mut request = client.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        if let Some(body) = body {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| with_causes(&error))
    }

    async fn read_response(&mut self, mut response: Response) -> JobEnd {
        let status = response.status().as_u16();
        let written = self.write_body(&mut response).await;
        let outputs = self.read_outputs();
        let expected = match self.expect_status.as_slice() {
            [] => response.status().is_success(),
            listed => listed.contains(&status),
        };
        let error = match written {
            Err(reason) => Some(reason),
            Ok(()) if !expected => Some(format!("the status {status} was not expected")),
            Ok(()) => None,
        };
        JobEnd {
            result: if error.is_none() {
                AttemptResult::Succeeded
            } else {
                AttemptResult::Failed
            },
            exit_code: Some(status.into()),
            error,
            outputs,
        }
    }

    async fn write_body(&mut self, response: &mut Response) -> Result<(), String> {
        let min_free_disk = self.runner.min_free_disk;
        if free_bytes(&self.log).is_ok_and(|free| free < min_free_disk) {
            return Err(low_disk_reason(min_free_disk));
        }
        let mut room = self.runner.max_body_bytes;
        while let Some(chunk) = response.chunk().await.map_err(|error| with_causes(&error))? {
            let part = &chunk[..chunk.len().min(room)];
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

    fn read_outputs(&self) -> BTreeMap<String, String> {
        match self.log.try_clone() {
            // The body is within its own limit already.
            Ok(log) => LogTail::from_start(log, LogLimits::unbounded()).read_outputs(),
            Err(error) => {
                tracing::warn!(%error, "the log of an http task cannot be read");
                BTreeMap::new()
            }
        }
    }
}

#[cfg(test)]
mod tests;
