//! Secrets of projects: their names can be read, their values only by the attempts that are given them.

pub(crate) mod checks;
pub(crate) mod deletion;
pub(crate) mod given;
pub(crate) mod named;
pub(crate) mod references;
pub(crate) mod rotations;
pub(crate) mod sealed_values;

use std::collections::BTreeMap;
use std::fmt;

use engine::ids::Timestamp;
use engine::spec::names;
use primitives::secret::Secret;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use secrets::{KeyRing, NoKey, SECRET_VALUE, SealedText, SharedKeyRing};
use store::{Store, Transaction};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{project, secret, secret_value};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::project_secrets::deletion::retire_values;
use crate::project_secrets::references::find_users;
use crate::projects::ProjectId;

pub use self::rotations::{RotationClaim, SecretRotation, SecretRotations};
pub use self::sealed_values::{SealedPosition, SealedValues};

/// The most names that are compared to find the one that was meant.
const COMPARED_NAMES: u64 = 10_000;

/// What is known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Unique in its project.
    pub name: String,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When its value was last set.
    pub updated_at: Timestamp,
    /// Who set it.
    pub updated_by: String,
}

/// Whether a secret was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretChange {
    /// It was.
    Created,
    /// Its value replaces another.
    Replaced,
}

/// A name that no secret of the project has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSecret {
    /// The name.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for MissingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no secret `{}` in the project; ", self.name)?;
        match &self.nearest {
            Some(near) => write!(f, "did you mean `{near}`?"),
            None => f.write_str("set it first"),
        }
    }
}

impl From<secret::Model> for StoredSecret {
    fn from(row: secret::Model) -> Self {
        Self {
            name: row.name,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
            updated_by: row.updated_by,
        }
    }
}

/// The secrets of projects.
#[derive(Debug, Clone, Copy)]
pub struct ProjectSecrets<'a> {
    store: &'a Store,
    keys: &'a SharedKeyRing,
}

impl<'a> ProjectSecrets<'a> {
    pub(crate) fn new(store: &'a Store, keys: &'a SharedKeyRing) -> Self {
        Self { store, keys }
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    pub(crate) fn keys(&self) -> &'a SharedKeyRing {
        self.keys
    }

    /// Lists the secrets of a project by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        project: ProjectId,
        page: &PageRequest,
    ) -> Result<Page<StoredSecret>, CatalogError> {
        let after = page.after::<String>("secrets")?.unwrap_or_default();
        let rows = secret::Entity::find()
            .filter(secret::Column::ProjectId.eq(project.0))
            .filter(secret::Column::Name.gt(after))
            .order_by_asc(secret::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows.into_iter().map(StoredSecret::from).collect();
        Ok(Page::cut("secrets", page, items, |item: &StoredSecret| {
            item.name.clone()
        }))
    }

    /// Finds a secret; none when the project has none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, project: ProjectId, name: &str) -> Result<Option<StoredSecret>, CatalogError> {
        let row = find_row(self.store.reader(), project, name).await?;
        Ok(row.map(StoredSecret::from))
    }

    /// Stores the value of a secret. Attempts that are sent from now on get it; the value before is kept for those that
    /// were given it.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`.
    pub async fn put(
        self,
        project: ProjectId,
        name: &str,
        value: &Secret,
        context: &AuditContext,
    ) -> Result<(StoredSecret, SecretChange), CatalogError> {
        let ring = self.keys.current();
        if ring.is_empty() {
            return Err(NoKey.into());
        }
        let change = AuditedTransaction::begin(self.store, context).await?;
        lock_project(change.on(), project).await?;
        let stored = find_row(change.on(), project, name).await?;
        let value_id = store_value(change.on(), &ring, value).await?;
        let outcome = match &stored {
            Some(_) => SecretChange::Replaced,
            None => SecretChange::Created,
        };
        let row = store_row(change.on(), stored, (project, name, value_id), context).await?;
        let entry = AuditEntry::done("secret.put", "secret", &row.id.to_string()).with_detail(name);
        change.commit_with(&entry).await?;
        Ok((row.into(), outcome))
    }

    /// Deletes a secret that no current document names: an attempt of an older version that needs it fails.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `IN_USE`: names the workflows.
    pub async fn delete(
        self,
        project: ProjectId,
        name: &str,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        lock_project(change.on(), project).await?;
        let row = find_row(change.on(), project, name).await?;
        let row = row.ok_or_else(|| CatalogError::not_found(format!("secret `{name}`")))?;
        let users = find_users(change.on(), project, name).await?;
        if !users.is_empty() {
            let detail = format!("the secret is named by {}", users.join(", "));
            return Err(CatalogError::conflict("IN_USE", detail));
        }
        secret::Entity::delete_by_id(row.id).exec(change.on()).await?;
        retire_values(change.on(), [row.value_id], context.at).await?;
        let entry = AuditEntry::done("secret.delete", "secret", &row.id.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }

    /// Returns those of the names that no secret of the project has.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_missing(
        self,
        project: ProjectId,
        wanted: &[&str],
    ) -> Result<Vec<MissingSecret>, CatalogError> {
        self.find_missing_on(self.store.reader(), project, wanted).await
    }

    /// The same on the connection of a change.
    pub(crate) async fn find_missing_on<C: ConnectionTrait>(
        self,
        on: &C,
        project: ProjectId,
        wanted: &[&str],
    ) -> Result<Vec<MissingSecret>, CatalogError> {
        let mut missing = Vec::new();
        for name in wanted {
            if find_row(on, project, name).await?.is_none() {
                missing.push((*name).to_owned());
            }
        }
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let known: Vec<String> = secret::Entity::find()
            .select_only()
            .column(secret::Column::Name)
            .filter(secret::Column::ProjectId.eq(project.0))
            .order_by_asc(secret::Column::Name)
            .limit(COMPARED_NAMES)
            .into_tuple()
            .all(on)
            .await?;
        let with_nearest = missing.into_iter().map(|name| MissingSecret {
            nearest: names::nearest(&name, known.iter().map(String::as_str)).map(str::to_owned),
            name,
        });
        Ok(with_nearest.collect())
    }

    /// Reads the values of secrets; those that do not exist are left out.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`: a value cannot be opened.
    pub(crate) async fn read_values(
        self,
        project: ProjectId,
        wanted: &[String],
    ) -> Result<BTreeMap<String, String>, CatalogError> {
        let mut values = BTreeMap::new();
        let ring = self.keys.current();
        for name in wanted {
            let Some(row) = find_row(self.store.reader(), project, name).await? else {
                continue;
            };
            let stored = secret_value::Entity::find_by_id(row.value_id);
            let Some(stored) = stored.one(self.store.reader()).await? else {
                continue;
            };
            let sealed = SealedText::from_stored(stored.sealed);
            let opened = ring
                .open(&SECRET_VALUE.place(stored.id), &sealed)
                .map_err(|why| {
                    let detail = format!("the secret `{name}` cannot be read: {why}");
                    CatalogError::conflict("NO_SECRETS_KEY", detail)
                })?;
            values.insert(name.clone(), opened.reveal().to_owned());
        }
        Ok(values)
    }
}

/// Keeps others from changing the secrets of a project until the transaction ends.
async fn lock_project(on: &Transaction, project: ProjectId) -> Result<(), CatalogError> {
    project::Entity::find_by_id(project.0)
        .filter(project::Column::DeletedAt.is_null())
        .lock(LockType::Update)
        .one(on)
        .await?
        .ok_or_else(|| CatalogError::not_found("project of the secret"))?;
    Ok(())
}

async fn find_row<C: ConnectionTrait>(
    on: &C,
    project: ProjectId,
    name: &str,
) -> Result<Option<secret::Model>, CatalogError> {
    let row = secret::Entity::find()
        .filter(secret::Column::ProjectId.eq(project.0))
        .filter(secret::Column::Name.eq(name))
        .one(on)
        .await?;
    Ok(row)
}

/// Stores a value under the id of its row, to which it is bound.
async fn store_value(on: &Transaction, ring: &KeyRing, value: &Secret) -> Result<i64, CatalogError> {
    let row = secret_value::ActiveModel {
        sealed: Set(String::new()),
        ..secret_value::ActiveModel::default()
    };
    let id = secret_value::Entity::insert(row).exec(on).await?.last_insert_id;
    let sealed: SealedText = ring.seal(&SECRET_VALUE.place(id), value.reveal())?;
    let row = secret_value::ActiveModel {
        id: Unchanged(id),
        sealed: Set(sealed.to_string()),
        ..secret_value::ActiveModel::default()
    };
    secret_value::Entity::update(row)
        .exec_without_returning(on)
        .await?;
    Ok(id)
}

async fn store_row(
    on: &Transaction,
    stored: Option<secret::Model>,
    (project, name, value_id): (ProjectId, &str, i64),
    context: &AuditContext,
) -> Result<secret::Model, CatalogError> {
    let row = secret::ActiveModel {
        value_id: Set(value_id),
        updated_at: Set(context.at.0),
        updated_by: Set(context.user.clone()),
        ..secret::ActiveModel::default()
    };
    let Some(stored) = stored else {
        let row = secret::ActiveModel {
            project_id: Set(project.0),
            name: Set(name.to_owned()),
            created_at: Set(context.at.0),
            ..row
        };
        return Ok(secret::Entity::insert(row).exec_with_returning(on).await?);
    };
    retire_values(on, [stored.value_id], context.at).await?;
    let row = secret::ActiveModel {
        id: Unchanged(stored.id),
        ..row
    };
    Ok(secret::Entity::update(row).exec(on).await?)
}
