use super::*;

const FERRY: &str = include_str!("../../../tests/data/ferry-wfcommons.json");

fn problem(change: impl FnOnce(&mut Value), kind: Kind) -> String {
    let mut file: Value = serde_json::from_str(FERRY).unwrap();
    change(&mut file);
    wfcommons(&file.to_string(), 1.0, kind).unwrap_err().to_string()
}

#[test]
fn ids_become_names_parents_needs_and_run_times_sleeps() {
    let text = wfcommons(FERRY, 0.1, Kind::Shell).unwrap();
    let (definition, _) = read_document(text.as_bytes(), Format::Yaml).unwrap();
    assert_eq!(definition.name, "ferry timetable");
    let names: Vec<&str> = definition.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["read_log_1", "read_log_1-2", "join_3", "chart_4"]);
    let needs: Vec<usize> = definition.tasks[2]
        .needs
        .iter()
        .map(|need| need.as_usize())
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
    let text = wfcommons(&file.to_string(), 1.0, Kind::Noop).unwrap();
    assert!(text.contains("type: noop") && !text.contains("sleep"), "{text}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn errors_name_the_field() {
    let tasks = "/workflow/specification/tasks";
    let cases = [
        (
            problem(|f| f["workflow"]["specification"] = Value::Null, Kind::Noop),
            tasks.to_owned(),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][1]["id"] = Value::Null,
                Kind::Noop,
            ),
            format!("{tasks}/1"),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][2]["parents"][0] = Value::from("x"),
                Kind::Noop,
            ),
            format!("{tasks}/2/parents"),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][1]["id"] = Value::from("join_3"),
                Kind::Noop,
            ),
            format!("{tasks}/2/id"),
        ),
        (
            problem(
                |f| f["workflow"]["execution"]["tasks"][0] = Value::from(1),
                Kind::Shell,
            ),
            "/workflow/execution/tasks/0".to_owned(),
        ),
        (
            problem(
                |f| f["workflow"]["execution"]["tasks"][0]["runtimeInSeconds"] = Value::from(-1.0),
                Kind::Shell,
            ),
            format!("{tasks}/0/id"),
        ),
        (
            problem(
                |f| f["workflow"]["execution"]["tasks"][0]["id"] = Value::from("x"),
                Kind::Shell,
            ),
            format!("{tasks}/0/id"),
        ),
        (
            problem(
                |f| f["workflow"]["specification"]["tasks"][0]["parents"] = serde_json::json!(["chart_4"]),
                Kind::Noop,
            ),
            "->".to_owned(),
        ),
    ];
    for (message, field) in cases {
        assert!(message.contains(&field), "{message} names {field}");
    }
    assert!(matches!(
        wfcommons("{", 1.0, Kind::Noop),
        Err(ImportError::NotJson(_))
    ));
    assert!(matches!(
        wfcommons(FERRY, -1.0, Kind::Noop),
        Err(ImportError::Scale(_))
    ));
    assert!(matches!(
        wfcommons(FERRY, f64::NAN, Kind::Noop),
        Err(ImportError::Scale(_))
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
    let specified: Vec<Specified> = ids
        .iter()
        .map(|id| Specified {
            id: (*id).to_owned(),
            parents: Vec::new(),
        })
        .collect();
    let names = names(&specified).unwrap();
    let distinct: BTreeSet<&String> = names.values().collect();
    assert_eq!(distinct.len(), ids.len());
    for name in names.values() {
        engine::spec::names::check(name).unwrap();
    }
}
