//! Calls of the REST API.

use std::thread;
use std::time::{Duration, Instant};

use primitives::error_chain::root_cause;
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;

use super::failure::{Exit, Failure};
use super::output;
use super::target::Target;

/// A call that waits for the owner of an instance may take this long.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How long an answer of "later" is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most of a page that the API gives.
const PAGE: usize = 200;

/// One server, as one user.
#[derive(Debug)]
pub struct Rest {
    client: Client,
    target: Target,
}

/// One call, before it is made.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<(&'static str, Vec<u8>)>,
    accept: &'static str,
}

impl Call {
    /// A call without a body; segments are percent-encoded.
    pub fn new(method: Method, segments: &[&str]) -> Self {
        let path = segments
            .iter()
            .map(|segment| format!("/{}", encoded(segment)))
            .collect::<String>();
        Self {
            method,
            path: format!("/api/v1{path}"),
            query: Vec::new(),
            body: None,
            accept: "application/json",
        }
    }

    /// A read.
    pub fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    /// A call outside `/api/v1`.
    pub fn outside(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..Self::get(&[])
        }
    }

    /// With an argument.
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// With an argument, when there is one.
    pub fn maybe(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string().into_bytes())
    }

    /// With a body of another type.
    pub fn text(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.body = Some((content_type, body));
        self
    }

    /// With the type of answer that is wanted.
    pub fn accept(mut self, content_type: &'static str) -> Self {
        self.accept = content_type;
        self
    }
}

/// Encodes one segment of a path: everything but the unreserved characters.
fn encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

impl Rest {
    /// Prepares calls to a server; connects to nothing yet.
    pub(crate) fn new(target: Target) -> Result<Self, Failure> {
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(Duration::from_secs(5));
        if is_loopback(&target.url) {
            builder = builder.no_proxy();
        }
        if target.url.starts_with("http://") {
            // Without certificates the start of each command is faster, and a machine that has none still works.
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| Failure::new(Exit::Usage, one_line_cause(&error)))?;
        Ok(Self { client, target })
    }

    /// Which server it is.
    pub fn url(&self) -> &str {
        &self.target.url
    }

    /// Makes a call and returns the JSON of its answer; `Null` for an empty one.
    ///
    /// # Errors
    /// What the server answered other than a success, or that it cannot be reached, with the exit code of the contract.
    pub fn json(&self, call: Call) -> Result<Value, Failure> {
        let answer = self.answer(call)?;
        let bytes = answer.bytes().map_err(|error| self.unreachable(&error))?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::new(Exit::Failed, format!("{} answered no JSON: {error}", self.url())))
    }

    /// Follows a list to its end, or to `limit` things.
    ///
    /// # Errors
    /// What the server answered other than a success, or that it cannot be reached, with the exit code of the contract.
    pub fn list(&self, call: &Call, limit: usize) -> Result<Vec<Value>, Failure> {
        let mut items: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = PAGE.min(limit - items.len()).to_string();
            let mut answer = self.json(
                call.clone()
                    .query("limit", page)
                    .maybe("cursor", cursor.as_deref()),
            )?;
            if let Some(Value::Array(more)) = answer.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            cursor = answer
                .get("next_cursor")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if cursor.is_none() || items.len() >= limit {
                return Ok(items);
            }
        }
    }

    /// Makes a call and returns its answer, when that is a success.
    ///
    /// "Later" (503 with `Retry-After`) is asked again within the patience. A POST carries one key for all its
    /// tries, so that none of them does the thing twice.
    ///
    /// # Errors
    /// What the server answered other than a success, or that it cannot be reached, with the exit code of the contract.
    pub fn answer(&self, call: Call) -> Result<Response, Failure> {
        let key = uuid::Uuid::new_v4().to_string();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = match self.request(&call, &key).send() {
                Ok(answer) => answer,
                Err(error) if may_repeat(&error, &call.method) && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(500));
                    continue;
                }
                Err(error) => return Err(self.unreachable(&error)),
            };
            if answer.status().is_success() {
                return Ok(answer);
            }
            match retry_after(&answer).filter(|pause| Instant::now() + *pause < deadline) {
                Some(pause) => thread::sleep(pause),
                None => return Err(self.refused(answer)),
            }
        }
    }

    fn request(&self, call: &Call, key: &str) -> RequestBuilder {
        let url = format!("{}{}", self.target.url, call.path);
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .header(ACCEPT, call.accept)
            .query(&call.query);
        if let Some(token) = &self.target.token {
            request = request.bearer_auth(token.reveal());
        }
        if call.method == Method::POST {
            request = request.header("Idempotency-Key", key);
        }
        if let Some((content_type, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type).body(body.clone());
        }
        request
    }

    fn refused(&self, answer: Response) -> Failure {
        let status = answer.status().as_u16();
        let problem = answer
            .bytes()
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut failure = Failure::of_answer(status, &problem.unwrap_or(Value::Null));
        if status == 401 {
            failure.message.push_str(match &self.target.token {
                Some(_) => "\nhint: the token is not valid here; set PORPOISE_TOKEN or run `porpoise login`",
                None => "\nhint: no token was found; set PORPOISE_TOKEN or run `porpoise login`",
            });
        }
        failure
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let hint = "hint: is it running? `porpoise standalone` starts one; `porpoise doctor` looks further";
        let message = format!("cannot reach {}: {}\n{hint}", self.url(), one_line_cause(error));
        Failure::new(Exit::Unreachable, message)
    }
}

/// Returns the innermost cause, which names no address, as one line.
fn one_line_cause(error: &reqwest::Error) -> String {
    output::plain(Some(&Value::from(root_cause(error))))
}

/// Returns whether the call is worth repeating and harmless to repeat; a refused connection means that the server is
/// down, and is reported at once.
fn may_repeat(error: &reqwest::Error, method: &Method) -> bool {
    !error.is_connect() && !error.is_timeout() && !error.is_builder() && *method != Method::PATCH
}

fn retry_after(answer: &Response) -> Option<Duration> {
    if answer.status().as_u16() != 503 {
        return None;
    }
    let seconds: f64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds.clamp(0.1, 5.0)).ok()
}

fn is_loopback(url: &str) -> bool {
    let host = reqwest::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}
