//! The children of tasks as the owner of their parent reads and commands them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use engine::children::{ChildRefusal, ChildResult, ChildSummary};
use engine::ids::InstanceId;
use engine::start::Start;
use ports::{
    ChildStore, ChildVersion, ChildWorkflowQuery, ChildrenCommand, ChildrenCommit, ChildrenOutcome,
    ChildrenTakeover, ParentTask, StoreError, TakeoverOutcome,
};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use serde::Serialize;

use crate::batch_sql::{Column, json, source};
use crate::error::store_error;
use crate::row_reader::RowReader;
use crate::store::Store;

/// An attempt whose children are looked for.
#[derive(Serialize)]
struct ParentRow<'a> {
    c_place: usize,
    c_parent: i64,
    c_task: &'a str,
    c_since: u32,
    c_attempt: u32,
}

const PARENT: [Column; 5] = [
    ("c_place", "bigint"),
    ("c_parent", "bigint"),
    ("c_task", "text"),
    ("c_since", "bigint"),
    ("c_attempt", "bigint"),
];

/// A child that gets a command.
#[derive(Serialize)]
struct CommandRow<'a> {
    c_child: i64,
    c_parent: i64,
    c_owner: i64,
    c_epoch: i64,
    c_command: &'static str,
    c_key: &'a str,
    c_requested_by: &'a str,
    c_at: i64,
}

const COMMAND: [Column; 8] = [
    ("c_child", "bigint"),
    ("c_parent", "bigint"),
    ("c_owner", "bigint"),
    ("c_epoch", "bigint"),
    ("c_command", "text"),
    ("c_key", "text"),
    ("c_requested_by", "text"),
    ("c_at", "bigint"),
];

#[async_trait]
impl ChildStore for Store {
    async fn find_child_versions(
        &self,
        queries: &[ChildWorkflowQuery],
    ) -> Result<Vec<Result<ChildVersion, ChildRefusal>>, StoreError> {
        self.resolve_child_workflows(queries).await
    }

    async fn create_children(&self, commits: &[ChildrenCommit]) -> Result<Vec<ChildrenOutcome>, StoreError> {
        self.commit_children(commits).await
    }

    async fn take_over_children(&self, takeover: &ChildrenTakeover) -> Result<TakeoverOutcome, StoreError> {
        self.move_children(takeover).await
    }

    async fn list_children(&self, parents: &[ParentTask]) -> Result<Vec<Vec<ChildSummary>>, StoreError> {
        let mut found = vec![Vec::new(); parents.len()];
        for (place, child) in list_children_on(self.reader(), self.backend(), parents).await? {
            if let Some(children) = found.get_mut(place) {
                children.push(child);
            }
        }
        Ok(found)
    }

    async fn read_child_results(
        &self,
        parents: &[ParentTask],
    ) -> Result<Vec<BTreeMap<u32, ChildResult>>, StoreError> {
        let mut found = vec![BTreeMap::new(); parents.len()];
        let columns = "c_place, i.parent_index, i.id, i.state, i.start, i.outputs";
        for row in &select_children(self.reader(), self.backend(), (columns, parents)).await? {
            let (place, index, result) = read_result(row)?;
            if let Some(results) = found.get_mut(place) {
                results.insert(index, result);
            }
        }
        Ok(found)
    }

    async fn command_children(&self, command: &ChildrenCommand) -> Result<Vec<InstanceId>, StoreError> {
        let (key, author) = (command_key(command), command_author(&command.parent));
        let rows: Vec<CommandRow<'_>> = command
            .children
            .iter()
            .map(|child| CommandRow {
                c_child: child.0,
                c_parent: command.parent.instance.0,
                c_owner: command.parent.owner.0,
                c_epoch: command.parent.epoch.0,
                c_command: command.command.as_str(),
                c_key: &key,
                c_requested_by: &author,
                c_at: command.at.0,
            })
            .collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "INSERT INTO inbox (instance, dedup_key, kind, command, run, requested_by, created_at) \
             SELECT i.id, c_key, 'command', c_command, i.run, c_requested_by, c_at FROM {} \
             JOIN instance i ON i.id = c_child JOIN instance p ON p.id = c_parent AND p.owner = c_owner \
             AND p.epoch = c_epoch WHERE NOT EXISTS (SELECT 1 FROM inbox x WHERE x.instance = i.id \
             AND x.applied_at IS NULL AND x.command = c_command) \
             ON CONFLICT (instance, dedup_key) DO NOTHING RETURNING instance",
            source(self.backend(), &COMMAND)
        );
        let stored = self
            .engine_pool()
            .query_all_raw(self.statement(&sql, [json(&rows)?.into()]))
            .await
            .map_err(store_error)?;
        let ids = stored
            .iter()
            .map(|row| RowReader::new(row).next_value().map(InstanceId));
        Ok(ids.collect::<Result<BTreeSet<_>, _>>()?.into_iter().collect())
    }
}

/// Returns the key of a command in the inbox of a child: the same command again, later, is another one.
fn command_key(command: &ChildrenCommand) -> String {
    let parent = &command.parent;
    format!(
        "parent/{}/{}/{}/{}",
        parent.instance, parent.epoch, command.command, command.at.0
    )
}

/// Names who asks for a command.
pub(crate) fn command_author(parent: &ParentTask) -> String {
    format!("instance {}", parent.instance)
}

/// Lists the children of attempts, each with the place of its attempt, by index.
pub(crate) async fn list_children_on<C: ConnectionTrait>(
    connection: &C,
    backend: DbBackend,
    parents: &[ParentTask],
) -> Result<Vec<(usize, ChildSummary)>, StoreError> {
    // A command that waits makes the child run again.
    let columns = "c_place, i.parent_index, i.id, \
         CASE WHEN i.state IN ('failed', 'stopped', 'paused') AND EXISTS (SELECT 1 FROM inbox x \
         WHERE x.instance = i.id AND x.applied_at IS NULL AND x.command IN ('recover', 'resume', 'rerun')) \
         THEN 'running' ELSE i.state END, i.reason, \
         CAST(CASE WHEN i.attention IS NULL THEN 0 ELSE 1 END AS BIGINT), \
         CAST(CASE WHEN i.state = 'stopped' AND i.started_at IS NULL AND NOT EXISTS (SELECT 1 FROM inbox x \
         WHERE x.instance = i.id AND x.run = i.run AND x.command = 'stop' AND x.outcome = 'applied') \
         THEN 1 ELSE 0 END AS BIGINT)";
    let found = select_children(connection, backend, (columns, parents)).await?;
    found.iter().map(read_summary).collect()
}

/// Selects columns of the children `i` of attempts.
async fn select_children<C: ConnectionTrait>(
    connection: &C,
    backend: DbBackend,
    (columns, parents): (&str, &[ParentTask]),
) -> Result<Vec<QueryResult>, StoreError> {
    let rows: Vec<ParentRow<'_>> = parents
        .iter()
        .enumerate()
        .map(|(place, parent)| ParentRow {
            c_place: place,
            c_parent: parent.instance.0,
            c_task: &parent.task,
            c_since: parent.since.0,
            c_attempt: parent.attempt.0,
        })
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {columns} FROM {} JOIN instance i ON i.parent = c_parent AND i.parent_task = c_task \
         AND i.parent_attempt BETWEEN c_since AND c_attempt ORDER BY c_place, i.parent_index",
        source(backend, &PARENT)
    );
    let statement = Statement::from_sql_and_values(backend, sql, [json(&rows)?.into()]);
    connection.query_all_raw(statement).await.map_err(store_error)
}

fn read_summary(row: &QueryResult) -> Result<(usize, ChildSummary), StoreError> {
    let mut columns = RowReader::new(row);
    let place = columns.next_u32()? as usize;
    let (index, id) = (columns.next_u32()?, InstanceId(columns.next_value()?));
    Ok((
        place,
        ChildSummary {
            index,
            id,
            state: columns.next_parsed()?,
            reason: columns.next_value()?,
            has_attention: columns.next_value::<i64>()? == 1,
            is_discarded: columns.next_value::<i64>()? == 1,
        },
    ))
}

fn read_result(row: &QueryResult) -> Result<(usize, u32, ChildResult), StoreError> {
    let mut columns = RowReader::new(row);
    let place = columns.next_u32()? as usize;
    let (index, id) = (columns.next_u32()?, InstanceId(columns.next_value()?));
    let state = columns.next_parsed()?;
    let start: Start = columns.next_json()?;
    let result = ChildResult {
        id,
        state,
        params: start.params,
        outputs: columns.next_json()?,
    };
    Ok((place, index, result))
}
