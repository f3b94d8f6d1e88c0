//! Looks of many dependent tasks, answered by the store together.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::dependent::{
    DependencyItem, DependencyProgress, DependencyTask, DependencyWindow, ItemObservation, TimeInterval,
    dependency_intervals,
};
use engine::ids::{InstanceId, TaskIndex, Timestamp};
use engine::spec::ReferenceKind;

use crate::execution::child_requests::{SharedQueue, request};
use ports::{
    CandidateQuery, CandidateWindow, DependencyWaits, NamedWorkflow, PassedOutputs, Store, StoreError,
    WaitedRange, WorkflowName,
};

/// Every base instant.
const ALWAYS: TimeInterval = TimeInterval {
    from: Timestamp(i64::MIN),
    to: Timestamp(i64::MAX),
};

/// What one attempt of a dependent task asks for.
#[derive(Debug, Clone)]
pub(crate) struct DependencyQuestion {
    /// The instance of the task.
    pub(crate) instance: InstanceId,
    /// The task.
    pub(crate) task_index: TaskIndex,
    /// The workflow of the instance.
    pub(crate) workflow: WorkflowName,
    /// What the task waits for.
    pub(crate) task: Arc<DependencyTask>,
    /// What its intervals are relative to.
    pub(crate) progress: DependencyProgress,
    /// Whether ends are to wake the task from now on.
    pub(crate) subscription: Subscription,
}

/// Whether a look begins to be woken by ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// It does, before it looks.
    Begin,
    /// An earlier look began.
    Stands,
}

/// Groups the looks of dependent tasks. Clones share the queue.
#[derive(Clone)]
pub struct DependencyRequests {
    store: Arc<dyn Store>,
    looks: SharedQueue<DependencyQuestion, Vec<ItemObservation>>,
}

/// A question with what its items mean now.
struct ResolvedQuestion {
    question: DependencyQuestion,
    items: Vec<Result<CandidateQuery, String>>,
}

impl DependencyRequests {
    /// Groups looks at a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            looks: SharedQueue::default(),
        }
    }

    /// Looks at what a task waits for.
    ///
    /// # Errors
    /// As the store returns.
    pub(crate) async fn look(
        &self,
        question: DependencyQuestion,
    ) -> Result<Vec<ItemObservation>, StoreError> {
        let store = Arc::clone(&self.store);
        request(
            &self.looks,
            question,
            |_| 1,
            async move |batch| answer_questions(&*store, batch).await,
        )
        .await
    }
}

async fn answer_questions(
    store: &dyn Store,
    questions: Vec<DependencyQuestion>,
) -> Result<Vec<Vec<ItemObservation>>, StoreError> {
    let workflows = find_workflows(store, &questions).await?;
    let resolved: Vec<ResolvedQuestion> = questions
        .into_iter()
        .map(|question| resolve_question(question, &workflows))
        .collect();
    let waits: Vec<DependencyWaits> = resolved
        .iter()
        .filter(|one| one.question.subscription == Subscription::Begin)
        .map(ResolvedQuestion::waits)
        .collect();
    store.store_dependency_waits(&waits).await?;
    let asked = resolved.iter().flat_map(|one| &one.items);
    let queries: Vec<CandidateQuery> = asked.filter_map(|item| item.as_ref().ok().cloned()).collect();
    let mut found = store.find_candidates(&queries).await?.into_iter();
    let mut observe = |item: &Result<CandidateQuery, String>| match item {
        Err(why) => ItemObservation::Refused(why.clone()),
        Ok(_) => found
            .next()
            .unwrap_or_else(|| ItemObservation::Candidates(Vec::new())),
    };
    Ok(resolved
        .iter()
        .map(|one| one.items.iter().map(&mut observe).collect())
        .collect())
}

/// What names mean, by the naming project.
type WorkflowsByProject = BTreeMap<String, BTreeMap<WorkflowName, NamedWorkflow>>;

async fn find_workflows(
    store: &dyn Store,
    questions: &[DependencyQuestion],
) -> Result<WorkflowsByProject, StoreError> {
    let mut names: BTreeMap<&str, Vec<WorkflowName>> = BTreeMap::new();
    for question in questions {
        let of_project = names.entry(&question.workflow.project).or_default();
        of_project.extend(
            question
                .task
                .items()
                .into_iter()
                .map(|item| question.name_of(item)),
        );
    }
    let mut workflows = WorkflowsByProject::new();
    for (project, mut names) in names {
        names.sort();
        names.dedup();
        let found = store.find_named_workflows(project, &names).await?;
        let by_name = found.into_iter().map(|named| (named.name.clone(), named));
        workflows.insert(project.to_owned(), by_name.collect());
    }
    Ok(workflows)
}

fn resolve_question(question: DependencyQuestion, workflows: &WorkflowsByProject) -> ResolvedQuestion {
    let items = question.task.items();
    let items = items
        .into_iter()
        .map(|item| question.resolve_item(item, workflows))
        .collect();
    ResolvedQuestion { question, items }
}

impl DependencyQuestion {
    fn name_of(&self, item: &DependencyItem) -> WorkflowName {
        WorkflowName {
            project: item
                .project
                .clone()
                .unwrap_or_else(|| self.workflow.project.clone()),
            workflow: item.workflow.clone(),
        }
    }

    /// Returns what is asked for an item, or why it can never hold.
    fn resolve_item(
        &self,
        item: &DependencyItem,
        workflows: &WorkflowsByProject,
    ) -> Result<CandidateQuery, String> {
        let name = self.name_of(item);
        let project = &self.workflow.project;
        let named = workflows.get(project).and_then(|known| known.get(&name));
        let named = named.ok_or_else(|| format!("`{}` was not looked for", name.workflow))?;
        let needed = ReferenceKind::Dependent.required_access();
        let target = named
            .require(project, needed)
            .map_err(|error| error.to_string())?;
        let DependencyProgress { anchor, timezone, .. } = self.progress;
        Ok(CandidateQuery {
            project_id: target.project_id,
            workflow_id: target.workflow_id,
            window: match item.window {
                DependencyWindow::Date(date) => {
                    CandidateWindow::Intervals(dependency_intervals(date, anchor, timezone))
                }
                DependencyWindow::EndedWithin(ms) => CandidateWindow::EndedSince(anchor.plus(-ms)),
            },
            target: item.target.clone(),
            before: (name == self.workflow).then_some(anchor),
            outputs: if item.pass_outputs {
                PassedOutputs::Read
            } else {
                PassedOutputs::Unread
            },
        })
    }
}

impl ResolvedQuestion {
    /// Returns the ends that wake the task.
    fn waits(&self) -> DependencyWaits {
        let mut ranges: Vec<WaitedRange> = self.items.iter().flatten().filter_map(range_of).collect();
        ranges.sort_unstable();
        ranges.dedup();
        DependencyWaits {
            instance: self.question.instance,
            task_index: self.question.task_index,
            ranges,
        }
    }
}

/// Returns the base instants of the instances that may decide about an item: its intervals follow each other.
fn range_of(query: &CandidateQuery) -> Option<WaitedRange> {
    let bases = match &query.window {
        CandidateWindow::EndedSince(_) => ALWAYS,
        CandidateWindow::Intervals(intervals) => TimeInterval {
            from: intervals.first()?.from,
            to: intervals.last()?.to,
        },
    };
    Some(WaitedRange {
        workflow_id: query.workflow_id,
        bases,
    })
}
