use actix_web::http::StatusCode;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    #[serde(default)]
    #[allow(dead_code)]
    inner: Option<Inner>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    #[allow(dead_code)]
    count: u32,
}

fn pointer(body: &str) -> String {
    pointer_in::<Outer>(body)
}

fn pointer_in<T: DeserializeOwned + std::fmt::Debug>(body: &str) -> String {
    let problem = parse_body::<T>(body.as_bytes()).unwrap_err();
    assert_eq!(problem.code(), Code::InvalidBody, "{body}");
    let rendered = problem.render_response("r");
    let bytes = actix_web::body::MessageBody::try_into_bytes(rendered.into_body()).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    json["errors"][0]["pointer"].as_str().unwrap().to_owned()
}

#[test]
fn an_error_points_to_the_wrong_value_or_member() {
    assert_eq!(pointer(r#"{"extra": 1}"#), "/extra");
    assert_eq!(pointer(r#"{"inner": {"count": "x"}}"#), "/inner/count");
    assert_eq!(pointer(r#"{"inner": {}}"#), "/inner/count");
    assert_eq!(pointer(r#"{"inner": {"count": 1, "count": 2}}"#), "/inner/count");
    assert_eq!(pointer(r#"{"a/b~c": 1}"#), "/a~1b~0c");
    assert_eq!(pointer("[]"), "/");
}

#[test]
fn a_key_that_stands_twice_is_refused_in_maps_too() {
    for (body, at) in [
        (r#"{"params": {"a": 1, "a": 2}}"#, "/params/a"),
        (r#"{"params": {"a": 1}, "params": {}}"#, "/params"),
    ] {
        assert_eq!(pointer_in::<serde_json::Value>(body), at);
    }
    assert!(parse_body::<serde_json::Value>(br#"{"a": {"k": 1}, "b": {"k": 1}}"#).is_ok());
}

#[test]
fn broken_json_is_malformed_not_invalid() {
    for body in ["{", "{} x", "nonsense", ""] {
        assert_eq!(
            parse_body::<Outer>(body.as_bytes()).unwrap_err().code(),
            Code::MalformedBody,
            "{body}"
        );
    }
}

/// Whether a request was read, or refused as the client's mistake.
fn is_client_error<T>(parsed: Result<T, Problem>) -> bool {
    parsed.is_err_and(|problem| problem.code().status().is_client_error())
}

/// Texts that look like bodies: parts of JSON in any order, between other characters.
fn broken_json() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just("\"inner\""),
        Just("\"count\""),
        Just("\"\\ud800\""),
        Just(":"),
        Just(","),
        Just("1e999"),
        Just("-0"),
        Just("null"),
        Just("\u{feff}"),
        Just(" "),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[allow(dead_code)]
    state: Option<String>,
    #[allow(dead_code)]
    limit: Option<u32>,
}

proptest! {
    #[test]
    fn bytes_that_are_no_object_are_refused_as_the_clients_mistake(
        bytes in proptest::collection::vec(any::<u8>(), 0..200)
    ) {
        prop_assert!(is_client_error(parse_body::<Outer>(&bytes)));
        if let Err(problem) = parse_body::<serde_json::Value>(&bytes) {
            prop_assert!(problem.code().status().is_client_error());
        }
    }

    #[test]
    fn broken_json_never_panics_and_is_refused_as_the_clients_mistake(body in broken_json()) {
        for problem in [
            parse_body::<Outer>(body.as_bytes()).err(),
            parse_body::<serde_json::Value>(body.as_bytes()).err(),
        ] {
            prop_assert!(problem.is_none_or(|problem| problem.code().status().is_client_error()));
        }
    }

    #[test]
    fn deeply_nested_bodies_are_refused(open in prop_oneof![Just("["), Just("{\"a\":")], depth in 200_usize..5_000) {
        let body = format!("{{\"a\":{}", open.repeat(depth));
        prop_assert!(is_client_error(parse_body::<serde_json::Value>(body.as_bytes())));
    }

    #[test]
    fn query_strings_never_panic_and_are_refused_with_one_code(
        query in "(state=|limit=|&|=|%|%f0|[a-z,;+é\\u{0}]){0,30}"
    ) {
        if let Err(problem) = parse_query::<Filter>(&query) {
            prop_assert_eq!(problem.code(), Code::InvalidQuery);
            prop_assert_eq!(problem.code().status(), StatusCode::BAD_REQUEST);
        }
    }
}

#[test]
fn a_repeated_state_means_any_of_them() {
    let filter: Filter = parse_query("state=running&limit=5&state=failed").unwrap();
    assert_eq!(
        (filter.state.as_deref(), filter.limit),
        (Some("running,failed"), Some(5))
    );
}
