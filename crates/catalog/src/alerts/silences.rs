//! Silences: which alerts are stored and not sent, until when, and why.

use engine::ids::Timestamp;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, Transaction};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{project, silence};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;
use crate::visibility::VisibilityScope;

/// The name of the list in its cursors.
const LIST: &str = "silences";

/// A stored silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSilence {
    /// Unique.
    pub name: String,
    /// The project with its name; none: every project, and the server.
    pub project: Option<(ProjectId, String)>,
    /// What it matches.
    pub silence: NewSilence,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

/// What a silence is to be; all that is given must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSilence {
    /// Only alerts of this project.
    pub project: Option<ProjectId>,
    /// Only alerts of workflows of this name.
    pub workflow: Option<String>,
    /// Only this event.
    pub event: Option<String>,
    /// When it ends.
    pub until: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// Whether a silence was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceChange {
    /// It was.
    Created,
    /// It replaces one of its name.
    Replaced,
}

impl From<(silence::Model, Option<project::Model>)> for StoredSilence {
    fn from((row, project): (silence::Model, Option<project::Model>)) -> Self {
        Self {
            name: row.name,
            project: project.map(|project| (ProjectId(project.id), project.name)),
            silence: NewSilence {
                project: row.project_id.map(ProjectId),
                workflow: row.workflow,
                event: row.event,
                until: Timestamp(row.until),
                reason: row.reason,
            },
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
            updated_by: row.updated_by,
        }
    }
}

/// The silences.
#[derive(Debug, Clone, Copy)]
pub struct Silences<'a> {
    store: &'a Store,
}

impl<'a> Silences<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the silences of the visible projects by name; those without a project only where every project is visible.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        visible: VisibilityScope,
        page: &PageRequest,
    ) -> Result<Page<StoredSilence>, CatalogError> {
        let after = page.after::<String>(LIST)?.unwrap_or_default();
        let rows = silence::Entity::find()
            .find_also_related(project::Entity)
            .filter(visible.condition(silence::Column::ProjectId))
            .filter(silence::Column::Name.gt(after))
            .order_by_asc(silence::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows.into_iter().map(StoredSilence::from).collect();
        Ok(Page::cut(LIST, page, items, |item: &StoredSilence| {
            item.name.clone()
        }))
    }

    /// Reads a silence; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, name: &str) -> Result<Option<StoredSilence>, CatalogError> {
        let row = silence::Entity::find()
            .find_also_related(project::Entity)
            .filter(silence::Column::Name.eq(name))
            .one(self.store.reader())
            .await?;
        Ok(row.map(StoredSilence::from))
    }

    /// Stores a silence, in place of the one with that name that the caller saw; alerts are matched with it from now on.
    ///
    /// # Errors
    /// `Conflict` with `INVALID_STATE`: it belongs to another project meanwhile.
    pub async fn put(
        self,
        (name, seen): (&str, Option<&StoredSilence>),
        new: &NewSilence,
        context: &AuditContext,
    ) -> Result<SilenceChange, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let stored = lock_silence(change.on(), name).await?;
        check_unmoved(stored.as_ref(), seen)?;
        let outcome = match stored {
            Some(_) => SilenceChange::Replaced,
            None => SilenceChange::Created,
        };
        let row = silence::ActiveModel {
            project_id: Set(new.project.map(|project| project.0)),
            workflow: Set(new.workflow.clone()),
            event: Set(new.event.clone()),
            until: Set(new.until.0),
            reason: Set(new.reason.clone()),
            updated_at: Set(context.at.0),
            updated_by: Set(context.user.clone()),
            ..silence::ActiveModel::default()
        };
        store_silence(change.on(), stored, name, row).await?;
        let entry = AuditEntry::done("silence.put", "silence", name).with_detail(&new.reason);
        change.commit_with(&entry).await?;
        Ok(outcome)
    }

    /// Deletes the silence that the caller saw.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `INVALID_STATE`: it belongs to another project meanwhile.
    pub async fn delete(self, seen: &StoredSilence, context: &AuditContext) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_silence(change.on(), &seen.name).await?;
        let row = row.ok_or_else(|| CatalogError::not_found(format!("silence `{}`", seen.name)))?;
        check_unmoved(Some(&row), Some(seen))?;
        silence::Entity::delete_by_id(row.id).exec(change.on()).await?;
        change.commit("silence.delete", "silence", &seen.name).await
    }
}

/// Reads a silence and keeps others from changing it until the transaction ends.
async fn lock_silence(on: &Transaction, name: &str) -> Result<Option<silence::Model>, CatalogError> {
    let row = silence::Entity::find()
        .filter(silence::Column::Name.eq(name))
        .lock(LockType::Update)
        .one(on)
        .await?;
    Ok(row)
}

/// The rights of the caller were checked for the project that the silence had when it was read.
fn check_unmoved(stored: Option<&silence::Model>, seen: Option<&StoredSilence>) -> Result<(), CatalogError> {
    let Some(stored) = stored else { return Ok(()) };
    let is_same = seen.is_some_and(|seen| seen.silence.project.map(|project| project.0) == stored.project_id);
    if is_same {
        return Ok(());
    }
    let detail = format!(
        "the silence `{}` was changed at the same time; try again",
        stored.name
    );
    Err(CatalogError::conflict("INVALID_STATE", detail))
}

async fn store_silence(
    on: &Transaction,
    stored: Option<silence::Model>,
    name: &str,
    row: silence::ActiveModel,
) -> Result<(), CatalogError> {
    match stored {
        Some(stored) => {
            let row = silence::ActiveModel {
                id: Unchanged(stored.id),
                ..row
            };
            silence::Entity::update(row).exec_without_returning(on).await?;
        }
        None => {
            let row = silence::ActiveModel {
                name: Set(name.to_owned()),
                created_at: row.updated_at.clone(),
                ..row
            };
            silence::Entity::insert(row).exec_without_returning(on).await?;
        }
    }
    Ok(())
}
