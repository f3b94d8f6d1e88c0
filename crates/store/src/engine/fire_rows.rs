//! The rows that the fires of a batch write, beside those of their instances.

use engine::ids::InstanceId;
use engine::states::Attention;
use ports::{FireCommit, NodeIdentity, StoreError};
use sea_orm::DbBackend;
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, source};
use crate::batch_statement::BatchStatement;
use crate::engine::alerts::events::{RefusedFireRow, refused_fire_events};
use crate::schedule_fires::SkippedRow;

/// What a batch writes to a schedule.
#[derive(Serialize)]
struct ScheduleRow {
    c_id: i64,
    c_next_fire_at: Option<i64>,
    c_due_at: Option<i64>,
    c_decided_until: Option<i64>,
    c_last_fire_at: Option<i64>,
    c_last_instance: Option<i64>,
    c_attention: Option<String>,
    /// 1 when the attention is replaced, else 0.
    c_tried: i64,
}

const SCHEDULE: [Column; 8] = [
    ("c_id", "bigint"),
    ("c_next_fire_at", "bigint"),
    ("c_due_at", "bigint"),
    ("c_decided_until", "bigint"),
    ("c_last_fire_at", "bigint"),
    ("c_last_instance", "bigint"),
    ("c_attention", "text"),
    ("c_tried", "bigint"),
];

/// A fire that was started or refused.
#[derive(Serialize)]
struct StartRow<'a> {
    schedule_id: i64,
    fire_at: i64,
    first_fire_at: i64,
    outcome: &'static str,
    why: Option<&'a str>,
    late_ms: i64,
    instance: Option<i64>,
    at: i64,
}

const FIRE: [Column; 8] = [
    ("schedule_id", "bigint"),
    ("fire_at", "bigint"),
    ("first_fire_at", "bigint"),
    ("outcome", "text"),
    ("why", "text"),
    ("late_ms", "bigint"),
    ("instance", "bigint"),
    ("at", "bigint"),
];

/// The rows of a batch.
#[derive(Default)]
pub(crate) struct FireRows<'a> {
    schedules: Vec<ScheduleRow>,
    starts: Vec<StartRow<'a>>,
    skipped: Vec<SkippedRow<'a>>,
    refused: Vec<RefusedFireRow<'a>>,
}

impl<'a> FireRows<'a> {
    /// Adds a decision with the instances of its starts that were not refused.
    pub(crate) fn add(&mut self, commit: &'a FireCommit, instances: &[(InstanceId, Option<NodeIdentity>)]) {
        let schedule_id = commit.upcoming.id.0;
        let mut row = ScheduleRow {
            c_id: schedule_id,
            c_next_fire_at: commit.next_fire_at.map(|at| at.0),
            c_due_at: commit.due_at.map(|at| at.0),
            c_decided_until: commit.skipped.as_ref().map(|(run, _)| run.last.0),
            c_last_fire_at: None,
            c_last_instance: None,
            c_attention: None,
            c_tried: i64::from(!commit.starts.is_empty()),
        };
        if let Some((run, why)) = &commit.skipped {
            self.skipped
                .push(SkippedRow::new(schedule_id, *run, why, commit.at));
        }
        let mut instances = instances.iter().map(|(id, _)| id.0);
        for start in &commit.starts {
            let fire_at = start.fire_at.0;
            row.c_decided_until = Some(fire_at);
            let instance = match &start.instance {
                Ok(_) => instances.next(),
                Err(_) => None,
            };
            if instance.is_some() {
                (row.c_last_fire_at, row.c_last_instance) = (Some(fire_at), instance);
            }
            let refusal = start.instance.as_ref().err();
            self.refused.extend(refusal.map(|refusal| RefusedFireRow {
                c_schedule: schedule_id,
                c_fire_at: fire_at,
                c_at: commit.at.0,
                c_reason: &refusal.detail,
            }));
            row.c_attention = refusal.and_then(|refusal| {
                let attention = Attention {
                    code: refusal.code.clone(),
                    detail: refusal.detail.clone(),
                };
                serde_json::to_string(&attention).ok()
            });
            self.starts.push(StartRow {
                schedule_id,
                fire_at,
                first_fire_at: fire_at,
                outcome: if refusal.is_some() { "refused" } else { "started" },
                why: refusal.map(|refusal| refusal.detail.as_str()),
                late_ms: start.late_ms,
                instance,
                at: commit.at.0,
            });
        }
        self.schedules.push(row);
    }

    /// Returns the fires that are not started.
    pub(crate) fn skipped(&self) -> Vec<SkippedRow<'a>> {
        self.skipped.clone()
    }

    /// Returns the statements that write the other rows.
    pub(crate) fn statements(&self, backend: DbBackend) -> Result<Vec<BatchStatement>, StoreError> {
        let update = || {
            format!(
                "UPDATE schedule SET revision = revision + 1, next_fire_at = c_next_fire_at, due_at = c_due_at, \
                 decided_until = coalesce(c_decided_until, decided_until), \
                 last_fire_at = coalesce(c_last_fire_at, last_fire_at), \
                 last_instance = coalesce(c_last_instance, last_instance), \
                 attention = CASE WHEN c_tried = 1 THEN c_attention ELSE attention END \
                 FROM {} WHERE schedule.id = c_id",
                source(backend, &SCHEDULE)
            )
        };
        let statements = [
            BatchStatement::over_rows(&self.schedules, update)?,
            BatchStatement::over_rows(&self.starts, || insert(backend, "schedule_fire", &FIRE, ALL))?,
            refused_fire_events(backend, &self.refused)?,
        ];
        Ok(statements.into_iter().flatten().collect())
    }
}
