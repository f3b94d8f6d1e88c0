//! What waits for the decision of a person.

use std::collections::{BTreeMap, BTreeSet};

use engine::approval::{ApprovalProgress, ApprovalTask};
use engine::ids::{AttemptNumber, InstanceId, TaskIndex, Timestamp};
use engine::spec::Definition;
use engine::task::Progress;
use engine::task_type::WatchKind;
use ports::DefinitionStore as _;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};
use store::Store;

use crate::columns::{narrow, parse_json, parse_name};
use crate::entity::{attempt, instance, project, project_grant, task_instance, workflow};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::permission::Permission;
use crate::users::UserId;
use crate::visibility::VisibilityScope;

/// The name of the list in cursors.
const LIST: &str = "approvals";

/// A task that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its instance.
    pub instance: InstanceId,
    /// Its place in the instance.
    pub task_index: TaskIndex,
    /// The project's row, for the check of permissions.
    pub project_id: i64,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The task's name.
    pub task: String,
    /// The attempt that waits.
    pub attempt: AttemptNumber,
    /// What is asked.
    pub message: String,
    /// Who decides, and what is answered.
    pub fields: ApprovalTask,
    /// When the attempt began.
    pub since: Timestamp,
    /// When its time limit ends.
    pub expires_at: Option<Timestamp>,
}

/// Which approvals are listed; everything given must hold.
#[derive(Debug, Clone)]
pub struct ApprovalFilter {
    /// The projects that the caller may see.
    pub visible: VisibilityScope,
    /// The project's name.
    pub project: Option<String>,
    /// Only those that this user may decide.
    pub decider: Option<ApprovalDecider>,
}

/// A user who may decide some of what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalDecider {
    /// The user's row.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// The groups that the user is in.
    pub groups: BTreeSet<String>,
}

/// A row of the list, before its definition is read.
#[derive(FromQueryResult)]
struct WaitingRow {
    instance: i64,
    task_index: i64,
    number: i64,
    progress: Option<String>,
    since: Option<i64>,
    created_at: i64,
    workflow_id: i64,
    version: i64,
    project_id: i64,
    project: String,
    workflow: String,
}

/// What waits for the decision of a person.
#[derive(Debug, Clone, Copy)]
pub struct Approvals<'a> {
    store: &'a Store,
}

impl<'a> Approvals<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists what waits, by instance and task.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        filter: &ApprovalFilter,
        page: &PageRequest,
    ) -> Result<Page<Approval>, CatalogError> {
        let mut after = page.after::<ApprovalKey>(LIST)?;
        let permissions = match &filter.decider {
            Some(decider) => self.read_permissions(decider.user).await?,
            None => BTreeMap::new(),
        };
        let is_wanted = |approval: &Approval| {
            let decider = filter.decider.as_ref();
            decider.is_none_or(|decider| may_decide(approval, decider, &permissions))
        };
        let mut found = Vec::new();
        loop {
            let rows = self.read_rows(filter, after, page.rows()).await?;
            let is_last = u64::try_from(rows.len()).is_ok_and(|count| count < page.rows());
            for row in rows {
                after = Some(ApprovalKey(row.instance, row.task_index));
                let approval = self.complete_row(row).await?;
                found.extend(approval.filter(is_wanted));
            }
            if is_last || found.len() > page.size() {
                break;
            }
        }
        Ok(Page::cut(LIST, page, found, |approval: &Approval| {
            ApprovalKey(approval.instance.0, i64::from(approval.task_index.0)).to_string()
        }))
    }

    async fn read_permissions(self, user: UserId) -> Result<BTreeMap<i64, Permission>, CatalogError> {
        let grants = project_grant::Entity::find()
            .filter(project_grant::Column::UserId.eq(user.0))
            .all(self.store.reader())
            .await?;
        grants
            .into_iter()
            .map(|grant| Ok((grant.project_id, parse_name("permission", &grant.permission)?)))
            .collect()
    }

    async fn read_rows(
        self,
        filter: &ApprovalFilter,
        after: Option<ApprovalKey>,
        count: u64,
    ) -> Result<Vec<WaitingRow>, CatalogError> {
        let mut query = task_instance::Entity::find()
            .select_only()
            .column(task_instance::Column::Instance)
            .column(task_instance::Column::TaskIndex)
            .column_as(task_instance::Column::Attempts, "number")
            .column(task_instance::Column::Progress)
            .column_as(attempt::Column::StartedAt, "since")
            .column_as(attempt::Column::CreatedAt, "created_at")
            .column(instance::Column::WorkflowId)
            .column(instance::Column::Version)
            .column(instance::Column::ProjectId)
            .column_as(project::Column::Name, "project")
            .column_as(workflow::Column::Name, "workflow")
            .join(JoinType::InnerJoin, task_instance::Relation::LastAttempt.def())
            .join(JoinType::InnerJoin, task_instance::Relation::Instance.def())
            .join(JoinType::InnerJoin, instance::Relation::Project.def())
            .join(JoinType::InnerJoin, instance::Relation::Workflow.def())
            .filter(task_instance::Column::WaitsOn.eq(WatchKind::Approval.as_str()))
            .filter(filter.visible.condition(instance::Column::ProjectId));
        if let Some(project) = &filter.project {
            query = query.filter(project::Column::Name.eq(project));
        }
        if let Some(ApprovalKey(id, task_index)) = after {
            let later = Condition::any().add(task_instance::Column::Instance.gt(id)).add(
                task_instance::Column::Instance
                    .eq(id)
                    .and(task_instance::Column::TaskIndex.gt(task_index)),
            );
            query = query.filter(later);
        }
        let rows = query
            .order_by_asc(task_instance::Column::Instance)
            .order_by_asc(task_instance::Column::TaskIndex)
            .limit(count)
            .into_model::<WaitingRow>()
            .all(self.store.reader())
            .await?;
        Ok(rows)
    }

    /// Adds what the definition says; none when the row is of another kind after all.
    async fn complete_row(self, row: WaitingRow) -> Result<Option<Approval>, CatalogError> {
        let definition = self.store.load_definition(row.workflow_id, row.version).await?;
        let task_index = TaskIndex(narrow("task_index", row.task_index)?);
        let Some((name, fields)) = approval_of(&definition, task_index) else {
            return Ok(None);
        };
        let progress: Option<Progress> = row
            .progress
            .as_deref()
            .map(|progress| parse_json("progress", progress))
            .transpose()?;
        let progress = progress.unwrap_or_default();
        let question: Option<ApprovalProgress> = progress.read_detail();
        Ok(Some(Approval {
            instance: InstanceId(row.instance),
            task_index,
            project_id: row.project_id,
            project: row.project,
            workflow: row.workflow,
            task: name,
            attempt: AttemptNumber(narrow("attempts", row.number)?),
            message: question.map_or_else(|| fields.message.clone(), |question| question.message),
            fields,
            since: Timestamp(row.since.unwrap_or(row.created_at)),
            expires_at: progress.time_limit_at,
        }))
    }
}

fn approval_of(definition: &Definition, task_index: TaskIndex) -> Option<(String, ApprovalTask)> {
    let task = definition.task(task_index)?;
    Some((task.name.clone(), ApprovalTask::of_action(&task.action)?))
}

/// Whether a user who is no administrator may decide.
fn may_decide(
    approval: &Approval,
    decider: &ApprovalDecider,
    permissions: &BTreeMap<i64, Permission>,
) -> bool {
    let permission = permissions.get(&approval.project_id).copied();
    if approval.fields.approvers.is_empty() {
        return permission.is_some_and(|permission| permission >= Permission::Execute);
    }
    permission.is_some() && approval.fields.names_user(&decider.name, &decider.groups)
}

/// The place of an approval in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ApprovalKey(i64, i64);

impl std::fmt::Display for ApprovalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl std::str::FromStr for ApprovalKey {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (instance, task_index) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self(instance.parse()?, task_index.parse()?))
    }
}
