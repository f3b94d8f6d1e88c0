use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::definition::Preparation;
use super::field::object_schema;
use super::http::HttpFields;
use super::python::PythonFields;
use super::shell::ShellFields;
use super::*;
use crate::params::TimeBase;
use crate::spec::Diagnostic;
use crate::spec::validator::{self, Validator};

/// A type that exists only here: each kind of value, each presence, a map in a map.
const SAMPLE: TaskType = TaskType {
    name: "sample",
    doc: "Does nothing.",
    site: ExecutionSite::Worker,
    fields: &[
        Field {
            key: "query",
            kind: FieldKind::Value(ValueKind::Script),
            presence: Presence::Required("it is what is asked"),
            doc: "The query.",
        },
        Field {
            key: "mode",
            kind: FieldKind::Value(ValueKind::Choice(&["fast", "safe"])),
            presence: Presence::Default("safe"),
            doc: "How.",
        },
        Field {
            key: "target",
            kind: FieldKind::Object(&[
                Field {
                    key: "url",
                    kind: FieldKind::Value(ValueKind::Url),
                    presence: Presence::Required("it is where"),
                    doc: "Where.",
                },
                Field {
                    key: "program",
                    kind: FieldKind::Value(ValueKind::Program),
                    presence: Presence::Default("psql"),
                    doc: "What with.",
                },
            ]),
            presence: Presence::Optional,
            doc: "The target.",
        },
    ],
    secret_fields: &[],
    prepare: |_, _, _| Preparation::default(),
};

fn parse(fields: &Value) -> Result<TaskAction, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let map = fields.as_object().unwrap();
    let action = TaskAction::parse(&SAMPLE, &mut validator, map, &validator::Path::ROOT);
    validator.finish(action)
}

fn document_of(action: &TaskAction) -> Value {
    let fields = action
        .fields()
        .map(|(key, value)| (key.to_owned(), value.clone()));
    Value::Object(fields.collect())
}

#[test]
fn the_table_of_a_type_is_all_that_parsing_and_serializing_need() {
    let full = json!({ "query": "q", "mode": "fast", "target": { "url": "http://h", "program": "mysql" } });
    assert_eq!(document_of(&parse(&full).unwrap()), full);
    let with_defaults =
        json!({ "query": "q", "mode": "safe", "target": { "url": "http://h", "program": "psql" } });
    let short = json!({ "query": "q", "target": { "url": "http://h" } });
    let action = parse(&with_defaults).unwrap();
    assert_eq!(document_of(&action), short);
    assert_eq!(parse(&short).unwrap(), action);
    let prepared = action.prepare(&BTreeMap::new(), TimeBase::utc(crate::ids::Timestamp(0)));
    assert_eq!(Value::Object(prepared.action.fields), with_defaults);
}

#[test]
fn every_error_of_a_table_is_reported_at_its_place() {
    let wrong = json!({ "mode": "slow", "target": { "program": "-a b", "port": 1 } });
    let found: Vec<(String, &str)> = parse(&wrong)
        .unwrap_err()
        .into_iter()
        .map(|diagnostic| (diagnostic.pointer, diagnostic.code))
        .collect();
    let expected = [
        ("/query", "MISSING"),
        ("/mode", "BAD_VALUE"),
        ("/target/port", "UNKNOWN_KEY"),
        ("/target/url", "MISSING"),
        ("/target/program", "BAD_VALUE"),
    ];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn the_table_of_a_type_is_its_json_schema() {
    let schema = object_schema(SAMPLE.fields, Map::new(), &[]);
    assert_eq!(schema["required"], json!(["query"]));
    assert_eq!(schema["properties"]["mode"]["default"], "safe");
    assert_eq!(schema["properties"]["target"]["required"], json!(["url"]));
    assert_eq!(
        schema["properties"]["target"]["properties"]["url"]["description"],
        "Where."
    );
}

fn prepared(task_type: &str, task: Value) -> PreparedAction {
    let document = json!({ "version": 1, "name": "w", "tasks": { "a": task } });
    let action = crate::spec::parse(&document).unwrap().tasks.remove(0).action;
    let prepared = action.prepare(&BTreeMap::new(), TimeBase::utc(crate::ids::Timestamp(0)));
    assert_eq!(prepared.action.task_type, task_type);
    let sent = serde_json::to_string(&prepared.action).unwrap();
    serde_json::from_str(&sent).unwrap()
}

#[test]
fn a_runner_reads_the_fields_of_its_type_with_defaults_filled_in() {
    let shell: ShellFields = prepared("shell", json!({ "type": "shell", "run": "true" }))
        .read_fields()
        .unwrap();
    assert_eq!(
        (shell.run.as_str(), shell.interpreter.words()),
        ("true", vec!["/bin/sh"])
    );
    let python: PythonFields = prepared("python", json!({ "type": "python", "run": "pass" }))
        .read_fields()
        .unwrap();
    assert_eq!(python.python.words(), ["python3"]);
    let http = prepared(
        "http",
        json!({ "type": "http", "request": { "url": "http://h" } }),
    );
    let fields: HttpFields = http.read_fields().unwrap();
    assert_eq!((fields.request.method.as_str(), fields.expect), ("GET", None));
    let error = http.read_fields::<ShellFields>().unwrap_err();
    assert_eq!(error.task_type, "http");
}

#[test]
fn a_script_is_read_by_its_interpreter_or_its_first_line_or_the_default_shell() {
    let words = |task: Value| -> Vec<String> {
        let fields: ShellFields = prepared("shell", task).read_fields().unwrap();
        fields
            .interpreter
            .words()
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let bash = "#!/usr/bin/env bash\n[[ a == a* ]]";
    assert_eq!(
        words(json!({ "type": "shell", "run": bash })),
        ["/usr/bin/env", "bash"]
    );
    for given in [json!("/bin/sh"), json!(["/bin/sh"])] {
        let task = json!({ "type": "shell", "run": bash, "interpreter": given });
        assert_eq!(
            words(task),
            ["/bin/sh"],
            "what is given counts, also when it is the default"
        );
    }
    let strict = ["bash", "-euo", "pipefail"];
    for given in [json!("bash -euo pipefail"), json!(strict)] {
        assert_eq!(
            words(json!({ "type": "shell", "run": "true", "interpreter": given })),
            strict
        );
    }
}

#[test]
fn a_program_without_a_word_or_with_an_option_first_is_refused() {
    for wrong in [
        json!(""),
        json!("  "),
        json!("-x"),
        json!([]),
        json!([""]),
        json!(["-x"]),
        json!(["a\u{7}"]),
        json!(1),
    ] {
        let document = json!({ "query": "q", "target": { "url": "http://h", "program": wrong } });
        let found = parse(&document).unwrap_err();
        assert_eq!(found[0].pointer, "/target/program", "{wrong}");
    }
}

#[test]
fn background_processes_are_ended_unless_the_task_keeps_them() {
    let policy = |task: Value| {
        prepared("shell", task)
            .read_fields::<ShellFields>()
            .unwrap()
            .background
    };
    assert_eq!(
        policy(json!({ "type": "shell", "run": "x" })),
        BackgroundPolicy::End
    );
    let keep = json!({ "type": "shell", "run": "x", "background": "keep" });
    assert_eq!(policy(keep), BackgroundPolicy::Keep);
    let python = json!({ "type": "python", "run": "x", "background": "keep" });
    let python: PythonFields = prepared("python", python).read_fields().unwrap();
    assert_eq!(python.background, BackgroundPolicy::Keep);
}

/// Files with names of other things that are those of task types.
const NAMED_ALIKE: [&str; 8] = [
    "connection/http.rs",
    "task_type/channel_values.rs",
    "task_type/connection_use.rs",
    "task_type/connector_values.rs",
    "trigger.rs",
    "spec/workflow_references.rs",
    "task_type/site.rs",
    "explain/cause.rs",
];

#[test]
fn a_type_is_named_only_in_its_file() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source, &mut files);
    for task_type in TASK_TYPES {
        let (name, own) = (task_type.name, format!("task_type/{}.rs", task_type.name));
        let naming: Vec<String> = files
            .iter()
            .filter(|file| {
                std::fs::read_to_string(file)
                    .unwrap()
                    .contains(&format!("\"{name}\""))
            })
            .map(|file| file.strip_prefix(&source).unwrap().display().to_string())
            // Triggers, references, kinds of wait, causes of waiting, connections and schemes of URLs have names of their
            // own that users know alike.
            .filter(|file| !NAMED_ALIKE.contains(&file.as_str()))
            .filter(|file| !file.contains("tests") && *file != own)
            .collect();
        assert_eq!(naming, Vec::<String>::new(), "`{name}` is named outside of {own}");
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
