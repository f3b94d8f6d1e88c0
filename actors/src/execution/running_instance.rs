//! A loaded instance, and the messages that send its attempts to workers.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ids::{AttemptNumber, BackfillId, DispatchId, InstanceId, TaskIndex};
use engine::instance::{Changes, Instance, apply, next_plan};
use engine::overrides::TaskOverrides;
use engine::params::{self, ParamError, TimeBase};
use engine::plan::{InstanceContext, Plan};
use engine::spec::{Definition, OnCutOff};
use engine::states::OnTimeout;
use engine::task::{Attempt, Worker};

use crate::messages::dispatch::AttemptQuery;
use ports::LoadedInstance;
use ports::protocol::{Dispatch, Owner};
use ports::secrets::SecretValues;

/// An instance in memory: a cache of its rows.
pub(crate) struct RunningInstance {
    project: Arc<str>,
    /// The backfill that it is a date of.
    pub(crate) backfill: Option<BackfillId>,
    /// The instance that started it.
    pub(crate) parent: Option<InstanceId>,
    /// The user for whom it was started.
    pub(crate) requested_by: Option<String>,
    /// Whether its end may give a place back.
    pub(crate) gated: bool,
    names_limits: bool,
    /// Its definition with what the start selected.
    pub(crate) plan: Plan,
    /// Its state as it was last stored.
    pub(crate) state: Instance,
}

/// Whether changes gave an instance another plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanChange {
    Unchanged,
    Replaced,
}

/// A message to a worker, and what a user should know about it.
pub(crate) struct PreparedDispatch {
    /// The message.
    pub(crate) dispatch: Dispatch,
    /// Readable warnings about parameters.
    pub(crate) warnings: Vec<String>,
}

impl RunningInstance {
    /// Builds the state from the rows.
    pub(crate) fn new(loaded: LoadedInstance, definition: Arc<Definition>) -> Self {
        let project = loaded.project.as_str().into();
        let context = InstanceContext {
            project: loaded.project,
            workflow: loaded.workflow,
            project_params: loaded.project_params,
            trigger: loaded.trigger,
        };
        let plan = Plan::new(definition, Arc::new(loaded.start))
            .with_context(context)
            .within(loaded.rows.record.planned_range());
        Self {
            project,
            backfill: loaded.backfill,
            parent: loaded.parent,
            requested_by: loaded.requested_by,
            gated: loaded.gated,
            names_limits: plan.definition.tasks.iter().any(|task| !task.limits.is_empty()),
            state: Instance::load(&plan, loaded.rows),
            plan,
        }
    }

    /// Returns the name of its project.
    pub(crate) fn project(&self) -> &Arc<str> {
        &self.project
    }

    /// Whether a task of its definition names limits.
    pub(crate) fn names_limits(&self) -> bool {
        self.names_limits
    }

    /// Replaces the labels, which are no part of what a commit decides.
    pub(crate) fn set_labels(&mut self, labels: BTreeMap<String, String>) {
        if self.plan.start.labels != labels {
            Arc::make_mut(&mut self.plan.start).labels = labels;
        }
    }

    /// Folds committed changes in. Returns whether the instance has another plan by that, with which it continues once
    /// `Event::Loaded` is decided.
    pub(crate) fn apply(&mut self, changes: &Changes) -> PlanChange {
        apply(&self.plan, &mut self.state, changes);
        let Some(plan) = next_plan(&self.plan, &self.state, changes) else {
            return PlanChange::Unchanged;
        };
        self.state = Instance::load(&plan, self.state.rows.clone());
        self.plan = plan;
        PlanChange::Replaced
    }

    /// Returns the worker and the number of an open attempt, if `uid` is its current binding.
    pub(crate) fn binding(&self, task_index: TaskIndex, uid: DispatchId) -> Option<(Worker, AttemptNumber)> {
        let attempt = self
            .open_attempt(task_index)
            .filter(|attempt| attempt.uid == Some(uid))?;
        Some((attempt.worker.clone()?, attempt.number))
    }

    /// Whether a task has an open attempt that is bound to a worker.
    pub(crate) fn is_bound(&self, task_index: TaskIndex) -> bool {
        self.open_attempt(task_index)
            .is_some_and(|attempt| attempt.worker.is_some())
    }

    /// Whether this attempt of a task is open and waits in the owner.
    pub(crate) fn runs_in_owner(&self, task_index: TaskIndex, number: AttemptNumber) -> bool {
        self.open_attempt(task_index)
            .is_some_and(|attempt| attempt.is_in_owner() && attempt.number == number)
    }

    /// Whether attempts of a task run only under a lease.
    pub(crate) fn is_exclusive(&self, task_index: TaskIndex) -> bool {
        let task = self.plan.definition.task(task_index);
        task.is_some_and(|task| task.on_cut_off == OnCutOff::Exclusive)
    }

    /// Returns the attempts that may be at a worker.
    pub(crate) fn attempts_at_workers(&self) -> impl Iterator<Item = (TaskIndex, AttemptQuery)> {
        self.state.rows.tasks.iter().filter_map(|(&task_index, task)| {
            let attempt = task.open_attempt()?;
            let query = AttemptQuery {
                uid: attempt.uid?,
                worker: attempt.worker.clone()?,
                exclusive: self.is_exclusive(task_index),
            };
            Some((task_index, query))
        })
    }

    /// Makes the message that sends the current binding of a task's attempt, with every placeholder resolved.
    ///
    /// # Errors
    /// When the parameters cannot be resolved (a cycle, a value that grows past its bound): the attempt fails.
    pub(crate) fn prepare_dispatch(
        &self,
        task_index: TaskIndex,
        owner: Owner,
    ) -> Result<PreparedDispatch, String> {
        let task = self
            .plan
            .definition
            .task(task_index)
            .ok_or("the definition has no such task")?;
        let overrides = self.overrides_of(task_index);
        let task = &*TaskOverrides::amend(overrides, task);
        let attempt = self.open_attempt(task_index).ok_or("the attempt has no row")?;
        let (uid, worker) = attempt
            .uid
            .zip(attempt.worker.as_ref())
            .ok_or("the attempt is not bound to a worker")?;
        let base = self.plan.start.time_base(self.state.rows.created_at);
        let values = self
            .resolve_params(uid, base)
            .map_err(|error| error.to_string())?;
        let prepared = task.action.prepare(&values, base);
        let (mut env, mut secret_slots, mut warnings) = (prepared.env, prepared.secrets, prepared.warnings);
        for (name, text) in &task.env {
            let variable = params::interpolate_variable(name, text, &values, base);
            env.insert(name.clone(), variable.value);
            secret_slots.extend(variable.secrets);
            warnings.extend(variable.warnings);
        }
        Ok(PreparedDispatch {
            dispatch: Dispatch {
                uid,
                worker: worker.incarnation,
                owner,
                project: self.plan.context.project.clone(),
                workflow: self.plan.context.workflow.clone(),
                task: task.name.clone(),
                attempt: attempt.number,
                action: prepared.action,
                env,
                secret_slots,
                secrets: SecretValues::default(),
                outputs: task
                    .outputs
                    .iter()
                    .map(|output| (output.name.clone(), output.kind))
                    .collect(),
                timeout_ms: self
                    .plan
                    .timeout_of(task)
                    .filter(|_| task.on_timeout != OnTimeout::Warn),
                on_cut_off: task.on_cut_off,
                connection: None,
            },
            warnings,
        })
    }

    fn overrides_of(&self, task_index: TaskIndex) -> Option<&TaskOverrides> {
        self.state.task(task_index)?.overrides.as_deref()
    }

    fn open_attempt(&self, task_index: TaskIndex) -> Option<&Attempt> {
        self.state.task(task_index)?.open_attempt()
    }

    /// Returns the parameters that an attempt of a task sees, by name.
    pub(crate) fn resolve_params(
        &self,
        uid: DispatchId,
        base: TimeBase,
    ) -> Result<BTreeMap<String, String>, ParamError> {
        let outputs_of = |at: TaskIndex| self.state.task(at).map(|row| &row.outputs);
        params::task_values(
            &self.plan,
            uid,
            base,
            &outputs_of,
            self.overrides_of(uid.task_index),
        )
    }
}
