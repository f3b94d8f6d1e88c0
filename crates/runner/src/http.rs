//! Runs http tasks: one request; the status is the exit code, the body is the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use actors::ports::{Job, JobEnd, Leftover, Runner, RunningJob};
use async_trait::async_trait;
use engine::attempt::AttemptResult;
use engine::task_type::http::{HttpFields, HttpRequest};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use tokio::task::JoinHandle;

use super::Limits;
use super::capture::{Capture, open_log};
use super::shield::{Reach, Resolver};
use primitives::error_chain::with_causes;

/// To connect; how long an answer may take is the task's own limit.
const CONNECT: Duration = Duration::from_secs(30);

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    /// Follows no redirect; for tasks that expect the status of one.
    staying: Client,
    reach: Reach,
    body_bytes: usize,
}

impl Http {
    /// Makes the client.
    ///
    /// # Errors
    /// When it cannot be made, in words.
    pub fn with_limits(limits: Limits) -> Result<Self, String> {
        // An error says that another part of this process has chosen the same provider before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = |redirects| {
            Client::builder()
                .no_proxy()
                .connect_timeout(CONNECT)
                .redirect(redirects)
                .dns_resolver(Arc::new(Resolver(limits.reach)))
                .user_agent(concat!("porpoise/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| with_causes(&error))
        };
        Ok(Self {
            client: client(limits.reach.redirects())?,
            staying: client(Policy::none())?,
            reach: limits.reach,
            body_bytes: limits.http_body_bytes,
        })
    }
}

#[async_trait]
impl Runner for Http {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String> {
        let fields = job.dispatch.action.read_fields::<HttpFields>();
        let fields = fields.map_err(|error| error.to_string())?;
        let log = job.log.clone();
        let log = tokio::task::spawn_blocking(move || open_log(&log)).await;
        let log = log
            .map_err(|_| "the worker is shutting down".to_owned())?
            .map_err(|error| format!("cannot write the log: {error}"))?;
        let exchange = Exchange {
            http: self.clone(),
            request: fields.request,
            expect_status: fields.expect.map(|expect| expect.status).unwrap_or_default(),
            log,
            job: job.clone(),
        };
        Ok(Box::new(RunningRequest {
            work: Some(tokio::spawn(exchange.run())),
            end: None,
            killed: false,
        }))
    }

    /// A request does not outlive its process.
    async fn kill_leftovers(&self, _: &[Leftover]) {}
}

/// One request under way.
struct RunningRequest {
    work: Option<JoinHandle<JobEnd>>,
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
        if let Some(work) = &mut self.work {
            let end = work.await;
            self.work = None;
            self.end = end.ok();
        }
        match &self.end {
            Some(end) => end.clone(),
            None if self.killed => JobEnd {
                result: AttemptResult::Killed,
                ..failed("killed; the server may have acted on the request".to_owned())
            },
            None => failed("the request broke off because of an error of the worker".to_owned()),
        }
    }

    fn kill(&mut self, _: Duration) {
        if let Some(work) = &self.work {
            self.killed = true;
            work.abort();
        }
    }
}

/// A request with everything it needs.
struct Exchange {
    http: Http,
    request: HttpRequest,
    expect_status: Vec<u16>,
    log: File,
    job: Job,
}

impl Exchange {
    async fn run(mut self) -> JobEnd {
        match self.answer().await {
            Ok(response) => self.take(response).await,
            Err(reason) => failed(reason),
        }
    }

    async fn answer(&self) -> Result<Response, String> {
        let HttpRequest {
            method,
            url,
            headers,
            body,
        } = &self.request;
        let url: Url = url
            .parse()
            .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        self.http.reach.check(&url)?;
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is no HTTP method"))?;
        let expects_redirect = self
            .expect_status
            .iter()
            .any(|status| (300..400).contains(status));
        let client = if expects_redirect {
            &self.http.staying
        } else {
            &self.http.client
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

    async fn take(&mut self, mut response: Response) -> JobEnd {
        let status = response.status().as_u16();
        let written = self.write_body(&mut response).await;
        let outputs = self.outputs();
        let expected = match self.expect_status.as_slice() {
            [] => response.status().is_success(),
            listed => listed.contains(&status),
        };
        let error = match written {
            Err(reason) => Some(reason),
            Ok(()) if !expected => Some(format!("the answer's status {status} was not expected")),
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
        let mut room = self.http.body_bytes;
        while let Some(chunk) = response.chunk().await.map_err(|error| with_causes(&error))? {
            let part = &chunk[..chunk.len().min(room)];
            self.log
                .write_all(part)
                .map_err(|error| format!("cannot write the log: {error}"))?;
            room -= part.len();
            if part.len() < chunk.len() {
                let mark = format!(
                    "\n[porpoise: the body is longer than {} bytes; the rest was not read]\n",
                    self.http.body_bytes
                );
                return self
                    .log
                    .write_all(mark.as_bytes())
                    .map_err(|error| format!("cannot write the log: {error}"));
            }
        }
        Ok(())
    }

    fn outputs(&self) -> BTreeMap<String, String> {
        let limit = u64::MAX;
        let capture = File::open(&self.job.log).map(|log| Capture::from_start(log, limit, &self.job.output));
        match capture {
            Ok(capture) => capture.finish(),
            Err(error) => {
                tracing::warn!(%error, "the log of an http task cannot be read");
                BTreeMap::new()
            }
        }
    }
}

fn failed(error: String) -> JobEnd {
    JobEnd {
        result: AttemptResult::Failed,
        exit_code: None,
        error: Some(error),
        outputs: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
