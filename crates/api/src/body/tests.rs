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
    let problem = parse::<T>(body.as_bytes()).unwrap_err();
    assert_eq!(problem.code(), Code::InvalidBody, "{body}");
    let rendered = problem.render("r");
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
    assert!(parse::<serde_json::Value>(br#"{"a": {"k": 1}, "b": {"k": 1}}"#).is_ok());
}

#[test]
fn broken_json_is_malformed_not_invalid() {
    for body in ["{", "{} x", "nonsense", ""] {
        assert_eq!(
            parse::<Outer>(body.as_bytes()).unwrap_err().code(),
            Code::MalformedBody,
            "{body}"
        );
    }
}
