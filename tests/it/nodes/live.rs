//! What a person who watches sees: logs and steps as they come, and calls that wait.

use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::Node;

const TWO_STEPS: &str = "version: 1\nname: talk\ntasks:\n  \
    first: { type: shell, run: 'echo one; sleep 0.4; echo zwölf' }\n  \
    then: { type: noop, needs: [first] }\n";

#[test]
fn a_live_log_comes_whole_and_ends_with_its_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    node.apply("talk", TWO_STEPS.to_owned());
    let id = node.start_instance("talk");
    let task = format!("/instances/{id}/tasks/first");
    super::harness::eventually(Duration::from_secs(20), || node.get(&task)["attempts"] == 1);
    // The answer is read to its end: that it ends at all is a part of what is tested.
    let text = node.text(&format!("{task}/attempts/1/log/stream"), "");
    let events: Vec<serde_json::Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let said: String = events.iter().filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(said, "one\nzwölf\n", "{text}");
    let last = events.last().unwrap();
    assert_eq!(
        (&last["end"], &last["next_offset"]),
        (&json!(true), &json!(11)),
        "{text}"
    );
    assert!(text.contains("id: 11\n"), "{text}");
    let rest = node.text(&format!("{task}/attempts/1/log/stream"), "4");
    assert!(!rest.contains("one") && rest.contains("zwölf"), "{rest}");
}

#[test]
fn a_start_that_waits_answers_as_soon_as_the_instance_rests() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    node.apply("talk", TWO_STEPS.to_owned());
    let begun = Instant::now();
    let path = "/projects/default/workflows/talk/instances";
    let (status, done) = node.post(&format!("{path}?wait=60s"), &json!({}));
    assert_eq!((status, &done["state"]), (201, &json!("succeeded")), "{done}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let (status, open) = node.post(&format!("{path}?wait=50ms"), &json!({}));
    assert_eq!((status, &open["state"]), (201, &json!("running")), "{open}");
}

#[test]
fn an_unknown_parameter_is_told_in_the_history_of_the_task() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let unknown = "version: 1\nname: odd\ntasks:\n  \
        t: { type: shell, run: 'test \"$GREETING\" = \"hello \\${unset}\"', \
        env: { GREETING: 'hello ${unset}' } }\n";
    node.apply("odd", unknown.to_owned());
    let id = node.start_instance("odd");
    node.settle(&id, &["succeeded"], Duration::from_secs(30));
    let history = node.items(&format!("/instances/{id}/history"));
    let warnings: Vec<_> = history
        .iter()
        .filter(|entry| entry["why"].as_str().is_some_and(|why| why.contains("`unset`")))
        .collect();
    assert_eq!(warnings.len(), 1, "{history:?}");
    assert_eq!(
        (&warnings[0]["task"], &warnings[0]["attempt"]),
        (&json!("t"), &json!(1))
    );
}
