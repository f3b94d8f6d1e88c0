use super::*;
use crate::spec;

fn with(policy: Value) -> Value {
    json!({
        "version": 1, "name": "w",
        "tasks": { "t": { "type": "noop", "on_cut_off": policy } },
    })
}

fn refusal(policy: Value) -> (String, &'static str, String) {
    let mut all = spec::parse(&with(policy)).expect_err("it is wrong");
    assert_eq!(all.len(), 1, "{all:?}");
    let issue = all.remove(0);
    (issue.pointer, issue.code, issue.message)
}

#[test]
fn each_form_is_read_and_written_back_and_the_default_is_left_out() {
    let forms = [
        (json!("continue"), OnCutOff::Continue, Value::Null),
        (json!("exclusive"), OnCutOff::Exclusive, json!("exclusive")),
        (
            json!({ "stop_after": "300s" }),
            OnCutOff::StopAfter { ms: 300_000 },
            json!({ "stop_after": "5m" }),
        ),
    ];
    for (form, meaning, written) in forms {
        let definition = spec::parse(&with(form)).unwrap();
        assert_eq!(definition.tasks[0].on_cut_off, meaning);
        let task = spec::serialize(&definition)["tasks"]["t"].clone();
        assert_eq!(task["on_cut_off"], written);
    }
    let without = json!({ "version": 1, "name": "w", "tasks": { "t": { "type": "noop" } } });
    let definition = spec::parse(&without).unwrap();
    assert_eq!(definition.tasks[0].on_cut_off, OnCutOff::Continue);
}

#[test]
fn anything_else_is_refused_with_its_place_and_what_to_write() {
    let at = "/tasks/t/on_cut_off";
    let wrong = [
        (json!("stop"), at.to_owned(), "BAD_VALUE", "stop_after: 5m"),
        (json!(true), at.to_owned(), "BAD_TYPE", "`exclusive`"),
        (json!({}), format!("{at}/stop_after"), "MISSING", "5m"),
        (
            json!({ "stop_after": "5m", "then": 1 }),
            format!("{at}/then"),
            "UNKNOWN_KEY",
            "stop_after",
        ),
        (
            json!({ "stop_after": 300 }),
            format!("{at}/stop_after"),
            "BAD_DURATION",
            "10m",
        ),
        (
            json!({ "stop_after": "1s" }),
            format!("{at}/stop_after"),
            "OUT_OF_RANGE",
            "5s or more",
        ),
    ];
    for (policy, pointer, code, help) in wrong {
        let (found, found_code, message) = refusal(policy.clone());
        assert_eq!((found, found_code), (pointer, code), "{policy}");
        assert!(message.contains(help), "{policy}: {message}");
    }
}
