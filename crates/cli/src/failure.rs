//! Why a command ended, as a text and an exit code.

use std::process::ExitCode;

use document::UnwritableYaml;
use serde_json::Value;

/// The exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// An awaited instance did not succeed, a check found something.
    Failed = 1,
    /// The command line or the configuration is wrong, or the server refuses a request as wrong.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// The state does not allow it.
    Conflict = 4,
    /// No token, a wrong one, or one that may not.
    NotAllowed = 5,
    /// No server, or one that cannot answer now.
    Unreachable = 6,
    /// Ended by the user.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For people; several lines are allowed, none means that everything was said.
    pub message: String,
    /// The code of the server's answer, such as `NOT_FOUND`.
    code: Option<String>,
}

impl From<UnwritableYaml> for Failure {
    fn from(error: UnwritableYaml) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl Failure {
    /// Makes a failure.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            code: None,
        }
    }

    /// Makes one after everything was said.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Reads an answer that is not a success.
    pub fn of_answer(status: u16, problem: &Value) -> Self {
        let exit = match status {
            401 | 403 => Exit::NotAllowed,
            404 => Exit::NotFound,
            409 | 412 => Exit::Conflict,
            400 | 413 | 415 | 422 => Exit::Usage,
            429 | 502..=504 => Exit::Unreachable,
            _ => Exit::Failed,
        };
        let text = |name: &str| {
            problem
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let what = text("detail").or_else(|| text("title"));
        let mut message = what.map_or_else(|| format!("the server answered {status}"), str::to_owned);
        let issues: Vec<String> = issues(problem)
            .filter(|issue| issue.get("message").and_then(Value::as_str) != what)
            .map(issue_line)
            .collect();
        if let Some(code) = text("code") {
            message.push_str(&format!(" ({code})"));
        }
        for issue in issues {
            message.push_str(&format!("\n  {issue}"));
        }
        Self {
            code: text("code").map(str::to_owned),
            ..Self::new(exit, message)
        }
    }

    /// Whether the server answered with this code.
    pub fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Puts a text before the message, unless everything was said.
    #[must_use]
    pub fn prefixed(mut self, text: &str) -> Self {
        if !self.message.is_empty() {
            self.message.insert_str(0, text);
        }
        self
    }

    /// Adds a line that says what helps, unless everything was said.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        if !self.message.is_empty() {
            self.message.push_str(&format!("\nhint: {hint}"));
        }
        self
    }

    /// Replaces the exit code.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

fn issues(problem: &Value) -> impl Iterator<Item = &Value> {
    problem
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Shows one entry of `errors[]`: `3:5 /tasks/a: message`.
fn issue_line(issue: &Value) -> String {
    let number = |name: &str| issue.get(name).and_then(Value::as_u64);
    let text = |name: &str| issue.get(name).and_then(Value::as_str).unwrap_or_default();
    let position = match (number("line"), number("column")) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        (Some(line), None) => line.to_string(),
        _ => String::new(),
    };
    let place: Vec<&str> = [position.as_str(), text("pointer")]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    match place.as_slice() {
        [] => text("message").to_owned(),
        parts => format!("{}: {}", parts.join(" "), text("message")),
    }
}
