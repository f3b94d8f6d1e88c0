//! A loaded instance, and the messages that send its attempts to workers.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::definition::{Definition, OnCutOff};
use engine::ids::{AttemptNumber, Ordinal, Uid};
use engine::instance::{Instance, Parts};
use engine::params::{self, Base, Facts, Layers, ParamError};
use engine::plan::Plan;
use engine::states::OnTimeout;
use engine::task::{Attempt, Worker};

use crate::messages::dispatch::AttemptQuery;
use crate::ports::LoadedInstance;
use crate::protocol::{Dispatch, Owner};

/// An instance in memory: a cache of its rows.
pub(crate) struct RunningInstance {
    project: String,
    workflow: String,
    project_params: BTreeMap<String, String>,
    /// Its definition with what the start selected.
    pub(crate) plan: Plan,
    /// Its state as it was last stored.
    pub(crate) state: Instance,
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
    pub(crate) fn new(rows: LoadedInstance, definition: Arc<Definition>) -> Self {
        let plan = Plan::new(definition, Arc::new(rows.start));
        let parts = Parts {
            id: rows.id,
            generation: rows.generation,
            epoch: rows.epoch,
            rev: rows.rev,
            created_at: rows.created_at,
            header: rows.header,
            tasks: rows.tasks,
        };
        Self {
            project: rows.project,
            workflow: rows.workflow,
            project_params: rows.project_params,
            state: Instance::load(&plan, parts),
            plan,
        }
    }

    /// Returns the worker and the number of an open attempt, if `uid` is its current binding.
    pub(crate) fn binding(&self, ordinal: Ordinal, uid: Uid) -> Option<(Worker, AttemptNumber)> {
        let attempt = self
            .open_attempt(ordinal)
            .filter(|attempt| attempt.uid == Some(uid))?;
        Some((attempt.worker.clone()?, attempt.number))
    }

    /// Whether a task has an open attempt that is bound to a worker.
    pub(crate) fn is_bound(&self, ordinal: Ordinal) -> bool {
        self.open_attempt(ordinal)
            .is_some_and(|attempt| attempt.worker.is_some())
    }

    /// Whether attempts of a task run only under a lease.
    pub(crate) fn is_exclusive(&self, ordinal: Ordinal) -> bool {
        let task = self.plan.definition.task(ordinal);
        task.is_some_and(|task| task.on_cut_off == OnCutOff::Exclusive)
    }

    /// Returns the attempts that may be at a worker.
    pub(crate) fn attempts_at_workers(&self) -> impl Iterator<Item = (Ordinal, AttemptQuery)> {
        let ordinals = (0u32..).map(Ordinal).zip(&self.state.tasks);
        ordinals.filter_map(|(ordinal, _)| {
            let attempt = self.open_attempt(ordinal)?;
            let query = AttemptQuery {
                uid: attempt.uid?,
                worker: attempt.worker.clone()?,
                exclusive: self.is_exclusive(ordinal),
            };
            Some((ordinal, query))
        })
    }

    /// Makes the message that sends the current binding of a task's attempt, with every placeholder resolved.
    ///
    /// # Errors
    /// When the parameters cannot be resolved (a cycle, a value that grows past its bound): the attempt fails.
    pub(crate) fn prepare_dispatch(
        &self,
        ordinal: Ordinal,
        owner: Owner,
    ) -> Result<PreparedDispatch, String> {
        let task = self
            .plan
            .definition
            .task(ordinal)
            .ok_or("the definition has no such task")?;
        let attempt = self.open_attempt(ordinal).ok_or("the attempt has no row")?;
        let (uid, worker) = attempt
            .uid
            .zip(attempt.worker.as_ref())
            .ok_or("the attempt is not bound to a worker")?;
        let scheduled_at = self.plan.start.scheduled_at;
        let base = Base::utc(scheduled_at.unwrap_or(self.state.created_at));
        let values = self
            .resolve_params(ordinal, uid, base)
            .map_err(|error| error.to_string())?;
        let prepared = params::prepare(&task.work, &values, base);
        let (mut env, mut warnings) = (prepared.env, prepared.warnings);
        for (name, value) in &task.env {
            let (value, unknown) = params::prepare_text(value, &values, base);
            env.insert(name.clone(), value);
            warnings.extend(unknown);
        }
        Ok(PreparedDispatch {
            dispatch: Dispatch {
                uid,
                worker: worker.incarnation,
                owner,
                project: self.project.clone(),
                workflow: self.workflow.clone(),
                task: task.name.clone(),
                attempt: attempt.number,
                work: prepared.work,
                env,
                timeout_ms: task.timeout_ms.filter(|_| task.on_timeout != OnTimeout::Warn),
                on_cut_off: task.on_cut_off,
            },
            warnings,
        })
    }

    fn open_attempt(&self, ordinal: Ordinal) -> Option<&Attempt> {
        self.state.row(ordinal)?.open_attempt()
    }

    /// Returns the parameters that a task sees, by name.
    fn resolve_params(
        &self,
        ordinal: Ordinal,
        uid: Uid,
        base: Base,
    ) -> Result<BTreeMap<String, String>, ParamError> {
        let definition = &self.plan.definition;
        let (task, task_params) = definition
            .task(ordinal)
            .map_or(("", &[][..]), |task| (task.name.as_str(), &task.params));
        let outputs_of = |at: Ordinal| self.state.row(at).map(|row| &row.outputs);
        let upstream = params::upstream(&self.plan, ordinal, &outputs_of);
        let builtins = params::builtins(&Facts {
            base,
            project: &self.project,
            workflow: &self.workflow,
            task,
            uid,
        });
        params::resolve(
            Layers {
                builtins: &builtins,
                project: &self.project_params,
                workflow: &definition.params,
                upstream: &upstream,
                task: task_params,
                startup: &self.plan.start.params,
            },
            base,
        )
    }
}
