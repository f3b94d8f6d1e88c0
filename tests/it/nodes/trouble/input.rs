//! What users send and what tasks print.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::super::harness::{Answer, Node};
use super::{PATIENCE, shell};

const DOCUMENT: &str = "/api/v1/projects/default/workflows/w";
const START: &str = "/api/v1/projects/default/workflows/w/instances";

fn put(node: &Node, body: impl Into<Vec<u8>>) -> Answer {
    node.ask(Method::PUT, DOCUMENT, "application/yaml", body)
}

/// One fault: its pointer, and the words of the message that name the remedy.
fn check(answer: &Answer, code: &str, pointer: &str, hint: &str) {
    assert_eq!(answer.status, 422, "{pointer}: {}", answer.text);
    assert_eq!(answer.body["code"], code, "{}", answer.text);
    let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
    let found = errors.iter().any(|error| {
        error["pointer"] == pointer && error["message"].as_str().is_some_and(|said| said.contains(hint))
    });
    assert!(found, "`{pointer}` with `{hint}` should be in {}", answer.text);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_wrong_field_of_a_document_is_named_with_a_fix() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    for (tasks, pointer, hint) in [
        (
            "a: { type: shell, runn: x }",
            "/tasks/a/runn",
            "did you mean `run`",
        ),
        ("a: { type: shel, run: x }", "/tasks/a/type", "shell"),
        ("a: { type: noop, delay: soon }", "/tasks/a/delay", "10m"),
        ("a: { type: noop, priority: hi }", "/tasks/a/priority", "high"),
        (
            "a: { type: noop, needs: [a] }",
            "/tasks/a/needs/0",
            "needs itself",
        ),
        ("a: { type: noop, needs: [b] }", "/tasks/a/needs/0", "no task `b`"),
        ("\"a/b\": { type: noop }", "/tasks/a~1b", "not allowed in a name"),
        (
            "\"a\\u0007\": { type: noop }",
            "/tasks/a\u{7}",
            "not allowed in a name",
        ),
        ("..: { type: noop }", "/tasks/..", "cannot be a name"),
        (
            "a: { type: shell, run: x, retry: { max: -1 } }",
            "/tasks/a/retry/max",
            "between 0",
        ),
        (
            "a: { type: noop, needs: [b] }\n  b: { type: noop, needs: [a] }",
            "/tasks/a/needs/0",
            "a -> b -> a",
        ),
    ] {
        let answer = put(&node, format!("version: 1\nname: w\ntasks:\n  {tasks}\n"));
        check(&answer, "INVALID_DOCUMENT", pointer, hint);
    }
    node.apply(
        "w",
        "version: 1\nname: w\nparams: { top_n: { type: integer, value: 3 } }\ntasks: { a: { type: noop } }\n"
            .to_owned(),
    );
    for (body, code, pointer, hint) in [
        (
            r#"{"params":{"top_m":1}}"#,
            "UNKNOWN_PARAMETER",
            "/params/top_m",
            "did you mean `top_n`",
        ),
        (
            r#"{"params":{"top_n":"x"}}"#,
            "INVALID_START",
            "/params/top_n",
            "whole number",
        ),
        (
            r#"{"parms":{}}"#,
            "INVALID_START",
            "/parms",
            "did you mean `params`",
        ),
        (r#"{"tasks":["b"]}"#, "INVALID_START", "/tasks/0", "no task `b`"),
    ] {
        let answer = node.ask(Method::POST, START, "application/json", body);
        check(&answer, code, pointer, hint);
    }
}

#[test]
fn hostile_bodies_are_refused_and_the_node_goes_on() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let bomb: String = (b'b'..b'k')
        .map(|c| {
            let before = format!("*{},", char::from(c - 1)).repeat(9);
            format!("{0}: &{0} [{before}]\n", char::from(c))
        })
        .collect();
    for (body, code) in [
        ("version: 1\n\tname: [w".to_owned(), "BROKEN_YAML"),
        (format!("a: {}", "[".repeat(100_000)), "BROKEN_YAML"),
        (
            (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
            "TOO_DEEP",
        ),
        (format!("a: &a [x, x, x, x, x, x, x, x, x]\n{bomb}"), "TOO_LARGE"),
    ] {
        let answer = put(&node, body);
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.body["errors"][0]["code"], code, "{}", answer.text);
        assert!(
            answer.took < Duration::from_secs(10),
            "{code} took {:?}",
            answer.took
        );
    }
    let large = put(&node, vec![b'x'; (8 << 20) + 1]);
    assert_eq!(
        (large.status, large.body["code"].as_str()),
        (413, Some("BODY_TOO_LARGE"))
    );
    let large = node.ask(
        Method::POST,
        "/api/v1/projects",
        "application/json",
        vec![b' '; (1 << 20) + 1],
    );
    assert_eq!(
        (large.status, large.body["code"].as_str()),
        (413, Some("BODY_TOO_LARGE"))
    );
    node.apply("w", shell("w", "true"));
    let id = node.start_instance("w");
    node.settle(&id, &["succeeded"], PATIENCE);
}

#[test]
fn a_loud_task_is_cut_off_with_a_mark_and_the_node_stays_responsive() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    node.apply(
        "w",
        shell(
            "w",
            "head -c 100000000 /dev/zero | tr '\\000' x; printf 'end \\377\\n'",
        ),
    );
    let before = node.peak_memory();
    let id = node.start_instance("w");
    let mut slowest = Duration::ZERO;
    let mut state = Value::Null;
    super::super::harness::eventually(PATIENCE, || {
        let answer = node.ask(Method::GET, &format!("/api/v1/instances/{id}"), "", "");
        slowest = slowest.max(answer.took);
        state = answer.body["state"].clone();
        state != "running"
    });
    assert_eq!(state, "succeeded");
    assert!(slowest < Duration::from_secs(3), "a read took {slowest:?}");
    let log = format!(
        "/api/v1/instances/{id}/tasks/t/attempts/1/log?offset={}",
        64 << 20
    );
    let end = node.ask(Method::GET, &log, "", "");
    assert!(end.text.contains("the rest was cut off"), "{}", end.text);
    let grown = node.peak_memory().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more for one log");
}

#[test]
fn output_that_is_not_text_is_shown_with_replacements() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    node.apply("w", shell("w", "printf 'a\\377b\\n'"));
    let id = node.start_instance("w");
    node.settle(&id, &["succeeded"], PATIENCE);
    let log = node.ask(
        Method::GET,
        &format!("/api/v1/instances/{id}/tasks/t/attempts/1/log"),
        "",
        "",
    );
    assert_eq!((log.status, log.text.as_str()), (200, "a\u{fffd}b\n"));
}
