//! The rows of places, and the notes that an admission may be possible.

use std::collections::BTreeSet;

use engine::ids::{InstanceId, Timestamp};
use engine::place::urgency_of;
use engine::states::Priority;
use ports::StoreError;
use sea_orm::DbBackend;
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, source, upsert};
use crate::batch_statement::BatchStatement;

/// Admitted, and not final.
pub(crate) const HELD: &str = "held";

/// Queued.
pub(crate) const WAITING: &str = "waiting";

/// Paused while queued.
pub(crate) const SUSPENDED: &str = "suspended";

/// A key of a workflow.
pub(crate) type WorkflowKey = (i64, String);

/// Which instance needs a place, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlaceDemand {
    /// The instance.
    pub(crate) instance: InstanceId,
    /// Its project.
    pub(crate) project_id: i64,
    /// Its workflow.
    pub(crate) workflow_id: i64,
    /// The value of the rule's key; none without a rule.
    pub(crate) key: Option<String>,
    /// Whether it counts for the project's cap.
    pub(crate) counted: bool,
    /// How urgent it is.
    pub(crate) priority: Priority,
    /// When the place is requested.
    pub(crate) at: Timestamp,
    /// When it has waited for too long.
    pub(crate) due_at: Option<Timestamp>,
}

/// A row of `place`.
#[derive(Debug, Serialize)]
pub(crate) struct PlaceRow {
    instance: i64,
    project_id: i64,
    workflow_id: i64,
    key: Option<String>,
    counted: bool,
    state: &'static str,
    urgency: u32,
    since: i64,
    due_at: Option<i64>,
}

const PLACE: [Column; 9] = [
    ("instance", "bigint"),
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("key", "text"),
    ("counted", "boolean"),
    ("state", "text"),
    ("urgency", "bigint"),
    ("since", "bigint"),
    ("due_at", "bigint"),
];

impl PlaceRow {
    /// Makes the row of a demand in a state.
    pub(crate) fn new(demand: PlaceDemand, state: &'static str) -> Self {
        let due_at = demand.due_at.filter(|_| state == WAITING);
        Self {
            instance: demand.instance.0,
            project_id: demand.project_id,
            workflow_id: demand.workflow_id,
            key: demand.key,
            counted: demand.counted,
            state,
            urgency: urgency_of(demand.priority),
            since: demand.at.0,
            due_at: due_at.map(|at| at.0),
        }
    }

    fn is_waiting(&self) -> bool {
        self.state == WAITING
    }
}

/// What an admission looks at: one key of a workflow, all its keys, or a whole project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct ReleasedPlace {
    /// The project.
    pub(crate) project_id: i64,
    /// The workflow; none for the whole project.
    pub(crate) workflow_id: Option<i64>,
    /// The value of its key; none for all.
    pub(crate) key: Option<String>,
}

const RELEASE: [Column; 3] = [
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("key", "text"),
];

/// Writes the statements that store places; an admission looks at those that wait.
pub(crate) fn store_places(backend: DbBackend, rows: &[PlaceRow]) -> Result<Vec<BatchStatement>, StoreError> {
    let waiting = rows.iter().filter(|row| row.is_waiting());
    let releases: BTreeSet<ReleasedPlace> = waiting
        .map(|row| ReleasedPlace {
            project_id: row.project_id,
            workflow_id: Some(row.workflow_id),
            key: row.key.clone(),
        })
        .collect();
    let releases: Vec<ReleasedPlace> = releases.into_iter().collect();
    let places = || upsert(backend, "place", &PLACE, &["instance"], ALL);
    let statements = [
        BatchStatement::over_rows(rows, places)?,
        store_releases(backend, &releases)?,
    ];
    Ok(statements.into_iter().flatten().collect())
}

/// Writes the statement that notes what an admission has to look at.
pub(crate) fn store_releases(
    backend: DbBackend,
    releases: &[ReleasedPlace],
) -> Result<Option<BatchStatement>, StoreError> {
    BatchStatement::over_rows(releases, || insert(backend, "place_release", &RELEASE, ALL))
}

/// Writes the statement that marks instances as gated, so that their end gives the place back.
pub(crate) fn mark_gated(
    backend: DbBackend,
    rows: &[PlaceRow],
) -> Result<Option<BatchStatement>, StoreError> {
    BatchStatement::over_rows(rows, || {
        format!(
            "UPDATE instance SET gated = TRUE FROM {} WHERE id = c.instance AND NOT gated",
            source(backend, &[("instance", "bigint")])
        )
    })
}
