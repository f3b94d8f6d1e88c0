//! What the names of workflows in tasks mean.

use async_trait::async_trait;
use engine::spec::ProjectAccess;
use ports::{NamedWorkflow, StoreError, WorkflowLookup, WorkflowName, WorkflowTarget};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;

use crate::batch_sql::{Column, json, source};
use crate::error::store_error;
use crate::row_reader::RowReader;
use crate::store::Store;

/// A name in the order of the question.
#[derive(Serialize)]
struct LookupRow<'a> {
    c_place: usize,
    c_project: &'a str,
    c_workflow: &'a str,
}

const NAME: [Column; 3] = [
    ("c_place", "bigint"),
    ("c_project", "text"),
    ("c_workflow", "text"),
];

#[async_trait]
impl WorkflowLookup for Store {
    async fn find_named_workflows(
        &self,
        naming_project: &str,
        names: &[WorkflowName],
    ) -> Result<Vec<NamedWorkflow>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT c_project, c_workflow, p.id, s.permission, w.id, w.version, w.enabled FROM {} \
             LEFT JOIN project p ON p.name = c_project AND p.deleted_at IS NULL \
             LEFT JOIN project n ON n.name = $2 AND n.deleted_at IS NULL \
             LEFT JOIN project_share s ON s.project_id = p.id AND s.other_id = n.id \
             LEFT JOIN workflow w ON w.project_id = p.id AND w.name = c_workflow AND w.deleted_at IS NULL \
             ORDER BY c_place",
            source(self.backend(), &NAME)
        );
        let rows: Vec<LookupRow<'_>> = names
            .iter()
            .enumerate()
            .map(|(c_place, name)| LookupRow {
                c_place,
                c_project: &name.project,
                c_workflow: &name.workflow,
            })
            .collect();
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [json(&rows)?.into(), naming_project.into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| read_named_workflow(row, naming_project))
            .collect()
    }
}

fn read_named_workflow(row: &QueryResult, naming_project: &str) -> Result<NamedWorkflow, StoreError> {
    let mut columns = RowReader::new(row);
    let name = WorkflowName {
        project: columns.next_value()?,
        workflow: columns.next_value()?,
    };
    let project: Option<i64> = columns.next_value()?;
    let granted: Option<ProjectAccess> = columns.next_optional_parsed()?;
    let workflow: Option<i64> = columns.next_value()?;
    let version: Option<i64> = columns.next_value()?;
    let enabled: Option<bool> = columns.next_value()?;
    let access = project.map(|_| match granted {
        _ if name.project == naming_project => ProjectAccess::Execute,
        Some(granted) => granted,
        None => ProjectAccess::Nothing,
    });
    // A workflow whose first document is being stored has no version yet.
    let version = version.filter(|version| *version > 0);
    let target = project.zip(workflow).zip(version.zip(enabled)).map(
        |((project_id, workflow_id), (version, enabled))| WorkflowTarget {
            project_id,
            workflow_id,
            version,
            enabled,
        },
    );
    Ok(NamedWorkflow { name, access, target })
}
