//! The definitions that instances are pinned to.

use std::sync::Arc;

use async_trait::async_trait;
use engine::spec::Definition;
use ports::{DefinitionStore, StoreError};
use sea_orm::ConnectionTrait;

use crate::error::store_error;
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;

#[async_trait]
impl DefinitionStore for Store {
    /// Reads a pinned definition, from the cache if it was read before.
    async fn load_definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError> {
        if let Some(definition) = self.definitions().get((workflow_id, version)) {
            return Ok(definition);
        }
        let sql = "SELECT model FROM workflow_version WHERE workflow_id = $1 AND version = $2";
        let row = self
            .reader()
            .query_one_raw(self.statement(sql, [workflow_id.into(), version.into()]))
            .await
            .map_err(store_error)?
            .ok_or_else(|| {
                StoreError::Rejected(format!("workflow {workflow_id} has no version {version}"))
            })?;
        let model: serde_json::Value = RowReader::new(&row).next_json()?;
        let definition = parse_model(&model)
            .map_err(|issues| corrupt(format!("version {version} of workflow {workflow_id}: {issues}")))?;
        let definition = Arc::new(definition);
        self.definitions()
            .insert((workflow_id, version), definition.clone());
        Ok(definition)
    }
}

/// Parses the stored canonical model, which was valid when it was stored.
fn parse_model(model: &serde_json::Value) -> Result<Definition, String> {
    engine::spec::parse(model).map_err(|issues| {
        let lines: Vec<_> = issues
            .iter()
            .map(|issue| format!("{}: {}", issue.pointer, issue.message))
            .collect();
        lines.join("; ")
    })
}
