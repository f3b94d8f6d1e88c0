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
        r#"{"params": {"a": 1.0, "b": [1, 2]}, "dry_run": true}"#,
        "",
    ] {
        assert_ne!(first, hash_json(other.as_bytes()), "{other}");
    }
}

#[test]
fn numbers_are_compared_by_their_text() {
    let hash = |number: &str| hash_json(format!(r#"{{"params": {{ "n": {number} }} }}"#).as_bytes());
    let numbers = [
        "3.1",
        "3.10",
        "1e3",
        "1E3",
        "1000",
        "123456789.12345679",
        "123456789.12345678",
        "9007199254740993",
        "9007199254740992",
    ];
    for (at, number) in numbers.iter().enumerate() {
        assert_eq!(
            hash(number),
            hash_json(format!(r#"{{"params":{{"n":{number}}}}}"#).as_bytes())
        );
        for other in &numbers[at + 1..] {
            assert_ne!(hash(number), hash(other), "{number} {other}");
        }
    }
}
