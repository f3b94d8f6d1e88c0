//! Which workflows name which: the edges between workflows, of their newest versions.

use std::collections::{BTreeMap, BTreeSet};

use engine::spec::Definition;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter,
    QuerySelect, RelationTrait, Select,
};

use crate::entity::{project, workflow, workflow_reference};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::projects::Project;
use crate::visibility::VisibilityScope;
use crate::workflows::Workflows;

/// Workflows that an error names at most.
const NAMED_DEPENDENTS: usize = 10;

/// A workflow with its project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkflowName {
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
}

/// A task of one workflow that names another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkflowEdge {
    /// The workflow that has the task.
    pub from: WorkflowName,
    /// The task.
    pub task: String,
    /// The type of the task.
    pub kind: String,
    /// The workflow that the task names.
    pub to: WorkflowName,
}

#[derive(FromQueryResult)]
struct EdgeRow {
    from_project: String,
    from_workflow: String,
    task: String,
    kind: String,
    to_project: String,
    to_workflow: String,
}

impl From<EdgeRow> for WorkflowEdge {
    fn from(row: EdgeRow) -> Self {
        Self {
            from: WorkflowName {
                project: row.from_project,
                workflow: row.from_workflow,
            },
            task: row.task,
            kind: row.kind,
            to: WorkflowName {
                project: row.to_project,
                workflow: row.to_workflow,
            },
        }
    }
}

impl WorkflowEdge {
    /// Returns its place in lists, which are in this order.
    fn key(&self) -> String {
        let parts = [
            &self.from.project,
            &self.from.workflow,
            &self.task,
            &self.kind,
            &self.to.project,
            &self.to.workflow,
        ];
        // No name has a line end.
        parts.map(String::as_str).join("\n")
    }
}

impl Workflows<'_> {
    /// Lists the tasks of other workflows that name a workflow, as far as the caller sees those.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_dependents(
        self,
        name: &WorkflowName,
        visible: VisibilityScope,
        page: &PageRequest,
    ) -> Result<Page<WorkflowEdge>, CatalogError> {
        let query = select_edges(visible)
            .filter(workflow_reference::Column::ToProject.eq(&name.project))
            .filter(workflow_reference::Column::ToWorkflow.eq(&name.workflow));
        cut_page("dependents", page, self.read_edges(query).await?)
    }

    /// Lists the edges that begin or end in a project; of a workflow only those that are connected with it over any
    /// number of steps, in both directions.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_lineage(
        self,
        project: &Project,
        workflow: Option<&str>,
        (visible, page): (VisibilityScope, &PageRequest),
    ) -> Result<Page<WorkflowEdge>, CatalogError> {
        let mut query = select_edges(visible);
        if workflow.is_none() {
            let in_project = Condition::any()
                .add(workflow::Column::ProjectId.eq(project.id.0))
                .add(workflow_reference::Column::ToProject.eq(&project.name));
            query = query.filter(in_project);
        }
        let mut edges = self.read_edges(query).await?;
        if let Some(workflow) = workflow {
            let start = WorkflowName {
                project: project.name.clone(),
                workflow: workflow.to_owned(),
            };
            let connected = connected_with(&edges, start);
            let is_in_project = |edge: &WorkflowEdge| {
                [&edge.from, &edge.to]
                    .iter()
                    .any(|end| end.project == project.name)
            };
            edges.retain(|edge| connected.contains(&edge.from) && is_in_project(edge));
        }
        cut_page("lineage", page, edges)
    }

    async fn read_edges(
        self,
        query: Select<workflow_reference::Entity>,
    ) -> Result<Vec<WorkflowEdge>, CatalogError> {
        let rows = query.into_model::<EdgeRow>().all(self.store().reader()).await?;
        Ok(rows.into_iter().map(WorkflowEdge::from).collect())
    }
}

/// Finds everything that edges connect with a workflow, whatever their direction.
fn connected_with(edges: &[WorkflowEdge], start: WorkflowName) -> BTreeSet<WorkflowName> {
    let mut neighbours: BTreeMap<&WorkflowName, Vec<&WorkflowName>> = BTreeMap::new();
    for edge in edges {
        neighbours.entry(&edge.from).or_default().push(&edge.to);
        neighbours.entry(&edge.to).or_default().push(&edge.from);
    }
    let mut connected = BTreeSet::new();
    let mut todo = vec![start];
    while let Some(name) = todo.pop() {
        let next = neighbours.get(&name).into_iter().flatten();
        let new = next.filter(|name| !connected.contains(**name));
        todo.extend(new.map(|name| (*name).clone()));
        connected.insert(name);
    }
    connected
}

fn cut_page(
    list: &str,
    page: &PageRequest,
    mut edges: Vec<WorkflowEdge>,
) -> Result<Page<WorkflowEdge>, CatalogError> {
    let after = page.after::<String>(list)?.unwrap_or_default();
    edges.retain(|edge| edge.key() > after);
    edges.sort_by_key(WorkflowEdge::key);
    Ok(Page::cut(list, page, edges, WorkflowEdge::key))
}

/// Selects the edges that begin in projects which the caller sees.
fn select_edges(visible: VisibilityScope) -> Select<workflow_reference::Entity> {
    workflow_reference::Entity::find()
        .join(JoinType::InnerJoin, workflow_reference::Relation::Workflow.def())
        .join(JoinType::InnerJoin, workflow::Relation::Project.def())
        .select_only()
        .columns([
            workflow_reference::Column::Task,
            workflow_reference::Column::Kind,
            workflow_reference::Column::ToProject,
            workflow_reference::Column::ToWorkflow,
        ])
        .column_as(project::Column::Name, "from_project")
        .column_as(workflow::Column::Name, "from_workflow")
        .filter(workflow::Column::DeletedAt.is_null())
        .filter(visible.condition(workflow::Column::ProjectId))
}

/// Stores what the newest version of a workflow names, in place of what the version before did.
pub(crate) async fn store_references<C: ConnectionTrait>(
    on: &C,
    row: &workflow::Model,
    definition: &Definition,
) -> Result<(), CatalogError> {
    delete_references(on, row.id).await?;
    let found = definition.workflow_references();
    if found.is_empty() {
        return Ok(());
    }
    let own: Option<String> = project::Entity::find_by_id(row.project_id)
        .select_only()
        .column(project::Column::Name)
        .into_tuple()
        .one(on)
        .await?;
    let own = own.unwrap_or_default();
    let named: BTreeSet<_> = found
        .iter()
        .map(|named| {
            let project = named.project.unwrap_or(&own);
            (named.task, named.kind.as_str(), project, named.workflow)
        })
        .collect();
    let rows =
        named.into_iter().map(
            |(task, kind, to_project, to_workflow)| workflow_reference::ActiveModel {
                workflow_id: Set(row.id),
                task: Set(task.to_owned()),
                kind: Set(kind.to_owned()),
                to_project: Set(to_project.to_owned()),
                to_workflow: Set(to_workflow.to_owned()),
            },
        );
    let rows: Vec<_> = rows.collect();
    for rows in rows.chunks(INSERTED_AT_ONCE) {
        workflow_reference::Entity::insert_many(rows.to_vec())
            .exec_without_returning(on)
            .await?;
    }
    Ok(())
}

/// Rows that one statement inserts; each has five parameters.
const INSERTED_AT_ONCE: usize = 1_000;

/// Forgets what a workflow names.
pub(crate) async fn delete_references<C: ConnectionTrait>(on: &C, workflow: i64) -> Result<(), CatalogError> {
    workflow_reference::Entity::delete_many()
        .filter(workflow_reference::Column::WorkflowId.eq(workflow))
        .exec(on)
        .await?;
    Ok(())
}

/// Refuses a deletion while documents of other workflows name the workflow.
pub(crate) async fn check_unnamed<C: ConnectionTrait>(
    on: &C,
    row: &workflow::Model,
) -> Result<(), CatalogError> {
    let own = project::Entity::find_by_id(row.project_id).one(on).await?;
    let rows = select_edges(VisibilityScope::All)
        .filter(workflow_reference::Column::ToProject.eq(own.map(|own| own.name).unwrap_or_default()))
        .filter(workflow_reference::Column::ToWorkflow.eq(&row.name))
        .filter(workflow_reference::Column::WorkflowId.ne(row.id))
        .into_model::<EdgeRow>()
        .all(on)
        .await?;
    let names: BTreeSet<String> = rows
        .into_iter()
        .map(|row| format!("`{}/{}`", row.from_project, row.from_workflow))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = names.into_iter().take(NAMED_DEPENDENTS).collect();
    let detail = format!(
        "documents of {} name the workflow; change them first, or delete it with `force`",
        named.join(", ")
    );
    Err(CatalogError::conflict("IN_USE", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str) -> WorkflowEdge {
        let name = |workflow: &str| WorkflowName {
            project: "p".to_owned(),
            workflow: workflow.to_owned(),
        };
        WorkflowEdge {
            from: name(from),
            task: "t".to_owned(),
            kind: "dependent".to_owned(),
            to: name(to),
        }
    }

    #[test]
    fn connections_are_followed_in_both_directions_and_around_circles() {
        let edges = [edge("a", "b"), edge("c", "b"), edge("b", "a"), edge("x", "y")];
        let connected = connected_with(&edges, edge("c", "b").from);
        let names: Vec<&str> = connected.iter().map(|name| name.workflow.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
