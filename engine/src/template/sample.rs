//! The values with which a template is tried when it is saved.

use serde_json::{Value, json};

/// Returns what a template sees: once with all that an alert can have, once with little.
pub fn sample_values() -> [Value; 2] {
    let full = json!({
        "id": "7", "event": "failed", "at": "2026-01-31T08:00:00.000Z",
        "project": "default", "workflow": "nightly", "instance": "41", "run": 1,
        "scheduled_at": "2026-01-31T06:00:00.000Z", "task": "load", "attempt": 2,
        "node": "node-1", "schedule": "daily", "backfill": "3", "state": "failed",
        "reason": "a task failed", "error": "exit code 1",
        "text": "nightly failed: a task failed", "url": "http://127.0.0.1:8080/instances/41",
    });
    let mut sparse = full.clone();
    for (key, value) in sparse.as_object_mut().into_iter().flatten() {
        if !["id", "event", "at", "text", "url"].contains(&key.as_str()) {
            *value = Value::Null;
        }
    }
    [full, sparse].map(|alert| json!({ "delivery": "9", "alert": alert, "alerts": [alert] }))
}
