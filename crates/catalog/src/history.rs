//! What happened to an instance, step by step and owner by owner.

use engine::ids::{AttemptNumber, Epoch, Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::spec::Definition;
use engine::states::{InstanceState, OwnershipReason};
use ports::DefinitionStore as _;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::{narrow, parse_name};
use crate::entity::{inbox, instance, member, owner_log, transition};
use crate::error::CatalogError;
use crate::instances::{missing_instance, parse_attention, visible_owner};
use crate::page::{Page, PageRequest};
use store::Store;

/// One stored step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The transition's id; grows within an instance.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The state before; none at the first step.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// Why, in words.
    pub why: String,
    /// The task; none for the instance's own.
    pub task: Option<String>,
    /// The attempt.
    pub attempt: Option<AttemptNumber>,
    /// The address of the owner that stored it.
    pub host: Option<String>,
    /// Its epoch.
    pub epoch: Epoch,
}

/// Whether an instance has an owner, and needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnershipState {
    /// It has an owner that is alive.
    Owned,
    /// It needs an owner, and has none or a dead one.
    Moving,
    /// Idle.
    Unowned,
    /// Final.
    Final,
}

impl OwnershipState {
    /// Returns the shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Moving => "moving",
            Self::Unowned => "unowned",
            Self::Final => "final",
        }
    }
}

/// One change to a new owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerEntry {
    /// The epoch that began.
    pub epoch: Epoch,
    /// The new owner.
    pub owner: Incarnation,
    /// Its address.
    pub host: String,
    /// The address of the owner before; none when the instance was idle.
    pub from_host: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: OwnershipReason,
}

impl TryFrom<owner_log::Model> for OwnerEntry {
    type Error = CatalogError;

    fn try_from(row: owner_log::Model) -> Result<Self, CatalogError> {
        Ok(Self {
            epoch: Epoch(row.epoch),
            owner: Incarnation(row.owner),
            host: row.host,
            from_host: row.from_host,
            at: Timestamp(row.at),
            why: parse_name("why", &row.why)?,
        })
    }
}

/// Who owns an instance, and who did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Whether it has an owner.
    pub state: OwnershipState,
    /// The owner's address.
    pub host: Option<String>,
    /// The owner.
    pub owner: Option<Incarnation>,
    /// The epoch.
    pub epoch: Epoch,
    /// Every change, oldest first.
    pub log: Vec<OwnerEntry>,
}

/// The histories of instances.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    store: &'a Store,
}

impl<'a> History<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the steps of an instance, oldest first.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance. `Rejected`: the cursor is none of ours.
    pub async fn list(self, id: InstanceId, page: &PageRequest) -> Result<Page<HistoryEntry>, CatalogError> {
        let after = page.after::<i64>("history")?.unwrap_or(0);
        let (workflow, version) = instance::Entity::find_by_id(id.0)
            .select_only()
            .columns([instance::Column::WorkflowId, instance::Column::Version])
            .into_tuple()
            .one(self.store.reader())
            .await?
            .ok_or_else(|| missing_instance(id))?;
        let definition = self.store.load_definition(workflow, version).await?;
        let rows = transition::Entity::find()
            .filter(transition::Column::Instance.eq(id.0))
            .filter(transition::Column::Id.gt(after))
            .order_by_asc(transition::Column::Id)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows
            .into_iter()
            .map(|row| history_entry(row, &definition))
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("history", page, items, |entry: &HistoryEntry| {
            entry.id.to_string()
        }))
    }

    /// Reads who owns an instance and who did; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn ownership(self, id: InstanceId) -> Result<Option<Ownership>, CatalogError> {
        let read = self.store.begin_read().await?;
        let Some(row) = instance::Entity::find_by_id(id.0).one(&read).await? else {
            return Ok(None);
        };
        let owner_state: Option<String> = match row.owner {
            Some(owner) => {
                member::Entity::find_by_id(owner)
                    .select_only()
                    .column(member::Column::State)
                    .into_tuple()
                    .one(&read)
                    .await?
            }
            None => None,
        };
        let commands = inbox::Entity::find()
            .filter(inbox::Column::Instance.eq(id.0))
            .filter(inbox::Column::Kind.eq("command"))
            .filter(inbox::Column::AppliedAt.is_null())
            .count(&read)
            .await?;
        let log = owner_log::Entity::find()
            .filter(owner_log::Column::Instance.eq(id.0))
            // An owner that came after the row was read is left out: what is shown fits together.
            .filter(owner_log::Column::Epoch.lte(row.epoch))
            .order_by_asc(owner_log::Column::Epoch)
            .all(&read)
            .await?;
        let state: InstanceState = parse_name("state", &row.state)?;
        let attention = parse_attention(row.attention.as_deref())?;
        let is_idle = state.is_idle() || attention.is_some();
        let is_owner_alive = owner_state.is_some_and(|state| state != "dead" && state != "left");
        let (owner, host) = visible_owner((row.owner, row.host), state, attention.as_ref());
        Ok(Some(Ownership {
            state: match (is_idle, is_owner_alive) {
                (false, true) => OwnershipState::Owned,
                (true, _) if commands == 0 && state.is_final() => OwnershipState::Final,
                (true, _) if commands == 0 => OwnershipState::Unowned,
                // Also an idle one with a command, which its next owner will apply.
                _ => OwnershipState::Moving,
            },
            host,
            owner,
            epoch: Epoch(row.epoch),
            log: log
                .into_iter()
                .map(OwnerEntry::try_from)
                .collect::<Result<_, _>>()?,
        }))
    }
}

fn history_entry(row: transition::Model, definition: &Definition) -> Result<HistoryEntry, CatalogError> {
    let ordinal = row
        .task_index
        .map(|index| narrow("task_index", index).map(TaskIndex));
    let task = ordinal
        .transpose()?
        .and_then(|ordinal| definition.task(ordinal))
        .map(|task| task.name.clone());
    let attempt = row.attempt.map(|number| narrow("attempt", number));
    Ok(HistoryEntry {
        id: row.id,
        at: Timestamp(row.at),
        from: row.from_state,
        to: row.to_state,
        why: row.why,
        task,
        attempt: attempt.transpose()?.map(AttemptNumber),
        host: Some(row.host).filter(|host| !host.is_empty()),
        epoch: Epoch(row.epoch),
    })
}
