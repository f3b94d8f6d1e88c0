use std::collections::BTreeMap;

use minijinja::Value;
use proptest::prelude::*;

use super::value::typed_value;
use super::*;
use crate::spec::values::ParamType;

/// Parameters, a task and the instance.
fn scope() -> ExpressionScope<'static> {
    let param = |declared: ParamType, text: &'static str| TypedText { declared, text };
    let load = TaskScope {
        state: "succeeded",
        outputs: BTreeMap::from([
            ("rows", param(ParamType::Integer, "42")),
            ("code", param(ParamType::String, "007")),
        ]),
    };
    ExpressionScope {
        params: BTreeMap::from([
            ("i", param(ParamType::Integer, "3")),
            ("f", param(ParamType::Number, "2.5")),
            ("b", param(ParamType::Boolean, "true")),
            ("j", param(ParamType::Json, r#"{"k": [1, 2]}"#)),
            ("s", param(ParamType::String, "10")),
            ("t", param(ParamType::Untyped, "text")),
            ("num", param(ParamType::Untyped, "10")),
            ("zero", param(ParamType::Untyped, "007")),
            ("exp", param(ParamType::Untyped, "1e3")),
            ("yes", param(ParamType::Untyped, "true")),
            ("a.b", param(ParamType::Untyped, "dotted")),
            ("tasks", param(ParamType::Untyped, "mine")),
        ]),
        tasks: BTreeMap::from([
            ("load", load.clone()),
            (
                "second load",
                TaskScope {
                    state: "skipped",
                    ..load
                },
            ),
        ]),
        instance: BTreeMap::from([
            ("state", Value::from("running")),
            ("scheduled_at", Value::from(())),
        ]),
        ..ExpressionScope::default()
    }
}

fn evaluate(text: &str) -> Result<bool, ExpressionError> {
    Expression::parse(text)?.evaluate(&scope())
}

#[test]
fn names_have_the_values_of_their_types() {
    for text in [
        "i == 3",
        "(i + 1) * 2 == 8",
        "f > 2 and f < 3",
        "b",
        "not b or i in [1, 3]",
        "j.k[1] == 2 and 'k' in j",
        "s == '10'",
        "num > 9",
        "zero == '007'",
        "exp == '1e3'",
        "yes",
        "params['a.b'] == 'dotted'",
        "params['tasks'] == 'mine'",
        "${a.b} == 'dotted'",
        "'${t}' == 'text'",
        "\"${i}\" == 3",
        "'a ${t}' == 'a $' ~ '{t}'",
        "tasks.load.state == 'succeeded'",
        "tasks['second load'].state == 'skipped'",
        "tasks['load'].outputs.rows == 42 and tasks.load.outputs.code == '007'",
        "instance.scheduled_at is none and instance.state == 'running'",
        "i is defined and absent is not defined",
        "t|upper == 'TEXT'",
    ] {
        assert_eq!(evaluate(text), Ok(true), "{text}");
    }
    for text in ["i > 3", "num == '10'", "s == 10", "t in ['a', 'b']"] {
        assert_eq!(evaluate(text), Ok(false), "{text}");
    }
}

#[test]
fn what_has_no_truth_value_says_why_and_where() {
    for (text, place, word) in [
        ("absent == 1", 1, "undefined"),
        ("1 == 1 and absent > 1", 8, "`absent` is undefined"),
        ("${i} == 3 and absent > 1", 11, "`absent` is undefined"),
        ("i", 1, "the result is 3"),
        ("t", 1, "the result is text"),
        ("t + 1 > 2", 1, "unsupported types"),
        ("j.k", 1, "the result is [1, 2]"),
        ("i.x.y == 1", 2, "undefined"),
    ] {
        let error = evaluate(text).unwrap_err();
        assert_eq!(error.position, place, "{text}: {error}");
        assert!(error.message.contains(word), "{text}: {error}");
    }
}

#[test]
fn a_syntax_error_says_where_it_is() {
    for (text, place) in [
        ("a >", 3),
        ("a b", 3),
        ("{% if true %}true{% endif %}", 2),
        ("${i} ==", 6),
        ("é ==", 1),
        ("$x", 1),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert!(error.position.abs_diff(place) <= 1, "{text}: {error}");
    }
    let error = Expression::parse(&format!("true{}", " ".repeat(1021))).unwrap_err();
    assert!(error.message.contains("1024 bytes"), "{error}");
    Expression::parse(&format!("true{}", " ".repeat(1020))).unwrap();
}

#[test]
fn the_tasks_that_an_expression_names_are_known() {
    let tasks = |text: &str| -> Vec<String> {
        let expression = Expression::parse(text).unwrap();
        expression.tasks().iter().cloned().collect()
    };
    assert_eq!(tasks("tasks.a.state == tasks['b c'].state"), ["a", "b c"]);
    assert_eq!(tasks("tasks [ \"d\" ].state == 'x'"), ["d"]);
    assert_eq!(
        tasks("params.tasks.a == 'tasks.b' and tasks is defined"),
        Vec::<String>::new()
    );
}

#[test]
fn the_values_that_decided_are_named() {
    let expression = Expression::parse("i > 5 or ${a.b} == 'x' or tasks.load.state == 'failed'").unwrap();
    assert_eq!(
        expression.describe_values(&scope()),
        "i = 3, a.b = dotted, task `load` = succeeded"
    );
}

/// Expressions that are as deep, as long or as laborious as they may be.
fn hostile() -> Vec<String> {
    let repeat = |part: &str| {
        let most = MAX_EXPRESSION_BYTES / part.len();
        part.repeat(most)
    };
    let wrapped = |open: &str, close: &str| {
        let most = MAX_EXPRESSION_BYTES / (open.len() + close.len()) - 1;
        format!("{}1{}", open.repeat(most), close.repeat(most))
    };
    vec![
        wrapped("(", ")"),
        wrapped("[", "]"),
        wrapped("{1:", "}"),
        format!("{}1", "-".repeat(1023)),
        format!("{}b", "not ".repeat(255)),
        format!("1{}", "+1".repeat(511)),
        format!("1{}", "**1".repeat(340)),
        format!("i{}", ".a".repeat(511)),
        format!("j{}", "[0]".repeat(340)),
        format!("t{}", "|upper".repeat(170)),
        format!("b{}", " and b".repeat(170)),
        format!("b{}", " if b else b".repeat(85)),
        format!("1{}", "==1".repeat(340)),
        repeat("a("),
        format!("'a' * {}", "9".repeat(30)),
        "'a' * 100000000 == 'b'".to_owned(),
        "range(100000000)|list|length > 1".to_owned(),
        "range(99999)|sort|list|sort|list|sort|length > 1".to_owned(),
        format!("{} > 1", ["9"; 200].join("**")),
        format!("{} == t", ["big"; 250].join("~")),
        format!("{} == t", ["big"; 250].join("+")),
        format!("big{}|length > 1", "|replace('a','aaaa')".repeat(45)),
        format!("big|list{}|length > 1", "|sort".repeat(190)),
        format!("big{}", " in big and big".repeat(67)),
        format!("big{}", " == big and big".repeat(67)),
        format!("big|list == big|list{}", " and big|list == big|list".repeat(38)),
        "big|list|map('upper')|join(big)|length > 1".to_owned(),
        "big|split('a')|join(big)|length > 1".to_owned(),
        "('%' ~ '999999999d')|format(1)|length > 1".to_owned(),
    ]
}

fn hostile_scope(big: &str) -> ExpressionScope<'_> {
    let mut scope: ExpressionScope<'_> = scope();
    let big = TypedText {
        declared: ParamType::String,
        text: big,
    };
    scope.params.insert("big", big);
    scope
}

#[test]
fn no_expression_overflows_the_stack_of_a_thread_or_works_without_end() {
    let big = "a".repeat(64 * 1024);
    for text in hostile() {
        // That this returns, on the stack of a test's thread, is what is tried; the value does not matter.
        let _ = Expression::parse(&text).and_then(|expression| expression.evaluate(&hostile_scope(&big)));
    }
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_says_why_not(text in "(\\$\\{[a-z.]{0,3}\\}|tasks|[a-z0-9 .'\"()\\[\\]|+*<=-]|\\PC){0,40}") {
        match Expression::parse(&text) {
            Ok(expression) => _ = expression.evaluate(&scope()),
            Err(error) => prop_assert!(error.position <= text.chars().count() + 1, "{}", error),
        }
    }

    #[test]
    fn a_text_is_a_number_where_the_contract_says_so(text in "-?[0-9]{0,17}(\\.[0-9]{0,3})?|[a-z0-9e.+-]{0,6}") {
        let value = typed_value(ParamType::Untyped, &text);
        let unsigned = text.strip_prefix('-').unwrap_or(&text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let fits = is_digits(whole) && is_digits(fraction) && whole.len() <= 15 && (whole == "0" || !whole.starts_with('0'));
        prop_assert_eq!(value.kind() == minijinja::value::ValueKind::Number, fits);
    }
}
