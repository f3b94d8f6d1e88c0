//! A REST client with a token of the user `admin`.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::waiting::eventually;

/// A token of the user `admin`, long enough to be taken as the bootstrap token.
pub const TOKEN: &str = "porpoise-integration-test-token-0123456789";

/// A client of the API of one node.
#[derive(Debug)]
pub struct Rest {
    url: String,
    client: Client,
}

impl Rest {
    /// Asks the node at this address.
    pub fn new(url: &str) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            // A node closes an idle connection after five seconds, perhaps just when a request is on its way.
            .pool_idle_timeout(Duration::from_secs(2))
            .build()
            .expect("a client");
        Self {
            url: url.to_owned(),
            client,
        }
    }

    /// The address as `HOST:PORT`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Asks anything with any body; the answer may be a refusal.
    pub fn ask(&self, method: Method, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self
            .request(method, path)
            .header("Content-Type", kind)
            .body(body.into());
        Self::answer(request).expect("the node answers")
    }

    /// Sends a request of any kind; an error when the node does not answer.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn answer(request: RequestBuilder) -> reqwest::Result<Answer> {
        let asked = Instant::now();
        let reply = request.bearer_auth(TOKEN).send()?;
        let (status, retry) = (
            reply.status().as_u16(),
            reply.headers().contains_key("Retry-After"),
        );
        let text = String::from_utf8(reply.bytes()?.to_vec()).expect("UTF-8");
        Ok(Answer {
            status,
            retry,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            took: asked.elapsed(),
        })
    }

    /// Asks for a resource below `/api/v1` that must exist.
    pub fn get(&self, path: &str) -> Value {
        let reply = self.send(self.request(Method::GET, &format!("/api/v1{path}")));
        let status = reply.status();
        let body: Value = reply.json().expect("json");
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// Stores a YAML document in the project `default`.
    pub fn apply(&self, name: &str, yaml: String) {
        let path = format!("/api/v1/projects/default/workflows/{name}");
        let reply = self.ask(Method::PUT, &path, "application/yaml", yaml);
        assert!(
            matches!(reply.status, 200 | 201),
            "PUT {name}: {} {}",
            reply.status,
            reply.text
        );
    }

    /// Follows the cursor of a list to its end.
    pub fn items(&self, path: &str) -> Vec<Value> {
        let glue = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{glue}limit=200{cursor}"));
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Waits until an instance is in one of the states, and answers it.
    pub fn settle(&self, id: &str, states: &[&str], within: Duration) -> Value {
        let mut last = Value::Null;
        eventually(within, || {
            last = self.get(&format!("/instances/{id}"));
            states.iter().any(|state| last["state"] == *state)
        });
        assert!(
            states.iter().any(|state| last["state"] == *state),
            "{id} should reach {states:?}: {last}"
        );
        last
    }

    /// A request to this node that is not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Sends what must be answered, and leaves the answer to be read.
    pub fn send(&self, request: RequestBuilder) -> Response {
        let address = self.address();
        let sent = request.bearer_auth(TOKEN).send();
        sent.unwrap_or_else(|error| panic!("the node at {address} answers: {error:?}"))
    }
}

/// What the node answered, whatever it was.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Whether it says when to try again.
    pub retry: bool,
    /// Null when it was not JSON.
    pub body: Value,
    /// The body as text.
    pub text: String,
    /// From the request to the end of the answer.
    pub took: Duration,
}
