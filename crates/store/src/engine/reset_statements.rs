//! The statements that send rows of tasks back to `pending`.

use engine::instance::Reset;
use ports::{InstanceCommit, StoreError};
use sea_orm::DbBackend;
use serde::Serialize;

use crate::batch_sql::{Column, source};
use crate::batch_statement::BatchStatement;

/// A row that goes back to `pending`.
#[derive(Serialize)]
struct ResetRow {
    c_instance: i64,
    c_task: u32,
}

const RESET: [Column; 2] = [("c_instance", "bigint"), ("c_task", "bigint")];

/// Sends rows back to `pending`: one statement per instance, whatever its number of tasks.
pub(super) fn resets(
    backend: DbBackend,
    commits: &[&InstanceCommit],
) -> Result<Vec<BatchStatement>, StoreError> {
    let mut statements = Vec::new();
    for commit in commits {
        let Some(reset) = &commit.changes.reset else {
            continue;
        };
        let sets = reset_columns(reset);
        let Some(tasks) = reset.tasks() else {
            let sql = format!("UPDATE task_instance SET {sets} WHERE instance = $1");
            statements.push(BatchStatement::new(sql, commit.id.0));
            continue;
        };
        let rows: Vec<ResetRow> = tasks
            .iter()
            .map(|task_index| ResetRow {
                c_instance: commit.id.0,
                c_task: task_index.0,
            })
            .collect();
        statements.extend(BatchStatement::over_rows(&rows, || {
            format!(
                "UPDATE task_instance SET {sets} FROM {} WHERE instance = c_instance AND task_index = c_task",
                source(backend, &RESET)
            )
        })?);
    }
    Ok(statements)
}

fn reset_columns(reset: &Reset) -> String {
    let next_run =
        ", outputs = '{}', reused = NULL, attempts_before_run = attempts, lost_in_run = 0, expired_waits = 0";
    let traces = match reset {
        Reset::Continue(_) => String::new(),
        Reset::NextRun(_) => next_run.to_owned(),
        Reset::FreshRun(_) => format!("{next_run}, progress = NULL"),
        Reset::All => format!("{next_run}, progress = NULL, started_at = NULL, ended_at = NULL"),
    };
    format!("state = 'pending', reason = NULL, due_at = NULL{traces}")
}
