use super::*;

#[test]
fn bodies_are_compared_by_value() {
    let first = hash_json(br#"{"params": {"a": 1, "b": [1, 2]}, "dry_run": true}"#);
    assert_eq!(
        first,
        hash_json(br#"{"dry_run":true,"params":{"b":[1,2],"a":1}}"#)
    );
    for other in [
        r#"{"params": {"a": 1, "b": [2, 1]}, "dry_run": true}"#,
        r#"{"params": {"a": "1", "b": [1, 2]}, "dry_run": true}"#,
        r#"{"params": {"a": 1, "b": [1, 2]}}"#,
        "",
    ] {
        assert_ne!(first, hash_json(other.as_bytes()), "{other}");
    }
}
