//! Lines of every version are read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::attempt::{AttemptResult, FailureKind};
use engine::ids::{AttemptNumber, Epoch, Generation, InstanceId, TaskIndex};

use super::*;

fn uid(instance: i64) -> DispatchId {
    DispatchId {
        generation: Generation(1),
        instance: InstanceId(instance),
        task_index: TaskIndex(0),
        attempt: AttemptNumber(1),
        dispatch_number: 1,
    }
}

fn owner() -> Owner {
    Owner {
        incarnation: Incarnation(1),
        host: "m1:1".to_owned(),
        generation: Generation(1),
        epoch: Epoch(1),
    }
}

/// The sample of each kind of record, as version 1 writes it.
fn records() -> Vec<(&'static str, JournalRecord)> {
    let uid = uid(1);
    let worker = Incarnation(7);
    let process = ProcessId {
        pid: Some(4711),
        start_ticks: Some(123_456),
    };
    let end = AttemptEnd {
        result: AttemptResult::Failed,
        exit_code: Some(37),
        error: Some("exit code 37".to_owned()),
        failure: FailureKind::Transient,
        outputs: BTreeMap::from([("rows".to_owned(), "12".to_owned())]),
        pid: Some(4711),
        started_at: Some(Timestamp(1_000)),
        log_bytes: Some(4_096),
        ended_at: Timestamp(2_000),
    };
    let boot_id = "5b6cf4c4-4d7a-4a5c-9d0c-0f3b8a4f7a11".to_owned();
    vec![
        ("incarnation", JournalRecord::Incarnation { worker, boot_id }),
        (
            "accepted",
            JournalRecord::Accepted {
                uid,
                worker,
                owner: owner(),
            },
        ),
        (
            "started",
            JournalRecord::Started {
                uid,
                process,
                at: Timestamp(1_000),
            },
        ),
        ("ended", JournalRecord::Ended { uid, end }),
        ("forgotten", JournalRecord::Forgotten { uid }),
    ]
}

fn sample(kind: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/journal");
    std::fs::read(folder.join(format!("{kind}.json"))).unwrap()
}

#[test]
fn the_samples_of_version_1_are_read() {
    for (kind, record) in records() {
        assert_eq!(decode_lines(&sample(kind)), [record], "{kind}");
    }
}

#[test]
fn what_is_written_equals_the_samples() {
    for (kind, record) in records() {
        let written = String::from_utf8(encode_lines(&[record]).unwrap()).unwrap();
        assert_eq!(written, String::from_utf8(sample(kind)).unwrap(), "{kind}");
    }
}

#[test]
fn a_line_of_a_version_without_the_optional_fields_is_read() {
    let line = br#"{"ended":{"uid":"1-1-0-1-1","end":{"result":"succeeded","ended_at":5}}}"#;
    let end = AttemptEnd::succeeded(Timestamp(5));
    assert_eq!(decode_lines(line), [JournalRecord::Ended { uid: uid(1), end }]);
}

#[test]
fn a_truncated_line_is_left_out() {
    let all: Vec<JournalRecord> = records().into_iter().map(|(_, record)| record).collect();
    let mut bytes = encode_lines(&all).unwrap();
    bytes.truncate(bytes.len() - 5);
    assert_eq!(decode_lines(&bytes), all[..4]);
}

proptest::proptest! {
    #[test]
    fn a_damaged_journal_keeps_every_line_that_is_whole(
        damage in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        keep in 0_usize..6,
    ) {
        let whole: Vec<JournalRecord> = records().into_iter().map(|(_, record)| record).take(keep).collect();
        let mut bytes = encode_lines(&whole).unwrap();
        // A truncated or overwritten tail, as a crash or a full disk leaves it.
        bytes.extend(damage.iter().filter(|byte| **byte != b'{'));
        proptest::prop_assert_eq!(decode_lines(&bytes), whole);
    }
}
