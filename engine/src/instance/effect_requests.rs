//! The requests of one batch to the outside.

use std::collections::BTreeSet;

use super::effect::Effect;
use super::pending_effects::{for_task, wake_up};
use super::record::InstanceRecord;
use super::row_overlay::RowOverlay;
use super::state::Instance;
use crate::ids::TaskIndex;
use crate::states::InstanceState;
use crate::task::{Task, Wait};

/// Collects requests; those that the state at the end of the batch does not need are left out.
#[derive(Default)]
pub(super) struct EffectRequests {
    slots: BTreeSet<TaskIndex>,
    cancelled_slots: BTreeSet<TaskIndex>,
    inline: BTreeSet<TaskIndex>,
    kills: BTreeSet<TaskIndex>,
    watches: BTreeSet<TaskIndex>,
    /// Effects that depend on no state.
    emitted: Vec<Effect>,
    /// The next due time is requested even if it is the same as before.
    wakes: bool,
    /// Everything pending is requested, because nothing of it was before.
    requests_all: bool,
}

impl EffectRequests {
    /// Requests a slot for a task.
    pub(super) fn request_slot(&mut self, task_index: TaskIndex) {
        self.slots.insert(task_index);
    }

    /// Gives up a slot of a task, or its slot request.
    pub(super) fn cancel_slot(&mut self, task_index: TaskIndex) {
        self.cancelled_slots.insert(task_index);
    }

    /// Requests the completion of an inline attempt.
    pub(super) fn complete_inline(&mut self, task_index: TaskIndex) {
        self.inline.insert(task_index);
    }

    /// Requests the kill of a task's attempt.
    pub(super) fn kill(&mut self, task_index: TaskIndex) {
        self.kills.insert(task_index);
    }

    /// Requests a look at what a task waits for in the owner.
    pub(super) fn watch(&mut self, task_index: TaskIndex) {
        self.watches.insert(task_index);
    }

    /// Emits a warning.
    pub(super) fn warn(&mut self, task_index: Option<TaskIndex>, text: String) {
        self.emitted.push(Effect::Warn { task_index, text });
    }

    /// Emits why an event changed nothing.
    pub(super) fn ignore(&mut self, reason: String) {
        self.emitted.push(Effect::Ignore { reason });
    }

    /// Requests the next due time, even if it is the same as before.
    pub(super) fn wake(&mut self) {
        self.wakes = true;
    }

    /// Requests everything pending.
    pub(super) fn request_all(&mut self) {
        self.requests_all = true;
    }

    /// Lists the tasks that requested a slot in this batch.
    pub(super) fn slots(&self) -> impl Iterator<Item = TaskIndex> + '_ {
        self.slots.iter().copied()
    }

    /// Returns the effects: what the state after the batch needs and the state before did not.
    pub(super) fn into_effects(
        mut self,
        rows: &RowOverlay<'_>,
        record: &InstanceRecord,
        stored: &Instance,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if record.is_idle() {
            self.emitted.push(Effect::Release);
        } else {
            self.add_pending(&mut effects, rows, record.state);
            let next = wake_up(record, rows.next_due());
            let stored_due = stored.counters.due.first().map(|(due, _)| *due);
            if self.wakes || self.requests_all || next != wake_up(stored.record(), stored_due) {
                effects.extend(next);
            }
        }
        effects.extend(self.useless_slots(rows));
        effects.append(&mut self.emitted);
        effects
    }

    fn add_pending(&self, effects: &mut Vec<Effect>, rows: &RowOverlay<'_>, state: InstanceState) {
        let requesting: Vec<TaskIndex> = if self.requests_all {
            rows.active().into_iter().collect()
        } else {
            let requested = [&self.slots, &self.inline, &self.kills, &self.watches];
            let bound = rows.touched().keys().filter(|o| is_newly_bound(rows, **o));
            requested.into_iter().flatten().chain(bound).copied().collect()
        };
        // A later event of the batch may have suspended what an earlier one requested.
        let needed = requesting.into_iter().filter_map(|task_index| {
            let row = rows.get(task_index).filter(|row| row.state.is_active())?;
            for_task(rows.plan(), state, task_index, row)
        });
        effects.extend(needed);
        effects.sort();
        effects.dedup();
    }

    /// Lists tasks that requested a slot, in this batch or before, and need none now.
    fn useless_slots(&self, rows: &RowOverlay<'_>) -> Vec<Effect> {
        let is_waiting = |row: Option<&Task>| row.and_then(Task::wait) == Some(Wait::Slot);
        let needs_slot = |row: &Task| {
            let attempt = row.attempt.as_ref();
            is_waiting(Some(row)) || attempt.is_some_and(|attempt| attempt.is_dispatched())
        };
        let waited = rows.touched().keys().filter(|o| is_waiting(rows.stored(**o)));
        let left = waited
            .chain(&self.slots)
            .filter(|o| !rows.get(**o).is_some_and(needs_slot));
        // A slot granted before its task was waiting is given back; a request of the same batch must stay then.
        let requested = |o: &&TaskIndex| is_waiting(rows.get(**o)) && self.slots.contains(o);
        let cancelled = self.cancelled_slots.iter().filter(|o| !requested(o));
        let all: BTreeSet<TaskIndex> = left.chain(cancelled).copied().collect();
        all.into_iter()
            .map(|task_index| Effect::CancelSlot { task_index })
            .collect()
    }
}

fn is_newly_bound(rows: &RowOverlay<'_>, task_index: TaskIndex) -> bool {
    let uid = |row: Option<&Task>| row?.attempt.as_ref()?.uid;
    let now = uid(rows.get(task_index));
    now.is_some() && now != uid(rows.stored(task_index))
}
