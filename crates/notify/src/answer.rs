//! What an answer of a receiver means.

use std::time::Duration;

use chrono::DateTime;
use ports::SendOutcome;
use serde_json::Value;

use crate::message_text::cut;
use crate::request::AnswerRule;

/// The most bytes of an answer that an error shows.
const SHOWN_BYTES: usize = 200;

/// An answer as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceiverAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long the receiver wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The beginning of the body.
    pub(crate) body: String,
}

impl ReceiverAnswer {
    /// Decides what became of the request.
    pub(crate) fn to_outcome(&self, rule: AnswerRule) -> SendOutcome {
        match self.status {
            200..=299 => match self.error_code().filter(|_| rule == AnswerRule::ErrorCode) {
                None => SendOutcome::Delivered,
                Some(code) => self.failed(format!("the receiver answered with the code {code}")),
            },
            300..=399 => {
                let error = "the receiver redirects, which is not followed: use the address that it names";
                self.failed(format!("{error} (status {})", self.status))
            }
            408 | 429 | 500.. => {
                self.failed(format!("the receiver answered with the status {}", self.status))
            }
            _ => SendOutcome::Refused {
                error: self.explain(format!("the receiver answered with the status {}", self.status)),
            },
        }
    }

    fn failed(&self, error: String) -> SendOutcome {
        SendOutcome::Failed {
            error: self.explain(error),
            retry_after: self.retry_after,
        }
    }

    fn explain(&self, error: String) -> String {
        let body = self.body.split_whitespace().collect::<Vec<_>>().join(" ");
        if body.is_empty() {
            return error;
        }
        format!("{error}: {}", cut(&body, SHOWN_BYTES))
    }

    /// Returns the `errcode` or `code` of the body, unless it says that nothing is wrong.
    fn error_code(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        let code = body.get("errcode").or_else(|| body.get("code"))?;
        let text = match code {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        (text != "0").then_some(text)
    }
}

/// Reads `Retry-After`: seconds, or a time, which is compared with the time of the same answer.
pub(crate) fn parse_retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(value.trim()).ok()?;
    let now = DateTime::parse_from_rfc2822(date?.trim()).ok()?;
    (until - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, body: &str, rule: AnswerRule) -> &'static str {
        let answer = ReceiverAnswer {
            status,
            retry_after: None,
            body: body.to_owned(),
        };
        match answer.to_outcome(rule) {
            SendOutcome::Delivered => "delivered",
            SendOutcome::Refused { .. } => "refused",
            SendOutcome::Failed { .. } => "failed",
        }
    }

    #[test]
    fn the_status_decides_whether_a_later_try_can_help() {
        for (status, expected) in [
            (200, "delivered"),
            (204, "delivered"),
            (301, "failed"),
            (304, "failed"),
            (400, "refused"),
            (401, "refused"),
            (408, "failed"),
            (410, "refused"),
            (429, "failed"),
            (500, "failed"),
            (503, "failed"),
        ] {
            assert_eq!(judge(status, "", AnswerRule::ErrorCode), expected, "{status}");
        }
    }

    #[test]
    fn a_code_in_the_answer_is_a_failure_for_services_that_use_one() {
        for (body, expected) in [
            ("{\"errcode\": 0, \"errmsg\": \"ok\"}", "delivered"),
            ("{\"errcode\": 310000}", "failed"),
            ("{\"code\": 19021, \"msg\": \"sign match fail\"}", "failed"),
            ("{\"code\": \"0\"}", "delivered"),
            ("ok", "delivered"),
            ("[1]", "delivered"),
        ] {
            assert_eq!(judge(200, body, AnswerRule::ErrorCode), expected, "{body}");
            assert_eq!(judge(200, body, AnswerRule::Status), "delivered", "{body}");
        }
    }

    #[test]
    fn an_error_shows_the_beginning_of_the_answer_in_one_line() {
        let answer = ReceiverAnswer {
            status: 400,
            retry_after: None,
            body: format!("no\n such  channel {}", "x".repeat(1000)),
        };
        let SendOutcome::Refused { error } = answer.to_outcome(AnswerRule::Status) else {
            panic!("400 is final");
        };
        assert!(
            error.starts_with("the receiver answered with the status 400: no such channel x"),
            "{error}"
        );
        assert!(error.len() < 300, "{error}");
    }

    #[test]
    fn a_time_after_which_to_try_again_is_read_in_both_notations() {
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(parse_retry_after("120", None), Some(Duration::from_secs(120)));
        let later = "Wed, 21 Oct 2015 07:30:00 GMT";
        assert_eq!(parse_retry_after(later, date), Some(Duration::from_secs(120)));
        assert_eq!(parse_retry_after("Wed, 21 Oct 2015 07:00:00 GMT", date), None);
        assert_eq!(parse_retry_after(later, None), None);
        assert_eq!(parse_retry_after("soon", date), None);
    }
}
