//! Makes and stores the instances that an attempt starts.

use std::cell::RefCell;
use std::rc::Rc;

use engine::children::{ChildRefusal, ChildSummary, FanOut};
use engine::ids::{AttemptNumber, TaskIndex, Timestamp};
use engine::spec::Diagnostic;
use engine::states::{InstanceState, Priority};
use engine::task_type::sub_workflow::SUB_WORKFLOW;
use engine::timezone::Tz;
use engine::trigger::{ParentAttempt, Trigger};
use serde_json::json;

use crate::execution::running_instance::RunningInstance;
use crate::execution::workflow_deps::WorkflowDeps;
use ports::{
    ChildVersion, ChildWorkflowQuery, ChildrenCommit, ChildrenOutcome, NewInstance, ParentTask, StartOrigin,
    StartedVersion, StoreError,
};

/// The most children of one attempt that one commit makes.
const MAX_STARTS: usize = 200;

/// What the children of one attempt inherit.
#[derive(Debug, Clone)]
struct Inheritance {
    project: String,
    workflow: String,
    base: Timestamp,
    timezone: Tz,
    priority: Priority,
    requested_by: Option<String>,
    is_sub_workflow: bool,
}

/// Starts the children of one attempt. Clones share what was found out about the workflow.
#[derive(Clone)]
pub(crate) struct ChildStarter {
    parent: ParentTask,
    inherited: Inheritance,
    version: Rc<RefCell<Option<ChildVersion>>>,
}

/// What became of a start.
pub(crate) enum StartOutcome {
    /// These exist now.
    Started {
        /// The children, as they are when they are new.
        children: Vec<ChildSummary>,
        /// Their version.
        version: i64,
    },
    /// They exist now, but some are older, or wait.
    Unclear {
        /// The version of new ones.
        version: i64,
    },
    /// None can start.
    Refused(ChildRefusal),
    /// The parent was being written, or may start nothing any more.
    Deferred,
}

impl ChildStarter {
    /// Makes the starter of an open attempt; none when there is no such task.
    pub(crate) fn new(
        deps: &WorkflowDeps,
        instance: &RunningInstance,
        (task_index, attempt): (TaskIndex, AttemptNumber),
        fan_out: &FanOut,
    ) -> Option<Self> {
        let task = instance.plan.definition.task(task_index)?;
        let (plan, rows) = (&instance.plan, &instance.state.rows);
        Some(Self {
            parent: ParentTask {
                instance: rows.id,
                owner: deps.this_node.incarnation,
                epoch: rows.epoch,
                task_index,
                task: task.name.clone(),
                attempt,
                since: fan_out.since,
            },
            inherited: Inheritance {
                project: plan.context.project.clone(),
                workflow: plan.context.workflow.clone(),
                base: plan.start.scheduled_at.unwrap_or(rows.created_at),
                timezone: plan.start.timezone,
                priority: plan.start.priority,
                requested_by: instance.requested_by.clone(),
                is_sub_workflow: task.action.type_name() == SUB_WORKFLOW.name,
            },
            version: Rc::default(),
        })
    }

    /// Returns the attempt.
    pub(crate) fn parent(&self) -> &ParentTask {
        &self.parent
    }

    /// Starts children by index; some of them when there are many.
    pub(crate) async fn start(
        &self,
        deps: &WorkflowDeps,
        fan_out: &FanOut,
        indexes: &[u32],
    ) -> Result<StartOutcome, StoreError> {
        let version = match self.find_version(deps, fan_out).await? {
            Ok(version) => version,
            Err(refusal) => return Ok(StartOutcome::Refused(refusal)),
        };
        let indexes = &indexes[..indexes.len().min(MAX_STARTS)];
        let instances: Result<Vec<NewInstance>, String> = indexes
            .iter()
            .map(|index| self.new_instance(deps, fan_out, &version, *index))
            .collect();
        let instances = match instances {
            Ok(instances) => instances,
            Err(reason) => return Ok(StartOutcome::Refused(permanent(reason))),
        };
        let commit = ChildrenCommit {
            parent: self.parent.clone(),
            instances,
        };
        match deps.children.create(commit.clone()).await? {
            ChildrenOutcome::Stored(created) => {
                let runs_all = created.iter().all(|child| child.owner.is_some());
                let started = run_children(deps, &commit, created);
                metrics::counter!("porpoise_children_started_total").increment(started.len() as u64);
                let version = version.version;
                if runs_all && started.len() == commit.instances.len() {
                    return Ok(StartOutcome::Started {
                        children: started,
                        version,
                    });
                }
                Ok(StartOutcome::Unclear { version })
            }
            ChildrenOutcome::Deferred => Ok(StartOutcome::Deferred),
            ChildrenOutcome::NotStartable => {
                self.version.take();
                Ok(StartOutcome::Deferred)
            }
            ChildrenOutcome::Rejected(why) => {
                tracing::error!(instance = %self.parent.instance, why, "the store refused children");
                Ok(StartOutcome::Refused(permanent(
                    "the database refuses the instance; the log of the server has the details".to_owned(),
                )))
            }
        }
    }

    async fn find_version(
        &self,
        deps: &WorkflowDeps,
        fan_out: &FanOut,
    ) -> Result<Result<ChildVersion, ChildRefusal>, StoreError> {
        if let Some(version) = self.version.borrow().clone() {
            return Ok(Ok(version));
        }
        let mut target = fan_out.target.clone();
        target.version = target.version.or(fan_out.version);
        let query = ChildWorkflowQuery {
            parent: self.parent.instance,
            project: self.inherited.project.clone(),
            workflow: self.inherited.workflow.clone(),
            target,
        };
        let found = deps.children.find_version(query).await?;
        if let Ok(version) = &found {
            self.version.replace(Some(version.clone()));
        }
        Ok(found)
    }

    fn new_instance(
        &self,
        deps: &WorkflowDeps,
        fan_out: &FanOut,
        version: &ChildVersion,
        index: u32,
    ) -> Result<NewInstance, String> {
        let inherited = &self.inherited;
        let parent = ParentAttempt {
            instance: self.parent.instance,
            task: self.parent.task.clone(),
            attempt: self.parent.attempt,
        };
        let trigger = if inherited.is_sub_workflow {
            Trigger::SubWorkflow(parent)
        } else {
            Trigger::Dynamic { parent, index }
        };
        let started = StartedVersion {
            project_id: version.project_id,
            project: &version.project,
            project_params: &version.project_params,
            project_defaults: &version.project_defaults,
            workflow_id: version.workflow_id,
            version: version.version,
            definition: &version.definition,
            server_timezone: inherited.timezone,
        };
        let choices = json!({
            "params": fan_out.params_at(index),
            "priority": inherited.priority,
            "timezone": inherited.timezone.name(),
        });
        let origin = StartOrigin {
            trigger,
            requested_by: inherited.requested_by.clone(),
            at: deps.clock.now(),
        };
        let mut new = started
            .new_instance(&choices, origin)
            .map_err(|issues| refusal_text(&version.definition.name, &issues))?;
        new.start.scheduled_at = Some(inherited.base);
        new.owner = Some(deps.this_node.clone());
        Ok(new)
    }
}

/// Runs those new children that this node owns; describes all.
fn run_children(
    deps: &WorkflowDeps,
    commit: &ChildrenCommit,
    created: Vec<ports::CreatedChild>,
) -> Vec<ChildSummary> {
    let mut started = Vec::with_capacity(created.len());
    let new_of = |child: &ports::CreatedChild| commit.instances.get(child.place);
    for (new, child) in created.iter().filter_map(|child| Some((new_of(child)?, child))) {
        started.push(new_summary(new, child));
        if child.owner.is_some() {
            deps.notices.run_created(new.clone(), child.id);
        }
    }
    started
}

/// Describes a child as it is when it is new.
fn new_summary(new: &NewInstance, child: &ports::CreatedChild) -> ChildSummary {
    ChildSummary {
        index: new.trigger.child_index().unwrap_or_default(),
        id: child.id,
        state: InstanceState::Running,
        reason: None,
        has_attention: false,
        is_discarded: false,
    }
}

fn refusal_text(workflow: &str, issues: &[Diagnostic]) -> String {
    let texts: Vec<String> = issues
        .iter()
        .map(|issue| format!("{}: {}", issue.pointer, issue.message))
        .collect();
    format!("the start of `{workflow}` is refused: {}", texts.join("; "))
}

fn permanent(reason: String) -> ChildRefusal {
    ChildRefusal {
        reason,
        failure: engine::attempt::FailureKind::Permanent,
    }
}
