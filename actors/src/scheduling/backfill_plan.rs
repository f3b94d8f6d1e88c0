//! One decision about a backfill: what is stored, the dates whose turn may come, and the commit that follows from both.

use std::collections::BTreeMap;

use engine::backfill::{
    BackfillChanges, BackfillEvent, DateDecision, DateTurn, ExistingPolicy, PendingWork, Prerequisites,
    decide, pending_work,
};
use engine::states::Scope;
use engine::timezone::Tz;
use engine::trigger::Trigger;
use serde_json::{Value, json};

use crate::scheduling::backfill_deps::BackfillDeps;
use ports::{
    BackfillCommit, BackfillSnapshot, BackfillWorkflow, NewInstance, StartOrigin, StartedVersion, StoreError,
    WaitingDate, WaitingDates,
};

/// The most dates of one backfill that one commit starts.
const MAX_STARTS: u32 = 200;

/// Dates that are read at least where some may be skipped, which takes no place.
const MIN_CANDIDATES: u32 = 100;

/// The instance of each workflow, but for its date, or why it cannot start.
type StartTemplates = BTreeMap<i64, Result<NewInstance, String>>;

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
    let templates = start_templates(deps, snapshot, &waiting).await?;
    let missing = missing_places(deps, snapshot.record.existing, &waiting, &templates).await?;
    let turns = waiting.dates.iter().map(|date| DateTurn {
        position: date.position,
        existing: date.existing,
        obstacle: obstacle_of(date, &templates).or_else(|| missing.get(&date.position).cloned()),
        prerequisites: prerequisites_of(date, &waiting),
    });
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
        instances: new_instances(&waiting, &templates, &changes),
        changes,
    }))
}

/// Whether more may be decided at once after a commit: it skipped or closed dates, which takes no place, or started as
/// many as one commit starts.
pub(crate) fn has_more(commit: &BackfillCommit) -> bool {
    let takes_no_place = |decision: &DateDecision| !decision.starts();
    commit.changes.dates.iter().any(takes_no_place) || commit.instances.len() >= MAX_STARTS as usize
}

fn candidate_count(policy: ExistingPolicy, places: u32) -> u32 {
    let count = places.min(MAX_STARTS);
    match policy {
        ExistingPolicy::Run => count,
        ExistingPolicy::SkipSucceeded | ExistingPolicy::SkipAll => count.max(MIN_CANDIDATES),
    }
}

/// Makes the instance of each workflow, but for its date, or says why it cannot start.
async fn start_templates(
    deps: &BackfillDeps,
    snapshot: &BackfillSnapshot,
    waiting: &WaitingDates,
) -> Result<StartTemplates, StoreError> {
    let mut templates = StartTemplates::new();
    for (id, workflow) in &waiting.workflows {
        let template = if workflow.enabled {
            let (version, start) = start_of(snapshot, waiting, *id);
            let definition = deps.store.load_definition(*id, version).await?;
            let started = StartedVersion {
                project_id: workflow.project_id,
                project: &workflow.project,
                project_params: &workflow.project_params,
                project_defaults: &workflow.project_defaults,
                workflow_id: *id,
                version,
                definition: &definition,
                // Each date has its own.
                server_timezone: Tz::UTC,
            };
            start_template(deps, snapshot, &started, &start)
        } else {
            Err(format!("the workflow `{}` is disabled", workflow.name))
        };
        templates.insert(*id, template);
    }
    Ok(templates)
}

/// Returns the version of a workflow of the dates, and the body of its starts.
fn start_of(snapshot: &BackfillSnapshot, waiting: &WaitingDates, workflow: i64) -> (i64, Value) {
    let date = waiting.dates.iter().find(|date| date.workflow_id == workflow);
    match date.and_then(|date| date.dependent.as_ref()) {
        None => (snapshot.record.version, snapshot.start.clone()),
        Some(dependent) => (
            dependent.version,
            dependent_start(&snapshot.start, &dependent.task),
        ),
    }
}

/// Makes the body of the starts of a dependent: parameters, tasks and scope of the backfill are not for it.
fn dependent_start(start: &Value, task: &str) -> Value {
    let mut body = start.as_object().cloned().unwrap_or_default();
    body.remove("params");
    body.insert("tasks".to_owned(), json!([task]));
    body.insert("scope".to_owned(), json!(Scope::Downstream.as_str()));
    Value::Object(body)
}

fn start_template(
    deps: &BackfillDeps,
    snapshot: &BackfillSnapshot,
    started: &StartedVersion<'_>,
    start: &Value,
) -> Result<NewInstance, String> {
    let origin = StartOrigin {
        trigger: Trigger::Backfill(snapshot.id),
        requested_by: Some(snapshot.requested_by.clone()),
        at: deps.clock.now(),
    };
    let template = started.new_instance(start, origin).map_err(|issues| {
        let first = issues.first().map(|issue| issue.message.as_str());
        format!("its start is refused: {}", first.unwrap_or("it is not valid"))
    })?;
    Ok(NewInstance {
        owner: deps.is_accepting().then(|| deps.this_node.clone()),
        ..template
    })
}

fn obstacle_of(date: &WaitingDate, templates: &StartTemplates) -> Option<String> {
    match templates.get(&date.workflow_id) {
        Some(Ok(_)) => None,
        Some(Err(why)) => Some(why.clone()),
        None => Some("its workflow was deleted".to_owned()),
    }
}

/// Says what became of the dates that a date runs after; a dependent whose workflow was deleted runs after none that
/// could let it start.
fn prerequisites_of(date: &WaitingDate, waiting: &WaitingDates) -> Prerequisites {
    if date.dependent.is_some() && !waiting.workflows.contains_key(&date.workflow_id) {
        return Prerequisites::Deleted;
    }
    date.prerequisites
}

/// Says by position which dates have no place of their workflow, if those before them start.
async fn missing_places(
    deps: &BackfillDeps,
    policy: ExistingPolicy,
    waiting: &WaitingDates,
    templates: &StartTemplates,
) -> Result<BTreeMap<u32, String>, StoreError> {
    let is_limited = |workflow: &BackfillWorkflow| workflow.has_concurrency;
    if !waiting.workflows.values().any(is_limited) {
        return Ok(BTreeMap::new());
    }
    let starts = |date: &&WaitingDate| {
        date.prerequisites == Prerequisites::Met && (policy == ExistingPolicy::Run || date.existing.is_none())
    };
    let (positions, news): (Vec<u32>, Vec<NewInstance>) = waiting
        .dates
        .iter()
        .filter(starts)
        .filter_map(|date| Some((date.position, dated_instance(date, templates)?)))
        .unzip();
    let missing = deps.store.find_missing_places(&news).await?;
    let missing = positions.into_iter().zip(missing);
    Ok(missing
        .filter_map(|(position, reason)| Some((position, reason?)))
        .collect())
}

/// Makes the instance of a date; none when its workflow cannot start.
fn dated_instance(date: &WaitingDate, templates: &StartTemplates) -> Option<NewInstance> {
    let template = templates.get(&date.workflow_id)?.as_ref().ok()?;
    let mut new = template.clone();
    new.start.scheduled_at = Some(date.scheduled_at);
    new.start.timezone = date.timezone;
    Some(new)
}

/// Makes the instances of the dates that start, in their order.
fn new_instances(
    waiting: &WaitingDates,
    templates: &StartTemplates,
    changes: &BackfillChanges,
) -> Vec<NewInstance> {
    let dates: BTreeMap<u32, &WaitingDate> = waiting.dates.iter().map(|date| (date.position, date)).collect();
    let starts = changes.dates.iter().filter_map(|decision| match decision {
        DateDecision::Start { position } => dates.get(position),
        DateDecision::Close { .. } | DateDecision::Skip { .. } => None,
    });
    starts
        .filter_map(|date| dated_instance(date, templates))
        .collect()
}
