use serde_json::{Value, json};

use super::server::{Served, serve};

const SECRETS: &str = "/api/v1/projects/default/secrets";
const CANARY: &str = "Zq7-canary-0123456789";

fn document(task: Value) -> Value {
    json!({ "version": 1, "name": "w", "tasks": { "t": task } })
}

fn using(name: &str) -> Value {
    document(json!({ "type": "shell", "run": "true", "env": { "A": format!("${{secret.{name}}}") } }))
}

async fn set(served: &Served, name: &str, value: Value) -> u16 {
    let stored = served
        .send("PUT", &format!("{SECRETS}/{name}"), json!({ "value": value }))
        .await;
    assert!(!format!("{stored:?}").contains(CANARY), "{stored:?}");
    stored.status
}

#[actix_rt::test]
async fn no_answer_shows_a_value_and_no_refusal_repeats_it() {
    let served = serve().await;
    assert_eq!(set(&served, "key", json!(CANARY)).await, 201);
    assert_eq!(set(&served, "key", json!(CANARY)).await, 200);
    assert_eq!(set(&served, "größe.x-1_y", json!("x".repeat(65_536))).await, 201);
    for path in [SECRETS.to_owned(), format!("{SECRETS}/key")] {
        let shown = served.get(&path).await.json();
        let item = shown.get("items").map_or(&shown, |items| &items[1]);
        assert_eq!(item["name"], "key", "{shown}");
        assert!(
            item["updated_by"].is_string() && item.as_object().is_some_and(|item| item.len() == 4),
            "{item}"
        );
    }
    for (value, code) in [
        (json!("abcde"), "SECRET_TOO_SHORT"),
        (json!("x".repeat(65_537)), "VALUE_TOO_LARGE"),
        (json!("a\u{0}long value"), "INVALID_BODY"),
        (json!(987_654_321_987_u64), "INVALID_BODY"),
        (json!({ "inner": CANARY }), "INVALID_BODY"),
    ] {
        let refused = served
            .send("PUT", &format!("{SECRETS}/other"), json!({ "value": value }))
            .await;
        let text = format!("{refused:?}");
        assert!(!text.contains("987654321987") && !text.contains(CANARY), "{text}");
        refused.problem(422, code);
    }
    for name in ["9lives", "a%20b"] {
        let refused = served
            .send("PUT", &format!("{SECRETS}/{name}"), json!({ "value": CANARY }))
            .await;
        refused.problem(422, "INVALID_NAME");
    }
    served
        .get(&format!("{SECRETS}/other"))
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn documents_name_only_what_exists_and_keep_it() {
    let served = serve().await;
    let path = "/api/v1/projects/default/workflows/w";
    set(&served, "db_password", json!(CANARY)).await;
    let unknown = served.send("PUT", path, using("db_pasword")).await;
    let errors = unknown.json()["errors"].clone();
    assert_eq!(errors[0]["code"], "UNKNOWN_SECRET", "{errors}");
    assert_eq!(errors[0]["pointer"], "/tasks/t/env/A", "{errors}");
    assert!(
        errors[0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("`db_password`?")),
        "{errors}"
    );
    let pasted = document(json!({ "type": "shell", "run": "echo ${secret.db_password}" }));
    let misplaced = served.send("PUT", path, pasted).await;
    assert_eq!(
        misplaced.json()["errors"][0]["code"],
        "SECRET_MISPLACED",
        "{misplaced:?}"
    );
    let stored = served.send("PUT", path, using("db_password")).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    let secret = format!("{SECRETS}/db_password");
    let used = served.send("DELETE", &secret, Value::Null).await;
    assert!(
        used.json()["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("`w`")),
        "{used:?}"
    );
    used.problem(409, "IN_USE");
    served
        .send("PUT", path, document(json!({ "type": "noop" })))
        .await;
    assert_eq!(served.send("DELETE", &secret, Value::Null).await.status, 204);
    served.get(&secret).await.problem(404, "NOT_FOUND");
    served.stop().await;
}
