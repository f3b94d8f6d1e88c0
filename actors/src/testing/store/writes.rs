//! How the fake creates, commits and loads.

use std::collections::BTreeMap;

use engine::ids::{Epoch, Generation, Incarnation, InstanceId, Revision, Run, TaskIndex};
use engine::instance::{InstanceRecord, InstanceRows, Transition};
use engine::start::Start;
use engine::states::{InstanceState, OwnershipReason};
use engine::task::{Attempt, Task};

use super::{OwnerEntry, State, StoredInstance, is_open};
use ports::{
    InstanceCommit, LoadedInstance, NewInstance, NodeIdentity, Ownership, StartAdmission, Write, WriteOutcome,
};

impl State {
    pub(super) fn write(&mut self, entry: &Write) -> WriteOutcome {
        match entry {
            Write::Create(new) => self.create(new),
            Write::Commit(commit) => self.commit(commit),
        }
    }

    fn create(&mut self, new: &NewInstance) -> WriteOutcome {
        let known = new.request_key.as_ref().and_then(|key| {
            let (body, id) = self.keys.get(&key.key)?;
            Some((*body == key.body_hash, *id))
        });
        match known {
            Some((true, id)) => return WriteOutcome::Known { id },
            Some((false, _)) => return WriteOutcome::KeyReused,
            None => {}
        }
        self.last_instance += 1;
        let id = InstanceId(self.last_instance);
        if let Some(key) = &new.request_key {
            self.keys.insert(key.key.clone(), (key.body_hash.clone(), id));
        }
        let owner = new.owner.as_ref().filter(|me| self.is_active(me.incarnation));
        let first_owner = owner.cloned();
        let epoch = Epoch(i64::from(owner.is_some()));
        let row = StoredInstance {
            record: created_record(owner),
            owner: owner.map(|me| (me.incarnation, me.host.clone())),
            epoch,
            revision: Revision(0),
            claims: 0,
            tasks: taken_over(new),
            attempts: BTreeMap::new(),
            history: vec![(new.at, creation(new))],
            owner_log: owner
                .map(|me| OwnerEntry {
                    epoch,
                    owner: me.incarnation,
                    from_host: None,
                    reason: OwnershipReason::Start,
                })
                .into_iter()
                .collect(),
            new: new.clone(),
        };
        self.instances.insert(id, row);
        WriteOutcome::Created {
            id,
            owner: first_owner,
            admission: StartAdmission::Unlimited,
        }
    }

    fn commit(&mut self, commit: &InstanceCommit) -> WriteOutcome {
        let Some(row) = self.instances.get(&commit.id) else {
            return WriteOutcome::Stale;
        };
        let is_owner = row
            .owner
            .as_ref()
            .is_some_and(|(owner, _)| *owner == commit.owner);
        if !is_owner || row.epoch != commit.epoch || row.revision != commit.revision {
            return WriteOutcome::Stale;
        }
        let mut row = row.clone();
        row.take(commit);
        if let Some(why) = self.objection(commit.id, &row) {
            return WriteOutcome::Rejected(why);
        }
        self.instances.insert(commit.id, row);
        for decided in &commit.changes.decisions {
            let of = |operation| decided.operation == operation;
            for inbox in self.inbox.iter_mut().filter(|row| of(row.command.operation)) {
                inbox.outcome = decided.status;
                inbox.detail.clone_from(&decided.detail);
            }
        }
        WriteOutcome::Stored
    }

    /// What the unique keys of a database would refuse.
    fn objection(&self, id: InstanceId, row: &StoredInstance) -> Option<String> {
        let open: Vec<_> = row
            .attempts
            .iter()
            .filter(|(_, attempt)| is_open(attempt))
            .map(|((task_index, _), _)| *task_index)
            .collect();
        if open.windows(2).any(|pair| pair[0] == pair[1]) {
            return Some("a task has one open attempt at most".to_owned());
        }
        let mine = |uid| row.attempts.values().any(|attempt| attempt.uid == Some(uid));
        let others = self.instances.iter().filter(|(other, _)| **other != id);
        others
            .flat_map(|(_, other)| other.attempts.values())
            .filter_map(|attempt| attempt.uid)
            .find(|uid| mine(*uid))
            .map(|uid| format!("the uid {uid} is taken"))
    }

    pub(super) fn load(&self, owned: Ownership, me: Incarnation) -> Option<LoadedInstance> {
        let Ownership { id, epoch } = owned;
        let row = self.instances.get(&id)?;
        let is_owner = row.owner.as_ref().is_some_and(|(owner, _)| *owner == me);
        if !is_owner || row.epoch != epoch {
            return None;
        }
        let is_latest = |attempt: &Attempt, highest: u32| attempt.number.0 == highest;
        let duplicates = row.attempts.iter().filter(|((task_index, _), attempt)| {
            let highest = row.tasks.get(task_index).map_or(0, |task| task.attempts);
            is_open(attempt) && !is_latest(attempt, highest)
        });
        Some(LoadedInstance {
            rows: InstanceRows {
                id,
                generation: Generation(1),
                epoch,
                revision: row.revision,
                created_at: row.new.at,
                record: row.record.clone(),
                tasks: row
                    .tasks
                    .iter()
                    .map(|(&index, task)| (index, Box::new(task.clone())))
                    .collect(),
            },
            project: row.new.project.clone(),
            workflow: row.new.workflow.clone(),
            trigger: row.new.trigger.trigger_type(),
            backfill: row.new.trigger.backfill(),
            parent: row.new.trigger.parent().map(|parent| parent.instance),
            requested_by: row.new.requested_by.clone(),
            gated: false,
            workflow_id: row.new.workflow_id,
            version: row.new.version,
            project_params: row.new.project_params.clone(),
            start: row.new.start.clone(),
            duplicate_open_attempts: duplicates
                .map(|((o, _), attempt)| (*o, attempt.clone()))
                .collect(),
            commands: self.unapplied(id).cloned().collect(),
            results: self.relayed_results(id),
        })
    }
}

impl StoredInstance {
    /// Folds a round into the rows, in the order in which the databases do.
    fn take(&mut self, commit: &InstanceCommit) {
        let changes = &commit.changes;
        self.revision.0 += 1;
        self.claims = 0;
        if let Some(record) = &changes.record {
            self.record = record.clone();
        }
        if let Some(start) = &changes.start {
            self.new.start = Start::clone(start);
        }
        if changes.releases_owner {
            self.owner = None;
        }
        if let Some(reset) = &changes.reset {
            reset.reset_rows(
                self.tasks
                    .iter_mut()
                    .map(|(task_index, task)| (*task_index, task)),
            );
        }
        for (task_index, task) in &changes.tasks {
            if let Some(attempt) = &task.attempt {
                self.attempts
                    .insert((*task_index, attempt.number), attempt.clone());
            }
            self.tasks.insert(*task_index, task.clone());
        }
        for (task_index, attempt) in &changes.closed {
            self.attempts
                .insert((*task_index, attempt.number), attempt.clone());
        }
        let steps = changes.transitions.iter().cloned();
        self.history.extend(steps.map(|step| (commit.at, step)));
    }
}

/// The rows whose results a new instance takes over.
fn taken_over(new: &NewInstance) -> BTreeMap<TaskIndex, Task> {
    let rows = new.continued_from.iter().flat_map(|(_, rows)| rows);
    rows.map(|(task_index, row)| (*task_index, Task::clone(row)))
        .collect()
}

/// The row of a new instance; one without an owner waits for a master.
fn created_record(owner: Option<&NodeIdentity>) -> InstanceRecord {
    InstanceRecord {
        state: InstanceState::Running,
        reason: owner.is_none().then(|| "waiting for a master".to_owned()),
        attention: None,
        run: Run(1),
        run_range: None,
        due_at: None,
        queued_by: None,
        time_left_ms: None,
        timed_out: false,
        started_at: None,
        ended_at: None,
        outputs: BTreeMap::new(),
    }
}

/// The first entry of the history.
fn creation(new: &NewInstance) -> Transition {
    Transition {
        task_index: None,
        attempt: None,
        from: None,
        to: InstanceState::Running.as_str(),
        why: new.start_reason(),
    }
}
