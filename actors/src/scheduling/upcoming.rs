//! The schedules that are due soon, and the master that fires each of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::ids::{Incarnation, ScheduleId, Timestamp};

use crate::scheduling::prepared_schedule::PreparedSchedule;
use crate::scheduling::schedule_deps::ScheduleDeps;
use ports::{LoadedSchedule, StoreError, UpcomingSchedule};

/// How far ahead schedules are read, so that their fires are prepared when their time comes.
const HORIZON: Duration = Duration::from_secs(8);

/// The most schedules that are read at once.
const MAX_UPCOMING: u32 = 20_000;

/// The most schedules that are loaded with one query.
const LOAD_BATCH: usize = 1_000;

/// Time after which another master fires what one should have fired, in milliseconds.
const HELP_AFTER_MS: i64 = 1_000;

/// The schedules that one master fires while all masters work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MasterShare {
    rank: usize,
    masters: usize,
}

impl MasterShare {
    /// Makes the share of a master among the active ones, oldest first.
    pub(crate) fn new(this_node: Incarnation, masters: &[Incarnation]) -> Self {
        let rank = masters.iter().position(|master| *master == this_node);
        Self {
            rank: rank.unwrap_or(0),
            masters: if rank.is_some() { masters.len() } else { 1 },
        }
    }

    /// Returns when this master fires a schedule: when it is due, or, if it belongs to another master, when that one has
    /// missed its time.
    pub(crate) fn fires_at(self, schedule: ScheduleId, due_at: Timestamp) -> Timestamp {
        let place = usize::try_from(schedule.0).unwrap_or(0) % self.masters;
        if place == self.rank {
            due_at
        } else {
            due_at.plus(HELP_AFTER_MS)
        }
    }
}

/// Returns the share of this node.
pub(crate) fn share_of(deps: &ScheduleDeps) -> MasterShare {
    let masters = deps.peers.active_masters();
    let masters: Vec<Incarnation> = masters.iter().map(|master| master.incarnation).collect();
    MasterShare::new(deps.this_node.incarnation, &masters)
}

/// Reads the schedules that are due soon; what is known and has not changed is not read again.
pub(crate) async fn read_upcoming(
    deps: &ScheduleDeps,
    known: BTreeMap<ScheduleId, Arc<PreparedSchedule>>,
) -> Result<BTreeMap<ScheduleId, Arc<PreparedSchedule>>, StoreError> {
    let until = deps
        .clock
        .now()
        .plus(i64::try_from(HORIZON.as_millis()).unwrap_or(i64::MAX));
    let listed = deps.store.list_upcoming_schedules(until, MAX_UPCOMING).await?;
    let mut upcoming = BTreeMap::new();
    let mut unknown = Vec::new();
    for entry in listed {
        match known.get(&entry.id).filter(|known| known.is_current(&entry)) {
            Some(known) => drop(upcoming.insert(entry.id, Arc::clone(known))),
            None => unknown.push(entry),
        }
    }
    for part in unknown.chunks(LOAD_BATCH) {
        for schedule in load(deps, part).await? {
            upcoming.insert(schedule.id(), Arc::new(schedule));
        }
    }
    Ok(upcoming)
}

async fn load(deps: &ScheduleDeps, part: &[UpcomingSchedule]) -> Result<Vec<PreparedSchedule>, StoreError> {
    let ids: Vec<ScheduleId> = part.iter().map(|entry| entry.id).collect();
    let mut loaded = Vec::with_capacity(part.len());
    for schedule in deps.store.load_schedules(&ids).await? {
        let version = schedule.upcoming.version;
        match deps.store.load_definition(schedule.workflow_id, version).await {
            Ok(definition) => loaded.push((schedule, definition)),
            Err(StoreError::Rejected(why)) => {
                tracing::error!(schedule = %schedule.upcoming.id, %why, "a schedule cannot be fired");
            }
            Err(error) => return Err(error),
        }
    }
    let server_timezone = deps.settings.timezone;
    let prepare = move || {
        loaded
            .into_iter()
            .map(|(schedule, definition): (LoadedSchedule, _)| {
                PreparedSchedule::new(schedule, &definition, server_timezone)
            })
            .collect()
    };
    tokio::task::spawn_blocking(prepare)
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_has_one_master_and_the_others_help_out() {
        let masters = [Incarnation(3), Incarnation(5), Incarnation(9)];
        for schedule in 1..20 {
            let times: Vec<i64> = masters
                .iter()
                .map(|master| {
                    let share = MasterShare::new(*master, &masters);
                    share.fires_at(ScheduleId(schedule), Timestamp(50)).0
                })
                .collect();
            assert_eq!(times.iter().filter(|at| **at == 50).count(), 1, "{times:?}");
            assert_eq!(times.iter().filter(|at| **at == 50 + HELP_AFTER_MS).count(), 2);
        }
    }

    #[test]
    fn a_master_that_sees_no_member_fires_everything() {
        let share = MasterShare::new(Incarnation(3), &[]);
        assert_eq!(share.fires_at(ScheduleId(8), Timestamp(50)), Timestamp(50));
    }
}
