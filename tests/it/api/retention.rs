//! Requests to delete ended instances; no actor carries them out here.

use serde_json::{Value, json};

use super::server::{reply, serve};

const PATH: &str = "/api/v1/retention";

#[actix_rt::test]
async fn a_deletion_is_an_operation_and_one_runs_at_a_time() {
    let served = serve().await;
    let body = json!({"older_than": "30d", "states": ["failed"]});
    let keyed = async || {
        let asked = served.ask("POST", PATH).header("idempotency-key", "once");
        reply(asked.json(&body)).await
    };
    let accepted = keyed().await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let location = accepted.header("location").to_owned();
    assert_eq!(location, "/api/v1/operations/retention-1");
    let operation = served.get(&location).await.json();
    assert_eq!(operation, accepted.json());
    assert_eq!(
        (&operation["kind"], &operation["outcome"]),
        (&json!("retention"), &json!("pending"))
    );
    assert_eq!(operation["detail"], "deleted 0 instances, 0 rows");
    assert_eq!(
        keyed().await.header("location"),
        location,
        "the same key is the same deletion"
    );
    let second = served.send("POST", PATH, json!({"older_than": "1d"})).await;
    second.problem(409, "INVALID_STATE");
    assert!(
        second.json()["detail"].as_str().unwrap().contains("retention-1"),
        "{second:?}"
    );
    served
        .get("/api/v1/operations/retention-2")
        .await
        .problem(404, "NOT_FOUND");
    served
        .get("/api/v1/operations/retention-01")
        .await
        .problem(404, "NOT_FOUND");
    let token = served.member("ann").await;
    reply(served.ask_as(&token, "GET", &location))
        .await
        .problem(403, "FORBIDDEN");
    served.stop().await;
}

#[actix_rt::test]
async fn a_dry_run_counts_and_stores_nothing() {
    let served = serve().await;
    for _ in 0..2 {
        let counted = served
            .send("POST", PATH, json!({"older_than": "1d", "dry_run": true}))
            .await;
        let nothing = json!({"instances": 0, "rows": 0, "log_bytes": 0, "unknown_logs": 0});
        assert_eq!((counted.status, counted.json()), (200, nothing));
    }
    served
        .get("/api/v1/operations/retention-1")
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn mistakes_of_a_deletion_name_their_member() {
    let served = serve().await;
    for (body, pointer) in [
        (json!({}), "/older_than"),
        (json!({"older_than": "soon"}), "/older_than"),
        (json!({"older_than": 30}), "/older_than"),
        (json!({"older_than": "1s", "state": ["failed"]}), "/state"),
        (json!({"older_than": "1s", "states": []}), "/states"),
        (
            json!({"older_than": "1s", "states": ["failed", "running"]}),
            "/states/1",
        ),
    ] {
        let refused = served.send("POST", PATH, body).await;
        assert_eq!(refused.problem(422, "INVALID_BODY"), pointer);
    }
    let unknown = json!({"older_than": "1s", "project": "nowhere"});
    served.send("POST", PATH, unknown).await.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn the_limit_of_a_project_is_changed_by_administrators() {
    let served = serve().await;
    let project = "/api/v1/projects/default";
    assert_eq!(served.get(project).await.json()["retention"], Value::Null);
    for (limit, shown) in [
        (json!("30d"), json!("30d")),
        (json!("never"), json!("never")),
        (json!("36h"), json!("1d12h")),
        (Value::Null, Value::Null),
    ] {
        let edited = served.send("PATCH", project, json!({ "retention": limit })).await;
        assert_eq!(
            (edited.status, &edited.json()["retention"]),
            (200, &shown),
            "{edited:?}"
        );
    }
    served.send("PATCH", project, json!({"retention": "7d"})).await;
    let other = served.send("PATCH", project, json!({"description": "x"})).await;
    assert_eq!(other.json()["retention"], "7d", "another change leaves it");
    for wrong in ["23h", "soon", ""] {
        let refused = served.send("PATCH", project, json!({ "retention": wrong })).await;
        assert_eq!(refused.problem(422, "INVALID_BODY"), "/retention");
    }
    let token = served.member("ann").await;
    served
        .send(
            "PUT",
            &format!("{project}/grants/ann"),
            json!({"permission": "owner"}),
        )
        .await;
    let as_ann = async |body: Value| {
        reply(served.ask_as(&token, "PATCH", project).json(&body))
            .await
            .status
    };
    assert_eq!(as_ann(json!({"description": "y"})).await, 200);
    assert_eq!(as_ann(json!({"retention": "30d"})).await, 403);
    assert_eq!(as_ann(json!({"retention": null})).await, 403);
    served.stop().await;
}
