//! Looks at the instances that an attempt of a dependent task waits for.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::dependent::{DependencyProgress, DependencyTask, ItemObservation};
use engine::task::{DependenciesSeen, Observation, WatchGoal};
use futures_util::FutureExt as _;

use crate::execution::attempt_look::{AttemptLook, LookFuture, WatchRequest};
use crate::execution::dependency_requests::{DependencyQuestion, DependencyRequests, Subscription};
use crate::execution::running_instance::RunningInstance;
use crate::execution::workflow_deps::WorkflowDeps;
use ports::WorkflowName;

/// The pause after the first look. An end whose transaction was open when the attempt began to be woken by ends is not
/// seen by the first look, and wakes no task.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Looks at what one attempt waits for.
pub(crate) struct DependencyLook {
    requests: DependencyRequests,
    question: DependencyQuestion,
    looks: Rc<Cell<u32>>,
    last: Rc<RefCell<Option<Vec<ItemObservation>>>>,
}

impl DependencyLook {
    /// Makes the look of an attempt; none when it does not wait for anything.
    pub(crate) fn of_attempt(
        deps: &WorkflowDeps,
        instance: &RunningInstance,
        request: WatchRequest,
    ) -> Option<Self> {
        if request.goal != WatchGoal::Run {
            return None;
        }
        let row = instance.state.task(request.task_index)?;
        let progress: DependencyProgress = row.progress.as_ref()?.read_detail()?;
        let task = instance.plan.definition.task(request.task_index)?;
        let context = &instance.plan.context;
        Some(Self {
            requests: deps.dependencies.clone(),
            question: DependencyQuestion {
                instance: instance.state.rows.id,
                task_index: request.task_index,
                workflow: WorkflowName {
                    project: context.project.clone(),
                    workflow: context.workflow.clone(),
                },
                task: Arc::new(DependencyTask::of_action(&task.action)?),
                progress,
                subscription: Subscription::Begin,
            },
            looks: Rc::default(),
            last: Rc::default(),
        })
    }
}

impl AttemptLook for DependencyLook {
    fn look(&self) -> LookFuture {
        let requests = self.requests.clone();
        let (looks, last) = (Rc::clone(&self.looks), Rc::clone(&self.last));
        let mut question = self.question.clone();
        if looks.get() > 0 {
            question.subscription = Subscription::Stands;
        }
        async move {
            let items = requests.look(question).await?;
            looks.set(looks.get().saturating_add(1));
            // What was reported before decides nothing new.
            if last.borrow().as_ref() == Some(&items) {
                return Ok(None);
            }
            last.replace(Some(items.clone()));
            Ok(Some(Observation::Dependencies(DependenciesSeen { items })))
        }
        .boxed_local()
    }

    /// The ends of instances are reported, those of single tasks in them are not.
    fn interval(&self) -> Option<Duration> {
        let task = &self.question.task;
        let ms = u64::try_from(task.check_interval_ms).unwrap_or_default();
        let interval = Duration::from_millis(ms);
        if self.looks.get() == 1 {
            return Some(interval.min(SECOND_LOOK));
        }
        task.names_tasks().then_some(interval)
    }
}
