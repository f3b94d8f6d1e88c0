//! What keeps a whole instance waiting.

use super::cause::{Cause, CauseKind, Link};
use super::situation::Situation;
use super::surroundings::OwnerSituation;
use crate::ids::TaskIndex;
use crate::states::{InstanceState, MemberState};
use crate::task::Task;

/// Attempts that are named one by one.
const NAMED_ATTEMPTS: usize = 20;

impl Situation<'_> {
    /// Returns what the instance waits for, apart from its waiting tasks.
    pub(super) fn instance_causes(&self) -> Vec<Cause> {
        let mut causes = self.obstacles();
        if self.instance.record().state == InstanceState::Pausing {
            causes.extend(self.running_cause());
        }
        causes
    }

    /// Returns what keeps every task of the instance from starting.
    pub(super) fn obstacles(&self) -> Vec<Cause> {
        let record = self.instance.record();
        let mut causes = Vec::new();
        if let Some(attention) = &record.attention {
            let detail = format!(
                "the instance needs a person ({}): {}",
                attention.code, attention.detail
            );
            causes.push(self.recorded_cause(CauseKind::Attention, detail));
        } else {
            causes.extend(self.owner_cause());
        }
        match record.state {
            InstanceState::Queued => causes.extend(self.place_causes()),
            InstanceState::Paused => {
                let detail = "the instance is paused until it is resumed".to_owned();
                causes.push(self.entered_cause(CauseKind::Paused, detail));
            }
            InstanceState::Pausing => {
                let detail = "the instance is being paused; nothing starts until it is resumed".to_owned();
                causes.push(self.entered_cause(CauseKind::Paused, detail));
            }
            InstanceState::Running
            | InstanceState::Stopping
            | InstanceState::Stopped
            | InstanceState::Failed
            | InstanceState::Succeeded => {}
        }
        causes
    }

    /// Returns that no living master owns the instance although it needs one.
    fn owner_cause(&self) -> Option<Cause> {
        if self.instance.record().is_idle() {
            return None;
        }
        let detail = match &self.surroundings.owner {
            OwnerSituation::Living => return None,
            OwnerSituation::Missing => "no master has claimed the instance yet".to_owned(),
            OwnerSituation::Ended {
                name,
                incarnation,
                state,
            } => {
                let ended = if *state == MemberState::Dead {
                    "was declared dead"
                } else {
                    "has left"
                };
                format!(
                    "its owner {name}/{incarnation} {ended}; the next one has not claimed the instance yet"
                )
            }
        };
        Some(Cause {
            link: Some(Link::Ownership(self.instance.rows.id)),
            ..self.recorded_cause(CauseKind::Owner, detail)
        })
    }

    /// Returns the attempts whose end a pause waits for.
    fn running_cause(&self) -> Option<Cause> {
        let open: Vec<TaskIndex> = self
            .instance
            .counters
            .active
            .iter()
            .copied()
            .filter(|task_index| {
                self.instance
                    .task(*task_index)
                    .and_then(Task::open_attempt)
                    .is_some()
            })
            .collect();
        let first = *open.first()?;
        let names = open.iter().take(NAMED_ATTEMPTS);
        let names: Vec<String> = names
            .map(|task_index| format!("`{}`", self.task_name(*task_index)))
            .collect();
        let more = match open.len() - names.len() {
            0 => String::new(),
            further => format!(" and {further} more"),
        };
        let detail = format!("attempts that run may end: {}{more}", names.join(", "));
        Some(Cause {
            link: Some(self.link_to_task(first)),
            ..self.entered_cause(CauseKind::Paused, detail)
        })
    }

    pub(super) fn entered_cause(&self, kind: CauseKind, detail: String) -> Cause {
        Cause {
            kind,
            detail,
            since: self.surroundings.instance_times.entered_at,
            until: None,
            link: None,
        }
    }

    fn recorded_cause(&self, kind: CauseKind, detail: String) -> Cause {
        Cause {
            since: self.surroundings.instance_times.recorded_at,
            ..self.entered_cause(kind, detail)
        }
    }
}
