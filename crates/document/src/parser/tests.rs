use proptest::prelude::*;

use super::*;
use crate::number::{NUMBER_KEY, parse_number};

fn yaml(text: &str) -> Result<(Definition, Value), Vec<LocatedDiagnostic>> {
    parse_document(text.as_bytes(), Format::Yaml)
}

fn first(text: &str) -> (&'static str, Option<u32>, Option<u32>, String) {
    let issue = yaml(text).expect_err("the document is wrong").remove(0);
    (issue.code, issue.line, issue.column, issue.pointer)
}

const HEAD: &str = "version: 1\nname: c\ntasks:\n  t:\n    type: noop\n";

#[test]
fn the_contracts_example_is_read() {
    let text = r#"
version: 1                     # of this format
name: daily-sales
project: retail
labels: { team: bi }
params:
  day: $[yyyyMMdd-1]
  top_n: { type: integer, value: 10 }
  total: { direction: out }
timeout: 2h
tasks:
  extract:
    type: shell
    run: |
      echo "day is ${day}, limit is ${limit}"
      echo '${setValue(rows=42)}'
    params: { limit: 5 }
    outputs: [rows]
    retry: { max: 3, delay: 30s }
    env: { TZ: UTC }
  publish:
    type: http
    needs: [extract]
    request: { method: POST, url: "http://127.0.0.1:9000/hook", headers: { X-Rows: "${rows}" }, body: "x" }
    expect: { status: [200, 201] }
"#;
    let (definition, model) = yaml(text).unwrap();
    assert_eq!(definition.params[0].value, Some("$[yyyyMMdd-1]".to_owned()));
    assert_eq!(definition.tasks[0].outputs[0].name, "rows");
    let again = parse_document(model.to_string().as_bytes(), Format::Json).unwrap();
    assert_eq!(again.0, definition);
}

#[test]
fn an_unknown_key_is_placed_at_the_key() {
    assert_eq!(
        first(&format!("{HEAD}    nedes: []\n")),
        ("UNKNOWN_KEY", Some(6), Some(5), "/tasks/t/nedes".to_owned())
    );
}

#[test]
fn a_repeated_key_is_placed_at_its_second_occurrence() {
    assert_eq!(
        first(&format!("{HEAD}    type: noop\n")),
        ("DUPLICATE_KEY", Some(6), Some(5), "/tasks/t/type".to_owned())
    );
}

#[test]
fn a_wrong_value_is_placed_at_the_value() {
    assert_eq!(
        first(&format!("{HEAD}    timeout: soon\n")),
        ("BAD_DURATION", Some(6), Some(14), "/tasks/t/timeout".to_owned())
    );
    assert_eq!(
        first("version: 1\nname: c\ntasks:\n  a:\n    type: noop\n    needs:\n      - nope\n"),
        ("UNKNOWN_TASK", Some(7), Some(9), "/tasks/a/needs/0".to_owned())
    );
}

#[test]
fn what_is_missing_is_placed_where_it_belongs() {
    assert_eq!(
        first("version: 1\nname: c\ntasks:\n  a:\n    type: shell\n"),
        ("MISSING", Some(4), Some(3), "/tasks/a/run".to_owned())
    );
}

#[test]
fn errors_come_in_the_order_of_the_text() {
    let issues = yaml("nmae: x\nversion: 2\nname: c\ntasks:\n  t: { type: noop, timeout: soon }\n  t: 1\n")
        .unwrap_err();
    let lines: Vec<_> = issues.iter().map(|issue| issue.line).collect();
    assert_eq!(lines, [Some(1), Some(2), Some(5), Some(6)], "{issues:?}");
}

#[test]
fn broken_texts_name_the_line_once_as_a_number() {
    let broken: [(&[u8], Format, &str, u32); 4] = [
        (
            b"version: 1\ntasks:\n  t: { type: noop\n",
            Format::Yaml,
            "BROKEN_YAML",
            4,
        ),
        (b"{\n\"a\": 1,\n}", Format::Json, "BROKEN_JSON", 3),
        (b"# nothing\n", Format::Yaml, "EMPTY_DOCUMENT", 1),
        (b"a: 1\nb: \xff\n", Format::Yaml, "NOT_UTF8", 2),
    ];
    for (text, format, code, line) in broken {
        let issue = parse_document(text, format).unwrap_err().remove(0);
        assert_eq!((issue.code, issue.line), (code, Some(line)), "{issue:?}");
        assert!(
            !issue.message.contains("line "),
            "the position is there twice: {issue:?}"
        );
    }
}

#[test]
fn plain_scalars_follow_the_core_schema() {
    let cases = [
        ("no", serde_json::json!("no")),
        ("yes", serde_json::json!("yes")),
        ("true", serde_json::json!(true)),
        ("'true'", serde_json::json!("true")),
        ("~", Value::Null),
        ("", Value::Null),
        ("12", serde_json::json!(12)),
        ("-7", serde_json::json!(-7)),
        ("+7", serde_json::json!("+7")),
        ("0o17", serde_json::json!("0o17")),
        ("0xff", serde_json::json!("0xff")),
        ("1.5", serde_json::json!(1.5)),
        ("1e3", parse_number("1e3").unwrap()),
        ("3.10", parse_number("3.10").unwrap()),
        ("007", serde_json::json!("007")),
        ("True", serde_json::json!("True")),
        (".inf", serde_json::json!(".inf")),
        ("\"12\"", serde_json::json!("12")),
        ("1_000", serde_json::json!("1_000")),
        ("2026-01-31", serde_json::json!("2026-01-31")),
        ("12:30:00", serde_json::json!("12:30:00")),
        ("1.2.3", serde_json::json!("1.2.3")),
        (
            "99999999999999999999",
            parse_number("99999999999999999999").unwrap(),
        ),
        ("!!str 12", serde_json::json!("12")),
        ("e", serde_json::json!("e")),
        (".", serde_json::json!(".")),
    ];
    for (text, value) in cases {
        let read = parse_value(format!("a: {text}\n").as_bytes(), Format::Yaml).unwrap();
        assert_eq!(read["a"], value, "{text}");
    }
}

/// The texts of the parameters of both notations.
fn param_texts(document: &str, format: Format) -> Vec<(String, String)> {
    let (definition, model) = parse_document(document.as_bytes(), format).unwrap();
    let stored = parse_document(model.to_string().as_bytes(), Format::Json)
        .unwrap()
        .0;
    assert_eq!(stored, definition, "the model keeps every text");
    let stored: Value = serde_json::from_str(&model.to_string()).unwrap();
    assert_eq!(
        spec::parse(&stored).unwrap(),
        definition,
        "the store reads the model so"
    );
    let texts = definition.params.into_iter();
    texts.map(|param| (param.name, param.value.unwrap())).collect()
}

#[test]
fn a_scalar_keeps_the_text_that_the_author_wrote() {
    let numbers = [
        "3.10",
        "1e3",
        "6.02E23",
        "-0",
        "12345678901234567890123",
        "0.12345678901234567890",
        "18446744073709551615",
    ];
    let other = [
        "007",
        "0x1F",
        "0o17",
        "1_000",
        ".5",
        "+7",
        "True",
        "no",
        "2026-01-31",
        "12:30:00",
        ".inf",
    ];
    let tasks = r#""tasks":{"t":{"type":"noop"}}"#;
    for text in numbers.iter().chain(&other) {
        let yaml =
            format!("{{version: 1, name: c, params: {{p: {text}, long: {{value: {text}}}}}, {tasks}}}");
        let expected = [("p", *text), ("long", *text)].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(param_texts(&yaml, Format::Yaml), expected);
        if numbers.contains(text) {
            let json = format!(
                r#"{{"version":1,"name":"c","params":{{"p":{text},"long":{{"value":{text}}}}},{tasks}}}"#
            );
            assert_eq!(param_texts(&json, Format::Json), expected);
        }
    }
}

#[test]
fn a_list_or_map_is_json_with_the_numbers_that_the_author_wrote() {
    let text = r#"{"version":1,"name":"c","params":{"l":[1e3,3.10,{"a":7}],"m":{"value":{"b":1E-5}}},"tasks":{"t":{"type":"noop"}}}"#;
    for format in [Format::Yaml, Format::Json] {
        let texts = param_texts(text, format);
        assert_eq!(texts[0].1, r#"[1e3,3.10,{"a":7}]"#);
        assert_eq!(texts[1].1, r#"{"b":1E-5}"#);
    }
}

#[test]
fn a_map_that_looks_like_a_number_confuses_no_other() {
    let text =
        format!(r#"{{"a": {{"{NUMBER_KEY}": "5"}}, "b": 5, "c": [6e1, -0], "d": {{"{NUMBER_KEY}": 7}}}}"#);
    let parsed = parse_value(
        text.replace(r#", "d": {"#, r#", "e": {"x": 1, "#).as_bytes(),
        Format::Json,
    )
    .unwrap();
    assert_eq!(parsed["b"].to_string(), "5");
    assert_eq!(parsed["c"].to_string(), "[6e1,-0]");
    assert_eq!(
        parse_value(text.as_bytes(), Format::Json).unwrap_err()[0].code,
        "BROKEN_JSON"
    );
}

#[test]
fn labels_env_defaults_and_fields_keep_their_text() {
    let text = "version: 1\nname: c\nlabels: { v: 3.10 }\ntasks:\n  a: { type: shell, run: x, env: { E: 1e3, F: True }, outputs: { o: 007, l: [1.0] } }\n  b: { type: http, request: { url: 'http://x', headers: { H: 1.0 }, body: 2.50 } }\n";
    let (definition, model) = yaml(text).unwrap();
    let [a, b] = &definition.tasks[..] else {
        panic!("two tasks")
    };
    assert_eq!(definition.labels["v"], "3.10");
    assert_eq!((a.env["E"].as_str(), a.env["F"].as_str()), ("1e3", "True"));
    let defaults: Vec<_> = a.outputs.iter().map(|output| output.default.as_deref()).collect();
    assert_eq!(defaults, [Some("007"), Some("[1.0]")]);
    assert_eq!(model["tasks"]["b"]["request"]["headers"]["H"], "1.0");
    assert_eq!(model["tasks"]["b"]["request"]["body"], "2.50");
    assert_eq!(b.name, "b");
}

#[test]
fn truth_values_have_the_spellings_of_yaml() {
    let (definition, _) = yaml("version: 1\nname: c\ntasks:\n  t: { type: noop, enabled: False }\n").unwrap();
    assert!(!definition.tasks[0].enabled);
}

#[test]
fn hostile_texts_are_refused() {
    let bomb: String = std::iter::once("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned())
        .chain((1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))))
        .collect();
    let cases = [
        (bomb.as_str(), "TOO_LARGE"),
        (&format!("{}{}", "[".repeat(100), "]".repeat(100)), "TOO_DEEP"),
        (&"[".repeat(100_000), "BROKEN_YAML"),
        (&"- ".repeat(100_000), "TOO_DEEP"),
        ("a: &a [*a]\n", "BAD_ALIAS"),
        ("a: 1\n---\nb: 2\n", "MULTIPLE_DOCUMENTS"),
        ("? [a]\n: b\n", "BAD_KEY"),
        ("a: !!python/object x\n", "UNKNOWN_TAG"),
        ("a: !custom [x]\n", "UNKNOWN_TAG"),
        ("", "EMPTY_DOCUMENT"),
        ("# nothing\n", "EMPTY_DOCUMENT"),
    ];
    for (text, code) in cases {
        assert_eq!(first(text).0, code, "{}", &text[..text.len().min(60)]);
    }
    let code = |bytes: &[u8], format| parse_document(bytes, format).unwrap_err().remove(0).code;
    assert_eq!(code(b"a: \xff\n", Format::Yaml), "NOT_UTF8");
    assert_eq!(code(&vec![b' '; MAX_BYTES + 1], Format::Yaml), "TOO_LARGE");
    assert_eq!(code("[".repeat(100_000).as_bytes(), Format::Json), "TOO_DEEP");
    assert_eq!(code(b"{\"a\": 1,\n}", Format::Json), "BROKEN_JSON");
    assert_eq!(code(b"{} {}", Format::Json), "BROKEN_JSON");
}

#[test]
fn an_alias_is_read_as_what_it_names() {
    let text = "version: 1\nname: c\ntasks:\n  a: &t { type: noop, retry: { max: 1 } }\n  b: *t\n";
    let (definition, _) = yaml(text).unwrap();
    assert_eq!(definition.tasks[1].retry.unwrap().max, 1);
}

#[test]
fn merges_fill_in_what_a_map_lacks() {
    let text = "version: 1\nname: c\nx-a: &a { type: noop, retry: { max: 1 } }\nx-b: &b { type: shell, run: hi, retry: { max: 2 } }\n\
                tasks:\n  one: { <<: *a, delay: 1s }\n  two: { retry: { max: 3 }, <<: [*b, *a] }\n  three: { <<: { type: noop } }\n";
    let (definition, _) = yaml(text).unwrap();
    let shown: Vec<_> = definition
        .tasks
        .iter()
        .map(|task| {
            (
                task.action.type_name(),
                task.retry.map(|retry| retry.max),
                task.delay_ms,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("noop", Some(1), Some(1000)),
            ("shell", Some(3), None),
            ("noop", None, None)
        ]
    );
    assert_eq!(
        first("version: 1\nname: c\ntasks:\n  t: { <<: 7, type: noop }\n").0,
        "BAD_MERGE"
    );
    // A quoted one is a key like any other.
    let quoted = first(&format!("{HEAD}    '<<': {{ enabled: true }}\n"));
    assert_eq!((quoted.0, quoted.3.as_str()), ("UNKNOWN_KEY", "/tasks/t/<<"));
}

#[test]
fn an_error_in_a_merged_map_is_placed_where_it_stands() {
    let text = "version: 1\nname: c\nx-a: &a\n  type: noop\n  timeout: soon\ntasks:\n  t:\n    <<: *a\n";
    assert_eq!(
        first(text),
        ("BAD_DURATION", Some(5), Some(12), "/tasks/t/timeout".to_owned())
    );
}

#[test]
fn an_author_is_warned_of_what_is_probably_not_meant() {
    let text = "version: 1\nname: c\ntasks:\n  t:\n    type: shell\n    run: echo $[i+1]\n";
    let warnings = lint_document(text.as_bytes(), Format::Yaml);
    assert_eq!(warnings.len(), 1);
    let warning = &warnings[0];
    assert_eq!(
        (warning.pointer.as_str(), warning.code),
        ("/tasks/t/run", "BASH_ARITHMETIC")
    );
    assert_eq!((warning.line, warning.column), (Some(6), Some(10)));
    assert_eq!(lint_document(HEAD.as_bytes(), Format::Yaml), []);
}

#[test]
fn json_names_repeated_keys_by_pointer() {
    let text =
        br#"{"version":1,"name":"c","tasks":{"t":{"type":"noop","type":"noop","needs":[{"a":1,"a":2}]}}}"#;
    let issues = parse_document(text, Format::Json).unwrap_err();
    let repeated: Vec<&str> = issues
        .iter()
        .filter(|issue| issue.code == "DUPLICATE_KEY")
        .map(|issue| issue.pointer.as_str())
        .collect();
    assert_eq!(repeated, ["/tasks/t/type", "/tasks/t/needs/0/a"]);
}

#[test]
fn a_large_document_is_read_quickly_enough() {
    let mut text = "version: 1\nname: big\ntasks:\n".to_owned();
    for n in 0..20_000 {
        text.push_str(&format!(
            "  task{n}:\n    type: shell\n    run: echo {n}\n    retry: {{ max: 1, delay: 1s }}\n"
        ));
    }
    assert_eq!(yaml(&text).unwrap().0.tasks.len(), 20_000);
}

#[test]
fn every_example_is_read_without_a_complaint() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let (definition, _) = yaml(&std::fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|issues| panic!("{path:?}: {issues:?}"));
            assert_eq!(
                Some(definition.name.as_str()),
                path.file_stem().and_then(|stem| stem.to_str())
            );
            names.push(definition.name);
        }
    }
    assert!(names.len() >= 5, "{names:?}");
}

/// Whether a position is one of the text, or the one after its last character.
fn is_inside(text: &str, line: Option<u32>, column: Option<u32>) -> bool {
    let breaks = |c: &char| matches!(c, '\n' | '\r');
    let last_line = 1 + text.chars().filter(breaks).count();
    let fits = |number: Option<u32>, last: usize| number.is_none_or(|n| n as usize <= last);
    fits(line, last_line + 1) && fits(column, text.chars().count() + 1)
}

#[test]
fn the_column_of_broken_json_counts_characters() {
    let broken = parse_document("{\n \"日本\": x}".as_bytes(), Format::Json).unwrap_err();
    assert_eq!((broken[0].line, broken[0].column), (Some(2), Some(8)));
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "version: 1\n",
        "name: c\n",
        "tasks:\n",
        "  t:\n",
        "    type: noop\n",
        "    needs: [",
        "]",
        "{",
        "}",
        ": ",
        "- ",
        "&a ",
        "*a",
        "!!str ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "\t",
        "\n",
        "    ",
        "---\n",
        "...\n",
        "# x\n",
        "? ",
        "%YAML 1.2\n",
        "日",
        "\u{0}",
        "\u{2028}",
    ]);
    prop::collection::vec(
        prop_oneof![4 => piece.prop_map(str::to_owned), 1 => ".{0,5}"],
        0..40,
    )
    .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in any_text()) {
        for format in [Format::Yaml, Format::Json] {
            let Err(diagnostics) = parse_document(text.as_bytes(), format) else {
                continue;
            };
            prop_assert!(!diagnostics.is_empty());
            for diagnostic in diagnostics {
                prop_assert!(is_inside(&text, diagnostic.line, diagnostic.column), "{diagnostic:?} in {text:?}");
            }
        }
    }

    #[test]
    fn a_scalar_of_yaml_keeps_its_text(text in "[-+]?[0-9][0-9_xXoOeE.]{0,12}|[a-zA-Z]{1,8}") {
        let is_null = ["null", "Null", "NULL"].contains(&text.as_str());
        let document = format!("version: 1\nname: c\nlabels: {{ l: {text} }}\ntasks: {{ t: {{ type: noop }} }}\n");
        let label = yaml(&document).map(|(definition, _)| definition.labels["l"].clone());
        prop_assert_eq!(label.ok(), (!is_null).then_some(text));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_document(&bytes, Format::Yaml);
        let _ = parse_document(&bytes, Format::Json);
    }
}
