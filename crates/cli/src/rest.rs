//! Calls of the REST API.

use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde_json::Value;

use super::failure::{Exit, Failure};
use super::network_error;
use super::output;
use super::target::Target;

/// A call that waits for the owner of an instance may take this long.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How long the making of a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one poll may take: a server that takes longer is as good as away.
const POLL_TIMEOUT: Duration = Duration::from_secs(15);

/// The least time for a request, however close the deadline is.
const MIN_TIMEOUT: Duration = Duration::from_millis(200);

/// The pause before a request that broke is made again.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// What helps when an answer is not one of ours.
const WRONG_SERVER: &str = "is it the address of a Porpoise server?";

/// How long an answer of "later" is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most of a page that the API gives.
const PAGE: usize = 200;

/// One server, as one user.
#[derive(Debug, Clone)]
pub struct Rest {
    client: Client,
    target: Target,
    repetition: Repetition,
    /// When the command gives up, whatever it waits for.
    deadline: Option<Instant>,
}

/// Whether a call that failed for now is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repetition {
    /// Within the patience.
    Patient,
    /// By the caller, who polls anyway.
    Never,
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
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirected POST would become a GET, and a token would travel to where the user did not send it.
            .redirect(Policy::none());
        if target.url().is_loopback() {
            builder = builder.no_proxy();
        }
        if target.url().is_plain_http() {
            // Without certificates the start of each command is faster, and a machine that has none still works.
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| Failure::new(Exit::Usage, network_error::describe(&error)))?;
        Ok(Self {
            client,
            target,
            repetition: Repetition::Patient,
            deadline: None,
        })
    }

    /// The same server for calls that end at a deadline.
    pub(crate) fn until(&self, deadline: Option<Instant>) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The same server for polls: each call is made once.
    pub(crate) fn for_polls(&self) -> Self {
        Self {
            repetition: Repetition::Never,
            ..self.clone()
        }
    }

    /// When the command gives up, if ever.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Which server it is.
    pub fn url(&self) -> &str {
        self.target.url().as_str()
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
        serde_json::from_slice(&bytes).map_err(|_| {
            let message = format!("{} answered no JSON", self.url());
            Failure::new(Exit::Failed, message).with_hint(WRONG_SERVER)
        })
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
    /// "Later" (429 or 503 with `Retry-After`) is asked again within the patience. A POST carries one key for all its
    /// tries, so that none of them does the thing twice.
    ///
    /// # Errors
    /// What the server answered other than a success, or that it cannot be reached, with the exit code of the contract.
    pub fn answer(&self, call: Call) -> Result<Response, Failure> {
        let key = uuid::Uuid::new_v4().to_string();
        let end = match self.repetition {
            Repetition::Patient => Instant::now() + PATIENCE,
            Repetition::Never => Instant::now(),
        };
        let end = self.deadline.map_or(end, |deadline| deadline.min(end));
        let mut may_have_arrived = false;
        loop {
            let sent = self.request(&call, &key).send();
            if let Err(error) = &sent
                && Instant::now() < end
                && (may_repeat(error, &call.method) || (may_have_arrived && error.is_connect()))
            {
                // A refused connection means that the server is down, and is reported at once, unless it went down
                // with a request of ours, whose outcome the next try learns.
                may_have_arrived |= !error.is_connect();
                thread::sleep(BETWEEN_TRIES);
                continue;
            }
            let answer = sent.map_err(|error| self.unreachable(&error))?;
            if answer.status().is_success() {
                return Ok(answer);
            }
            match retry_after(&answer).filter(|pause| Instant::now() + *pause < end) {
                Some(pause) => thread::sleep(pause),
                None => return Err(self.refused(answer)),
            }
        }
    }

    fn request(&self, call: &Call, key: &str) -> RequestBuilder {
        let url = format!("{}{}", self.url(), call.path);
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .header(ACCEPT, call.accept)
            .query(&call.query);
        if let Some(token) = self.target.token() {
            request = request.bearer_auth(token.reveal());
        }
        if call.method == Method::POST {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(timeout) = self.request_timeout() {
            request = request.timeout(timeout);
        }
        if let Some((content_type, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type).body(body.clone());
        }
        request
    }

    /// The time limit of one request when it is shorter than that of all requests.
    fn request_timeout(&self) -> Option<Duration> {
        let limit = (self.repetition == Repetition::Never).then_some(POLL_TIMEOUT);
        let left = self.deadline.map(|deadline| {
            deadline
                .saturating_duration_since(Instant::now())
                .max(MIN_TIMEOUT)
        });
        [limit, left].into_iter().flatten().min()
    }

    fn refused(&self, answer: Response) -> Failure {
        let status = answer.status();
        if status.is_redirection() {
            let place = answer
                .headers()
                .get(LOCATION)
                .and_then(|place| place.to_str().ok());
            let message = format!(
                "{} redirects to {}",
                self.target.describe_server(),
                output::plain(place.map(Value::from).as_ref())
            );
            return Failure::new(Exit::Unreachable, message).with_hint("use that server's address");
        }
        let problem: Option<Value> = answer
            .bytes()
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let failure = Failure::of_answer(status.as_u16(), problem.as_ref().unwrap_or(&Value::Null));
        match problem {
            None => failure
                .prefixed(&format!("{}: ", self.target.describe_server()))
                .with_hint(WRONG_SERVER),
            Some(_) if failure.has_code("UNAUTHENTICATED") => failure.with_hint(&self.target.token_hint()),
            Some(_) => failure,
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let server = self.target.describe_server();
        let message = format!("cannot reach {server}: {}", network_error::describe(error));
        let failure = Failure::new(Exit::Unreachable, message);
        match network_error::other_scheme(error, self.target.url()) {
            Some(scheme) => {
                failure.with_hint(&format!("the server there speaks {scheme}: write {scheme}://…"))
            }
            None => failure.with_hint(self.target.unreachable_hint()),
        }
    }
}

/// Returns whether the call is worth repeating and harmless to repeat.
fn may_repeat(error: &reqwest::Error, method: &Method) -> bool {
    let is_lasting = error.is_builder() || network_error::is_other_protocol(error);
    !error.is_connect() && !error.is_timeout() && !is_lasting && *method != Method::PATCH
}

fn retry_after(answer: &Response) -> Option<Duration> {
    if ![429, 503].contains(&answer.status().as_u16()) {
        return None;
    }
    let seconds: f64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds.clamp(0.1, 5.0)).ok()
}
