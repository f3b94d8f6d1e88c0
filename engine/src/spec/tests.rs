use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::instance::tests_support::need;
use crate::plan::trigger_rule::TriggerRule;
use crate::spec::model::Definition;
use crate::task_type::{Field, FieldKind, TASK_TYPES};

fn with_tasks(tasks: Value) -> Value {
    json!({ "version": 1, "name": "w", "tasks": tasks })
}

fn issues(document: &Value) -> Vec<(String, &'static str)> {
    parse(document)
        .expect_err("the document is wrong")
        .into_iter()
        .map(|issue| (issue.pointer, issue.code))
        .collect()
}

fn one(document: &Value) -> Diagnostic {
    let mut all = parse(document).expect_err("the document is wrong");
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn full() -> Value {
    json!({
        "version": 1, "name": "daily-sales", "project": "retail", "description": "Sales of one day",
        "labels": { "team": "bi" }, "timezone": "Asia/Shanghai",
        "params": { "day": "$[yyyyMMdd-1]", "top_n": { "type": "integer", "value": 10 }, "total": { "direction": "out" } },
        "timeout": "2h", "on_timeout": "both", "failure_strategy": "end", "priority": "high", "worker_group": "etl",
        "tasks": {
            "extract": {
                "type": "shell", "run": "echo ${day}", "interpreter": "/bin/bash", "params": { "limit": 5 },
                "outputs": { "rows": "0", "none": null }, "delay": "10s", "timeout": "10m", "on_timeout": "warn",
                "retry": { "max": 3, "delay": "30s", "backoff": "exponential", "max_delay": "1h" },
                "priority": "low", "worker_group": "x", "env": { "TZ": "UTC" }, "on_worker_lost": "fail", "on_cut_off": "exclusive",
                "enabled": false,
            },
            "publish": {
                "type": "http", "needs": ["extract"],
                "request": { "method": "POST", "url": "http://127.0.0.1:9000/hook", "headers": { "X-Rows": "${rows}" }, "body": "b" },
                "expect": { "status": [200, 201] },
            },
            "count": { "type": "python", "needs": ["extract", { "task": "publish", "on": "failed" }], "run": "print(1)", "python": "python3.12" },
            "end": { "type": "noop" },
        },
    })
}

#[test]
fn a_full_document_is_read_and_written_back() {
    let definition = parse(&full()).unwrap();
    assert_eq!(definition.tasks.len(), 4);
    assert_eq!(definition.tasks[0].retry.unwrap().delay_ms, 30_000);
    assert_eq!(
        definition.tasks[2].needs,
        [need(0, TriggerRule::OnSuccess), need(1, TriggerRule::OnFailure)]
    );
    assert_eq!(parse(&serialize(&definition)).unwrap(), definition);
}

#[test]
fn every_error_is_reported_at_once_with_its_place() {
    let document = json!({
        "version": 2, "name": " x", "nmae": 1, "timeout": "soon",
        "params": { "PATH": "x", "1a": 1, "n": { "type": "integer", "value": "many" } },
        "tasks": {
            "a": { "type": "noop", "nedes": [], "needs": ["nope", "a"], "run": "x" },
            "b/~": { "type": "nope" },
            "c": { "type": "shell", "retry": { "max": -1 }, "env": { "PORPOISE_X": "x", "a.b": "y" } },
            "d": { "type": "http", "request": { "method": "post", "url": "ftp://x" }, "timeout": "0s" },
            "e": { "type": "python", "run": "x", "python": "-u" },
        },
    });
    let expected = [
        ("/nmae", "UNKNOWN_KEY"),
        ("/version", "BAD_VERSION"),
        ("/name", "BAD_NAME"),
        ("/params/PATH", "FORBIDDEN_NAME"),
        ("/params/1a", "BAD_NAME"),
        ("/params/n/value", "BAD_TYPE"),
        ("/timeout", "BAD_DURATION"),
        ("/tasks/a/nedes", "UNKNOWN_KEY"),
        ("/tasks/a/run", "UNKNOWN_KEY"),
        ("/tasks/b~1~0", "BAD_NAME"),
        ("/tasks/b~1~0/type", "BAD_VALUE"),
        ("/tasks/c/run", "MISSING"),
        ("/tasks/c/retry/max", "OUT_OF_RANGE"),
        ("/tasks/c/env/PORPOISE_X", "FORBIDDEN_NAME"),
        ("/tasks/c/env/a.b", "BAD_NAME"),
        ("/tasks/d/request/method", "BAD_VALUE"),
        ("/tasks/d/request/url", "BAD_VALUE"),
        ("/tasks/d/timeout", "OUT_OF_RANGE"),
        ("/tasks/e/python", "BAD_VALUE"),
        ("/tasks/a/needs/0", "UNKNOWN_TASK"),
        ("/tasks/a/needs/1", "SELF_NEED"),
    ];
    assert_eq!(
        issues(&document),
        expected.map(|(at, code)| (at.to_owned(), code))
    );
}

#[test]
fn env_sets_any_variable_but_those_of_the_system() {
    let env = json!({ "PATH": "/opt/bin:/bin", "LD_PRELOAD": "x", "PYTHONUNBUFFERED": "", "IFS": ",", "HOME": "/h" });
    let document = with_tasks(json!({ "a": { "type": "shell", "run": "x", "env": env } }));
    assert_eq!(parse(&document).unwrap().tasks[0].env.len(), 5);
}

#[test]
fn an_unknown_key_names_the_one_that_was_meant() {
    let issue = one(&with_tasks(json!({ "a": { "type": "noop", "nedes": [] } })));
    assert!(issue.message.contains("did you mean `needs`"), "{issue:?}");
    assert_eq!(issue.target, DiagnosticTarget::Key);
    let issue = one(&with_tasks(json!({ "a": { "type": "noop", "run": "x" } })));
    assert!(issue.message.contains("shell and python"), "{issue:?}");
}

#[test]
fn a_task_of_an_unknown_type_is_advised_the_common_keys_once() {
    let message = |task: Value| {
        let found = parse(&with_tasks(json!({ "a": task }))).expect_err("the document is wrong");
        let key = found
            .into_iter()
            .find(|issue| issue.code == "UNKNOWN_KEY")
            .expect("an unknown key");
        key.message
    };
    let unknown = message(json!({ "type": "nope", "zzzzzzzzzzzz": 1 }));
    assert!(unknown.ends_with("on_cut_off, enabled"), "{unknown}");
    assert_eq!(unknown.matches("outputs").count(), 1, "{unknown}");
    assert!(!unknown.contains("request"), "a key of another type: {unknown}");
    let http = message(
        json!({ "type": "http", "request": { "method": "GET", "url": "http://x" }, "zzzzzzzzzzzz": 1 }),
    );
    assert!(
        http.contains("request") && !http.contains("interpreter"),
        "{http}"
    );
}

#[test]
fn a_value_of_the_wrong_shape_is_answered_with_the_right_one() {
    let message =
        |key: &str, value: Value| one(&with_tasks(json!({ "a": { "type": "noop", key: value } }))).message;
    let retry = message("retry", json!(3));
    assert!(retry.contains("retry: { max: 3 }"), "{retry}");
    let retry = message("retry", json!(true));
    assert!(!retry.contains("quote it"), "quotes would not help: {retry}");
    let needs = message("needs", json!("b"));
    assert!(needs.contains(r#"write `["b"]`"#), "{needs}");
    let enabled = message("enabled", json!(1));
    assert!(!enabled.contains("quote it"), "{enabled}");
    let tasks = one(&with_tasks(json!([{ "name": "a", "type": "noop" }]))).message;
    assert!(tasks.contains("a map of names"), "{tasks}");
}

#[test]
fn needs_say_what_they_wait_for_once_per_task() {
    let after = |needs: Value| {
        with_tasks(json!({
            "a": { "type": "noop" }, "7": { "type": "noop" }, "x": { "type": "noop", "needs": needs },
        }))
    };
    let needs = json!([{ "task": "a", "on": "done" }, { "task": 7 }]);
    let definition = parse(&after(needs)).unwrap();
    assert_eq!(
        definition.tasks[2].needs,
        [need(0, TriggerRule::OnSettled), need(1, TriggerRule::OnSuccess)]
    );
    assert_eq!(
        serialize(&definition)["tasks"]["x"]["needs"],
        json!([{ "task": "a", "on": "done" }, "7"])
    );
    for (needs, pointer, code) in [
        (
            json!(["a", { "task": "a", "on": "failed" }]),
            "/tasks/x/needs/1",
            "DUPLICATE_VALUE",
        ),
        (
            json!([{ "task": "a", "on": "started" }]),
            "/tasks/x/needs/0/on",
            "BAD_VALUE",
        ),
        (json!([{ "task": "b" }]), "/tasks/x/needs/0/task", "UNKNOWN_TASK"),
        (json!([{ "task": "x" }]), "/tasks/x/needs/0/task", "SELF_NEED"),
        (json!([{ "on": "done" }]), "/tasks/x/needs/0/task", "MISSING"),
        (
            json!([{ "task": "a", "if": "done" }]),
            "/tasks/x/needs/0/if",
            "UNKNOWN_KEY",
        ),
        (json!([["a"]]), "/tasks/x/needs/0", "BAD_TYPE"),
    ] {
        let issue = one(&after(needs));
        assert_eq!((issue.pointer.as_str(), issue.code), (pointer, code), "{issue:?}");
    }
    let circle = one(&with_tasks(json!({
        "a": { "type": "noop", "needs": [{ "task": "b", "on": "failed" }] },
        "b": { "type": "noop", "needs": [{ "task": "a", "on": "done" }] },
    })));
    assert_eq!(
        (circle.pointer.as_str(), circle.code),
        ("/tasks/a/needs/0", "CYCLE")
    );
}

#[test]
fn a_task_with_a_number_as_its_name_is_needed_by_that_number() {
    let definition = parse(&with_tasks(json!({
        "1": { "type": "noop" }, "2": { "type": "noop", "needs": [1] }, "true": { "type": "noop", "needs": [2] },
        "end": { "type": "noop", "needs": [true, "1"] },
    })));
    let definition = definition.expect("numbers are names");
    assert_eq!(definition.tasks[1].needs, [need(0, TriggerRule::OnSuccess)]);
    assert_eq!(
        definition.tasks[3].needs,
        [need(2, TriggerRule::OnSuccess), need(0, TriggerRule::OnSuccess)]
    );
    let circle = one(&with_tasks(json!({
        "0": { "type": "noop" }, "1": { "type": "noop", "needs": [0, 2] }, "2": { "type": "noop", "needs": [1] },
    })));
    assert_eq!(
        (circle.code, circle.pointer.as_str()),
        ("CYCLE", "/tasks/1/needs/1")
    );
}

#[test]
fn a_cycle_is_shown_as_a_path_in_the_order_of_running() {
    let issue = one(&with_tasks(json!({
        "a": { "type": "noop", "needs": ["c"] },
        "b": { "type": "noop", "needs": ["a"] },
        "c": { "type": "noop", "needs": ["b"] },
    })));
    assert_eq!(issue.code, "CYCLE");
    assert!(issue.message.ends_with("a -> b -> c -> a"), "{issue:?}");
    assert_eq!(issue.pointer, "/tasks/a/needs/0");
}

#[test]
fn two_tasks_that_need_each_other_are_one_cycle() {
    let issue = one(&with_tasks(json!({
        "a": { "type": "noop", "needs": ["b"] }, "b": { "type": "noop", "needs": ["a"] },
    })));
    assert!(
        issue.message.contains("a -> b -> a") || issue.message.contains("b -> a -> b"),
        "{issue:?}"
    );
}

#[test]
fn a_chain_of_twenty_thousand_tasks_is_read_and_one_more_refused() {
    let chain = |count: usize| {
        let tasks: serde_json::Map<String, Value> = (0..count)
            .map(|place| {
                // Backwards, so that the search follows the whole chain from its first task.
                let needs: Vec<String> = (place + 1 < count)
                    .then(|| format!("t{}", place + 1))
                    .into_iter()
                    .collect();
                (format!("t{place}"), json!({ "type": "noop", "needs": needs }))
            })
            .collect();
        with_tasks(Value::Object(tasks))
    };
    assert_eq!(parse(&chain(MAX_TASKS)).unwrap().tasks.len(), MAX_TASKS);
    assert_eq!(one(&chain(MAX_TASKS + 1)).code, "TOO_MANY");
    let mut closed = chain(MAX_TASKS);
    closed["tasks"][format!("t{}", MAX_TASKS - 1)]["needs"] = json!(["t0"]);
    let issue = one(&closed);
    assert_eq!(issue.code, "CYCLE");
    assert!(
        issue.message.len() < 300,
        "a long cycle is cut: {}",
        issue.message
    );
}

#[test]
fn no_tasks_is_an_error_at_tasks() {
    assert_eq!(issues(&with_tasks(json!({}))), [("/tasks".to_owned(), "MISSING")]);
    assert_eq!(
        issues(&json!({ "version": 1, "name": "w" })),
        [("/tasks".to_owned(), "MISSING")]
    );
    assert_eq!(issues(&json!([])), [(String::new(), "BAD_TYPE")]);
}

#[test]
fn many_errors_are_counted_beyond_a_bound() {
    let tasks: serde_json::Map<String, Value> = (0..2_000).map(|n| (format!("t{n}"), json!({}))).collect();
    let all = parse(&with_tasks(Value::Object(tasks))).unwrap_err();
    assert_eq!(all.len(), 501);
    assert!(all[500].message.contains("1500"), "{:?}", all[500]);
}

#[test]
fn hints_are_given_up_when_they_would_take_long() {
    let name = |n: usize| format!("task {n:0>20}");
    let tasks: serde_json::Map<String, Value> = (0..MAX_TASKS)
        .map(|n| {
            (
                name(n),
                json!({ "type": "noop", "needs": [format!("{}x", name(n))] }),
            )
        })
        .collect();
    let all = parse(&with_tasks(Value::Object(tasks))).unwrap_err();
    assert!(all[0].message.contains("did you mean"), "{:?}", all[0]);
    assert!(!all[499].message.contains("did you mean"), "{:?}", all[499]);
    assert_eq!(all.len(), 501);
}

#[test]
fn values_beyond_their_size_are_refused() {
    let mut document = with_tasks(json!({ "a": { "type": "noop" } }));
    document["params"] = json!({ "v": "x".repeat(MAX_VALUE_BYTES) });
    parse(&document).unwrap();
    document["params"] = json!({ "v": "x".repeat(MAX_VALUE_BYTES + 1), "z": "a\u{0}b" });
    assert_eq!(
        issues(&document),
        [
            ("/params/v".into(), "TOO_LARGE"),
            ("/params/z".into(), "BAD_VALUE")
        ]
    );
}

#[test]
fn a_circle_of_parameters_is_an_error_at_its_place() {
    let mut document = with_tasks(json!({ "t": { "type": "noop" } }));
    document["params"] = json!({ "a": "x${b}", "b": { "value": "${a}" }, "c": "${a}" });
    let issue = one(&document);
    assert_eq!((issue.pointer.as_str(), issue.code), ("/params/a", "CYCLE"));
    assert!(issue.message.contains("a -> b -> a"), "{issue:?}");
    document["params"] = json!({ "b": "1", "c": "$${c}" });
    document["tasks"]["t"]["params"] = json!({ "a": { "value": "${a}" }, "b": "${b2}" });
    assert_eq!(
        issues(&document),
        [("/tasks/t/params/a/value".to_owned(), "CYCLE")]
    );
}

#[test]
fn a_circle_that_an_output_breaks_is_none() {
    let mut document = with_tasks(json!({
        "first": { "type": "shell", "run": "x", "outputs": ["y"] },
        "then": { "type": "noop", "needs": ["first"], "params": { "x": "${y}" } },
    }));
    document["params"] = json!({ "y": "${x}" });
    parse(&document).unwrap();
    document["tasks"]["then"]["needs"] = json!([]);
    assert_eq!(issues(&document), [("/tasks/then/params/x".to_owned(), "CYCLE")]);
}

#[test]
fn parameters_beyond_their_bounds_are_found_in_the_document() {
    let params = |count: usize| -> Value {
        let large = "x".repeat(MAX_VALUE_BYTES);
        (0..count)
            .map(|n| (format!("p{n:02}"), json!(large)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut document = with_tasks(json!({ "t": { "type": "noop", "params": params(2) } }));
    document["params"] = params(15);
    parse(&document).unwrap();
    document["tasks"]["t"]["params"] = json!({ "q": "x".repeat(MAX_VALUE_BYTES), "p00": "y" });
    parse(&document).unwrap();
    document["tasks"]["t"]["params"] = json!({ "q": "x".repeat(MAX_VALUE_BYTES) });
    assert_eq!(issues(&document), [("/tasks/t/params/q".to_owned(), "TOO_LARGE")]);
    document["params"] = params(17);
    assert_eq!(issues(&document), [("/params/p15".to_owned(), "TOO_LARGE")]);
}

#[test]
fn keys_at_the_top_that_begin_with_x_are_the_authors_own() {
    let mut document = with_tasks(json!({ "a": { "type": "noop" } }));
    document["x-defaults"] = json!({ "anything": [null, { "x": 1 }] });
    assert_eq!(serialize(&parse(&document).unwrap()).get("x-defaults"), None);
    document["tasks"]["a"]["x-own"] = json!(1);
    assert_eq!(issues(&document), [("/tasks/a/x-own".to_owned(), "UNKNOWN_KEY")]);
}

#[test]
fn line_ends_of_scripts_are_those_of_unix() {
    let document = with_tasks(json!({ "a": { "type": "shell", "run": "if true; then\r\n  echo a\r\nfi" } }));
    let written = serialize(&parse(&document).unwrap());
    assert_eq!(written["tasks"]["a"]["run"], "if true; then\n  echo a\nfi");
}

#[test]
fn a_request_that_cannot_be_sent_is_refused() {
    let task = |request: Value| with_tasks(json!({ "a": { "type": "http", "request": request } }));
    for name in ["Content-Length", "content-length", "Transfer-Encoding"] {
        let document = task(json!({ "url": "http://h", "headers": { name: "1" } }));
        assert_eq!(one(&document).code, "FORBIDDEN_NAME", "{name}");
    }
    for url in ["http://", "http://a b/", "http://[::1/", "http://h:99999/"] {
        assert_eq!(
            one(&task(json!({ "url": url }))).pointer,
            "/tasks/a/request/url",
            "{url}"
        );
    }
    parse(&task(json!({ "url": "http://${host}:${port}/" }))).unwrap();
}

#[test]
fn an_output_has_a_type_and_a_default_or_one_of_them() {
    let outputs = json!({
        "rows": { "type": "integer", "default": 7 }, "list": [1, 2], "text": "a", "none": null, "ok": { "type": "boolean" },
    });
    let document =
        |outputs: Value| with_tasks(json!({ "a": { "type": "shell", "run": "x", "outputs": outputs } }));
    let definition = parse(&document(outputs)).unwrap();
    let found: Vec<_> = definition.tasks[0]
        .outputs
        .iter()
        .map(|output| (output.name.as_str(), output.kind, output.default.as_deref()))
        .collect();
    let expected = [
        ("rows", ParamType::Integer, Some("7")),
        ("list", ParamType::Json, Some("[1,2]")),
        ("text", ParamType::Untyped, Some("a")),
        ("none", ParamType::Untyped, None),
        ("ok", ParamType::Boolean, None),
    ];
    assert_eq!(found, expected);
    assert_eq!(parse(&serialize(&definition)).unwrap(), definition);
    assert_eq!(
        issues(&document(
            json!({ "n": { "type": "integer", "default": "x" }, "m": { "kind": "json" } })
        )),
        [
            ("/tasks/a/outputs/n/default".to_owned(), "BAD_TYPE"),
            ("/tasks/a/outputs/m/kind".to_owned(), "UNKNOWN_KEY"),
        ]
    );
}

#[test]
fn a_task_parameter_is_an_input_with_a_value() {
    let document = with_tasks(json!({ "a": { "type": "noop", "params": {
        "o": { "direction": "out" }, "n": { "type": "string" }, "e": null } } }));
    let expected = [
        ("/tasks/a/params/o/direction", "BAD_VALUE"),
        ("/tasks/a/params/n/value", "MISSING"),
        ("/tasks/a/params/e", "BAD_TYPE"),
    ];
    assert_eq!(
        issues(&document),
        expected.map(|(at, code)| (at.to_owned(), code))
    );
}

#[test]
fn names_follow_the_contract() {
    // A virama, a pulli and a combining accent are marks; each counts as a character.
    let with_marks = ["हिन्दी", "தமிழ்", "re\u{301}sume\u{301}", "x\u{301}"];
    for good in ["a", "daily sales", "日报-1", "a.b_c-d", &"x".repeat(100)] {
        names::check(good).unwrap();
    }
    for good in with_marks {
        names::check(good).unwrap();
        names::check_param(good).unwrap();
    }
    assert!(names::check(&"e\u{301}".repeat(51)).is_err());
    for bad in [
        "",
        " a",
        "a ",
        ".",
        "..",
        "a/b",
        "a\n",
        "a\u{0}",
        "a\u{200d}b",
        "\u{1f600}",
        &"x".repeat(101),
    ] {
        assert!(names::check(bad).is_err(), "{bad:?}");
    }
    for refused in [
        "PATH",
        "LD_PRELOAD",
        "IFS",
        "ENV",
        "BASH_ENV",
        "PYTHONPATH",
        "HOME",
        "SHELL",
        "PORPOISE_X",
    ] {
        assert!(names::is_forbidden(refused), "{refused}");
    }
    assert!(!names::is_forbidden("PATHS") && !names::is_forbidden("path"));
    for good in ["a", "system.biz.date", "_x", "a-b"] {
        names::check_param(good).unwrap();
    }
    for bad in ["", "1a", "a b", "a=b", "a}"] {
        assert!(names::check_param(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn durations_are_read_and_shown() {
    let good = [
        ("500ms", 500),
        ("90s", 90_000),
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("0s", 0),
    ];
    for (text, ms) in good {
        assert_eq!(duration::parse(text), Some(ms), "{text}");
    }
    for bad in [
        "",
        "5",
        "s",
        "1.5h",
        "-1s",
        "1s1m",
        "1s1s",
        "1 s",
        "1h 2m",
        "soon",
        "99999999999999999999d",
        "4000d",
    ] {
        assert_eq!(duration::parse(bad), None, "{bad}");
    }
    assert_eq!(duration::HumanDuration(5_400_000).to_string(), "1h30m");
}

#[test]
fn the_schema_names_the_keys_that_the_reader_knows() {
    let keys = |schema: &Value| -> Vec<String> {
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(keys(&document_schema()), parse::KEYS);
    let types = task_type_schemas();
    assert_eq!(types.len(), TASK_TYPES.len());
    for ((described, schema), kind) in types.iter().zip(TASK_TYPES) {
        let name = described.name;
        assert_eq!(name, kind.name);
        let own = kind.fields.iter().map(|field| field.key);
        let common = tasks::COMMON_KEYS
            .iter()
            .copied()
            .filter(|key| kind.has_common_key(key));
        let mut known: Vec<&str> = common.chain(own).collect();
        let mut described = keys(schema);
        known.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, known, "{name}");
        assert_eq!(keys(&schema["properties"]["retry"]), tasks::RETRY_KEYS);
        let need = &schema["properties"]["needs"]["items"]["oneOf"][1];
        assert_eq!(keys(need), needs::NEED_KEYS);
        for field in kind.fields {
            if let FieldKind::Object(inner) = field.kind {
                let inner: Vec<&str> = inner.iter().map(|field| field.key).collect();
                assert_eq!(keys(&schema["properties"][field.key]), inner);
            }
        }
    }
    let http = &types[2].1["properties"];
    let param = &http["params"]["additionalProperties"]["oneOf"][1];
    assert_eq!(keys(param), params::KEYS);
}

#[test]
fn each_type_is_readable_with_the_keys_that_its_schema_requires() {
    for (kind, schema) in task_type_schemas() {
        let mut task = json!({ "type": kind.name });
        for key in schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
        {
            match key {
                "run" => task[key] = json!("echo"),
                "request" => task[key] = json!({ "url": "http://x" }),
                "workflow" => task[key] = json!("part"),
                "over" => task[key] = json!({ "k": [1] }),
                "cases" | "default" => task[key] = json!([]),
                "message" => task[key] = json!("ok?"),
                _ => {}
            }
        }
        if kind.name == "dependent" {
            // So it is here.
            task["all"] = json!([{ "workflow": "w", "cycle": "day", "date": "today" }]);
        }
        if kind.name == "conditions" {
            // Either `all` or `any` is required, which the table does not say.
            task["needs"] = json!(["b"]);
            task["any"] = json!([{ "task": "b", "is": "failed" }]);
        }
        parse(&with_tasks(json!({ "a": task, "b": { "type": "noop" } }))).unwrap();
    }
}

fn any_name() -> impl Strategy<Value = String> {
    "[a-zA-Zé日][a-z0-9 ._-]{0,8}[a-z0-9]"
}

fn any_ms() -> impl Strategy<Value = i64> {
    1..duration::MAX_MS
}

fn any_param() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[ -~]{0,12}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        prop::collection::vec(any::<i32>(), 0..3).prop_map(Value::from),
        Just(json!({ "type": "json", "value": { "a": [1] } })),
        Just(json!({ "type": "number", "value": 3 })),
        Just(json!({ "type": "integer", "value": "${other}" })),
    ]
}

fn any_params() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z][a-z0-9_.-]{0,6}", any_param(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn any_work() -> impl Strategy<Value = Value> {
    prop_oneof![
        ("[a-z $]{0,9}x", prop::option::of(Just("/bin/bash"))).prop_map(|(run, interpreter)| match interpreter {
            Some(program) => json!({ "type": "shell", "run": run, "interpreter": program }),
            None => json!({ "type": "shell", "run": run }),
        }),
        "[a-z\n]{0,9}x".prop_map(|run| json!({ "type": "python", "run": run, "python": "python3" })),
        ("[a-z/]{0,9}", prop::collection::vec(100..600u16, 1..4)).prop_map(|(path, status)| json!({
            "type": "http", "request": { "method": "PUT", "url": format!("http://h/{path}"), "headers": { "A": path }, "body": path },
            "expect": { "status": status },
        })),
        Just(json!({ "type": "noop" })),
    ]
}

fn any_task() -> impl Strategy<Value = Value> {
    let times = (
        prop::option::of(any_ms()),
        prop::option::of(any_ms()),
        prop::option::of(any_ms()),
    );
    let choices = (0..3usize, 0..5usize, any::<bool>(), any::<bool>(), 0..9u32);
    (any_work(), any_params(), times, choices).prop_map(|(mut task, params, times, choices)| {
        let (delay, timeout, max_delay) = times;
        let (on_timeout, priority, enabled, fail, max) = choices;
        task["params"] = params;
        task["outputs"] = if fail { json!(["a", "b"]) } else { json!({ "a": "1", "b": null }) };
        for (key, ms) in [("delay", delay), ("timeout", timeout)] {
            if let Some(ms) = ms {
                task[key] = json!(duration::HumanDuration(ms).to_string());
            }
        }
        task["retry"] = json!({ "max": max, "delay": duration::HumanDuration(delay.unwrap_or(0)).to_string(), "backoff": if fail { "fixed" } else { "exponential" } });
        if let Some(ms) = max_delay {
            task["retry"]["max_delay"] = json!(duration::HumanDuration(ms).to_string());
        }
        task["on_timeout"] = json!(["warn", "fail", "both"][on_timeout]);
        task["priority"] = json!(["highest", "high", "medium", "low", "lowest"][priority]);
        task["enabled"] = json!(enabled);
        task["on_worker_lost"] = json!(if fail { "fail" } else { "rerun" });
        task["on_cut_off"] = match timeout {
            _ if fail => json!("exclusive"),
            Some(ms) => json!({ "stop_after": duration::HumanDuration(ms.max(5_000)).to_string() }),
            None => json!("continue"),
        };
        task["env"] = json!({ "TZ": "UTC" });
        task
    })
}

fn any_definition() -> impl Strategy<Value = Definition> {
    let tasks = prop::collection::btree_map(any_name(), (any_task(), any::<u64>()), 1..6);
    (any_name(), any_params(), prop::option::of(any_ms()), tasks).prop_map(
        |(name, params, timeout, tasks)| {
            let names: Vec<String> = tasks.keys().cloned().collect();
            let tasks: serde_json::Map<String, Value> = tasks
                .into_iter()
                .enumerate()
                .map(|(place, (name, (mut task, bits)))| {
                    let needs: Vec<Value> = names[..place]
                        .iter()
                        .enumerate()
                        .filter(|(n, _)| bits >> n & 1 == 1)
                        .map(|(n, name)| match bits >> (8 + 2 * n) & 3 {
                            0 => json!({ "task": name, "on": "failed" }),
                            1 => json!({ "task": name, "on": "done" }),
                            _ => json!(name),
                        })
                        .collect();
                    task["needs"] = json!(needs);
                    (name, task)
                })
                .collect();
            let mut document = json!({ "version": 1, "name": name, "params": params, "tasks": tasks });
            if let Some(ms) = timeout {
                document["timeout"] = json!(duration::HumanDuration(ms).to_string());
            }
            parse(&document).expect("the generator makes valid documents")
        },
    )
}

/// The keys of the task types, those of nested maps too.
fn own_keys() -> Vec<&'static str> {
    fn collect(fields: &'static [Field], keys: &mut Vec<&'static str>) {
        for field in fields {
            keys.push(field.key);
            if let FieldKind::Object(inner) = field.kind {
                collect(inner, keys);
            }
        }
    }
    let mut keys = Vec::new();
    TASK_TYPES.iter().for_each(|kind| collect(kind.fields, &mut keys));
    keys
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = parse::KEYS
        .iter()
        .chain(tasks::COMMON_KEYS)
        .copied()
        .chain(own_keys())
        .collect::<Vec<_>>();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        Just(json!("shell")),
        Just(json!("http")),
        Just(json!("1h")),
        Just(json!(1)),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(keys.clone()), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read_back(definition in any_definition()) {
        let written = serialize(&definition);
        let again = parse(&written);
        prop_assert_eq!(again.as_ref(), Ok(&definition), "{}", written);
        prop_assert_eq!(serialize(&definition), written);
    }

    #[test]
    fn any_json_is_read_or_refused_with_places_that_start_with_a_slash(value in any_json()) {
        if let Err(issues) = parse(&value) {
            prop_assert!(!issues.is_empty());
            prop_assert!(issues.iter().all(|issue| issue.pointer.is_empty() || issue.pointer.starts_with('/')));
        }
    }

    #[test]
    fn a_shown_duration_is_read_back(ms in 0..=duration::MAX_MS) {
        prop_assert_eq!(duration::parse(&duration::HumanDuration(ms).to_string()), Some(ms));
    }
}

/// The pointers and codes of what is wrong with tasks.
fn mistakes(tasks: Value) -> Vec<String> {
    let Err(diagnostics) = parse(&with_tasks(tasks)) else {
        return Vec::new();
    };
    let shown = diagnostics
        .iter()
        .map(|one| format!("{} {}", one.pointer, one.code));
    shown.collect()
}

#[test]
fn a_branch_names_tasks_that_need_its_task_plainly() {
    let noop = |needs: Value| json!({ "type": "noop", "needs": needs });
    let switch = |then: Value, default: Value| json!({ "type": "switch", "cases": [{ "when": "true", "then": then }], "default": default });
    let x = |y: Value| json!({ "x": switch(json!("y"), json!([])), "y": y });
    assert_eq!(mistakes(x(noop(json!(["x"])))), Vec::<String>::new());
    let bad_branch = ["/tasks/x/cases/0/then/0 BAD_BRANCH"];
    assert_eq!(mistakes(x(noop(json!([])))), bad_branch);
    assert_eq!(
        mistakes(x(noop(json!([{ "task": "x", "on": "done" }])))),
        bad_branch
    );
    assert_eq!(
        mistakes(json!({ "x": switch(json!([]), json!("absent")) })),
        ["/tasks/x/default/0 UNKNOWN_TASK"]
    );
    assert_eq!(
        mistakes(json!({ "x": { "type": "switch", "cases": [] } })),
        ["/tasks/x/default MISSING"]
    );
}

#[test]
fn conditions_ask_about_what_they_need() {
    let conditions = |needs: Value, question: Value| {
        let x = json!({ "type": "conditions", "needs": needs, "any": question });
        json!({ "a": { "type": "noop" }, "b": { "type": "noop" }, "x": x })
    };
    let about =
        |task: &str| json!([{ "task": "a", "is": "failed" }, { "all": [{ "task": task, "is": "skipped" }] }]);
    assert_eq!(
        mistakes(conditions(json!(["a"]), about("a"))),
        Vec::<String>::new()
    );
    assert_eq!(
        mistakes(conditions(json!(["a"]), about("b"))),
        ["/tasks/x/any/1/all/0/task UNKNOWN_TASK"]
    );
    assert_eq!(
        mistakes(conditions(json!([{ "task": "a", "on": "failed" }]), about("a"))),
        ["/tasks/x/needs/0/on BAD_VALUE"]
    );
    assert_eq!(
        mistakes(conditions(json!(["a"]), json!([{ "task": "a", "is": "killed" }]))),
        ["/tasks/x/any/0/is BAD_VALUE"]
    );
    assert_eq!(
        mistakes(conditions(json!(["a"]), json!([]))),
        ["/tasks/x/any MISSING"]
    );
}

#[test]
fn an_expression_is_checked_with_its_names() {
    let when = |text: &str| {
        let x = json!({ "type": "noop", "needs": ["a"], "when": text });
        json!({ "a": { "type": "noop" }, "b": { "type": "noop" }, "x": x })
    };
    assert_eq!(mistakes(when("tasks.a.state == 'failed'")), Vec::<String>::new());
    assert_eq!(mistakes(when("a >")), ["/tasks/x/when INVALID_EXPRESSION"]);
    for name in ["b", "x", "absent"] {
        let text = format!("tasks['{name}'].state == 'failed'");
        assert_eq!(mistakes(when(&text)), ["/tasks/x/when UNKNOWN_TASK"], "{name}");
    }
    let long = format!("true{}", " ".repeat(1_021));
    assert_eq!(mistakes(when(&long)).len(), 1);
}

#[test]
fn keys_about_workers_mean_nothing_to_tasks_of_masters() {
    for key in ["worker_group", "env", "on_worker_lost", "on_cut_off"] {
        let mut switch = json!({ "type": "switch", "cases": [], "default": [] });
        switch[key] = json!("continue");
        assert_eq!(
            mistakes(json!({ "x": switch })),
            [format!("/tasks/x/{key} UNKNOWN_KEY")]
        );
    }
}

#[test]
fn tasks_that_decide_read_back_as_they_are_written() {
    let tasks = json!({
        "a": { "type": "noop", "when": "n > 1" },
        "k": { "type": "conditions", "needs": ["a"], "all": [{ "task": "a", "is": "skipped" }], "then": ["b"] },
        "s": { "type": "switch", "needs": ["k"], "cases": [{ "when": "true", "then": [] }], "default": [] },
        "b": { "type": "noop", "needs": ["k"] },
    });
    let definition = parse(&with_tasks(tasks)).unwrap();
    let written = serialize(&definition);
    assert_eq!(parse(&written).unwrap(), definition);
    assert_eq!(written["tasks"]["k"]["then"], json!(["b"]));
}
