//! What documents may say of approvals, and what decisions may answer.

use serde_json::{Value, json};

use super::*;
use crate::spec::validator::{Path, Validator};

fn read(fields: &Value) -> Result<ApprovalTask, Vec<String>> {
    let mut validator = Validator::default();
    let task = ApprovalTask::parse(&mut validator, fields.as_object().expect("a map"), &Path::ROOT);
    let read = validator.finish(task);
    read.map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
}

fn asking() -> ApprovalTask {
    read(&json!({
        "message": "Publish ${rows} rows?",
        "approvers": ["alice", "group:ops"],
        "inputs": {
            "note": {"type": "string", "required": false, "default": "none"},
            "n": {"type": "integer", "required": true},
            "tags": {"type": "json"},
        },
        "on_timeout": "reject",
    }))
    .expect("a task")
}

#[test]
fn a_document_says_who_decides_and_what_is_answered() {
    let task = asking();
    assert_eq!(task.on_timeout, ApprovalTimeout::Reject);
    assert_eq!(
        task.inputs_document(),
        json!({
            "note": {"type": "string", "required": false, "default": "none"},
            "n": {"type": "integer", "required": true},
            "tags": {"type": "json", "required": false},
        })
    );
}

#[test]
fn what_is_wrong_is_pointed_at() {
    for (fields, pointer) in [
        (json!({"message": "  "}), "/message"),
        (json!({"message": "ok?", "approvers": []}), "/approvers"),
        (json!({"message": "ok?", "approvers": ["a", "a"]}), "/approvers/1"),
        (json!({"message": "ok?", "approvers": ["group:"]}), "/approvers/0"),
        (json!({"message": "ok?", "inputs": {"PATH": {}}}), "/inputs/PATH"),
        (
            json!({"message": "ok?", "inputs": {"n": {"type": "date"}}}),
            "/inputs/n/type",
        ),
        (
            json!({"message": "ok?", "inputs": {"n": {"type": "integer", "default": "x"}}}),
            "/inputs/n/default",
        ),
        (
            json!({"message": "ok?", "inputs": {"n": {"needed": true}}}),
            "/inputs/n/needed",
        ),
    ] {
        assert_eq!(read(&fields), Err(vec![pointer.to_owned()]), "{fields}");
    }
}

#[test]
fn answers_are_checked_by_type_and_completed_by_defaults() {
    let task = asking();
    let answer = |inputs: Value, rule| {
        let answers = task.check_answers(Some(&inputs), rule);
        answers.map_err(|issues| issues[0].pointer.clone())
    };
    let approve = |inputs| answer(inputs, AnswerRule::Required);
    let given = approve(json!({"n": 7, "tags": ["a"]})).expect("answers");
    assert_eq!(given["n"], "7");
    assert_eq!(given["note"], "none");
    assert_eq!(given["tags"], "[\"a\"]");
    assert_eq!(approve(json!({})), Err("/inputs/n".to_owned()));
    assert_eq!(approve(json!({"n": "x"})), Err("/inputs/n".to_owned()));
    assert_eq!(approve(json!({"n": [1]})), Err("/inputs/n".to_owned()));
    assert_eq!(
        approve(json!({"n": 1, "other": 2})),
        Err("/inputs/other".to_owned())
    );
    assert_eq!(approve(json!([])), Err("/inputs".to_owned()));
    assert!(answer(json!({}), AnswerRule::Optional).is_ok());
    assert!(task.check_answers(None, AnswerRule::Optional).is_ok());
    assert_eq!(task.default_answers().len(), 1);
}

#[test]
fn approvers_are_users_and_members_of_groups() {
    let fields = json!({"message": "ok?", "approvers": ["alice", "group:ops", "dev"]});
    let task = read(&fields).expect("a task");
    let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert!(task.names_user("alice", &groups(&[])));
    assert!(task.names_user("bob", &groups(&["x", "ops"])));
    assert!(
        !task.names_user("bob", &groups(&["alice", "dev"])),
        "these are users"
    );
    assert!(!task.names_user("ops", &groups(&[])), "that is a group");
}
