//! The workflows that tasks start: found by name, refused where they cannot start.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use engine::attempt::FailureKind;
use engine::children::ChildRefusal;
use engine::spec::{Definition, ProjectDefaults, ReferenceKind};
use engine::task_type::child_workflow::ChildWorkflow;
use ports::{ChildVersion, ChildWorkflowQuery, DefinitionStore as _, StoreError, WorkflowLookup as _};
use sea_orm::ConnectionTrait;
use serde::Serialize;

use crate::batch_sql::{Column, json, source};
use crate::error::store_error;
use crate::row_reader::RowReader;
use crate::store::Store;

/// The most instances from the top one down.
const MAX_NESTING: i64 = 16;

/// Project and name of a workflow.
type WorkflowName = (String, String);

/// A workflow as it is now.
struct CurrentWorkflow {
    id: i64,
    version: i64,
    enabled: bool,
    project_id: i64,
    project_params: BTreeMap<String, String>,
    project_defaults: ProjectDefaults,
}

#[derive(Serialize)]
struct NameRow<'a> {
    c_project: &'a str,
    c_name: &'a str,
}

const NAME: [Column; 2] = [("c_project", "text"), ("c_name", "text")];

impl Store {
    /// Finds what each task starts.
    pub(crate) async fn resolve_child_workflows(
        &self,
        queries: &[ChildWorkflowQuery],
    ) -> Result<Vec<Result<ChildVersion, ChildRefusal>>, StoreError> {
        // Many tasks start the same workflow from the same one.
        let mut answers: BTreeMap<(&str, &str, &ChildWorkflow), Result<ChildVersion, ChildRefusal>> =
            BTreeMap::new();
        for query in queries {
            let key = (query.project.as_str(), query.workflow.as_str(), &query.target);
            if let Entry::Vacant(answer) = answers.entry(key) {
                answer.insert(self.resolve_child_workflow(query).await?);
            }
        }
        let mut resolved = Vec::with_capacity(queries.len());
        let too_deep = self.find_deepest_parents(queries).await?;
        for query in queries {
            let key = (query.project.as_str(), query.workflow.as_str(), &query.target);
            resolved.push(match answers.get(&key) {
                _ if too_deep.contains(&query.parent.0) => Err(refused(format!(
                    "instances are nested at most {MAX_NESTING} deep, and this one is at that depth"
                ))),
                Some(answer) => answer.clone(),
                None => Err(refused("the workflow was not looked for".to_owned())),
            });
        }
        Ok(resolved)
    }

    async fn resolve_child_workflow(
        &self,
        query: &ChildWorkflowQuery,
    ) -> Result<Result<ChildVersion, ChildRefusal>, StoreError> {
        let name = target_name(&query.project, &query.target);
        if let Some(refusal) = self.find_use_refusal(&query.project, &name).await? {
            return Ok(Err(refusal));
        }
        let found = self
            .find_current_workflows(std::slice::from_ref(&name))
            .await?
            .remove(&name);
        let (project, workflow) = &name;
        let Some(current) = found else {
            return Ok(Err(refused(format!(
                "there is no workflow `{workflow}` in project `{project}`"
            ))));
        };
        if !current.enabled {
            return Ok(Err(ChildRefusal {
                reason: format!("the workflow `{workflow}` is disabled"),
                failure: FailureKind::Transient,
            }));
        }
        let version = query.target.version.unwrap_or(current.version);
        let Some(definition) = self.find_definition(current.id, version).await? else {
            return Ok(Err(refused(format!(
                "the workflow `{workflow}` has no version {version}; the current one is {}",
                current.version
            ))));
        };
        if let Some(path) = self
            .find_circle(&(query.project.clone(), query.workflow.clone()), &name)
            .await?
        {
            return Ok(Err(refused(format!("the workflow contains itself: {path}"))));
        }
        Ok(Ok(ChildVersion {
            project_id: current.project_id,
            project: name.0,
            project_params: current.project_params,
            project_defaults: current.project_defaults,
            workflow_id: current.id,
            version,
            definition,
        }))
    }

    /// Refuses a workflow that does not exist, or that its project does not let the naming one start.
    async fn find_use_refusal(
        &self,
        naming_project: &str,
        (project, workflow): &WorkflowName,
    ) -> Result<Option<ChildRefusal>, StoreError> {
        let name = ports::WorkflowName {
            project: project.clone(),
            workflow: workflow.clone(),
        };
        let found = self.find_named_workflows(naming_project, &[name]).await?;
        let needed = ReferenceKind::SubWorkflow.required_access();
        let errors = found
            .iter()
            .filter_map(|named| named.require(naming_project, needed).err());
        Ok(errors.map(|error| refused(error.to_string())).next())
    }

    async fn find_definition(
        &self,
        workflow_id: i64,
        version: i64,
    ) -> Result<Option<Arc<Definition>>, StoreError> {
        let sql = "SELECT 1 FROM workflow_version WHERE workflow_id = $1 AND version = $2";
        let found = self
            .reader()
            .query_one_raw(self.statement(sql, [workflow_id.into(), version.into()]))
            .await
            .map_err(store_error)?;
        match found {
            Some(_) => self.load_definition(workflow_id, version).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads workflows that exist, by project and name.
    async fn find_current_workflows(
        &self,
        names: &[WorkflowName],
    ) -> Result<BTreeMap<WorkflowName, CurrentWorkflow>, StoreError> {
        let rows: Vec<NameRow<'_>> = names
            .iter()
            .map(|(project, name)| NameRow {
                c_project: project,
                c_name: name,
            })
            .collect();
        let sql = format!(
            "SELECT p.name, w.name, w.id, w.version, w.enabled, p.id, p.params, p.defaults FROM {} \
             JOIN project p ON p.name = c_project JOIN workflow w ON w.project_id = p.id AND w.name = c_name \
             WHERE w.deleted_at IS NULL",
            source(self.backend(), &NAME)
        );
        let found = self
            .reader()
            .query_all_raw(self.statement(&sql, [json(&rows)?.into()]))
            .await
            .map_err(store_error)?;
        found
            .iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                let name = (columns.next_value()?, columns.next_value()?);
                let workflow = CurrentWorkflow {
                    id: columns.next_value()?,
                    version: columns.next_value()?,
                    enabled: columns.next_value()?,
                    project_id: columns.next_value()?,
                    project_params: columns.next_json()?,
                    project_defaults: columns.next_json()?,
                };
                Ok((name, workflow))
            })
            .collect()
    }

    /// Searches the current documents for a way from a workflow that is started back to the one that starts it; returns
    /// it as a readable text.
    async fn find_circle(
        &self,
        parent: &WorkflowName,
        child: &WorkflowName,
    ) -> Result<Option<String>, StoreError> {
        let mut before: BTreeMap<WorkflowName, WorkflowName> =
            BTreeMap::from([(child.clone(), parent.clone())]);
        let mut queue: VecDeque<WorkflowName> = VecDeque::from([child.clone()]);
        while !queue.is_empty() {
            if queue.contains(parent) {
                return Ok(Some(circle_text(parent, &before)));
            }
            let names: Vec<WorkflowName> = queue.drain(..).collect();
            for (name, workflow) in self.find_current_workflows(&names).await? {
                let definition = self.load_definition(workflow.id, workflow.version).await?;
                let found = child_workflows(&name.0, &definition).into_iter();
                let new: Vec<WorkflowName> = found
                    .filter(|next| next == parent || !before.contains_key(next))
                    .collect();
                before.extend(new.iter().map(|next| (next.clone(), name.clone())));
                queue.extend(new);
            }
        }
        Ok(None)
    }

    /// Returns those parents that are nested so deeply that they may start no instance.
    async fn find_deepest_parents(
        &self,
        queries: &[ChildWorkflowQuery],
    ) -> Result<BTreeSet<i64>, StoreError> {
        let ids = crate::batch_sql::id_list(
            queries
                .iter()
                .map(|query| query.parent.0)
                .collect::<BTreeSet<i64>>(),
        )?;
        let sql = format!(
            "WITH RECURSIVE above (start, id, depth) AS (\
             SELECT i.id, i.parent, CAST(1 AS BIGINT) FROM {} JOIN instance i ON i.id = c_id \
             UNION ALL SELECT a.start, i.parent, a.depth + 1 FROM above a JOIN instance i ON i.id = a.id \
             WHERE a.depth < $2) SELECT DISTINCT start FROM above WHERE depth >= $2",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [ids, MAX_NESTING.into()]))
            .await
            .map_err(store_error)?;
        rows.iter().map(|row| RowReader::new(row).next_value()).collect()
    }
}

fn target_name(project: &str, target: &ChildWorkflow) -> WorkflowName {
    let project = target.project.as_deref().unwrap_or(project);
    (project.to_owned(), target.name.clone())
}

/// Lists the workflows that tasks of a definition start.
fn child_workflows(project: &str, definition: &Definition) -> Vec<WorkflowName> {
    let targets = definition
        .tasks
        .iter()
        .filter_map(|task| task.action.child_workflow());
    targets.map(|target| target_name(project, &target)).collect()
}

/// Writes the way of a circle, beginning and ending with its first workflow.
fn circle_text(first: &WorkflowName, before: &BTreeMap<WorkflowName, WorkflowName>) -> String {
    let mut path = vec![first];
    let mut at = before.get(first);
    while let Some(name) = at {
        path.push(name);
        at = before.get(name).filter(|_| name != first);
    }
    let shown = |(project, name): &WorkflowName| {
        if *project == first.0 {
            name.clone()
        } else {
            format!("{project}/{name}")
        }
    };
    let names: Vec<String> = path.into_iter().rev().map(shown).collect();
    names.join(" -> ")
}

fn refused(reason: String) -> ChildRefusal {
    ChildRefusal {
        reason,
        failure: FailureKind::Permanent,
    }
}
