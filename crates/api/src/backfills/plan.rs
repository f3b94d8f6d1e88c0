//! What a backfill would run, and when.

use actix_web::web;
use catalog::{BackfillDependent, Permission, StartCandidate, StartTarget, WorkflowName};
use engine::backfill::{
    BackfillRequest, DateOrder, DateRange, DateSelection, DateSource, DatesError, Dependency,
    DependentIntervals, DependentsMode, PlannedDate, PlannedRun, plan_list, plan_range, plan_runs,
};
use engine::schedule::{Cron, CronTimes, FireTimes, Recurrence, Window};
use engine::timezone::Tz;

use crate::auth::access::{Caller, Execute, Level, check_level};
use crate::http::codes::Code;
use crate::http::problem::Problem;

/// Who starts a workflow.
pub(crate) type StartCaller = Caller<Execute, StartCandidate>;

/// The dates of a workflow without a schedule: each midnight.
const MIDNIGHTS: &str = "0 0 * * *";

/// The runs of a backfill.
pub(crate) struct PlannedRuns {
    /// In the order of running.
    pub(crate) in_order: Vec<PlannedRun>,
    /// The workflows that run besides.
    pub(crate) dependents: Vec<BackfillDependent>,
}

/// Lists what a backfill runs.
///
/// # Errors
/// 422: there is no date, there are too many, the schedule is unknown, or the order makes a workflow that depends on
/// itself wait for ever.
pub(crate) async fn plan_backfill(
    caller: &StartCaller,
    target: &StartTarget,
    request: &BackfillRequest,
) -> Result<PlannedRuns, Problem> {
    let name = workflow_name(target);
    let itself = (name.project.as_str(), name.workflow.as_str());
    let depends_on_itself = || Dependency::find(&target.definition, itself.0, itself).is_some();
    if request.order == DateOrder::Descending && depends_on_itself() {
        let detail = format!(
            "`{}` depends on itself: each date waits for an earlier one, so run them `ascending`.",
            name.workflow
        );
        return Err(Problem::new(Code::InvalidBody, detail).at("/order"));
    }
    let dates = plan_dates(caller, target, request).await?;
    let dependents = match request.dependents {
        DependentsMode::None => Vec::new(),
        DependentsMode::Direct => find_dependents(caller, &name).await?,
    };
    let intervals: Vec<DependentIntervals> = dependents.iter().map(|dependent| dependent.intervals).collect();
    let in_order = plan_runs(&dates, request.order, &intervals);
    Ok(PlannedRuns { in_order, dependents })
}

/// Returns the names of the workflow that is started.
pub(crate) fn workflow_name(target: &StartTarget) -> WorkflowName {
    WorkflowName {
        project: target.project.name.clone(),
        workflow: target.definition.name.clone(),
    }
}

/// Finds the workflows that run besides; those that the caller may not start say so.
async fn find_dependents(caller: &StartCaller, of: &WorkflowName) -> Result<Vec<BackfillDependent>, Problem> {
    let server = caller.server();
    let zone = server.state().timezone;
    let mut dependents = caller.catalog().backfills().find_dependents(of, zone).await?;
    for dependent in &mut dependents {
        let needed = Level::Grant(Permission::Execute);
        match check_level(server, caller.identity(), needed, Some(dependent.project_id)).await {
            Ok(()) => {}
            Err(problem) if problem.code() == Code::Forbidden => {
                let user = &caller.identity().name;
                let project = &dependent.name.project;
                let refusal = format!("user `{user}` may not start workflows of project `{project}`");
                dependent.refusal = Some(refusal);
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(dependents)
}

async fn plan_dates(
    caller: &StartCaller,
    target: &StartTarget,
    request: &BackfillRequest,
) -> Result<Vec<PlannedDate>, Problem> {
    let name = request.schedule.as_deref();
    let workflow = (target.project.id, target.workflow_id);
    let sources = caller.catalog().backfills().date_sources(workflow, name).await?;
    let sources = sources.ok_or_else(|| unknown_schedule(name.unwrap_or_default()))?;
    let (planned, pointer) = match &request.selection {
        DateSelection::List(dates) => (plan_list(dates, request.timezone), "/dates"),
        DateSelection::Range(range) => {
            let (range, zone) = (*range, request.timezone);
            // Ten thousand dates of a rare expression take a while.
            let planned = web::block(move || plan_sources(range, sources, zone)).await;
            (planned.map_err(Problem::internal)??, "/from")
        }
    };
    planned.map_err(|error| {
        let code = match error {
            DatesError::Empty => Code::NoDates,
            DatesError::TooMany => Code::TooManyDates,
        };
        Problem::new(code, format!("{error}.")).at(pointer)
    })
}

fn plan_sources(
    range: DateRange,
    mut sources: Vec<DateSource>,
    zone: Tz,
) -> Result<Result<Vec<PlannedDate>, DatesError>, Problem> {
    if sources.is_empty() {
        let cron: Cron = MIDNIGHTS.parse().map_err(Problem::internal)?;
        let recurrence = Recurrence::Cron(Box::new(CronTimes::new(cron, zone)));
        sources.push(DateSource {
            times: FireTimes::new(recurrence, zone, Window::default(), None),
            zone,
        });
    }
    Ok(plan_range(range, sources, zone))
}

fn unknown_schedule(name: &str) -> Problem {
    let detail = format!("The workflow has no schedule `{name}`.");
    Problem::new(Code::InvalidBody, detail).at("/schedule")
}
