//! A request to a receiver, ready to be sent.

use reqwest::Method;
use serde_json::Value;

/// A request to a receiver.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ChannelRequest {
    /// The method.
    pub(crate) method: Method,
    /// The address; it may hold a secret.
    pub(crate) url: String,
    /// Names and values, beside those of every request.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
    /// What counts as a success, beside the status.
    pub(crate) answer: AnswerRule,
}

/// What counts as a success of a request that was answered with 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerRule {
    /// The status alone.
    Status,
    /// The body has neither an `errcode` nor a `code` other than 0.
    ErrorCode,
}

impl ChannelRequest {
    /// Makes a POST of JSON whose answer may hold an error code.
    pub(crate) fn post_json(url: String, body: &Value) -> Self {
        Self {
            method: Method::POST,
            url,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.to_string(),
            answer: AnswerRule::ErrorCode,
        }
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }
}
