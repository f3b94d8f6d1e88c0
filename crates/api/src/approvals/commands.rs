//! Decisions about tasks that wait for a person.

use actix_web::{HttpRequest, HttpResponse, post};
use catalog::ApprovalStage;
use engine::approval::{AnswerRule, ApprovalTask};
use engine::ids::InstanceId;
use engine::instance::CommandArguments;
use engine::states::Command;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Execute, Level, Read, Requirement as _};
use crate::http::body::{Query, ValueBody, parse_body};
use crate::http::codes::Code;
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::instances::command_bodies::invalid_arguments;
use crate::instances::posting::{CommandQuery, CommandRequest, CommandResult, run_command};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(approve_task).service(reject_task);
}

/// The most bytes of a comment.
const MAX_COMMENT_BYTES: usize = 4_096;

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    /// The answers, by name, as the task declares them.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Value>,
    /// For the history of the instance.
    #[schema(max_length = 4096)]
    comment: Option<String>,
    /// For the audit log.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Lets a task that waits for a person succeed; the answers become its outputs. Only its approvers may, or those with
/// `execute` where it names none.
#[utoipa::path(tag = "approvals", request_body = DecisionBody,
    params(("id" = String, Path), ("task" = String, Path), CommandQuery,
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CommandResult), (status = 202, body = CommandResult), (status = 409)))]
#[post("/approve")]
async fn approve_task(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    query: Query<CommandQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    decide(&caller, &request, (query.0, Command::Approve), body).await
}

/// Lets a task that waits for a person fail, without a retry.
#[utoipa::path(tag = "approvals", request_body = DecisionBody,
    params(("id" = String, Path), ("task" = String, Path), CommandQuery,
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CommandResult), (status = 202, body = CommandResult), (status = 409)))]
#[post("/reject")]
async fn reject_task(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    query: Query<CommandQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    decide(&caller, &request, (query.0, Command::Reject), body).await
}

async fn decide(
    caller: &Caller<Read, InstanceId>,
    request: &HttpRequest,
    (query, verb): (CommandQuery, Command),
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let task = path_parameter(request, "task")?;
    let subject = caller.catalog().operations().subject(*caller.object()).await?;
    let approval = subject.find_approval(&task);
    check_decider(caller, request, approval.as_ref().map(|(fields, _)| fields)).await?;
    let DecisionBody {
        inputs,
        comment,
        reason,
    } = parse_body(&body.bytes)?;
    if comment
        .as_ref()
        .is_some_and(|comment| comment.len() > MAX_COMMENT_BYTES)
    {
        let detail = format!("A comment has at most {MAX_COMMENT_BYTES} bytes.");
        return Err(Problem::new(Code::InvalidBody, detail).at("/comment"));
    }
    let mut arguments = CommandArguments {
        comment: comment.filter(|comment| !comment.trim().is_empty()),
        ..CommandArguments::default()
    };
    // What does not wait is refused whatever the answers are.
    if let Some((fields, ApprovalStage::Waits)) = &approval {
        let rule = match verb {
            Command::Approve => AnswerRule::Required,
            _ => AnswerRule::Optional,
        };
        let answers = fields.check_answers(inputs.as_ref(), rule);
        arguments.answers = answers.map_err(|issues| invalid_arguments(&issues))?;
    }
    let command = CommandRequest {
        verb,
        task: Some(task),
        reason,
        arguments,
        bytes: body.bytes,
    };
    run_command(caller, request, query.wait.as_deref(), command).await
}

/// Refuses who may not decide: only approvers may, and administrators; without any approvers, who may execute.
async fn check_decider(
    caller: &Caller<Read, InstanceId>,
    request: &HttpRequest,
    approval: Option<&ApprovalTask>,
) -> Result<(), Problem> {
    let named = approval.filter(|fields| !fields.approvers.is_empty());
    if let Some(fields) = named {
        let identity = caller.identity();
        let groups = caller.catalog().user_groups().names_of(identity.user).await?;
        if fields.names_user(&identity.name, &groups) {
            return Ok(());
        }
        let refused = caller.check_permission(Level::Admin, None, request).await;
        return refused.map_err(|problem| match problem.code() {
            Code::Forbidden => Problem::new(
                Code::Forbidden,
                "Only the approvers of the task and administrators decide.",
            ),
            _ => problem,
        });
    }
    let project = caller.catalog().instances().project_of(*caller.object()).await?;
    caller.check_permission(Execute::LEVEL, project, request).await
}
