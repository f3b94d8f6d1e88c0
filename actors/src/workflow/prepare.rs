//! Makes the message that sends an attempt: every placeholder resolved, nothing left to look up.

use std::collections::BTreeMap;

use engine::ids::{AttemptNumber, DispatchId, TaskIndex};
use engine::params::{self, BuiltinContext, ParamError, ParamScopes, TimeBase};
use engine::spec::OnCutOff;
use engine::states::{AttemptState, OnTimeout};
use engine::task::Worker;

use super::Live;
use crate::protocol::{Dispatch, Owner};

/// A message to a worker, and what a user should know about it.
pub(super) struct Prepared {
    pub(super) dispatch: Dispatch,
    pub(super) warnings: Vec<String>,
}

impl Live {
    /// Returns the worker and the number of an open attempt, if this is its current binding.
    pub(super) fn binding(&self, task_index: TaskIndex, uid: DispatchId) -> Option<(Worker, AttemptNumber)> {
        let attempt = self.state.task(task_index)?.attempt.as_ref()?;
        let current = attempt.uid == Some(uid)
            && matches!(attempt.state, AttemptState::Created | AttemptState::Running);
        current
            .then(|| attempt.worker.clone().map(|worker| (worker, attempt.number)))
            .flatten()
    }

    /// Whether attempts of a task run only with a lease.
    pub(super) fn is_exclusive(&self, task_index: TaskIndex) -> bool {
        let task = self.plan.definition.task(task_index);
        task.is_some_and(|task| task.on_cut_off == OnCutOff::Exclusive)
    }
}

/// Prepares the current binding of a task's attempt.
///
/// # Errors
/// When the parameters cannot be resolved (a cycle, a value that grows past its bound): the attempt fails.
pub(super) fn dispatch(
    live: &Live,
    task_index: TaskIndex,
    attempt: AttemptNumber,
    owner: Owner,
) -> Result<Prepared, String> {
    let definition = &live.plan.definition;
    let task = definition
        .task(task_index)
        .ok_or("the definition has no such task")?;
    let row = live.state.task(task_index);
    let bound = row
        .and_then(|row| row.attempt.as_ref())
        .ok_or("the attempt has no row")?;
    let (uid, worker) = bound
        .uid
        .zip(bound.worker.clone())
        .ok_or("the attempt is not bound to a worker")?;
    let base = TimeBase::utc(live.plan.start.scheduled_at.unwrap_or(live.state.rows.created_at));
    let values = values_of(live, task_index, uid, base).map_err(|error| error.to_string())?;
    let prepared = task.action.prepare(&values, base);
    let (mut env, mut warnings) = (prepared.env, prepared.warnings);
    for (name, value) in &task.env {
        let (value, unknown) = params::interpolate_text(value, &values, base);
        env.insert(name.clone(), value);
        warnings.extend(unknown);
    }
    Ok(Prepared {
        dispatch: Dispatch {
            uid,
            worker: worker.incarnation,
            owner,
            project: live.identity.project.clone(),
            workflow: live.identity.workflow.clone(),
            task: task.name.clone(),
            attempt,
            action: prepared.action,
            env,
            timeout_ms: task.timeout_ms.filter(|_| task.on_timeout != OnTimeout::Warn),
            on_cut_off: task.on_cut_off,
        },
        warnings,
    })
}

/// What the task sees under which name.
fn values_of(
    live: &Live,
    task_index: TaskIndex,
    uid: DispatchId,
    base: TimeBase,
) -> Result<BTreeMap<String, String>, ParamError> {
    let definition = &live.plan.definition;
    let (task, task_params) = definition
        .task(task_index)
        .map_or(("", &[][..]), |task| (task.name.as_str(), &task.params));
    let outputs_of = |at: TaskIndex| live.state.task(at).map(|row| &row.outputs);
    let upstream = params::upstream_outputs(&live.plan, task_index, &outputs_of);
    let builtins = params::builtin_params(&BuiltinContext {
        base,
        project: &live.identity.project,
        workflow: &live.identity.workflow,
        task,
        uid,
    });
    params::resolve_params(
        ParamScopes {
            builtins: &builtins,
            project: &live.identity.project_params,
            workflow: &definition.params,
            upstream: &upstream,
            task: task_params,
            startup: &live.plan.start.params,
        },
        base,
    )
}
