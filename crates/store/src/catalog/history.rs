//! What happened to an instance, step by step and owner by owner.

use engine::ids::{AttemptNumber, Epoch, Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::spec::Definition;
use engine::states::{InstanceState, OwnershipReason};

use sea_orm::QueryResult;

use super::{Catalog, CatalogError, Page, PageRequest, instances, sql};

/// One stored step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The transition's id; grows within an instance.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The state before; none at birth.
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
    /// It has an owner that lives.
    Owned,
    /// It needs an owner, and has none or a dead one.
    Moving,
    /// At rest.
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
    /// The address of the owner before; none when the instance was at rest.
    pub from_host: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: OwnershipReason,
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

impl Catalog {
    /// Lists the steps of an instance, oldest first.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance. `Rejected`: the cursor is none of ours.
    pub async fn history(
        &self,
        id: InstanceId,
        page: &PageRequest,
    ) -> Result<Page<HistoryEntry>, CatalogError> {
        let after = page.after::<i64>("history")?.unwrap_or(0);
        let (workflow, version) = self.pinned(id).await?;
        let definition = self.store.load_definition(workflow, version).await?;
        let rows = sql::all(
            self.reader(),
            "SELECT id, at, ordinal, attempt, from_state, to_state, why, host, epoch FROM transition \
             WHERE instance = $1 AND id > $2 ORDER BY id LIMIT $3",
            vec![id.0.into(), after.into(), page.rows().into()],
        )
        .await?;
        let items = rows
            .iter()
            .map(|row| history_row(row, &definition))
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("history", page, items, |entry: &HistoryEntry| {
            entry.id.to_string()
        }))
    }

    /// Reads who owns an instance and who did; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn ownership(&self, id: InstanceId) -> Result<Option<Ownership>, CatalogError> {
        let row = sql::first(
            self.reader(),
            "SELECT i.state, i.attention, i.owner, i.host, i.epoch, m.state AS owner_state, \
             (SELECT COUNT(*) FROM inbox b WHERE b.instance = i.id AND b.applied_at IS NULL \
             AND b.kind = 'verb') AS asked \
             FROM instance i LEFT JOIN member m ON m.incarnation = i.owner WHERE i.id = $1",
            vec![id.0.into()],
        )
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let epoch: i64 = sql::get(&row, "epoch")?;
        // An owner that came after the row was read is left out: what is shown fits together.
        let log = sql::all(
            self.reader(),
            "SELECT epoch, owner, host, from_host, at, why FROM owner_log WHERE instance = $1 AND epoch <= $2 \
             ORDER BY epoch",
            vec![id.0.into(), epoch.into()],
        )
        .await?;
        let state = sql::named(&row, "state")?;
        let parked = instances::attention(&row)?.is_some();
        let (owner, host) = instances::shown_owner(&row, state, parked)?;
        Ok(Some(Ownership {
            state: ownership_state(&row, state, parked)?,
            host,
            owner,
            epoch: Epoch(epoch),
            log: log.iter().map(owner_entry).collect::<Result<_, _>>()?,
        }))
    }
}

impl Catalog {
    /// Says which workflow and version an instance runs.
    pub(super) async fn pinned(&self, id: InstanceId) -> Result<(i64, i64), CatalogError> {
        let sql = "SELECT workflow_id, version FROM instance WHERE id = $1";
        let row = sql::first(self.reader(), sql, vec![id.0.into()]).await?;
        let row = row.ok_or_else(|| instances::missing(id))?;
        Ok((sql::get(&row, "workflow_id")?, sql::get(&row, "version")?))
    }
}

fn history_row(row: &QueryResult, definition: &Definition) -> Result<HistoryEntry, CatalogError> {
    let ordinal = sql::count_or_none(row, "ordinal")?.map(TaskIndex);
    let host: String = sql::get(row, "host")?;
    Ok(HistoryEntry {
        id: sql::get(row, "id")?,
        at: Timestamp(sql::get(row, "at")?),
        from: sql::get(row, "from_state")?,
        to: sql::get(row, "to_state")?,
        why: sql::get(row, "why")?,
        task: ordinal.and_then(|ordinal| Some(definition.task(ordinal)?.name.clone())),
        attempt: sql::count_or_none(row, "attempt")?.map(AttemptNumber),
        host: Some(host).filter(|host| !host.is_empty()),
        epoch: Epoch(sql::get(row, "epoch")?),
    })
}

fn ownership_state(
    row: &QueryResult,
    state: InstanceState,
    parked: bool,
) -> Result<OwnershipState, CatalogError> {
    let owner: Option<String> = sql::get(row, "owner_state")?;
    let alive = owner.is_some_and(|state| state != "dead" && state != "left");
    let rests = state.is_idle() || parked;
    // A verb wakes what is at rest: its next owner is on the way.
    let woken = sql::count(row, "asked")? > 0;
    Ok(match (rests, alive) {
        (false, true) => OwnershipState::Owned,
        (true, _) if !woken && state.is_final() => OwnershipState::Final,
        (true, _) if !woken => OwnershipState::Unowned,
        _ => OwnershipState::Moving,
    })
}

fn owner_entry(row: &QueryResult) -> Result<OwnerEntry, CatalogError> {
    Ok(OwnerEntry {
        epoch: Epoch(sql::get(row, "epoch")?),
        owner: Incarnation(sql::get(row, "owner")?),
        host: sql::get(row, "host")?,
        from_host: sql::get(row, "from_host")?,
        at: Timestamp(sql::get(row, "at")?),
        why: sql::named(row, "why")?,
    })
}
