//! The feed is what a stream of events reads: stored steps across instances, in the order of their ids.

use engine::ids::{AttemptNumber, Epoch, InstanceId, TaskIndex, Timestamp};
use sea_orm::QueryResult;

use super::{Catalog, CatalogError, Visible, sql};

/// Which steps a stream wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFilter {
    /// The instances' own steps in these projects, if any.
    pub instances: Option<Visible>,
    /// All steps of these instances, checked before.
    pub whole: Vec<InstanceId>,
}

/// One stored step, with what a stream shows of its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// The transition's id.
    pub id: i64,
    /// Which instance.
    pub instance: InstanceId,
    /// Its project.
    pub project: String,
    /// Its workflow.
    pub workflow: String,
    /// The task; none for the instance's own step.
    pub task: Option<String>,
    /// The attempt.
    pub attempt: Option<AttemptNumber>,
    /// When.
    pub at: Timestamp,
    /// The state before; none at birth.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// Why, in words.
    pub why: String,
    /// The address of the owner that stored it.
    pub host: String,
    /// Its epoch.
    pub epoch: Epoch,
}

/// Not more rows in one read.
const MOST: i64 = 500;

impl Catalog {
    /// Reads steps after an id, oldest first, at most 500.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn feed(&self, filter: &FeedFilter, after: i64) -> Result<Vec<FeedEntry>, CatalogError> {
        let mut values = vec![after.into(), MOST.into()];
        let mut wanted = Vec::new();
        if let Some(visible) = &filter.instances {
            let seen = visible.condition("i.project_id", &mut values);
            wanted.push(format!("(t.ordinal IS NULL{seen})"));
        }
        if !filter.whole.is_empty() {
            let ids: Vec<String> = filter.whole.iter().map(ToString::to_string).collect();
            wanted.push(format!("t.instance IN ({})", ids.join(", ")));
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT t.id, t.instance, t.at, t.ordinal, t.attempt, t.from_state, t.to_state, t.why, t.host, \
             t.epoch, i.workflow_id, i.version, w.name AS workflow, p.name AS project \
             FROM transition t JOIN instance i ON i.id = t.instance \
             JOIN workflow w ON w.id = i.workflow_id JOIN project p ON p.id = i.project_id \
             WHERE t.id > $1 AND ({}) ORDER BY t.id LIMIT $2",
            wanted.join(" OR ")
        );
        let rows = sql::all(self.reader(), sql, values).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let task = self.task_name(row).await?;
            entries.push(entry(row, task)?);
        }
        Ok(entries)
    }

    async fn task_name(&self, row: &QueryResult) -> Result<Option<String>, CatalogError> {
        let Some(ordinal) = small(row, "ordinal")?.map(TaskIndex) else {
            return Ok(None);
        };
        let (workflow, version) = (sql::get(row, "workflow_id")?, sql::get(row, "version")?);
        let definition = self.store.load_definition(workflow, version).await?;
        Ok(definition.task(ordinal).map(|task| task.name.clone()))
    }

    /// Says after which id a stream begins: two seconds before the step `seen`, since ids become visible out
    /// of order; without one, after everything that is stored.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn feed_start(&self, seen: Option<i64>) -> Result<i64, CatalogError> {
        let (sql, values) = match seen {
            None => ("SELECT id FROM transition ORDER BY id DESC LIMIT 1", vec![]),
            Some(seen) => (
                "SELECT id FROM transition WHERE id < $1 AND at < \
                 (SELECT at FROM transition WHERE id <= $1 ORDER BY id DESC LIMIT 1) - 2000 \
                 ORDER BY id DESC LIMIT 1",
                vec![seen.into()],
            ),
        };
        let row = sql::first(self.reader(), sql, values).await?;
        row.map_or(Ok(0), |row| sql::get(&row, "id"))
    }
}

fn small(row: &QueryResult, column: &str) -> Result<Option<u32>, CatalogError> {
    let number: Option<i64> = sql::get(row, column)?;
    number
        .map(|n| u32::try_from(n).map_err(|error| sql::unreadable(column, error)))
        .transpose()
}

fn entry(row: &QueryResult, task: Option<String>) -> Result<FeedEntry, CatalogError> {
    Ok(FeedEntry {
        id: sql::get(row, "id")?,
        instance: InstanceId(sql::get(row, "instance")?),
        project: sql::get(row, "project")?,
        workflow: sql::get(row, "workflow")?,
        task,
        attempt: small(row, "attempt")?.map(AttemptNumber),
        at: Timestamp(sql::get(row, "at")?),
        from: sql::get(row, "from_state")?,
        to: sql::get(row, "to_state")?,
        why: sql::get(row, "why")?,
        host: sql::get(row, "host")?,
        epoch: Epoch(sql::get(row, "epoch")?),
    })
}
