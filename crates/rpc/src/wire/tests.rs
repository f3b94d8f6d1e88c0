//! What nodes of this version write and read, and what they refuse.

mod samples;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ports::rpc::calls::OnLoss;
use proptest::collection::vec;
use proptest::prelude::*;
use samples::{INBOX_WAIT, samples};
use serde_json::Value;

use super::*;

/// The place of a call in the list of all: a new call needs a number here, and with it a sample.
fn index_of(call: &Call) -> usize {
    match call {
        Call::Worker(WorkerCall::Dispatch { .. }) => 0,
        Call::Worker(WorkerCall::Kill { .. }) => 1,
        Call::Worker(WorkerCall::Reattach { .. }) => 2,
        Call::Worker(WorkerCall::PollSlots { .. }) => 3,
        Call::Worker(WorkerCall::TestConnection { .. }) => 4,
        Call::Master(MasterCall::Report { .. }) => 5,
        Call::Master(MasterCall::Relay { .. }) => 6,
        Call::Master(MasterCall::OfferSlots { .. }) => 7,
        Call::Master(MasterCall::RenewLeases { .. }) => 8,
        Call::Master(MasterCall::CheckInbox { .. }) => 9,
        Call::Master(MasterCall::Reconcile {}) => 10,
        Call::Master(MasterCall::ReachableWorkers {}) => 11,
        Call::Master(MasterCall::LookAgain { .. }) => 12,
        Call::Master(MasterCall::CheckLimits { .. }) => 13,
        Call::Node(NodeCall::Ping {}) => 14,
        Call::Node(NodeCall::Watch {}) => 15,
        Call::Node(NodeCall::Drain {}) => 16,
        Call::Node(NodeCall::ReadLog { .. }) => 17,
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn short_path(call: &Call) -> &'static str {
    call.path().strip_prefix(PREFIX).unwrap()
}

/// The stored messages of this version; a later one adds files and never changes these.
fn stored(call: &Call, kind: &str) -> (String, Vec<u8>) {
    let name = format!(
        "tests/data/protocol/v{PROTOCOL_VERSION}/{}.{kind}.json",
        short_path(call).replace('/', "-")
    );
    let text = std::fs::read(root().join(&name));
    (name, text.unwrap_or_default())
}

/// Fails with the message that belongs into the file.
fn assert_same(name: &str, stored: &[u8], written: &[u8]) {
    let written: Value = serde_json::from_slice(written).unwrap();
    let stored: Value = serde_json::from_slice(stored).unwrap_or_default();
    assert!(
        stored == written,
        "{name} is not what this version writes:\n{}",
        serde_json::to_string_pretty(&written).unwrap()
    );
}

#[test]
fn every_call_has_a_sample() {
    let indexes: Vec<usize> = samples().iter().map(|(call, _)| index_of(call)).collect();
    assert_eq!(indexes, (0..=17).collect::<Vec<_>>());
}

#[test]
fn calls_and_replies_are_written_as_they_are_stored() {
    for (call, reply) in samples() {
        let (name, text) = stored(&call, "call");
        assert_same(&name, &text, &encode_call(&call).unwrap());
        let (name, text) = stored(&call, "reply");
        assert_same(&name, &text, &encode_reply(&reply).unwrap());
    }
}

#[test]
fn stored_calls_and_replies_are_still_read() {
    for (call, reply) in samples() {
        let (name, text) = stored(&call, "call");
        assert_eq!(decode_call(call.path(), &text).expect(&name), call);
        let (name, text) = stored(&call, "reply");
        assert_eq!(decode_reply(&call, &text).expect(&name), reply);
    }
}

/// A later version adds fields; this one ignores them.
#[test]
fn unknown_fields_are_ignored() {
    fn add_field(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                // What a task type defines and the environment are data of users.
                let known = fields
                    .iter_mut()
                    .filter(|(name, _)| *name != "fields" && *name != "env");
                known.for_each(|(_, value)| add_field(value));
                // A map with one entry is a variant.
                if fields.len() != 1 {
                    fields.insert("of_a_later_version".to_owned(), Value::from(1));
                }
            }
            Value::Array(items) => items.iter_mut().for_each(add_field),
            _ => {}
        }
    }
    for (call, _) in samples() {
        let mut body: Value = serde_json::from_slice(&encode_call(&call).unwrap()).unwrap();
        add_field(&mut body);
        let body = serde_json::to_vec(&body).unwrap();
        assert_eq!(decode_call(call.path(), &body).unwrap(), call);
    }
}

#[test]
fn a_message_that_cannot_be_read_names_its_version() {
    let body = br#"{"version": 9, "call": {"of_a_later_version": {}}}"#;
    let error = decode_call("/rpc/v1/worker/kill", body).unwrap_err();
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[test]
fn a_body_is_refused_at_the_path_of_another_call() {
    for (call, _) in samples() {
        let body = encode_call(&call).unwrap();
        for (other, _) in samples() {
            let read = decode_call(other.path(), &body);
            assert_eq!(read.is_ok(), call.path() == other.path(), "{read:?}");
        }
        assert!(matches!(
            decode_call("/rpc/v2/ping", &body),
            Err(WireError::NoSuchCall)
        ));
    }
}

fn as_text(deadline: Duration) -> String {
    match deadline.as_millis() {
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

fn deadline_of(call: &Call) -> String {
    match call {
        Call::Master(MasterCall::CheckInbox { .. }) => {
            format!("its wait + {}", as_text(call.deadline() - INBOX_WAIT))
        }
        _ => as_text(call.deadline()),
    }
}

#[test]
fn the_table_of_calls_in_the_documentation_is_true() {
    let page = std::fs::read_to_string(root().join("docs/rpc.md")).unwrap();
    let section = page
        .split("\n## ")
        .find(|part| part.starts_with("Calls\n"))
        .unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeMap<String, (String, String)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let path = cells[1].trim_matches('`').to_owned();
            (path, (cells[3].to_owned(), cells[4].to_owned()))
        })
        .collect();
    let declared: BTreeMap<String, (String, String)> = samples()
        .iter()
        .map(|(call, _)| {
            let on_loss: OnLoss = call.on_loss();
            (
                short_path(call).to_owned(),
                (deadline_of(call), on_loss.to_string()),
            )
        })
        .collect();
    assert_eq!(documented, declared);
}

proptest! {
    #[test]
    fn garbage_is_refused(path in "(/rpc/v1/)?(worker|master|node|logs)?/?[a-z-]{0,12}", body in vec(any::<u8>(), 0..200)) {
        prop_assert!(decode_call(&path, &body).is_err());
    }

    #[test]
    fn json_of_another_shape_is_refused(index in 0..15usize, text in r#"[\[\]{}":,a-z0-9 ]{0,60}"#) {
        let (call, _) = samples().swap_remove(index);
        prop_assert!(decode_call(call.path(), text.as_bytes()).is_err());
        prop_assert!(decode_reply(&call, text.as_bytes()).is_err());
    }

    #[test]
    fn a_cut_or_changed_message_is_read_without_a_panic(index in 0..15usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (call, reply) = samples().swap_remove(index);
        let mut body = encode_call(&call).unwrap();
        let place = at.index(body.len());
        prop_assert!(decode_call(call.path(), &body[..place]).is_err(), "a cut body is no JSON");
        body[place] = byte;
        decode_call(call.path(), &body).ok();
        let mut body = encode_reply(&reply).unwrap();
        let place = at.index(body.len());
        prop_assert!(decode_reply(&call, &body[..place]).is_err(), "a cut body is no JSON");
        body[place] = byte;
        decode_reply(&call, &body).ok();
    }

    #[test]
    fn only_the_own_signature_of_a_text_is_valid(text in "[ -~]{0,100}") {
        use primitives::secret::Secret;
        use crate::signature::{Key, SignedCall};
        let key = Key::from_secret(&Secret::new("k".repeat(32))).unwrap();
        let call = SignedCall { method: "POST", path: "/rpc/v1/ping", from: Incarnation(1), to: Incarnation(2), body_hash: "aa" };
        prop_assert!(!key.verify_call(&call, &text));
    }
}
