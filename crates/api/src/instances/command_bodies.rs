//! The bodies of commands that say more than their verb.

use engine::instance::CommandArguments;
use engine::overrides::TaskOverrides;
use engine::spec::Diagnostic;
use engine::states::{Priority, Scope};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::body::escape_pointer;
use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

/// The body of a command.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandBody {
    /// For the audit log.
    #[schema(max_length = 1000)]
    pub(crate) reason: Option<String>,
}

/// Which tasks run beside the named one.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunScope {
    /// No others.
    Only,
    /// All that follow it.
    Downstream,
    /// All that it needs.
    Upstream,
}

/// The body of a run of one task.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunTaskBody {
    /// `downstream` unless given.
    scope: Option<RunScope>,
    /// For the audit log.
    #[schema(max_length = 1000)]
    pub(crate) reason: Option<String>,
}

/// The body of a change of the priority.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriorityBody {
    /// `highest`, `high`, `medium`, `low` or `lowest`.
    #[schema(value_type = String)]
    priority: Option<Priority>,
    /// For the audit log.
    #[schema(max_length = 1000)]
    pub(crate) reason: Option<String>,
}

/// The body of a retry. The script is named by the key of its type, `run` for shell and python.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
pub(crate) struct RetryTaskBody {
    /// Parameters of this task, name to value; they win over all others.
    params: Option<std::collections::BTreeMap<String, Value>>,
    /// Another script.
    run: Option<String>,
    /// The limit of one attempt, for example `10m`.
    timeout: Option<String>,
    /// Environment variables, name to value.
    env: Option<std::collections::BTreeMap<String, String>>,
    /// For the audit log.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// The body of a rerun.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
pub(crate) struct RerunBody {
    /// Replace those of the start by name.
    params: Option<std::collections::BTreeMap<String, Value>>,
    /// For the audit log.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

impl RunTaskBody {
    /// Returns what the command says beside its verb.
    pub(crate) fn arguments(&self) -> CommandArguments {
        let scope = self.scope.map(|scope| match scope {
            RunScope::Only => Scope::Only,
            RunScope::Downstream => Scope::Downstream,
            RunScope::Upstream => Scope::Upstream,
        });
        CommandArguments {
            scope,
            ..CommandArguments::default()
        }
    }
}

impl PriorityBody {
    /// Returns what the command says beside its verb.
    ///
    /// # Errors
    /// The priority is missing. That is no error of the body's form, so that a missing permission is reported first.
    pub(crate) fn arguments(&self) -> Result<CommandArguments, Problem> {
        let Some(priority) = self.priority else {
            let names: Vec<&str> = Priority::ALL.iter().map(|priority| priority.as_str()).collect();
            let detail = format!("`priority` is missing; it is one of {}", names.join(", "));
            return Err(Problem::new(Code::InvalidBody, detail).at("/priority"));
        };
        Ok(CommandArguments {
            priority: Some(priority),
            ..CommandArguments::default()
        })
    }
}

/// Returns the arguments of a retry.
pub(crate) fn retry_arguments(overrides: TaskOverrides) -> CommandArguments {
    CommandArguments {
        overrides,
        ..CommandArguments::default()
    }
}

/// Takes the reason out of a body whose other members the engine parses.
pub(crate) fn split_reason(mut body: Value) -> Result<(Option<String>, Value), Problem> {
    let reason = body
        .as_object_mut()
        .and_then(|members| members.shift_remove("reason"));
    match reason {
        None | Some(Value::Null) => Ok((None, body)),
        Some(Value::String(reason)) => Ok((Some(reason), body)),
        Some(_) => Err(Problem::new(Code::InvalidBody, "`reason` is a text.").at("/reason")),
    }
}

/// Takes the parameters out of the body of a rerun, which has no other members.
pub(crate) fn split_params(body: Value) -> Result<Option<Value>, Problem> {
    let mut params = None;
    for (name, value) in body.as_object().into_iter().flatten() {
        if name != "params" {
            let detail = format!("unknown field `{name}`, expected `params` or `reason`");
            return Err(Problem::new(Code::InvalidBody, detail).at(format!("/{}", escape_pointer(name))));
        }
        params = Some(value.clone()).filter(|value| !value.is_null());
    }
    Ok(params)
}

/// Reports what is wrong with the body of a command.
pub(crate) fn invalid_arguments(issues: &[Diagnostic]) -> Problem {
    let code = if issues
        .iter()
        .any(|issue| issue.code == Code::UnknownParameter.as_str())
    {
        Code::UnknownParameter
    } else {
        Code::InvalidBody
    };
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let first = errors
        .first()
        .map(|error| error.message.clone())
        .unwrap_or_default();
    Problem::new(code, first).with_errors(errors)
}
