//! A schedule with everything that its next fires need, so that nothing is read or parsed when their time comes.

use engine::ids::{ScheduleId, Timestamp};
use engine::schedule::{DueFire, FireTimes, Firing, FiringRules};
use engine::spec::{Definition, Diagnostic};
use engine::timezone::Tz;
use engine::trigger::Trigger;
use ports::{
    FireCommit, FireRefusal, FireStart, LoadedSchedule, NewInstance, NodeIdentity, StartOrigin,
    StartedVersion, UpcomingSchedule,
};

/// Codes of mistakes that a refused fire shows by themselves; any other is an invalid start.
const OWN_CODES: [&str; 1] = ["UNKNOWN_PARAMETER"];

/// The code of the other mistakes.
const INVALID_START: &str = "INVALID_START";

/// A schedule that is due soon.
#[derive(Debug, Clone)]
pub(crate) struct PreparedSchedule {
    upcoming: UpcomingSchedule,
    next_fire_at: Timestamp,
    name: String,
    workflow_id: i64,
    times: FireTimes,
    rules: FiringRules,
    /// The instance of any of its fires, but for the times; or why none can be started.
    template: Result<NewInstance, FireRefusal>,
}

/// When the decision is made, by whom, and its bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecisionContext<'a> {
    /// The owner of the new instances.
    pub(crate) this_node: &'a NodeIdentity,
    /// The time of the decision.
    pub(crate) now: Timestamp,
    /// Time after which a due fire counts as missed, in milliseconds.
    pub(crate) missed_after_ms: i64,
    /// The most fires that are started.
    pub(crate) limit: usize,
}

impl PreparedSchedule {
    /// Prepares the fires of a schedule for a version of its workflow.
    pub(crate) fn new(loaded: LoadedSchedule, definition: &Definition, server_timezone: Tz) -> Self {
        let times = loaded.definition.fire_times(loaded.zone, loaded.calendar.clone());
        let rules = FiringRules {
            schedule: loaded.upcoming.id.0,
            jitter_ms: loaded.definition.jitter_ms,
            missed: loaded.definition.missed,
            missed_limit: loaded.definition.missed_limit,
        };
        let started = StartedVersion {
            project_id: loaded.project.id,
            project: &loaded.project.name,
            project_params: &loaded.project.params,
            project_defaults: &loaded.project.defaults,
            workflow_id: loaded.workflow_id,
            version: loaded.upcoming.version,
            definition,
            server_timezone,
        };
        let origin = StartOrigin {
            trigger: trigger_of(&loaded.name, loaded.next_fire_at),
            requested_by: None,
            at: loaded.next_fire_at,
        };
        let choices = loaded.definition.start_choices(loaded.next_fire_at, loaded.zone);
        let template = started
            .new_instance(&choices, origin)
            .map_err(|issues| refusal_of(&issues));
        Self {
            upcoming: loaded.upcoming,
            next_fire_at: loaded.next_fire_at,
            name: loaded.name,
            workflow_id: loaded.workflow_id,
            times,
            rules,
            template,
        }
    }

    /// Returns its row.
    pub(crate) fn id(&self) -> ScheduleId {
        self.upcoming.id
    }

    /// Returns the revision of its row.
    pub(crate) fn revision(&self) -> i64 {
        self.upcoming.revision
    }

    /// Returns when its next fire has to be started.
    pub(crate) fn due_at(&self) -> Timestamp {
        self.upcoming.due_at
    }

    /// Whether it was prepared from what is stored now.
    pub(crate) fn is_current(&self, stored: &UpcomingSchedule) -> bool {
        self.upcoming == *stored
    }

    /// Decides the fires that are due.
    pub(crate) fn decide(&self, context: DecisionContext<'_>) -> FireCommit {
        let DecisionContext {
            now,
            missed_after_ms,
            limit,
            ..
        } = context;
        let firing = Firing::new(&self.times, self.rules);
        let decision = firing.decide(self.next_fire_at, now, missed_after_ms, limit);
        let why = || format!("missed: not started within {} s", missed_after_ms / 1_000);
        let starts = decision.starts.iter().map(|fire| self.start(fire, context));
        FireCommit {
            upcoming: self.upcoming,
            workflow_id: self.workflow_id,
            at: now,
            skipped: decision.skipped.map(|run| (run, why())),
            starts: starts.collect(),
            next_fire_at: decision.next.map(|next| next.fire_at),
            due_at: decision.next.map(|next| next.due_at),
        }
    }

    fn start(&self, fire: &DueFire, context: DecisionContext<'_>) -> FireStart {
        let fire_at = fire.fire_at;
        let instance = self.template.clone().map(|template| {
            let mut instance = NewInstance {
                trigger: trigger_of(&self.name, fire_at),
                owner: Some(context.this_node.clone()),
                at: context.now,
                ..template
            };
            instance.start.scheduled_at = Some(fire_at);
            instance
        });
        FireStart {
            fire_at,
            late_ms: context.now.since(fire.due_at).max(0),
            instance,
        }
    }

    /// Returns the schedule as a stored decision leaves it; `None` when it has no further fire.
    pub(crate) fn after(&self, commit: &FireCommit) -> Option<Self> {
        let upcoming = UpcomingSchedule {
            revision: self.upcoming.revision + 1,
            due_at: commit.due_at?,
            ..self.upcoming
        };
        Some(Self {
            upcoming,
            next_fire_at: commit.next_fire_at?,
            ..self.clone()
        })
    }
}

fn trigger_of(schedule: &str, fire_at: Timestamp) -> Trigger {
    Trigger::Schedule {
        schedule: schedule.to_owned(),
        fire_at,
    }
}

/// Says why a start is refused, as its caller would be answered.
fn refusal_of(issues: &[Diagnostic]) -> FireRefusal {
    let own_code = issues
        .iter()
        .map(|issue| issue.code)
        .find(|code| OWN_CODES.contains(code));
    let messages: Vec<&str> = issues.iter().map(|issue| issue.message.as_str()).collect();
    FireRefusal {
        code: own_code.unwrap_or(INVALID_START).to_owned(),
        detail: messages.join("; "),
    }
}
