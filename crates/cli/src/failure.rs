//! Why a command ended, as a text and an exit code.

use std::process::ExitCode;

use serde_json::Value;

/// The exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// An awaited instance did not succeed, a check found something.
    Failed = 1,
    /// The command line or the configuration is wrong.
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
}

impl Failure {
    /// Makes a failure.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
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
            502..=504 => Exit::Unreachable,
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
        if let Some(code) = text("code") {
            message.push_str(&format!(" ({code})"));
        }
        for issue in problem
            .get("errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            message.push_str(&format!("\n  {}", issue_line(issue)));
        }
        Self::new(exit, message)
    }
}

/// Shows one entry of `errors[]`: `3:5 /tasks/a: message`.
fn issue_line(issue: &Value) -> String {
    let text = |name: &str| issue.get(name).and_then(Value::as_str).unwrap_or_default();
    let place = match (
        issue.get("line").and_then(Value::as_u64),
        issue.get("column").and_then(Value::as_u64),
    ) {
        (Some(line), Some(column)) => format!("{line}:{column} "),
        (Some(line), None) => format!("{line} "),
        _ => String::new(),
    };
    format!("{place}{}: {}", text("pointer"), text("message"))
}
