use proptest::prelude::*;

use super::*;

const FERRY: &str = include_str!("../../../../tests/data/ferry-wfcommons.json");

fn problem(change: impl FnOnce(&mut Value), task_type: ImportedTaskType) -> String {
    let mut file: Value = serde_json::from_str(FERRY).unwrap();
    change(&mut file);
    convert_wfcommons(&file.to_string(), 1.0, task_type)
        .unwrap_err()
        .to_string()
}

#[test]
fn ids_become_names_parents_needs_and_run_times_sleeps() {
    let text = convert_wfcommons(FERRY, 0.1, ImportedTaskType::Shell).unwrap();
    let (definition, _) = parse_document(text.as_bytes(), Format::Yaml).unwrap();
    assert_eq!(definition.name, "ferry timetable");
    let names: Vec<&str> = definition.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["read_log_1", "read_log_1-2", "join_3", "chart_4"]);
    let needs: Vec<usize> = definition.tasks[2]
        .needs
        .iter()
        .map(|need| need.task.as_usize())
        .collect();
    assert_eq!(needs, [0, 1]);
    let runs: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("    run: "))
        .collect();
    assert_eq!(runs, ["sleep 0.2", "sleep 0.325", "sleep 0.4", "sleep 0"]);
}

#[test]
fn no_ops_need_no_run_times() {
    let mut file: Value = serde_json::from_str(FERRY).unwrap();
    file["workflow"].as_object_mut().unwrap().remove("execution");
    let text = convert_wfcommons(&file.to_string(), 1.0, ImportedTaskType::Noop).unwrap();
    assert!(text.contains("type: noop") && !text.contains("sleep"), "{text}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn errors_name_the_field() {
    let tasks = "/workflow/specification/tasks";
    let cases = [
        (
            problem(
                |f| f["workflow"]["specification"] = Value::Null,
                ImportedTaskType::Noop,
            ),
            tasks.to_owned(),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][1]["id"] = Value::Null,
                ImportedTaskType::Noop,
            ),
            format!("{tasks}/1"),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][2]["parents"][0] = Value::from("x"),
                ImportedTaskType::Noop,
            ),
            format!("{tasks}/2/parents"),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][1]["id"] = Value::from("join_3"),
                ImportedTaskType::Noop,
            ),
            format!("{tasks}/2/id"),
        ),
        (
            problem(
                |f| f["workflow"]["execution"]["tasks"][0] = Value::from(1),
                ImportedTaskType::Shell,
            ),
            "/workflow/execution/tasks/0".to_owned(),
        ),
        (
            problem(
                |f| f["workflow"]["execution"]["tasks"][0]["runtimeInSeconds"] = Value::from(-1.0),
                ImportedTaskType::Shell,
            ),
            format!("{tasks}/0/id"),
        ),
        (
            problem(
                |f| f["workflow"]["execution"]["tasks"][0]["id"] = Value::from("x"),
                ImportedTaskType::Shell,
            ),
            format!("{tasks}/0/id"),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][0]["parents"] = serde_json::json!(["chart_4"]),
                ImportedTaskType::Noop,
            ),
            "->".to_owned(),
        ),
    ];
    for (message, field) in cases {
        assert!(message.contains(&field), "{message} names {field}");
    }
    assert!(matches!(
        convert_wfcommons("{", 1.0, ImportedTaskType::Noop),
        Err(ImportError::NotJson(_))
    ));
    assert!(matches!(
        convert_wfcommons(FERRY, -1.0, ImportedTaskType::Noop),
        Err(ImportError::InvalidScale(_))
    ));
    assert!(matches!(
        convert_wfcommons(FERRY, f64::NAN, ImportedTaskType::Noop),
        Err(ImportError::InvalidScale(_))
    ));
}

#[test]
fn names_stay_legal_and_unique_however_the_ids_look() {
    let long = "x".repeat(150);
    let ids = [
        ".",
        "..",
        " ",
        "a\nb",
        "a b ",
        "\u{1f600}",
        &long,
        &format!("{long}y"),
    ];
    let specified: Vec<SpecifiedTask> = ids
        .iter()
        .map(|id| SpecifiedTask {
            id: (*id).to_owned(),
            parents: Vec::new(),
        })
        .collect();
    let names = unique_names(&specified).unwrap();
    let distinct: BTreeSet<&String> = names.values().collect();
    assert_eq!(distinct.len(), ids.len());
    for name in names.values() {
        engine::spec::names::check(name).unwrap();
    }
}

#[test]
fn marks_of_a_name_are_kept() {
    assert_eq!(
        valid_name("हिन्दी re\u{301}sume\u{301}"),
        "हिन्दी re\u{301}sume\u{301}"
    );
    assert_eq!(valid_name("a\u{200d}b"), "a_b");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["read_log 1", "join_3", "", "\u{0}"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const PARTS: [&str; 8] = [
    "/name",
    "/workflow",
    "/workflow/specification/tasks",
    "/workflow/specification/tasks/1",
    "/workflow/specification/tasks/1/id",
    "/workflow/specification/tasks/2/parents",
    "/workflow/execution/tasks",
    "/workflow/execution/tasks/0/runtimeInSeconds",
];

proptest! {
    #[test]
    fn a_file_with_any_part_replaced_is_converted_or_refused(
        part in prop::sample::select(PARTS.to_vec()),
        value in any_json(),
        scale in any::<f64>(),
    ) {
        let mut file: Value = serde_json::from_str(FERRY).unwrap();
        *file.pointer_mut(part).unwrap() = value;
        for task_type in [ImportedTaskType::Shell, ImportedTaskType::Noop] {
            if let Ok(text) = convert_wfcommons(&file.to_string(), scale, task_type) {
                prop_assert!(parse_document(text.as_bytes(), Format::Yaml).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn any_text_is_converted_or_refused(text in ".{0,60}") {
        prop_assert!(convert_wfcommons(&text, 1.0, ImportedTaskType::Noop).is_err());
    }
}
