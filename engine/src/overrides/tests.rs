use serde_json::json;

use super::*;
use crate::instance::tests_support::{noop, task};
use crate::task_type::action::PreparedAction;

fn codes(value: Value, task: &TaskDefinition) -> Vec<(String, &'static str)> {
    let issues = TaskOverrides::parse(&value, task).unwrap_err();
    issues
        .into_iter()
        .map(|issue| (issue.pointer, issue.code))
        .collect()
}

#[test]
fn members_are_merged_by_name_and_change_the_definition() {
    let shell = task("t", &[]);
    let mut first = TaskOverrides::parse(
        &json!({ "params": { "mode": "good", "n": 3 }, "env": { "A": "1", "B": "1" }, "timeout": "1s" }),
        &shell,
    )
    .unwrap();
    let later = TaskOverrides::parse(
        &json!({ "env": { "B": "2" }, "run": "echo changed", "params": null }),
        &shell,
    );
    first.merge(later.unwrap());
    let amended = TaskOverrides::amend(Some(&first), &shell);
    assert_eq!(amended.timeout_ms, Some(1000));
    assert_eq!((amended.env["A"].as_str(), amended.env["B"].as_str()), ("1", "2"));
    let base = crate::params::TimeBase::in_zone(crate::ids::Timestamp(0), crate::timezone::Tz::UTC);
    let PreparedAction { fields, .. } = amended.action.prepare(&BTreeMap::new(), base).action;
    assert_eq!(fields["run"], "echo changed");
    let startup = BTreeMap::from([("mode", "bad"), ("x", "y")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let seen = TaskOverrides::startup_params(Some(&first), &startup);
    assert_eq!(
        (seen["mode"].as_str(), seen["n"].as_str(), seen["x"].as_str()),
        ("good", "3", "y")
    );
}

#[test]
fn what_the_type_of_the_task_lacks_is_refused_with_its_place() {
    let shell = task("t", &[]);
    assert_eq!(
        codes(json!({ "command": "x" }), &shell),
        [("/command".into(), "UNKNOWN_KEY")]
    );
    assert_eq!(
        codes(json!({ "sql": "select 1" }), &shell),
        [("/sql".into(), "UNKNOWN_KEY")]
    );
    assert_eq!(
        codes(json!({ "timeout": "soon", "run": " " }), &shell),
        [("/timeout".into(), "BAD_DURATION"), ("/run".into(), "MISSING")]
    );
    assert_eq!(
        codes(json!({ "params": { "PATH": "/tmp" } }), &shell),
        [("/params/PATH".into(), "FORBIDDEN_NAME")]
    );
    let owner = noop("n", &[]);
    assert_eq!(
        codes(json!({ "run": "true" }), &owner),
        [("/run".into(), "UNKNOWN_KEY")]
    );
    assert_eq!(
        codes(json!({ "env": { "A": "1" } }), &owner),
        [("/env".into(), "UNKNOWN_KEY")]
    );
}

#[test]
fn nothing_changed_leaves_the_definition_alone() {
    let shell = task("t", &[]);
    assert!(matches!(TaskOverrides::amend(None, &shell), Cow::Borrowed(_)));
    assert!(TaskOverrides::parse(&json!({}), &shell).unwrap().is_empty());
    let stored: TaskOverrides = serde_json::from_str("{}").unwrap();
    assert!(stored.is_empty());
}
