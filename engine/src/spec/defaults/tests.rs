use serde_json::json;

use super::ProjectDefaults;

#[test]
fn what_is_written_is_read_again() {
    let written = json!({
        "worker_group": "etl",
        "priority": "high",
        "retry": {"max": 0, "delay": "30s", "backoff": "exponential", "max_delay": "10m"},
        "timeout": "2h"
    });
    let defaults = ProjectDefaults::parse(&written).unwrap();
    assert_eq!(defaults.to_document(), written);
    let stored = serde_json::to_string(&defaults).unwrap();
    assert_eq!(
        serde_json::from_str::<ProjectDefaults>(&stored).unwrap(),
        defaults
    );
}

#[test]
fn null_leaves_a_value_open() {
    let defaults = ProjectDefaults::parse(&json!({"priority": null, "retry": null})).unwrap();
    assert!(defaults.is_empty());
    assert_eq!(defaults.to_document(), json!({}));
}

#[test]
fn every_mistake_is_named_by_its_pointer() {
    let wrong = json!({
        "colour": "red", "priority": "urgent", "retry": {"max": -1}, "timeout": "0s", "worker_group": ""
    });
    let mistakes = ProjectDefaults::parse(&wrong).unwrap_err();
    let pointers: Vec<_> = mistakes.iter().map(|mistake| mistake.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/defaults/colour",
            "/defaults/worker_group",
            "/defaults/priority",
            "/defaults/retry/max",
            "/defaults/timeout"
        ]
    );
}
