//! Instances as readers see them.

use std::collections::BTreeMap;

use engine::ids::{Epoch, Incarnation, InstanceId, Run, Timestamp};
use engine::spec;
use engine::spec::{Definition, Direction};
use engine::states::Attention;
use engine::states::{FailureStrategy, InstanceState, Priority, TaskState};

use engine::start::Start;
use engine::view;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{Catalog, CatalogError, Page, PageRequest, ProjectId, Request, Visible, sql};
use crate::ownership_predicates::RUNS_CONDITION;

const COLUMNS: &str = "i.id, i.project_id, p.name AS project, w.name AS workflow, i.workflow_id, i.version, i.state, \
     i.reason, i.attention, i.run, i.trigger_type, i.start, i.outputs, i.host, i.owner, i.epoch, i.requested_by, \
     i.created_at, i.started_at, i.ended_at, i.tasks_total, i.tasks_excluded, \
     (SELECT m.name || '/' || m.incarnation || CASE m.state WHEN 'left' THEN ' has left' ELSE ' declared dead' END \
      FROM member m WHERE m.incarnation = i.owner AND m.state IN ('dead', 'left')) AS owner_over";

const FROM: &str =
    "FROM instance i JOIN project p ON p.id = i.project_id JOIN workflow w ON w.id = i.workflow_id";

/// How many tasks are in which state; states without a task are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskCounts {
    /// All tasks of the version.
    pub total: u32,
    /// The sum of these is `total`.
    pub by_state: BTreeMap<TaskState, u32>,
}

/// One instance as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Its id.
    pub id: InstanceId,
    /// The project's row, for the check of permissions.
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The pinned version.
    pub version: i64,
    /// Its state.
    pub state: InstanceState,
    /// Why it waits or rests, in words.
    pub reason: Option<String>,
    /// Set when it needs a person.
    pub attention: Option<Attention>,
    /// Counts its starts.
    pub run: Run,
    /// Who or what started it, for example `api`.
    pub trigger: String,
    /// Declared defaults, overlaid by what the start gave.
    pub params: BTreeMap<String, String>,
    /// Filled when it ends.
    pub outputs: BTreeMap<String, String>,
    /// The owner's address; none at rest.
    pub host: Option<String>,
    /// The owner; none at rest.
    pub owner: Option<Incarnation>,
    /// Grows at each change of owner.
    pub epoch: Epoch,
    /// Who goes first.
    pub priority: Priority,
    /// What a final failure means for the others.
    pub failure_strategy: FailureStrategy,
    /// No processes: every task succeeds at once.
    pub dry_run: bool,
    /// The base of time parameters, if not the creation.
    pub scheduled_at: Option<Timestamp>,
    /// The user who started it.
    pub requested_by: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it first started.
    pub started_at: Option<Timestamp>,
    /// When it last ended; none while not final.
    pub ended_at: Option<Timestamp>,
    /// Its tasks by shown state.
    pub tasks: TaskCounts,
}

/// Which instances are wanted; everything given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only what this user may read.
    pub visible: Visible,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// One of these states; empty means any.
    pub states: Vec<InstanceState>,
    /// The owner's address.
    pub host: Option<String>,
}

/// What became of a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone, with its tasks, attempts and history.
    Gone,
    /// It is not final, or has a verb to be decided; nothing was changed.
    InvalidState {
        /// The state it is in.
        state: InstanceState,
        /// Why it cannot be deleted, in words.
        detail: String,
    },
}

impl Catalog {
    /// Reads one instance; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn instance(&self, id: InstanceId) -> Result<Option<InstanceRow>, CatalogError> {
        // With its counts in one read, a row for each state: every start is answered with it.
        let sql = format!(
            "SELECT {COLUMNS}, t.task_state, t.number {FROM} LEFT JOIN \
             (SELECT instance, state AS task_state, COUNT(*) AS number FROM task_instance WHERE instance = $1 \
             GROUP BY instance, state) t ON t.instance = i.id WHERE i.id = $1"
        );
        let rows = sql::all(self.reader(), sql, vec![id.0.into()]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let mut counts = BTreeMap::new();
        for row in &rows {
            // An instance without stored tasks has one row, without a state.
            if sql::get::<Option<String>>(row, "task_state")?.is_some() {
                counts.insert(sql::named(row, "task_state")?, sql::count(row, "number")?);
            }
        }
        let (workflow, version) = (sql::get(row, "workflow_id")?, sql::get(row, "version")?);
        let definition = self.store.load_definition(workflow, version).await?;
        instance_row(row, &definition, &counts).map(Some)
    }

    /// Lists instances, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRow>, CatalogError> {
        let before = page.after::<i64>("instances")?.unwrap_or(i64::MAX);
        let mut values = vec![before.into(), page.rows().into()];
        let conditions = filter.conditions(&mut values);
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE i.id < $1{conditions} ORDER BY i.id DESC LIMIT $2");
        let rows = sql::all(self.reader(), sql, values).await?;
        let items = self.whole(&rows).await?;
        Ok(Page::cut("instances", page, items, |row: &InstanceRow| {
            row.id.to_string()
        }))
    }

    /// Says in which project an instance is; the cheap look-up for the check of permissions.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn project_of(&self, id: InstanceId) -> Result<Option<ProjectId>, CatalogError> {
        let sql = "SELECT project_id FROM instance WHERE id = $1";
        let row = sql::first(self.reader(), sql, vec![id.0.into()]).await?;
        row.map(|row| sql::get(&row, "project_id").map(ProjectId))
            .transpose()
    }

    /// Deletes a final instance that has no owner and no verb to be decided.
    ///
    /// # Errors
    /// `NotFound`: there is none of that id.
    pub async fn delete_instance(&self, id: InstanceId, request: &Request) -> Result<Deleted, CatalogError> {
        let change = self.change(request).await?;
        // The lock first: a verb that is being posted has then either been seen, or finds nothing.
        let lock = sql::lock(&change.tx, " FOR UPDATE");
        sql::first(
            &change.tx,
            format!("SELECT id FROM instance WHERE id = $1{lock}"),
            vec![id.0.into()],
        )
        .await?;
        let gone = sql::run(
            &change.tx,
            "DELETE FROM instance WHERE id = $1 AND state IN ('stopped', 'failed', 'succeeded') \
             AND owner IS NULL AND NOT EXISTS (SELECT 1 FROM inbox b \
             WHERE b.instance = instance.id AND b.kind = 'verb' AND b.applied_at IS NULL)",
            vec![id.0.into()],
        )
        .await?;
        if gone == 0 {
            return undeletable(&change.tx, id).await;
        }
        change
            .commit("instance.delete", "instance", &id.to_string())
            .await?;
        Ok(Deleted::Gone)
    }
}

impl InstanceFilter {
    /// Returns the words that narrow a WHERE, and adds what they bind.
    fn conditions(&self, values: &mut Vec<Value>) -> String {
        let mut words = self.visible.condition("i.project_id", values);
        let mut bind = |value: Value| {
            values.push(value);
            values.len()
        };
        if let Some(project) = &self.project {
            let place = bind(project.clone().into());
            words += &format!(" AND i.project_id IN (SELECT id FROM project WHERE name = ${place})");
        }
        if let Some(workflow) = &self.workflow {
            let place = bind(workflow.clone().into());
            words += &format!(" AND i.workflow_id IN (SELECT id FROM workflow WHERE name = ${place})");
        }
        if let Some(host) = &self.host {
            let place = bind(host.clone().into());
            words += &format!(" AND i.owner IS NOT NULL AND {RUNS_CONDITION} AND i.host = ${place}");
        }
        if !self.states.is_empty() {
            let states = self
                .states
                .iter()
                .map(|state| format!("${}", bind(state.as_str().into())));
            words += &format!(" AND i.state IN ({})", states.collect::<Vec<_>>().join(", "));
        }
        words
    }
}

impl Catalog {
    /// Adds to the rows what lies elsewhere: the counts of all in one query, and the declared parameters.
    async fn whole(&self, rows: &[QueryResult]) -> Result<Vec<InstanceRow>, CatalogError> {
        let ids = rows
            .iter()
            .map(|row| sql::get(row, "id"))
            .collect::<Result<Vec<i64>, _>>()?;
        let mut counted = rows_by_state(self.reader(), &ids).await?;
        let mut instances = Vec::with_capacity(rows.len());
        for (row, id) in rows.iter().zip(ids) {
            let (workflow, version) = (sql::get(row, "workflow_id")?, sql::get(row, "version")?);
            let definition = self.store.load_definition(workflow, version).await?;
            let counts = counted.remove(&id).unwrap_or_default();
            instances.push(instance_row(row, &definition, &counts)?);
        }
        Ok(instances)
    }
}

/// Counts the stored task rows of these instances by state.
async fn rows_by_state<C: ConnectionTrait>(
    on: &C,
    ids: &[i64],
) -> Result<BTreeMap<i64, BTreeMap<TaskState, u32>>, CatalogError> {
    let mut counted: BTreeMap<i64, BTreeMap<TaskState, u32>> = BTreeMap::new();
    if ids.is_empty() {
        return Ok(counted);
    }
    let places: Vec<_> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT instance, state, COUNT(*) AS number FROM task_instance WHERE instance IN ({}) \
         GROUP BY instance, state",
        places.join(", ")
    );
    for row in sql::all(on, sql, ids.iter().map(|id| (*id).into()).collect()).await? {
        let of_instance = counted.entry(sql::get(&row, "instance")?).or_default();
        of_instance.insert(sql::named(&row, "state")?, sql::count(&row, "number")?);
    }
    Ok(counted)
}

fn instance_row(
    row: &QueryResult,
    definition: &Definition,
    rows_by_state: &BTreeMap<TaskState, u32>,
) -> Result<InstanceRow, CatalogError> {
    let millis = |column| Ok::<_, CatalogError>(sql::get::<Option<i64>>(row, column)?.map(Timestamp));
    let start: Start = sql::json(row, "start")?;
    let state = sql::named(row, "state")?;
    let total = sql::count(row, "tasks_total")?;
    let attention = attention(row)?;
    let (owner, host) = shown_owner(row, state, attention.is_some())?;
    Ok(InstanceRow {
        id: InstanceId(sql::get(row, "id")?),
        project_id: ProjectId(sql::get(row, "project_id")?),
        project: sql::get(row, "project")?,
        workflow: sql::get(row, "workflow")?,
        version: sql::get(row, "version")?,
        state,
        reason: match owner {
            Some(_) => moving(row)?.map_or_else(|| sql::get(row, "reason"), |moving| Ok(Some(moving)))?,
            None => sql::get(row, "reason")?,
        },
        attention,
        run: Run(sql::count(row, "run")?),
        trigger: sql::get(row, "trigger_type")?,
        params: effective_params(definition, &start),
        outputs: sql::json(row, "outputs")?,
        host,
        owner,
        epoch: Epoch(sql::get(row, "epoch")?),
        priority: start.priority,
        failure_strategy: start.failure_strategy,
        dry_run: start.dry_run,
        scheduled_at: start.scheduled_at,
        requested_by: sql::get(row, "requested_by")?,
        created_at: Timestamp(sql::get(row, "created_at")?),
        started_at: millis("started_at")?,
        ended_at: millis("ended_at")?,
        tasks: TaskCounts {
            total,
            by_state: view::display_counts(state, total, sql::count(row, "tasks_excluded")?, rows_by_state),
        },
    })
}

/// Reads who owns an instance. One at rest is shown without an owner also while a master that has claimed it decides
/// the verb that wakes it: readers see the owner together with the state that the verb makes.
pub(super) fn shown_owner(
    row: &QueryResult,
    state: InstanceState,
    needs_a_person: bool,
) -> Result<(Option<Incarnation>, Option<String>), CatalogError> {
    if state.is_idle() || needs_a_person {
        return Ok((None, None));
    }
    let owner = sql::get::<Option<i64>>(row, "owner")?.map(Incarnation);
    Ok((owner, sql::get(row, "host")?))
}

/// Says that an instance is between two owners, when its owner's life is over.
fn moving(row: &QueryResult) -> Result<Option<String>, CatalogError> {
    let over: Option<String> = sql::get(row, "owner_over")?;
    Ok(over.map(|owner| format!("moving: owner {owner}, being claimed")))
}

/// Reads the column `attention`.
pub(super) fn attention(row: &QueryResult) -> Result<Option<Attention>, CatalogError> {
    let text: Option<String> = sql::get(row, "attention")?;
    let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
    parsed.map_err(|error| sql::unreadable("attention", error))
}

/// Says that there is no instance of this id.
pub(super) fn missing(id: InstanceId) -> CatalogError {
    CatalogError::NotFound {
        what: format!("instance {id}"),
    }
}

fn effective_params(definition: &Definition, start: &Start) -> BTreeMap<String, String> {
    let declared = definition
        .params
        .iter()
        .filter(|param| param.direction == Direction::In);
    let mut params: BTreeMap<String, String> = declared
        .filter_map(|param| {
            let value = param.value.as_ref()?;
            Some((param.name.clone(), spec::value_text(value)))
        })
        .collect();
    params.extend(start.params.clone());
    params
}

async fn undeletable<C: ConnectionTrait>(on: &C, id: InstanceId) -> Result<Deleted, CatalogError> {
    let row = sql::first(on, "SELECT state FROM instance WHERE id = $1", vec![id.0.into()]).await?;
    let state: InstanceState = sql::named(&row.ok_or_else(|| missing(id))?, "state")?;
    let detail = if state.is_final() {
        "a control operation on the instance is not decided yet".to_owned()
    } else {
        format!("the instance is {state}; only a stopped, failed or succeeded one can be deleted")
    };
    Ok(Deleted::InvalidState { state, detail })
}
