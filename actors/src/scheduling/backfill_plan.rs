//! One decision about a backfill: what is stored, the dates whose turn may come, and the commit that follows from both.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::backfill::{
    BackfillChanges, BackfillEvent, DateDecision, DateTurn, ExistingPolicy, PendingWork, decide, pending_work,
};
use engine::ids::Timestamp;
use engine::plan::count_excluded;
use engine::spec::Definition;
use engine::start::Start;
use engine::trigger::Trigger;

use crate::scheduling::backfill_deps::BackfillDeps;
use ports::{
    BackfillCommit, BackfillSnapshot, BackfillWorkflow, NewInstance, StoreError, WaitingDate, WaitingDates,
};

/// The most dates of one backfill that one commit starts.
const MAX_STARTS: u32 = 200;

/// Dates that are read at least where some may be skipped, which takes no place.
const MIN_CANDIDATES: u32 = 100;

/// Decides what can be decided now; none when nothing is to be stored.
///
/// # Errors
/// As the store returns.
pub(crate) async fn plan_commit(
    deps: &BackfillDeps,
    snapshot: &BackfillSnapshot,
) -> Result<Option<BackfillCommit>, StoreError> {
    let waiting = match pending_work(&snapshot.record, &snapshot.dates) {
        PendingWork::Nothing => return Ok(None),
        PendingWork::Close => WaitingDates::default(),
        PendingWork::Start { places } => {
            let count = candidate_count(snapshot.record.existing, places);
            deps.store.list_waiting_dates(snapshot.id, count).await?
        }
    };
    let turns = waiting.dates.iter().map(|date| turn_of(date, &waiting.workflows));
    let event = BackfillEvent::Turns(turns.collect());
    let Ok(changes) = decide(&snapshot.record, &snapshot.dates, &event) else {
        return Ok(None);
    };
    if changes.is_empty() {
        return Ok(None);
    }
    Ok(Some(BackfillCommit {
        id: snapshot.id,
        revision: snapshot.revision,
        at: deps.clock.now(),
        instances: new_instances(deps, snapshot, &waiting, &changes).await?,
        changes,
    }))
}

/// Whether more may be decided at once after a commit: it skipped dates, which take no place, or started as many as one
/// commit starts.
pub(crate) fn has_more(commit: &BackfillCommit) -> bool {
    let skips = |decision: &DateDecision| matches!(decision, DateDecision::Skip { .. });
    commit.changes.dates.iter().any(skips) || commit.instances.len() >= MAX_STARTS as usize
}

fn candidate_count(policy: ExistingPolicy, places: u32) -> u32 {
    let count = places.min(MAX_STARTS);
    match policy {
        ExistingPolicy::Run => count,
        ExistingPolicy::SkipSucceeded | ExistingPolicy::SkipAll => count.max(MIN_CANDIDATES),
    }
}

fn turn_of(date: &WaitingDate, workflows: &BTreeMap<i64, BackfillWorkflow>) -> DateTurn {
    let obstacle = match workflows.get(&date.workflow_id) {
        Some(workflow) if workflow.enabled => None,
        Some(workflow) => Some(format!("the workflow `{}` is disabled", workflow.name)),
        None => Some("the workflow was deleted".to_owned()),
    };
    DateTurn {
        position: date.position,
        existing: date.existing,
        obstacle,
    }
}

async fn new_instances(
    deps: &BackfillDeps,
    snapshot: &BackfillSnapshot,
    waiting: &WaitingDates,
    changes: &BackfillChanges,
) -> Result<Vec<NewInstance>, StoreError> {
    let mut definitions: BTreeMap<i64, Arc<Definition>> = BTreeMap::new();
    let mut instances = Vec::new();
    let starts = changes.dates.iter().filter_map(|decision| match decision {
        DateDecision::Start { position } => waiting.dates.iter().find(|date| date.position == *position),
        DateDecision::Skip { .. } => None,
    });
    for date in starts {
        let id = date.workflow_id;
        let Some(workflow) = waiting.workflows.get(&id) else {
            continue;
        };
        let definition = match definitions.get(&id) {
            Some(known) => Arc::clone(known),
            None => deps.store.load_definition(id, snapshot.record.version).await?,
        };
        instances.push(new_instance(deps, snapshot, date, (workflow, &definition)));
        definitions.insert(id, definition);
    }
    Ok(instances)
}

fn new_instance(
    deps: &BackfillDeps,
    snapshot: &BackfillSnapshot,
    date: &WaitingDate,
    (workflow, definition): (&BackfillWorkflow, &Definition),
) -> NewInstance {
    let start = start_of(&snapshot.start, date.scheduled_at, date);
    NewInstance {
        project_id: workflow.project_id,
        workflow_id: date.workflow_id,
        project: workflow.project.clone(),
        workflow: workflow.name.clone(),
        project_params: workflow.project_params.clone(),
        version: snapshot.record.version,
        tasks: u32::try_from(definition.tasks.len()).unwrap_or(u32::MAX),
        excluded: count_excluded(definition, &start),
        start,
        trigger: Trigger::Backfill(snapshot.id),
        requested_by: Some(snapshot.requested_by.clone()),
        owner: deps.is_accepting().then(|| deps.this_node.clone()),
        request_key: None,
        at: deps.clock.now(),
    }
}

fn start_of(start: &Start, scheduled_at: Timestamp, date: &WaitingDate) -> Start {
    Start {
        scheduled_at: Some(scheduled_at),
        timezone: date.timezone,
        ..start.clone()
    }
}
