//! The limits themselves.

use engine::ids::Timestamp;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{ExprTrait as _, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Value};
use store::{Store, Transaction};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::named_limit;
use crate::error::CatalogError;
use crate::limits::owner::LimitOwner;
use crate::limits::references::find_user;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;

/// The order of a queue, of the alias `{row}` of its table.
const QUEUE_ORDER: &str =
    "{row}.instance_priority, {row}.task_priority, {row}.ready_at, {row}.instance, {row}.task_index";

/// The first task of the limit `l` that wants more slots than are free: it and all tasks after it wait.
const FIRST_BLOCKED: &str = "SELECT {b} FROM limit_request b WHERE b.limit_id = l.id AND b.state <> 'holding' \
    AND NOT b.forced AND b.slots > l.slots - l.used ORDER BY {b} LIMIT 1";

/// What is read of a limit `l`.
const SHOWN: &str = "l.id, l.name, l.project_id, l.slots, l.used, l.enabled, l.description, l.created_at, l.updated_at, \
    CASE WHEN l.enabled THEN (SELECT COUNT(*) FROM limit_request w WHERE w.limit_id = l.id AND w.state <> 'holding' \
    AND NOT w.forced AND ({w}) >= ({first})) ELSE 0 END AS waiting";

/// Lets the waiting tasks that name a limit wait for the one that the name means now.
const RESOLVE_AGAIN: &str = "UPDATE limit_request SET limit_id = COALESCE(\
    (SELECT o.id FROM named_limit o JOIN instance i ON i.project_id = o.project_id \
     WHERE i.id = limit_request.instance AND o.name = $1), \
    (SELECT s.id FROM named_limit s WHERE s.project_id IS NULL AND s.name = $1)) \
    WHERE name = $1 AND state <> 'holding'";

/// A stored limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLimit {
    /// Its row.
    pub(super) id: i64,
    /// Unique in its project, or among the shared ones.
    pub name: String,
    /// Whose tasks may name it.
    pub owner: LimitOwner,
    /// How many slots tasks may hold together.
    pub slots: u32,
    /// How many they hold; more than `slots` after it was lowered, or a task was forced.
    pub used: i64,
    /// How many tasks wait for it.
    pub waiting: i64,
    /// False: it limits nothing.
    pub enabled: bool,
    /// For people.
    pub description: String,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a limit is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLimit {
    /// How many slots tasks may hold together.
    pub slots: u32,
    /// False: it limits nothing.
    pub enabled: bool,
    /// For people.
    pub description: String,
}

/// Whether a limit was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitChange {
    /// It was.
    Created,
    /// It replaces one of its name.
    Replaced,
}

#[derive(FromQueryResult)]
struct LimitRow {
    id: i64,
    name: String,
    project_id: Option<i64>,
    slots: i64,
    used: i64,
    enabled: bool,
    description: String,
    created_at: i64,
    updated_at: i64,
    waiting: i64,
}

impl From<LimitRow> for StoredLimit {
    fn from(row: LimitRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            owner: row.project_id.map_or(LimitOwner::Shared, |project| {
                LimitOwner::Project(ProjectId(project))
            }),
            slots: u32::try_from(row.slots).unwrap_or(u32::MAX),
            used: row.used,
            waiting: row.waiting,
            enabled: row.enabled,
            description: row.description,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        }
    }
}

/// The limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    store: &'a Store,
}

impl<'a> Limits<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    pub(super) fn store(&self) -> &'a Store {
        self.store
    }

    /// Lists the limits of a project, or the shared ones, by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        owner: LimitOwner,
        page: &PageRequest,
    ) -> Result<Page<StoredLimit>, CatalogError> {
        let after = page.after::<String>("limits")?.unwrap_or_default();
        let sql = format!(
            "SELECT {} FROM named_limit l WHERE {} AND l.name > $1 AND l.name <> '' ORDER BY l.name LIMIT $2",
            shown_columns(),
            owner.to_sql()
        );
        let rows = i64::try_from(page.rows()).unwrap_or(i64::MAX);
        let items = self
            .query(self.store.reader(), &sql, [after.into(), rows.into()])
            .await?;
        Ok(Page::cut("limits", page, items, |limit| limit.name.clone()))
    }

    /// Reads a limit; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, owner: LimitOwner, name: &str) -> Result<Option<StoredLimit>, CatalogError> {
        self.find_on(self.store.reader(), owner, name).await
    }

    /// Stores a limit; a change counts from the next decision on.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn put(
        self,
        owner: LimitOwner,
        name: &str,
        new: &NewLimit,
        context: &AuditContext,
    ) -> Result<(StoredLimit, LimitChange), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let stored = lock_limit(change.on(), owner, name).await?;
        let outcome = match stored {
            Some(_) => LimitChange::Replaced,
            None => LimitChange::Created,
        };
        store_limit(change.on(), stored, (owner, name), new, context.at).await?;
        if outcome == LimitChange::Created {
            self.resolve_again(change.on(), name).await?;
        }
        let limit = self
            .find_on(change.on(), owner, name)
            .await?
            .ok_or_else(|| missing_limit(name))?;
        let entry = AuditEntry::done("limit.put", "limit", &limit.id.to_string()).with_detail(name);
        change.commit_with(&entry).await?;
        Ok((limit, outcome))
    }

    /// Deletes a limit that no current document names: older versions are not limited by it any more.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `IN_USE`.
    pub async fn delete(
        self,
        owner: LimitOwner,
        name: &str,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_limit(change.on(), owner, name)
            .await?
            .ok_or_else(|| missing_limit(name))?;
        if let Some(user) = find_user(change.on(), owner, name).await? {
            let detail = format!("the workflow `{user}` names the limit");
            return Err(CatalogError::conflict("IN_USE", detail));
        }
        let left = "DELETE FROM limit_request WHERE limit_id = $1 AND state = 'holding'";
        let statement = self.store.statement(left, [row.id.into()]);
        change.on().execute_raw(statement).await?;
        named_limit::Entity::delete_by_id(row.id)
            .exec(change.on())
            .await?;
        self.resolve_again(change.on(), name).await?;
        let entry = AuditEntry::done("limit.delete", "limit", &row.id.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }

    /// Returns those of the names that mean no limit in a project.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_missing(self, project: ProjectId, names: &[&str]) -> Result<Vec<String>, CatalogError> {
        let mut missing = Vec::new();
        for name in names {
            let own = named_limit::Column::ProjectId.eq(project.0);
            let found = named_limit::Entity::find()
                .filter(named_limit::Column::Name.eq(*name))
                .filter(own.or(named_limit::Column::ProjectId.is_null()))
                .limit(1)
                .one(self.store.reader())
                .await?;
            if found.is_none() {
                missing.push((*name).to_owned());
            }
        }
        Ok(missing)
    }

    pub(super) async fn find_on<C: ConnectionTrait>(
        self,
        on: &C,
        owner: LimitOwner,
        name: &str,
    ) -> Result<Option<StoredLimit>, CatalogError> {
        let sql = format!(
            "SELECT {} FROM named_limit l WHERE {} AND l.name = $1 AND l.name <> ''",
            shown_columns(),
            owner.to_sql()
        );
        Ok(self.query(on, &sql, [name.into()]).await?.into_iter().next())
    }

    async fn query<C: ConnectionTrait, const N: usize>(
        self,
        on: &C,
        sql: &str,
        values: [Value; N],
    ) -> Result<Vec<StoredLimit>, CatalogError> {
        let rows = on.query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter()
            .map(|row| Ok(LimitRow::from_query_result(row, "")?.into()))
            .collect()
    }

    async fn resolve_again(self, on: &Transaction, name: &str) -> Result<(), CatalogError> {
        let statement = self.store.statement(RESOLVE_AGAIN, [name.into()]);
        on.execute_raw(statement).await?;
        Ok(())
    }
}

/// Writes the columns of a limit as it is shown.
fn shown_columns() -> String {
    SHOWN
        .replace("{first}", &first_blocked())
        .replace("{w}", &queue_order("w"))
}

/// Writes the columns by which a queue is ordered.
pub(super) fn queue_order(row: &str) -> String {
    QUEUE_ORDER.replace("{row}", row)
}

/// Writes the selection of the first task of a limit `l` that lacks room.
pub(super) fn first_blocked() -> String {
    FIRST_BLOCKED.replace("{b}", &queue_order("b"))
}

pub(super) fn missing_limit(name: &str) -> CatalogError {
    CatalogError::not_found(format!("limit `{name}`"))
}

/// Reads a limit and keeps commits and users from changing it until the transaction ends.
pub(super) async fn lock_limit(
    on: &Transaction,
    owner: LimitOwner,
    name: &str,
) -> Result<Option<named_limit::Model>, CatalogError> {
    let row = named_limit::Entity::find()
        .filter(owner.condition())
        .filter(named_limit::Column::Name.eq(name))
        .lock(LockType::Update)
        .one(on)
        .await?;
    Ok(row)
}

async fn store_limit(
    on: &Transaction,
    stored: Option<named_limit::Model>,
    (owner, name): (LimitOwner, &str),
    new: &NewLimit,
    at: Timestamp,
) -> Result<(), CatalogError> {
    let row = named_limit::ActiveModel {
        slots: Set(i64::from(new.slots)),
        enabled: Set(new.enabled),
        description: Set(new.description.clone()),
        updated_at: Set(at.0),
        ..named_limit::ActiveModel::default()
    };
    match stored {
        Some(stored) => {
            let row = named_limit::ActiveModel {
                id: Unchanged(stored.id),
                ..row
            };
            named_limit::Entity::update(row)
                .exec_without_returning(on)
                .await?;
        }
        None => {
            let row = named_limit::ActiveModel {
                project_id: Set(owner.project()),
                name: Set(name.to_owned()),
                created_at: Set(at.0),
                ..row
            };
            named_limit::Entity::insert(row)
                .exec_without_returning(on)
                .await?;
        }
    }
    Ok(())
}
