//! Projects hold workflows, and say who may see them.

use std::collections::BTreeMap;

use engine::ids::Timestamp;
use engine::spec::ProjectDefaults;
use ports::RetentionLimit;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockType, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, TryInsertResult,
};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::{map_to_json, narrow, parse_json, parse_name};
use crate::connections::removal::delete_connections_of;
use crate::context::AuditContext;
use crate::entity::{channel, project, project_grant, silence, user_account, workflow};
use crate::error::CatalogError;
use crate::grants::project_shares::delete_shares_of;
use crate::limits::project_cap::store_project_cap;
use crate::page::{Page, PageRequest};
use crate::permission::Permission;
use crate::project_secrets::deletion::delete_secrets_of;
use crate::visibility::VisibilityScope;
use store::Store;
use store::Transaction;
use store::change_max_instances;

/// The project that exists from the start.
const DEFAULT: &str = "default";

/// The row of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(pub i64);

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its row.
    pub id: ProjectId,
    /// Unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Parameters of every instance in it; the layer under the workflow's.
    pub params: BTreeMap<String, String>,
    /// What holds where its tasks and documents are silent.
    pub defaults: ProjectDefaults,
    /// For how long ended instances are kept; the server's limit unless given.
    pub retention: Option<RetentionLimit>,
    /// The most instances that may be open at a time; no cap unless given.
    pub max_instances: Option<u32>,
    /// The most attempts on workers at once; none without a cap.
    pub max_tasks: Option<u32>,
    /// Its share of slots among projects that wait for them; 1 to 100.
    pub weight: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
}

impl TryFrom<project::Model> for Project {
    type Error = CatalogError;

    fn try_from(row: project::Model) -> Result<Self, CatalogError> {
        Ok(Self {
            id: ProjectId(row.id),
            name: row.name,
            description: row.description,
            params: parse_json("params", &row.params)?,
            defaults: parse_json("defaults", &row.defaults)?,
            retention: row
                .retention
                .map(|text| parse_name("retention", &text))
                .transpose()?,
            max_instances: row
                .max_instances
                .map(|cap| u32::try_from(cap).unwrap_or(u32::MAX)),
            max_tasks: row.max_tasks.map(|most| narrow("max_tasks", most)).transpose()?,
            weight: narrow("weight", row.weight)?,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

/// A project to be created; its name was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewProject {
    /// Unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Parameters of every instance in it.
    pub params: BTreeMap<String, String>,
}

/// What changes of a project; none leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectEdit {
    /// The new description.
    pub description: Option<String>,
    /// The new parameters, which replace all of the old ones.
    pub params: Option<BTreeMap<String, String>>,
    /// The new defaults, which replace all of the old ones; instances that exist keep theirs.
    pub defaults: Option<ProjectDefaults>,
    /// The new limit of ended instances; none inside takes the server's.
    pub retention: Option<Option<RetentionLimit>>,
    /// The new cap of open instances; none inside takes it away.
    pub max_instances: Option<Option<u32>>,
    /// The new cap of attempts on workers; none inside takes it away.
    pub max_tasks: Option<Option<u32>>,
    /// The new weight.
    pub weight: Option<u32>,
}

/// The projects.
#[derive(Debug, Clone, Copy)]
pub struct Projects<'a> {
    store: &'a Store,
}

impl<'a> Projects<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Creates a project; its creator becomes its `owner` in the same transaction.
    ///
    /// # Errors
    /// `Conflict` with `PROJECT_EXISTS`: take another name.
    pub async fn create(self, new: &NewProject, context: &AuditContext) -> Result<Project, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = project::ActiveModel {
            name: Set(new.name.clone()),
            description: Set(new.description.clone()),
            params: Set(map_to_json(&new.params)),
            created_at: Set(context.at.0),
            updated_at: Set(context.at.0),
            ..project::ActiveModel::default()
        };
        let inserted = project::Entity::insert(row)
            .on_conflict(
                OnConflict::column(project::Column::Name)
                    .target_and_where(Expr::col(project::Column::DeletedAt).is_null())
                    .do_nothing()
                    .to_owned(),
            )
            .try_insert()
            .exec_without_returning(change.on())
            .await?;
        if !matches!(inserted, TryInsertResult::Inserted(1)) {
            let detail = format!("a project `{}` exists already", new.name);
            return Err(CatalogError::conflict("PROJECT_EXISTS", detail));
        }
        let project = Project::try_from(lock_project(change.on(), &new.name).await?)?;
        grant_to_creator(change.on(), project.id, &context.user).await?;
        change.commit("project.create", "project", &project.name).await?;
        Ok(project)
    }

    /// Lists the visible projects by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        visible: &VisibilityScope,
        page: &PageRequest,
    ) -> Result<Page<Project>, CatalogError> {
        let after = page.after::<String>("projects")?.unwrap_or_default();
        let rows = project::Entity::find()
            .filter(project::Column::DeletedAt.is_null())
            .filter(project::Column::Name.gt(after))
            .filter(visible.condition(project::Column::Id))
            .order_by_asc(project::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows
            .into_iter()
            .map(Project::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("projects", page, items, |project: &Project| {
            project.name.clone()
        }))
    }

    /// Reads a project; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, name: &str) -> Result<Option<Project>, CatalogError> {
        let row = select_by_name(name).one(self.store.reader()).await?;
        row.map(Project::try_from).transpose()
    }

    /// Changes a project.
    ///
    /// # Errors
    /// `NotFound`: there is none of that name.
    pub async fn edit(
        self,
        name: &str,
        edit: &ProjectEdit,
        context: &AuditContext,
    ) -> Result<Project, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_project(change.on(), name).await?;
        let revision = row.revision + 1;
        let mut project = Project::try_from(row)?;
        project.description = edit.description.clone().unwrap_or(project.description);
        project.params = edit.params.clone().unwrap_or(project.params);
        project.defaults = edit.defaults.clone().unwrap_or(project.defaults);
        project.retention = edit.retention.unwrap_or(project.retention);
        project.max_tasks = edit.max_tasks.unwrap_or(project.max_tasks);
        project.weight = edit.weight.unwrap_or(project.weight);
        project.updated_at = context.at;
        let row = project::ActiveModel {
            id: Unchanged(project.id.0),
            description: Set(project.description.clone()),
            params: Set(map_to_json(&project.params)),
            defaults: Set(serde_json::json!(project.defaults).to_string()),
            retention: Set(project.retention.map(|limit| limit.to_string())),
            max_tasks: Set(project.max_tasks.map(i64::from)),
            weight: Set(i64::from(project.weight)),
            updated_at: Set(project.updated_at.0),
            revision: Set(revision),
            ..project::ActiveModel::default()
        };
        project::Entity::update(row)
            .exec_without_returning(change.on())
            .await?;
        if let Some(cap) = edit.max_instances.filter(|cap| *cap != project.max_instances) {
            change_max_instances(change.on(), project.id.0, cap).await?;
            project.max_instances = cap;
        }
        if let Some(max_tasks) = edit.max_tasks {
            store_project_cap(change.on(), project.id.0, max_tasks, context.at).await?;
        }
        change.commit("project.edit", "project", name).await?;
        Ok(project)
    }

    /// Deletes a project without workflows; its ended instances can still be read by admins.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `PROJECT_NOT_EMPTY` while it has workflows, and with `PROJECT_REQUIRED` for
    /// `default`.
    pub async fn delete(self, name: &str, context: &AuditContext) -> Result<(), CatalogError> {
        if name == DEFAULT {
            let detail = "the project `default` cannot be deleted";
            return Err(CatalogError::conflict("PROJECT_REQUIRED", detail));
        }
        let change = AuditedTransaction::begin(self.store, context).await?;
        let project = lock_project(change.on(), name).await?;
        let workflow = workflow::Entity::find()
            .filter(workflow::Column::ProjectId.eq(project.id))
            .filter(workflow::Column::DeletedAt.is_null())
            .limit(1)
            .one(change.on())
            .await?;
        if workflow.is_some() {
            let detail = "the project has workflows; delete them first";
            return Err(CatalogError::conflict("PROJECT_NOT_EMPTY", detail));
        }
        let row = project::ActiveModel {
            id: Unchanged(project.id),
            deleted_at: Set(Some(context.at.0)),
            ..project::ActiveModel::default()
        };
        project::Entity::update(row)
            .exec_without_returning(change.on())
            .await?;
        project_grant::Entity::delete_many()
            .filter(project_grant::Column::ProjectId.eq(project.id))
            .exec(change.on())
            .await?;
        delete_shares_of(change.on(), project.id).await?;
        delete_secrets_of(change.on(), project.id, context.at).await?;
        delete_connections_of(change.on(), project.id).await?;
        silence::Entity::delete_many()
            .filter(silence::Column::ProjectId.eq(project.id))
            .exec(change.on())
            .await?;
        channel::Entity::delete_many()
            .filter(channel::Column::ProjectId.eq(project.id))
            .exec(change.on())
            .await?;
        let entry =
            AuditEntry::done("project.delete", "project", name).with_detail(format!("row {}", project.id));
        change.commit_with(&entry).await
    }
}

/// Reads a project and keeps others from changing or deleting it until the transaction ends.
async fn lock_project(on: &Transaction, name: &str) -> Result<project::Model, CatalogError> {
    let row = select_by_name(name).lock(LockType::Update).one(on).await?;
    row.ok_or_else(|| CatalogError::not_found(format!("project `{name}`")))
}

fn select_by_name(name: &str) -> Select<project::Entity> {
    project::Entity::find()
        .filter(project::Column::Name.eq(name))
        .filter(project::Column::DeletedAt.is_null())
}

/// Makes the user who created a project its owner; the system has no user.
async fn grant_to_creator<C: ConnectionTrait>(
    on: &C,
    project: ProjectId,
    user: &str,
) -> Result<(), CatalogError> {
    let user = user_account::Entity::find()
        .filter(user_account::Column::Name.eq(user))
        .lock(LockType::KeyShare)
        .one(on)
        .await?;
    if let Some(user) = user {
        let row = project_grant::ActiveModel {
            project_id: Set(project.0),
            user_id: Set(user.id),
            permission: Set(Permission::Owner.as_str().to_owned()),
        };
        project_grant::Entity::insert(row)
            .exec_without_returning(on)
            .await?;
    }
    Ok(())
}
