//! I12: a result that was acknowledged to a worker is the result of its attempt. The workers' journals, which are
//! files that outlive them, are held against the rows.

use std::collections::BTreeMap;
use std::path::Path;

use engine::attempt::{AttemptEnd, AttemptResult, FailureKind};
use engine::ids::{DispatchId, Generation};
use ports::journal::{JournalRecord, decode_lines};
use store::Store;

use super::rows;
use crate::fixture::lines_of;

/// What is stored of an attempt that was bound to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredAttempt {
    state: String,
    exit_code: String,
    /// Why it was killed, if it was; else empty.
    kill_cause: String,
    /// The incarnation of its worker was declared dead: later reports come too late.
    worker_died: bool,
}

/// Reads every attempt that was bound, by its uid.
pub(super) async fn stored(store: &Store) -> BTreeMap<String, StoredAttempt> {
    let sql = "SELECT a.dispatch_id, a.state, coalesce(a.exit_code::text, ''), coalesce(a.kill_cause, ''), \
               (coalesce(m.state, '') = 'dead')::text FROM attempt a LEFT JOIN member m ON m.incarnation = a.worker \
               WHERE a.dispatch_id IS NOT NULL";
    let attempts = rows(store, sql).await.into_iter().map(|row| {
        let [uid, state, exit_code, kill_cause, died] = row.try_into().expect("five columns");
        let stored = StoredAttempt {
            state,
            exit_code,
            kill_cause,
            worker_died: died == "true",
        };
        (uid, stored)
    });
    attempts.collect()
}

/// Reads the journal of one worker since its last start.
pub(super) fn journal(data: &Path) -> Vec<JournalRecord> {
    let lines = lines_of(&data.join("worker-journal.jsonl"));
    decode_lines(lines.join("\n").as_bytes())
}

/// Returns the ends in a journal that an owner has acknowledged.
pub(super) fn acknowledged(journal: &[JournalRecord]) -> BTreeMap<DispatchId, AttemptEnd> {
    let mut ends = BTreeMap::new();
    let mut acknowledged = BTreeMap::new();
    for line in journal {
        match line {
            JournalRecord::Ended { uid, end } => drop(ends.insert(*uid, end.clone())),
            JournalRecord::Forgotten { uid } => {
                let known = ends.remove(uid);
                acknowledged.extend(known.map(|ended| (*uid, ended)));
            }
            JournalRecord::Incarnation { .. }
            | JournalRecord::Accepted { .. }
            | JournalRecord::Started { .. } => {}
        }
    }
    acknowledged
}

/// Reads the generation of the database.
pub(super) async fn generation(store: &Store) -> Generation {
    let rows = rows(store, "SELECT generation::text FROM cluster_meta").await;
    Generation(rows[0][0].parse().expect("a number"))
}

/// Lists acknowledged ends that are not what is stored. What an earlier generation acknowledged, the database may
/// have forgotten.
pub(super) fn unlike(
    acknowledged: &BTreeMap<DispatchId, AttemptEnd>,
    stored: &BTreeMap<String, StoredAttempt>,
    now: Generation,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (uid, ended) in acknowledged {
        let Some(row) = stored.get(&uid.to_string()) else {
            if uid.generation < now {
                continue;
            }
            wrong.push(format!(
                "{uid} ended and was acknowledged, and there is no such attempt"
            ));
            continue;
        };
        let too_late = row.state == "lost" && row.worker_died;
        if !too_late && (row.state != state_of(ended.result, row) || row.exit_code != exit_code(ended)) {
            wrong.push(format!(
                "{uid} was acknowledged as {:?} {:?}, and is stored as {row:?}",
                ended.result, ended.exit_code
            ));
        }
    }
    wrong
}

fn state_of(result: AttemptResult, row: &StoredAttempt) -> &'static str {
    match result {
        AttemptResult::Succeeded => "succeeded",
        AttemptResult::Failed | AttemptResult::TimedOut => "failed",
        AttemptResult::Killed if row.kill_cause == "timeout" => "failed",
        AttemptResult::Killed => "killed",
    }
}

fn exit_code(ended: &AttemptEnd) -> String {
    ended.exit_code.map_or_else(String::new, |code| code.to_string())
}

#[cfg(test)]
mod tests {
    use engine::ids::{Incarnation, Timestamp};

    use super::*;

    const UID: &str = "1-7-0-1-0";

    fn ended(result: AttemptResult, exit_code: Option<i32>) -> JournalRecord {
        let ended = AttemptEnd {
            result,
            exit_code,
            error: None,
            failure: FailureKind::Transient,
            outputs: BTreeMap::new(),
            pid: Some(17),
            started_at: Some(Timestamp(1)),
            log_bytes: None,
            ended_at: Timestamp(2),
        };
        JournalRecord::Ended {
            uid: uid(),
            end: ended,
        }
    }

    fn uid() -> DispatchId {
        UID.parse().expect("a uid")
    }

    fn found(
        journal: &[JournalRecord],
        state: &str,
        exit_code: &str,
        kill_cause: &str,
        worker_died: bool,
    ) -> usize {
        let row = StoredAttempt {
            state: state.to_owned(),
            exit_code: exit_code.to_owned(),
            kill_cause: kill_cause.to_owned(),
            worker_died,
        };
        unlike(
            &acknowledged(journal),
            &[(UID.to_owned(), row)].into(),
            Generation(1),
        )
        .len()
    }

    /// A checker that finds nothing in a broken cluster would prove nothing.
    #[test]
    fn an_acknowledged_result_that_is_stored_otherwise_is_found() {
        let start = JournalRecord::Incarnation {
            worker: Incarnation(3),
            boot_id: "b".to_owned(),
        };
        let forgotten = JournalRecord::Forgotten { uid: uid() };
        let done = |result, code| vec![start.clone(), ended(result, code), forgotten.clone()];
        let succeeded = done(AttemptResult::Succeeded, Some(0));
        assert_eq!(found(&succeeded, "succeeded", "0", "", false), 0);
        for (state, code) in [
            ("failed", "0"),
            ("lost", "0"),
            ("running", "0"),
            ("succeeded", "1"),
        ] {
            assert_eq!(found(&succeeded, state, code, "", false), 1, "{state} {code}");
        }
        assert_eq!(found(&succeeded, "lost", "", "", true), 0, "it came too late");
        assert_eq!(found(&succeeded, "failed", "0", "", true), 1);
        let killed = done(AttemptResult::Killed, None);
        assert_eq!(found(&killed, "killed", "", "stop", false), 0);
        assert_eq!(found(&killed, "failed", "", "timeout", false), 0);
        assert_eq!(found(&killed, "failed", "", "stop", false), 1);
        assert_eq!(
            unlike(&acknowledged(&succeeded), &BTreeMap::new(), Generation(1)).len(),
            1,
            "no such attempt"
        );
        assert_eq!(
            found(&succeeded[..2], "running", "", "", false),
            0,
            "it was not acknowledged"
        );
    }
}
