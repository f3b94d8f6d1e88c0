//! Sends requests to receivers: within a deadline, to allowed addresses, without redirects.

use std::sync::Arc;

use egress::{EgressPolicy, EgressResolver};
use engine::ids::DeliveryId;
use ports::{ANSWER_TIMEOUT, SendOutcome};
use primitives::error_chain::with_causes;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::answer::{ReceiverAnswer, parse_retry_after};
use crate::request::{AnswerRule, ChannelRequest};

/// The most bytes of an answer that are read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Sends requests to receivers.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    client: Client,
    egress: EgressPolicy,
}

impl HttpClient {
    /// Makes the client; the error is a sentence that says why it cannot be made.
    pub(crate) fn new(egress: EgressPolicy) -> Result<Self, String> {
        // An error means that the process has installed its provider before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder()
            .no_proxy()
            .timeout(ANSWER_TIMEOUT)
            .redirect(Policy::none())
            .dns_resolver(Arc::new(EgressResolver::new(egress)))
            .user_agent(concat!("porpoise/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| with_causes(&error))?;
        Ok(Self { client, egress })
    }

    /// Sends a request once.
    pub(crate) async fn send(&self, request: ChannelRequest, delivery: DeliveryId) -> SendOutcome {
        let rule = request.answer;
        let response = match self.build_request(request, delivery) {
            Ok(request) => self.client.execute(request).await,
            Err(error) => return SendOutcome::Refused { error },
        };
        let read = match response {
            Ok(response) => read_answer(response, rule).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(answer) => answer.to_outcome(rule),
            Err(error) => SendOutcome::Failed {
                error: explain_failure(error),
                retry_after: None,
            },
        }
    }

    fn build_request(
        &self,
        request: ChannelRequest,
        delivery: DeliveryId,
    ) -> Result<reqwest::Request, String> {
        // The address may hold a secret: no error shows it.
        let url = Url::parse(&request.url).map_err(|_| "the url of the channel is none".to_owned())?;
        self.egress.check_url(&url)?;
        let mut built = self.client.request(request.method, url).body(request.body);
        for (name, value) in request.headers {
            built = built.header(name, value);
        }
        built
            .header(HeaderName::from_static("porpoise-delivery"), delivery.to_string())
            .build()
            .map_err(|error| with_causes(&error.without_url()))
    }
}

/// Reads what counts of an answer. Where only the status counts, the body of a success is not waited for.
async fn read_answer(mut response: Response, rule: AnswerRule) -> Result<ReceiverAnswer, reqwest::Error> {
    let mut answer = ReceiverAnswer {
        status: response.status().as_u16(),
        retry_after: retry_after_of(response.headers()),
        body: String::new(),
    };
    if response.status().is_success() && rule == AnswerRule::Status {
        return Ok(answer);
    }
    let is_failure = !response.status().is_success();
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            // The status says enough.
            Err(_) if is_failure => break,
            Err(error) => return Err(error),
        }
    }
    body.truncate(MAX_ANSWER_BYTES);
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Ok(answer)
}

fn retry_after_of(headers: &HeaderMap) -> Option<std::time::Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    parse_retry_after(text(RETRY_AFTER)?, text(DATE))
}

fn explain_failure(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!(
            "the receiver did not answer within {} s",
            ANSWER_TIMEOUT.as_secs()
        );
    }
    with_causes(&error.without_url())
}

#[cfg(test)]
mod tests;
