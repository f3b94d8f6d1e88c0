//! The rules that may count for events.

use std::collections::BTreeMap;

use engine::alert::PlacedRule;
use ports::StoreError;
use sea_orm::ConnectionTrait;
use serde::Serialize;

use super::events::bits_of;
use super::occurrence::{EventCause, Occurrence};
use super::rules::{COUNTS_FOR_BACKFILL, COUNTS_FOR_INSTANCE, COUNTS_FOR_SCHEDULE};
use crate::batch_sql::{Column, json, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// The rows of the project and the workflow of a rule; 0 where it has none.
pub(super) type RuleScope = (i64, i64);

/// A candidate rule of an occurrence.
pub(super) struct CandidateRule {
    scope: RuleScope,
    placed: PlacedRule,
}

impl CandidateRule {
    /// Returns the scope of the rule, and the rule where it stands.
    pub(super) fn into_parts(self) -> (RuleScope, PlacedRule) {
        (self.scope, self.placed)
    }
}

#[derive(Serialize)]
struct OccurrenceRow {
    c_place: i64,
    c_id: i64,
    c_at: i64,
    c_bits: i64,
    c_rule: Option<i64>,
}

const OCCURRENCE: [Column; 5] = [
    ("c_place", "bigint"),
    ("c_id", "bigint"),
    ("c_at", "bigint"),
    ("c_bits", "bigint"),
    ("c_rule", "bigint"),
];

/// Reads the rules that may count for each occurrence, in the order in which they count.
pub(super) async fn read_candidates(
    store: &Store,
    transaction: &Transaction,
    occurrences: &[Occurrence],
) -> Result<BTreeMap<usize, Vec<CandidateRule>>, StoreError> {
    let mut by_kind: BTreeMap<CauseKind, Vec<OccurrenceRow>> = BTreeMap::new();
    for (place, occurrence) in (0_i64..).zip(occurrences) {
        let (kind, id) = match occurrence.cause {
            EventCause::Instance { id, .. } => (CauseKind::Instance, id.0),
            EventCause::Fire { schedule, .. } => (CauseKind::Fire, schedule),
            EventCause::Backfill(id) => (CauseKind::Backfill, id),
            EventCause::Node { incarnation, .. } => (CauseKind::Node, incarnation),
        };
        by_kind.entry(kind).or_default().push(OccurrenceRow {
            c_place: place,
            c_id: id,
            c_at: occurrence.at.0,
            c_bits: bits_of(occurrence.event),
            c_rule: occurrence.rule,
        });
    }
    let mut candidates: BTreeMap<usize, Vec<CandidateRule>> = BTreeMap::new();
    for (kind, rows) in by_kind {
        let sql = format!(
            "SELECT c_place, r.project_id, r.workflow_id, r.source, r.place, r.rule FROM {} {} \
             WHERE (r.events & c_bits) <> 0 AND (c_rule IS NULL OR r.id = c_rule) \
             AND (r.source IN ('start', 'document') OR (r.valid_from <= c_at \
             AND (r.valid_until IS NULL OR r.valid_until > c_at)))",
            source(store.backend(), &OCCURRENCE),
            kind.joined_rules(),
        );
        let found = transaction
            .query_all_raw(store.statement(&sql, [json(&rows)?.into()]))
            .await
            .map_err(store_error)?;
        for row in &found {
            let mut columns = RowReader::new(row);
            let place: i64 = columns.next_value()?;
            let candidate = read_candidate(&mut columns)?;
            let place = usize::try_from(place).unwrap_or_default();
            candidates.entry(place).or_default().push(candidate);
        }
    }
    for rules in candidates.values_mut() {
        rules.sort_by_key(|candidate| (candidate.placed.source, candidate.placed.place));
    }
    Ok(candidates)
}

/// What rules are joined by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum CauseKind {
    Instance,
    Fire,
    Backfill,
    Node,
}

impl CauseKind {
    /// Writes the joins of the rules `r` that may count for what has the id `c_id`.
    fn joined_rules(self) -> String {
        match self {
            Self::Instance => {
                format!("JOIN instance i ON i.id = c_id JOIN alert_rule r ON {COUNTS_FOR_INSTANCE}")
            }
            Self::Fire => format!(
                "JOIN schedule s ON s.id = c_id JOIN workflow w ON w.id = s.workflow_id \
                 JOIN alert_rule r ON {COUNTS_FOR_SCHEDULE}"
            ),
            Self::Backfill => format!(
                "JOIN backfill b ON b.id = c_id JOIN workflow w ON w.id = b.workflow_id \
                 JOIN alert_rule r ON {COUNTS_FOR_BACKFILL}"
            ),
            Self::Node => "JOIN alert_rule r ON r.project_id = 0 AND r.workflow_id = 0".to_owned(),
        }
    }
}

fn read_candidate(columns: &mut RowReader<'_>) -> Result<CandidateRule, StoreError> {
    Ok(CandidateRule {
        scope: (columns.next_value()?, columns.next_value()?),
        placed: PlacedRule {
            source: columns.next_parsed()?,
            place: columns.next_u32()?,
            rule: columns.next_json()?,
        },
    })
}
