//! The unapplied commands in the inboxes of instances.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::ids::{InstanceId, OperationId, Run, Timestamp};
use engine::states::{Command, OperationStatus};
use ports::{InboxCommand, InboxStore, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult};
use serde::Serialize;

use crate::batch_sql::{Column, id_list, row_lock, source};
use crate::batch_statement::run_over_rows;
use crate::error::store_error;
use crate::row_reader::RowReader;
use crate::store::Store;

const COMMAND: &str = "SELECT instance, id, command, run, task, requested_by, body FROM inbox \
     WHERE applied_at IS NULL AND kind = 'command'";

/// A command that is refused without an owner.
#[derive(Serialize)]
struct Refusal {
    c_operation: i64,
    c_at: i64,
    c_epoch: i64,
    c_outcome: &'static str,
    c_detail: String,
}

const REFUSAL: [Column; 5] = [
    ("c_operation", "bigint"),
    ("c_at", "bigint"),
    ("c_epoch", "bigint"),
    ("c_outcome", "text"),
    ("c_detail", "text"),
];

#[async_trait]
impl InboxStore for Store {
    async fn list_unapplied_commands(&self, ids: &[InstanceId]) -> Result<Vec<InboxCommand>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.unapplied_commands_on(self.reader(), ids).await
    }

    async fn read_edited_labels(
        &self,
        id: InstanceId,
    ) -> Result<Option<BTreeMap<String, String>>, StoreError> {
        let statement = self.statement("SELECT labels FROM instance WHERE id = $1", [id.0.into()]);
        let row = self
            .reader()
            .query_one_raw(statement)
            .await
            .map_err(store_error)?;
        let labels = row.map(|row| RowReader::new(&row).next_optional_json());
        Ok(labels.transpose()?.flatten())
    }

    /// Refuses, without an owner, the commands that cannot apply; locks the row so that no master claims in between.
    async fn refuse_inapplicable_commands(&self, id: InstanceId, at: Timestamp) -> Result<(), StoreError> {
        let transaction = self.engine_pool().begin_write().await?;
        let lock = row_lock(self.backend(), "FOR NO KEY UPDATE");
        let sql = format!(
            "SELECT state, attention, run, epoch FROM instance WHERE id = $1 AND owner IS NULL{lock}"
        );
        let row = transaction
            .query_one_raw(self.statement(&sql, [id.0.into()]))
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(()) };
        let sql = format!("{COMMAND} AND instance = $1 ORDER BY id");
        let commands = transaction
            .query_all_raw(self.statement(&sql, [id.0.into()]))
            .await
            .map_err(store_error)?;
        let commands: Vec<InboxCommand> = commands.iter().map(read_command).collect::<Result<_, _>>()?;
        let refused = refusals(&row, &commands, at)?;
        let backend = self.backend();
        run_over_rows(&transaction, &refused, || {
            format!(
                "UPDATE inbox SET applied_at = c_at, applied_epoch = c_epoch, outcome = c_outcome, \
                 detail = c_detail FROM {} WHERE id = c_operation AND applied_at IS NULL",
                source(backend, &REFUSAL)
            )
        })
        .await?;
        self.commit_engine(transaction).await
    }
}

impl Store {
    /// Reads commands as part of a read that sees one moment.
    pub(crate) async fn unapplied_commands_on<C: ConnectionTrait>(
        &self,
        connection: &C,
        ids: &[InstanceId],
    ) -> Result<Vec<InboxCommand>, StoreError> {
        let sql = unapplied_commands(self.backend());
        let list = id_list(ids.iter().map(|id| id.0))?;
        let rows = connection
            .query_all_raw(self.statement(&sql, [list]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_command).collect()
    }
}

/// Reads unapplied commands of the instances of a list, in the order in which they were posted.
fn unapplied_commands(backend: DbBackend) -> String {
    let ids = source(backend, &[("c_id", "bigint")]);
    format!("{COMMAND} AND instance IN (SELECT c_id FROM {ids}) ORDER BY id")
}

fn read_command(row: &QueryResult) -> Result<InboxCommand, StoreError> {
    let mut columns = RowReader::new(row);
    let instance = InstanceId(columns.next_value()?);
    Ok(InboxCommand {
        instance,
        operation: OperationId(columns.next_value()?),
        command: columns.next_parsed()?,
        run: Run(columns.next_u32()?),
        task: columns.next_value()?,
        requested_by: columns.next_value()?,
        arguments: columns.next_optional_json()?.unwrap_or_default(),
    })
}

fn refusals(
    instance: &QueryResult,
    commands: &[InboxCommand],
    at: Timestamp,
) -> Result<Vec<Refusal>, StoreError> {
    let mut columns = RowReader::new(instance);
    let state = columns.next_parsed()?;
    let attention = columns.next_optional_json()?;
    let run = Run(columns.next_u32()?);
    let epoch: i64 = columns.next_value()?;
    let possible: Vec<&str> = Command::possible_in(state, attention.as_ref())
        .into_iter()
        .map(Command::as_str)
        .collect();
    let applies =
        |command: &InboxCommand| command.run == run && command.command.applies_in(state, attention.as_ref());
    let refused = commands.iter().filter(|command| !applies(command));
    Ok(refused
        .map(|command| Refusal {
            c_operation: command.operation.0,
            c_at: at.0,
            c_epoch: epoch,
            c_outcome: OperationStatus::Refused.as_str(),
            c_detail: if command.run == run {
                format!("the instance is {state}; possible now: {}", possible.join(", "))
            } else {
                format!("it was meant for run {}, and this is run {run}", command.run)
            },
        })
        .collect())
}
