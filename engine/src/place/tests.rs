use std::collections::BTreeMap;

use super::*;
use crate::spec;
use crate::spec::{ConcurrencyStrategy, ProjectDefaults};
use crate::timezone::Tz;

fn resolve(key: &str) -> String {
    let document = serde_json::json!({
        "version": 1, "name": "load", "tasks": { "a": { "type": "noop" } },
        "params": { "region": "eu", "day": "${region}-$[yyyyMMdd]" },
    });
    let definition = spec::parse(&document).expect("a document");
    let body = serde_json::json!({ "params": { "region": "us" }, "scheduled_at": "2026-01-31T08:00:00Z" });
    let start =
        crate::start::parse(&body, &definition, &ProjectDefaults::default(), Tz::UTC).expect("a start");
    let keyed = KeyedStart {
        definition: &definition,
        start: &start,
        project: "retail",
        project_params: &BTreeMap::from([("team".to_owned(), "bi".to_owned())]),
        created_at: Timestamp(0),
    };
    keyed.resolve_key(&ConcurrencyRule {
        limit: 1,
        strategy: ConcurrencyStrategy::Wait,
        key: Some(key.to_owned()),
    })
}

#[test]
fn a_key_has_the_parameters_that_are_known_at_the_start() {
    assert_eq!(resolve("${region}"), "us");
    assert_eq!(resolve("${team}/${day}"), "bi/us-20260131");
    assert_eq!(
        resolve("${system.project.name} ${system.biz.date}"),
        "retail 20260130"
    );
}

#[test]
fn unknown_names_of_a_key_stay_as_they_are() {
    assert_eq!(
        resolve("${rows} ${system.task.instance.id}"),
        "${rows} ${system.task.instance.id}"
    );
}

#[test]
fn a_key_that_is_too_long_is_cut() {
    assert_eq!(resolve(&"ü".repeat(600)).len(), MAX_KEY_BYTES);
}
