//! Times that have passed: instances that are late, and fires that started nothing in time.
//!
//! A look considers the due times since the last one, so that each is considered once, also those of a time when no node
//! was alive. What was stored only now, for an earlier time, is considered too: a fire that was missed, or an instance that
//! is created late. An alert is unique by its subject and rule, so that looks may overlap.

use engine::alert::{AlertEvent, AlertRule, EventSet, LateLimit, late_at};
use engine::ids::{InstanceId, Timestamp};
use engine::start::Start;
use engine::states::InstanceState;
use ports::StoreError;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::occurrence::{EventCause, Occurrence};
use super::rules::{COUNTS_FOR_INSTANCE, COUNTS_FOR_SCHEDULE};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Time by which looks overlap, for commits that were decided before a look and stored after it.
const OVERLAP_MS: i64 = 30_000;

/// The longest time for which a look goes back: the longest lateness, and a day for a time of the day.
const MAX_LOOK_BACK_MS: i64 = 8 * 24 * 60 * 60 * 1000;

/// Local times of the day lie on this grid in every zone, seen from the zone of the server.
const ZONE_GRID_MS: i64 = 15 * 60 * 1000;

/// The longest time from a planned time to the first of a time of the day, with a change of the clocks.
const BY_WINDOW_MS: i64 = 26 * 60 * 60 * 1000;

/// Returns what became due in a span of time.
pub(super) async fn due_occurrences(
    store: &Store,
    transaction: &Transaction,
    (checked_until, at): (Timestamp, Timestamp),
) -> Result<Vec<Occurrence>, StoreError> {
    let sql = "SELECT min(valid_from) FROM alert_rule WHERE timed AND valid_until IS NULL";
    let first = query(store, transaction, sql, []).await?;
    let first: Option<i64> = match first.first() {
        Some(row) => RowReader::new(row).next_value()?,
        None => None,
    };
    let Some(first) = first else { return Ok(Vec::new()) };
    let earliest = at.plus(-MAX_LOOK_BACK_MS).0.max(first);
    let span = LookSpan {
        from: Timestamp(checked_until.0.max(earliest - 1)),
        until: at,
    };
    let mut occurrences = late_after(store, transaction, span).await?;
    occurrences.extend(late_by(store, transaction, span).await?);
    occurrences.extend(not_started(store, transaction, span).await?);
    Ok(occurrences)
}

/// The span of due times of a look; the beginning is not in it.
#[derive(Debug, Clone, Copy)]
struct LookSpan {
    from: Timestamp,
    until: Timestamp,
}

impl LookSpan {
    /// Since when rows that were stored are considered again.
    fn stored_since(self) -> i64 {
        self.from.0 - OVERLAP_MS
    }

    /// Whether a time of the day may come in the span, in any zone.
    fn holds_time_of_day(self, minutes: u32) -> bool {
        let offset = i64::from(minutes) * 60_000 % ZONE_GRID_MS;
        let next = |at: i64| (at - offset).div_euclid(ZONE_GRID_MS);
        next(self.until.0) > next(self.from.0)
    }
}

/// Selects instances that may be late by a rule, with what decides it.
fn late_candidates(condition: &str) -> String {
    format!(
        "SELECT r.id, r.rule, r.valid_from, r.source, i.id, i.run, i.scheduled_at, i.start, i.created_at, \
         (SELECT min(t.at) FROM transition t WHERE t.instance = i.id AND t.task_index IS NULL \
         AND t.to_state = '{}') FROM alert_rule r JOIN instance i ON {condition} \
         WHERE r.timed AND r.valid_until IS NULL AND i.trigger_type <> 'backfill' AND {COUNTS_FOR_INSTANCE}",
        InstanceState::Succeeded
    )
}

async fn late_after(
    store: &Store,
    transaction: &Transaction,
    span: LookSpan,
) -> Result<Vec<Occurrence>, StoreError> {
    let is_due = "i.scheduled_at > $1 - r.late_after_ms AND i.scheduled_at <= $2 - r.late_after_ms";
    let is_stored = "i.created_at > $3 AND i.scheduled_at <= $2 - r.late_after_ms";
    let sql = format!(
        "{} UNION {}",
        late_candidates(&format!("r.late_after_ms IS NOT NULL AND {is_due}")),
        late_candidates(&format!("r.late_after_ms IS NOT NULL AND {is_stored}")),
    );
    let values = [
        span.from.0.into(),
        span.until.0.into(),
        span.stored_since().into(),
    ];
    let rows = query(store, transaction, &sql, values).await?;
    late_occurrences(&rows, span)
}

async fn late_by(
    store: &Store,
    transaction: &Transaction,
    span: LookSpan,
) -> Result<Vec<Occurrence>, StoreError> {
    let event = AlertEvent::Late;
    let sql =
        "SELECT DISTINCT rule FROM alert_rule WHERE timed AND valid_until IS NULL AND late_after_ms IS NULL";
    let rules = query(store, transaction, sql, []).await?;
    let mut may_come = false;
    let mut is_named = false;
    for row in &rules {
        let rule: AlertRule = RowReader::new(row).next_json()?;
        if let Some(LateLimit::By(minutes)) = rule.late.filter(|_| rule.on.contains(event)) {
            is_named = true;
            may_come |= span.holds_time_of_day(minutes);
        }
    }
    if !is_named {
        return Ok(Vec::new());
    }
    let is_by = "r.late_after_ms IS NULL AND (r.events & $4) <> 0";
    let is_due = "i.scheduled_at > $1 AND i.scheduled_at <= $2";
    // The first parameter is always named, as PostgreSQL wants; it is before the third.
    let is_stored = "i.created_at > $3 AND i.created_at > $1 AND i.scheduled_at <= $2";
    let stored = late_candidates(&format!("{is_by} AND {is_stored}"));
    let sql = if may_come {
        format!(
            "{} UNION {stored}",
            late_candidates(&format!("{is_by} AND {is_due}"))
        )
    } else {
        stored
    };
    let values = [
        span.from.plus(-BY_WINDOW_MS).0.into(),
        span.until.0.into(),
        span.stored_since().into(),
        EventSet::NONE.with(event).bits().into(),
    ];
    let rows = query(store, transaction, &sql, values).await?;
    late_occurrences(&rows, span)
}

/// Keeps the instances that became late in the span, or that were stored in it and are late.
fn late_occurrences(rows: &[QueryResult], span: LookSpan) -> Result<Vec<Occurrence>, StoreError> {
    let mut occurrences = Vec::new();
    for row in rows {
        let mut columns = RowReader::new(row);
        let rule_id: i64 = columns.next_value()?;
        let rule: AlertRule = columns.next_json()?;
        let valid_from: i64 = columns.next_value()?;
        let source: String = columns.next_value()?;
        let (id, run): (i64, u32) = (columns.next_value()?, columns.next_u32()?);
        let scheduled_at = Timestamp(columns.next_value()?);
        let start: Start = columns.next_json()?;
        let created_at: i64 = columns.next_value()?;
        let succeeded_at: Option<i64> = columns.next_value()?;
        let due = rule
            .late
            .and_then(|limit| late_at(limit, scheduled_at, start.timezone));
        let Some(due) = due else { continue };
        let at = Timestamp(due.0.max(created_at));
        let is_in_time = succeeded_at.is_some_and(|succeeded| succeeded <= due.0);
        // Rules of documents and starts are older than their instances.
        let is_valid = valid_from <= at.0 || ["document", "start"].contains(&source.as_str());
        let is_in_span = at > span.from || created_at > span.stored_since();
        if due <= span.until && !is_in_time && is_valid && is_in_span {
            occurrences.push(Occurrence {
                event: AlertEvent::Late,
                at,
                cause: EventCause::Instance {
                    id: InstanceId(id),
                    run,
                    task_index: None,
                    attempt: None,
                },
                rule: Some(rule_id),
                reason: None,
            });
        }
    }
    Ok(occurrences)
}

async fn not_started(
    store: &Store,
    transaction: &Transaction,
    span: LookSpan,
) -> Result<Vec<Occurrence>, StoreError> {
    let scope = format!(
        "r.timed AND r.valid_until IS NULL AND r.within_ms IS NOT NULL AND w.deleted_at IS NULL AND {COUNTS_FOR_SCHEDULE}"
    );
    // Decided fires whose time came in the span, or that were recorded in it for an earlier time. What a user dropped,
    // by a pause or a change, is not missed.
    let decided = format!(
        "SELECT r.id, r.valid_from, r.within_ms, s.id, f.fire_at, f.at, f.outcome, f.why FROM alert_rule r \
         JOIN schedule_fire f ON (f.fire_at > $1 - r.within_ms AND f.fire_at <= $2 - r.within_ms) \
         OR (f.at > $3 AND f.fire_at <= $2 - r.within_ms) \
         JOIN schedule s ON s.id = f.schedule_id JOIN workflow w ON w.id = s.workflow_id \
         LEFT JOIN instance i ON i.id = f.instance \
         WHERE {scope} AND (f.outcome <> 'skipped' OR f.why LIKE 'missed:%') AND (f.instance IS NULL OR i.id IS NOT NULL) \
         AND (i.started_at IS NULL OR i.started_at > f.fire_at + r.within_ms)"
    );
    let undecided = format!(
        "SELECT r.id, r.valid_from, r.within_ms, s.id, s.next_fire_at, s.next_fire_at, 'undecided', \
         'no master has decided it' FROM alert_rule r JOIN schedule s ON s.next_fire_at > $1 - r.within_ms \
         AND s.next_fire_at <= $2 - r.within_ms JOIN workflow w ON w.id = s.workflow_id \
         WHERE {scope} AND s.enabled AND w.enabled"
    );
    let sql = format!("{decided} UNION {undecided}");
    let values = [
        span.from.0.into(),
        span.until.0.into(),
        span.stored_since().into(),
    ];
    let rows = query(store, transaction, &sql, values).await?;
    let mut occurrences = Vec::new();
    for row in &rows {
        let mut columns = RowReader::new(row);
        let rule_id: i64 = columns.next_value()?;
        let (valid_from, within_ms): (i64, i64) = (columns.next_value()?, columns.next_value()?);
        let schedule: i64 = columns.next_value()?;
        let (fire_at, recorded_at): (i64, i64) = (columns.next_value()?, columns.next_value()?);
        let outcome: String = columns.next_value()?;
        let why: Option<String> = columns.next_value()?;
        let due = Timestamp(fire_at).plus(within_ms);
        let at = Timestamp(due.0.max(recorded_at).min(span.until.0));
        if valid_from <= at.0 {
            occurrences.push(Occurrence {
                event: AlertEvent::NotStarted,
                at,
                cause: EventCause::Fire {
                    schedule,
                    fire_at: Timestamp(fire_at),
                },
                rule: Some(rule_id),
                reason: Some(why.unwrap_or_else(|| format!("the fire is {outcome}, and nothing runs"))),
            });
        }
    }
    Ok(occurrences)
}

async fn query<const N: usize>(
    store: &Store,
    transaction: &Transaction,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<QueryResult>, StoreError> {
    transaction
        .query_all_raw(store.statement(sql, values))
        .await
        .map_err(store_error)
}
