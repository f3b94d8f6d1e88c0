use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ids::{AttemptNumber, DispatchId, Generation, InstanceId, TaskIndex, Timestamp};
use crate::plan::Plan;
use crate::spec::MAX_VALUE_BYTES;
use crate::spec::model::{Direction, Param};
use crate::spec::values::ParamType;
use crate::task_type::http::{HttpFields, HttpRequest};
use crate::task_type::shell::shell_action;
use crate::task_type::{PreparedTask, TaskAction};

/// 2022-08-26 00:00:00 UTC.
const AT: Timestamp = Timestamp(1_661_472_000_000);

fn base() -> TimeBase {
    TimeBase::utc(AT)
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn declared(pairs: &[(&str, &str)]) -> Vec<Param> {
    let param = |(name, value): &(&str, &str)| Param {
        name: (*name).to_owned(),
        kind: ParamType::String,
        direction: Direction::In,
        value: Some((*value).to_owned()),
    };
    pairs.iter().map(param).collect()
}

fn of_workflow(pairs: &[(&str, &str)]) -> Result<BTreeMap<String, String>, ParamError> {
    let empty = BTreeMap::new();
    let scopes = ParamScopes {
        builtins: &empty,
        project: &empty,
        workflow: &declared(pairs),
        upstream: &empty,
        task: &[],
        startup: &empty,
    };
    resolve_params(scopes, base())
}

#[test]
fn the_higher_layer_wins() {
    let all = ["startup", "task", "upstream", "workflow", "project", "builtin"];
    for (place, winner) in all.iter().enumerate() {
        let layer = |name: &str| -> Vec<(&str, &str)> {
            let given = all[place..].contains(&name);
            given
                .then_some(("k", *all.iter().find(|layer| **layer == name).unwrap()))
                .into_iter()
                .collect()
        };
        let (builtins, project) = (map(&layer("builtin")), map(&layer("project")));
        let (upstream, startup) = (map(&layer("upstream")), map(&layer("startup")));
        let (workflow, task) = (declared(&layer("workflow")), declared(&layer("task")));
        let scopes = ParamScopes {
            builtins: &builtins,
            project: &project,
            workflow: &workflow,
            upstream: &upstream,
            task: &task,
            startup: &startup,
        };
        assert_eq!(resolve_params(scopes, base()).unwrap()["k"], *winner);
    }
}

#[test]
fn references_are_followed_before_times_are_evaluated() {
    let values = of_workflow(&[
        ("a", "${b}"),
        ("b", "${c}"),
        ("c", "$[yyyyMMdd]"),
        ("n", "3"),
        ("shifted", "$[yyyyMMdd-${n}]"),
        ("nested", "${${which}}"),
        ("which", "n"),
        ("unknown", "<${missing}> $[1] $[nope] ${ $["),
        ("empty", ""),
    ])
    .unwrap();
    let expected = [
        ("a", "20220826"),
        ("shifted", "20220823"),
        ("nested", "3"),
        ("unknown", "<${missing}> $[1] $[nope] ${ $["),
        ("empty", ""),
    ];
    for (name, value) in expected {
        assert_eq!(values[name], value, "{name}");
    }
}

#[test]
fn a_circle_is_told_as_a_path() {
    assert_eq!(
        of_workflow(&[("a", "${b}"), ("b", "x${c}"), ("c", "${a}")]),
        Err(ParamError::Cycle("a -> b -> c -> a".to_owned()))
    );
    assert_eq!(
        of_workflow(&[("a", "${a}")]),
        Err(ParamError::Cycle("a -> a".to_owned()))
    );
}

#[test]
fn values_that_grow_and_chains_that_are_long_are_refused() {
    let ten = |name: &str| format!("${{{name}}}").repeat(10);
    let mut bomb = vec![("b0".to_owned(), "x".repeat(10))];
    bomb.extend((1..20).map(|n| (format!("b{n}"), ten(&format!("b{}", n - 1)))));
    let pairs: Vec<(&str, &str)> = bomb.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert!(matches!(of_workflow(&pairs), Err(ParamError::TooLarge(_))));
    let chain: Vec<(String, String)> = (0..200)
        .map(|n| (format!("c{n:03}"), format!("${{c{:03}}}", n + 1)))
        .collect();
    let pairs: Vec<(&str, &str)> = chain.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert!(matches!(of_workflow(&pairs), Err(ParamError::TooDeep(_))));
}

#[test]
fn the_longest_name_of_every_script_is_replaced() {
    let name = "हि".repeat(50);
    crate::spec::names::check_param(&name).unwrap();
    let values = of_workflow(&[(&name, "value"), ("copy", &format!("${{{name}}}"))]).unwrap();
    assert_eq!(values["copy"], "value");
}

#[test]
fn outputs_of_earlier_tasks_are_data() {
    let empty = BTreeMap::new();
    let upstream = map(&[("k", "${k} $[yyyy]")]);
    let workflow = declared(&[("copy", "<${k}>")]);
    let scopes = ParamScopes {
        builtins: &empty,
        project: &empty,
        workflow: &workflow,
        upstream: &upstream,
        task: &[],
        startup: &empty,
    };
    let values = resolve_params(scopes, base()).unwrap();
    assert_eq!(values["k"], "${k} $[yyyy]");
    assert_eq!(values["copy"], "<${k} $[yyyy]>");
}

#[test]
fn a_declared_output_is_no_input() {
    let empty = BTreeMap::new();
    let mut workflow = declared(&[("total", "1")]);
    workflow[0].direction = Direction::Out;
    let builtins = map(&[("total", "low")]);
    let scopes = ParamScopes {
        builtins: &builtins,
        project: &empty,
        workflow: &workflow,
        upstream: &empty,
        task: &[],
        startup: &empty,
    };
    assert_eq!(resolve_params(scopes, base()).unwrap()["total"], "low");
}

#[test]
fn builtins_are_those_of_the_base() {
    let uid = DispatchId {
        generation: Generation(1),
        instance: InstanceId(7),
        task_index: TaskIndex(2),
        attempt: AttemptNumber(3),
        dispatch_number: 1,
    };
    let context = BuiltinContext {
        base: base(),
        project: "p",
        workflow: "w",
        task: "t",
        uid,
    };
    let expected = map(&[
        ("system.biz.date", "20220825"),
        ("system.biz.curdate", "20220826"),
        ("system.datetime", "20220826000000"),
        ("system.project.name", "p"),
        ("system.workflow.definition.name", "w"),
        ("system.workflow.instance.id", "7"),
        ("system.task.definition.name", "t"),
        ("system.task.instance.id", "1-7-2-3-1"),
    ]);
    assert_eq!(builtin_params(&context), expected);
    let shanghai = BuiltinContext {
        base: TimeBase::in_zone(AT, Tz::Asia__Shanghai),
        ..context
    };
    assert_eq!(builtin_params(&shanghai)["system.datetime"], "20220826080000");
}

fn action(mut task: serde_json::Value) -> TaskAction {
    task["needs"] = json!([]);
    let document = json!({ "version": 1, "name": "w", "tasks": { "a": task } });
    crate::spec::parse(&document).unwrap().tasks.remove(0).action
}

fn script_of(prepared: &PreparedTask) -> &str {
    prepared.action.fields["run"].as_str().unwrap()
}

#[test]
fn a_shell_script_gets_variables_and_never_values() {
    let hostile = "$(touch pwned); `id` \" ' ${x} \\ \n second";
    let values = map(&[
        ("day", hostile),
        ("system.biz.date", hostile),
        ("a-b", "1"),
        ("limit", "5"),
    ]);
    let run = "echo ${day} $limit ${system.biz.date} ${a-b} ${system.biz.date} ${rows-none} $[yyyyMMdd] '$[1]' $[i+1] ${x:-${a-b}} ${#day} ${setValue(rows=1)}";
    let prepared = shell_action(run).prepare(&values, base());
    assert_eq!(
        script_of(&prepared),
        "echo ${day} $limit ${PORPOISE_P_0} ${PORPOISE_P_1} ${PORPOISE_P_0} ${rows-none} 20220826 '$[1]' $[i+1] ${x:-${PORPOISE_P_1}} ${#day} ${setValue(rows=1)}"
    );
    let expected = map(&[
        ("day", hostile),
        ("limit", "5"),
        ("PORPOISE_P_0", hostile),
        ("PORPOISE_P_1", "1"),
    ]);
    assert_eq!(prepared.env, expected);
    assert_eq!(prepared.warnings, Vec::<String>::new());
}

#[test]
fn a_python_script_gets_variables_and_never_values() {
    let action = action(json!({
        "type": "python",
        "run": "print(os.path.expandvars('${system.biz.date}'), f'{x}', '$[yyyy]', os.environ['day'])",
    }));
    let values = map(&[("system.biz.date", "'); exit("), ("day", "monday")]);
    let prepared = action.prepare(&values, base());
    assert_eq!(
        script_of(&prepared),
        "print(os.path.expandvars('${PORPOISE_P_0}'), f'{x}', '2022', os.environ['day'])"
    );
    assert_eq!(
        prepared.env,
        map(&[("PORPOISE_P_0", "'); exit("), ("day", "monday")])
    );
}

#[test]
fn http_fields_are_filled_as_text_and_unknown_names_warn() {
    let action = action(json!({
        "type": "http",
        "request": {
            "method": "POST", "url": "http://h/${rows}/$[yyyy]", "headers": { "X-Rows": "${rows}" },
            "body": "${rows} of ${day}; ${missing}",
        },
        "expect": { "status": [201] },
    }));
    let prepared = action.prepare(&map(&[("rows", "42"), ("day", "${rows} $[yyyy]")]), base());
    let fields: HttpFields = prepared.action.read_fields().unwrap();
    let request = fields.request;
    assert_eq!(request.url, "http://h/42/2022");
    assert_eq!(request.headers["X-Rows"], "42");
    assert_eq!(request.body.as_deref(), Some("42 of ${rows} $[yyyy]; ${missing}"));
    assert_eq!(fields.expect.unwrap().status, [201]);
    assert_eq!(prepared.warnings.len(), 1);
    assert!(
        prepared.warnings[0].contains("`missing`"),
        "{:?}",
        prepared.warnings
    );
    assert!(prepared.env.is_empty());
}

fn request_of(request: serde_json::Value, values: &[(&str, &str)]) -> HttpRequest {
    let prepared = action(json!({ "type": "http", "request": request })).prepare(&map(values), base());
    prepared.action.read_fields::<HttpFields>().unwrap().request
}

#[test]
fn a_value_in_a_json_body_and_in_a_query_is_escaped_unless_raw() {
    let hostile = "a\"b\\c\nd&e=f#g h/é";
    let text = json!({
        "url": "http://h/${v}?q=${v}&r=${v | raw}", "method": "POST",
        "headers": { "content-type": "application/vnd.x+json; charset=utf-8", "X-V": "${v}" },
        "body": r#"{"v": "${v}", "n": ${n|raw}}"#,
    });
    let request = request_of(text, &[("v", hostile), ("n", "[1]")]);
    let encoded = "a%22b%5Cc%0Ad%26e%3Df%23g%20h%2F%C3%A9";
    assert_eq!(request.url, format!("http://h/{hostile}?q={encoded}&r={hostile}"));
    let body: serde_json::Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
    assert_eq!(body, json!({ "v": hostile, "n": [1] }));
    assert_eq!(request.headers["X-V"], hostile);
    let plain = json!({ "url": "http://h", "headers": { "Content-Type": "text/plain" }, "body": "${v}" });
    assert_eq!(
        request_of(plain, &[("v", hostile)]).body.as_deref(),
        Some(hostile)
    );
}

#[test]
fn no_value_switches_its_escaping_off() {
    let text = json!({ "url": "http://h?q=${${x}}" });
    let request = request_of(text, &[("x", "v | raw"), ("v", "a b")]);
    assert_eq!(request.url, "http://h?q=${v%20%7C%20raw}");
}

#[test]
fn a_doubled_dollar_is_a_literal_placeholder() {
    let resolved = of_workflow(&[
        ("date", "1"),
        ("a", "$${date}"),
        ("b", "\\${date}"),
        ("c", "${a} $$ $${"),
        ("d", "$$${date}"),
    ])
    .unwrap();
    assert_eq!(resolved["a"], "${date}");
    assert_eq!(resolved["b"], "\\1");
    assert_eq!(resolved["c"], "${date} $$ ${");
    assert_eq!(resolved["d"], "$${date}");
    let (text, warnings) = interpolate_text("$${missing} $$", &map(&[]), base());
    assert_eq!((text.as_str(), warnings.len()), ("${missing} $$", 0));
    let prepared = shell_action("echo $${x}").prepare(&map(&[("x", "1")]), base());
    assert_eq!(script_of(&prepared), "echo $${x}");
}

/// A plan with these edges; every task declares the output `k`.
fn plan(needs: &[&[u32]]) -> Plan {
    let tasks: serde_json::Map<String, serde_json::Value> = needs
        .iter()
        .enumerate()
        .map(|(place, needs)| {
            let needs: Vec<String> = needs.iter().map(|need| format!("t{need}")).collect();
            (
                format!("t{place}"),
                json!({ "type": "noop", "needs": needs, "outputs": ["k"] }),
            )
        })
        .collect();
    let definition = crate::spec::parse(&json!({ "version": 1, "name": "w", "tasks": tasks })).unwrap();
    let start = crate::start::parse(&json!({}), &definition, &Default::default(), Tz::UTC).unwrap();
    Plan::new(Arc::new(definition), Arc::new(start))
}

fn seen(plan: &Plan, of: u32, outputs: &[Option<&str>]) -> Option<String> {
    let outputs: Vec<Option<BTreeMap<String, String>>> = outputs
        .iter()
        .map(|value| value.map(|value| map(&[("k", value)])))
        .collect();
    let outputs_of = |task_index: TaskIndex| outputs[task_index.as_usize()].as_ref();
    upstream_outputs(plan, TaskIndex(of), &outputs_of).remove("k")
}

#[test]
fn the_nearest_ancestor_wins_then_the_edge_declared_first() {
    // 0 and 1 are parallel; 2 needs 1 before 0; 3 needs 2; 4 is unrelated.
    let plan = plan(&[&[], &[], &[1, 0], &[2], &[]]);
    let all = [Some("zero"), Some("one"), Some("two"), None, Some("four")];
    assert_eq!(seen(&plan, 2, &all).as_deref(), Some("one"));
    assert_eq!(seen(&plan, 3, &all).as_deref(), Some("two"));
    assert_eq!(
        seen(&plan, 3, &[Some("zero"), None, None, None, Some("four")]).as_deref(),
        Some("zero")
    );
    assert_eq!(seen(&plan, 0, &all), None);
    assert_eq!(seen(&plan, 4, &all), None);
}

fn collector(names: &[&str]) -> OutputCollector {
    let declared = names.iter().map(|name| ((*name).to_owned(), ParamType::String));
    OutputCollector::new(declared.collect())
}

fn scanned(pieces: &[&[u8]]) -> BTreeMap<String, String> {
    let mut scanner = OutputScanner::new(collector(&[
        "rows", "a", "b", "c", "q", "m", "e", "json", "ok", "open",
    ]));
    for piece in pieces {
        scanner.push(piece);
    }
    scanner.finish().finish().unwrap()
}

fn read_file(text: &str, mut collector: OutputCollector) -> Result<BTreeMap<String, String>, OutputError> {
    let mut parser = OutputFileParser::default();
    for line in text.split_inclusive('\n') {
        parser.push_line(line, &mut collector);
    }
    parser.finish(&mut collector);
    collector.finish()
}

#[test]
fn assignments_are_found_wherever_they_stand() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("${setValue(rows=42)}\n", &[("rows", "42")]),
        (
            "x ${setValue(a=1)} y #{setValue(b=2)} ${setValue(c=3)}",
            &[("a", "1"), ("b", "2"), ("c", "3")],
        ),
        ("#{setValue(b=2)}${setValue(a=1)}", &[("a", "1"), ("b", "2")]),
        ("${setValue(q=a=b=c)}", &[("q", "a=b=c")]),
        (
            "${setValue(m=first\nsecond\nthird)}",
            &[("m", "first\nsecond\nthird")],
        ),
        ("${setValue(a=1)}${setValue(a=2)}", &[("a", "2")]),
        ("${setValue(e=)}", &[("e", "")]),
        (
            "${setValue(nothing)} ${setValue(=x)} ${setValue(a b=1)} $${setValue(ok=1)}",
            &[("ok", "1")],
        ),
        ("${setValue(json={\"a\": (1)} cut )}", &[("json", "{\"a\": (1")]),
        ("${setValue(open=1", &[]),
        ("${set ${setValue(a=}", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(scanned(&[text.as_bytes()]), map(expected), "{text}");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(scanned(&bytes), map(expected), "{text}, byte by byte");
    }
    assert_eq!(
        scanned(&[b"\xff${setValue(a=\xff\x00)}"]),
        map(&[("a", "\u{fffd}\u{fffd}")])
    );
}

/// Scans a text whose output `b` follows something too large.
fn scanned_after_too_much(names: &[&str]) -> Result<BTreeMap<String, String>, OutputError> {
    let mut scanner = OutputScanner::new(collector(names));
    scanner.push(b"${setValue(a=");
    for _ in 0..2_048 {
        scanner.push(&[b'x'; 1_024]);
        assert!(scanner.held() <= 3 * crate::spec::MAX_VALUE_BYTES);
    }
    scanner.push(b")} ${setValue(b=1)}");
    scanner.finish().finish()
}

#[test]
fn an_assignment_without_an_end_is_no_output_and_later_ones_are_found() {
    assert_eq!(scanned_after_too_much(&["b"]), Ok(map(&[("b", "1")])));
    let too_large = OutputError::ValueTooLarge("a".to_owned());
    assert_eq!(scanned_after_too_much(&["a", "b"]), Err(too_large));
    let lines = format!("${{setValue(a={})}} ${{setValue(b=1)}}", "x\n".repeat(1_025));
    let mut scanner = OutputScanner::new(collector(&["a", "b"]));
    scanner.push(lines.as_bytes());
    let too_many = OutputError::TooManyLines("a".to_owned());
    assert_eq!(scanner.finish().finish(), Err(too_many));
    let lines = format!("${{setValue(a={})}}", "x\n".repeat(1_024));
    assert_eq!(scanned(&[lines.as_bytes()])["a"].len(), 2_048);
}

#[test]
fn outputs_beyond_their_bounds_fail_and_name_the_output_and_the_limit() {
    let mut outputs = collector(&["a", "b"]);
    outputs.set_value("a", &"x".repeat(MAX_VALUE_BYTES));
    outputs.set_value("other", &"x".repeat(MAX_VALUE_BYTES + 1));
    outputs.set_value("b", &"x".repeat(MAX_VALUE_BYTES + 1));
    let error = outputs.finish().unwrap_err().to_string();
    assert_eq!(error, "the output `b` has more than 65536 bytes");

    let names: Vec<String> = (0..20).map(|n| format!("o{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut outputs = collector(&names);
    for name in names.iter().chain(&names[..1]) {
        outputs.set_value(name, &"x".repeat(MAX_VALUE_BYTES));
    }
    let error = outputs.finish().unwrap_err().to_string();
    assert!(error.contains("`o16`") && error.contains("1048576"), "{error}");

    let mut outputs = collector(&["a"]);
    outputs.set_value("a", &"x".repeat(MAX_VALUE_BYTES + 1));
    outputs.set_value("a", "later");
    assert_eq!(outputs.finish(), Ok(map(&[("a", "later")])));
}

#[test]
fn an_output_is_of_its_declared_type() {
    let declared = || {
        BTreeMap::from([
            ("rows".to_owned(), ParamType::Integer),
            ("list".to_owned(), ParamType::Json),
        ])
    };
    let text = "rows=007\nlist=[1, 2]\n";
    let kept = read_file(text, OutputCollector::new(declared()));
    assert_eq!(kept, Ok(map(&[("rows", "007"), ("list", "[1, 2]")])));
    let error = read_file("rows=many\n", OutputCollector::new(declared())).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("`rows`") && error.contains("whole number"),
        "{error}"
    );
}

#[test]
fn the_output_file_has_assignments_of_one_line_and_of_several() {
    let names = ["total", "noise", "q", "first", "m", "empty", "e"];
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            "total=7\nnoise=2\r\n\n# x\nq=a=b\ntotal=8\nbad name=1\nother=1",
            &[("total", "8"), ("noise", "2"), ("q", "a=b")],
        ),
        ("\u{feff}first=1\nexport q=2\n", &[("first", "1"), ("q", "2")]),
        (
            "m<<END\none=1\n\n two<<X\nEND\nq=<<x\n",
            &[("m", "one=1\n\n two<<X"), ("q", "<<x")],
        ),
        (
            "export m << E\r\na\r\nE\r\nempty<<E\nE\ne<<E\n\nE",
            &[("m", "a"), ("empty", ""), ("e", "")],
        ),
        ("other<<END\nq=1\nEND\nm<<\n<<x\n1<<2\na < b\n", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(read_file(text, collector(&names)), Ok(map(expected)), "{text}");
    }
    let error = read_file("q=1\nm<<END\nEND \n", collector(&names)).unwrap_err();
    assert!(error.to_string().contains("`END`"), "{error}");
    let large = format!("m<<END\n{}END\n", "x\n".repeat(MAX_VALUE_BYTES));
    let error = read_file(&large, collector(&names)).unwrap_err();
    assert_eq!(error, OutputError::ValueTooLarge("m".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_values_are_resolved_or_refused_within_bounds(
        pairs in prop::collection::vec(("[a-d]", "([a-d]|\\$\\{|\\}|\\$\\[|\\]|yyyy|-1|.){0,12}"), 0..6),
    ) {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        if let Ok(values) = of_workflow(&pairs) {
            prop_assert!(values.values().map(String::len).sum::<usize>() <= super::scopes::MAX_TOTAL_BYTES);
        }
    }

    #[test]
    fn no_value_ever_appears_in_a_script(run in "(\\$\\{|\\}|a|b\\.c|\\$\\[|\\]|yyyy| |'){0,30}") {
        let values = map(&[("a", "SECRET"), ("b.c", "SECRET")]);
        let prepared = shell_action(&run).prepare(&values, base());
        prop_assert!(!script_of(&prepared).contains("SECRET"));
        let (text, _) = interpolate_text(&run, &values, base());
        prop_assert!(text.len() <= 10 * run.len().max(1));
    }

    #[test]
    fn what_is_written_to_an_output_file_is_read_back(
        values in prop::collection::btree_map("[a-z][a-z.-]{0,6}", "([a-z=<$ {]|E|\\PC|\n){0,20}", 0..6),
    ) {
        let text: String = values
            .iter()
            .map(|(name, value)| match value.contains('\n') || value.contains('E') {
                true => format!("{name}<<END-OF-{name}\n{value}\nEND-OF-{name}\n"),
                false => format!("{name}={value}\n"),
            })
            .collect();
        let names: Vec<&str> = values.keys().map(String::as_str).collect();
        prop_assert_eq!(read_file(&text, collector(&names)), Ok(values.clone()));
    }

    #[test]
    fn any_output_file_is_read_or_refused(text in "(a|b|=|<<|E|\n|\r|export |\u{feff}|\\PC){0,40}") {
        match read_file(&text, collector(&["a", "b"])) {
            Ok(values) => prop_assert!(values.keys().all(|name| ["a", "b"].contains(&name.as_str()))),
            Err(error) => prop_assert!(error.to_string().contains("closing line"), "{}", error),
        }
    }

    #[test]
    fn a_value_arrives_whole_in_json_and_in_a_query(value in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
        let text = json!({
            "url": "http://h/?v=${v}", "headers": { "Content-Type": "application/json" }, "body": "[\"${v}\"]",
        });
        let request = request_of(text, &[("v", &value)]);
        let body: Vec<String> = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
        prop_assert_eq!(&body[0], &value);
        let url = url::Url::parse(&request.url).unwrap();
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        prop_assert_eq!(query, vec![("v".to_owned(), value)]);
    }

    #[test]
    fn a_text_without_placeholders_or_with_escaped_ones_is_itself(text in "([a-z {}|]|\\$\\{[a-z]{1,3}\\}){0,20}") {
        let escaped = text.replace("${", "$${");
        let (written, warnings) = interpolate_text(&escaped, &map(&[("a", "value")]), base());
        prop_assert_eq!(written, text);
        prop_assert!(warnings.is_empty());
    }

    #[test]
    fn where_an_output_is_cut_does_not_matter(
        text in "(\\$\\{setValue\\(|#\\{setValue\\(|\\)\\}|a=|b=|x|\n|\\$|\\{){0,30}",
        cut in 0..40usize,
    ) {
        let bytes = text.as_bytes();
        let cut = cut.min(bytes.len());
        prop_assert_eq!(scanned(&[&bytes[..cut], &bytes[cut..]]), scanned(&[bytes]));
    }
}
