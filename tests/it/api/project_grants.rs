//! Grants to the documents of other projects, and that a permission is refused before a body is read.

use serde_json::{Value, json};

use super::server::{Reply, Served, reply, serve};

const GRANT: &str = "/api/v1/projects/retail/grants/project:reports";

async fn add_projects(served: &Served) {
    for name in ["retail", "reports"] {
        let made = served
            .send("POST", "/api/v1/projects", json!({ "name": name }))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
    }
}

/// A document of `reports` that names a workflow of `retail`.
async fn store(served: &Served, task: Value) -> Reply {
    let document = json!({ "version": 1, "name": "report", "tasks": { "t": task } });
    served
        .send("PUT", "/api/v1/projects/reports/workflows/report", document)
        .await
}

#[track_caller]
fn is_not_granted(refused: &Reply) {
    refused.problem(422, "INVALID_DOCUMENT");
    assert_eq!(refused.json()["errors"][0]["code"], "NOT_GRANTED", "{refused:?}");
}

#[actix_rt::test]
async fn a_document_names_workflows_of_another_project_as_far_as_that_one_grants() {
    let served = serve().await;
    add_projects(&served).await;
    served.start_in("retail", "orders").await;
    let wait = json!({ "type": "dependent",
        "all": [{ "project": "retail", "workflow": "orders", "cycle": "day", "date": "today" }] });
    let child = json!({ "type": "sub_workflow", "project": "retail", "workflow": "orders" });
    let put = |permission: &str| served.send("PUT", GRANT, json!({ "permission": permission }));
    is_not_granted(&store(&served, wait.clone()).await);
    assert_eq!(put("read").await.status, 200);
    assert!(store(&served, wait.clone()).await.status < 300);
    is_not_granted(&store(&served, child.clone()).await);
    assert_eq!(put("execute").await.status, 200);
    assert!(store(&served, child.clone()).await.status < 300);
    let listed = served.get("/api/v1/projects/retail/grants").await.json();
    assert_eq!(
        listed["items"],
        json!([
            { "user": "admin", "permission": "owner" },
            { "user": "project:reports", "permission": "execute" },
        ])
    );
    assert_eq!(served.send("DELETE", GRANT, json!({})).await.status, 204);
    is_not_granted(&store(&served, child).await);
    served.stop().await;
}

#[actix_rt::test]
async fn a_project_is_granted_only_what_a_document_can_use() {
    let served = serve().await;
    add_projects(&served).await;
    for permission in ["write", "owner"] {
        let refused = served
            .send("PUT", GRANT, json!({ "permission": permission }))
            .await;
        assert_eq!(refused.problem(422, "INVALID_BODY"), "/permission");
    }
    let own = "/api/v1/projects/retail/grants/project:retail";
    let refused = served.send("PUT", own, json!({ "permission": "read" })).await;
    assert_eq!(refused.problem(422, "INVALID_NAME"), "/user");
    let unknown = "/api/v1/projects/retail/grants/project:nowhere";
    let refused = served.send("PUT", unknown, json!({ "permission": "read" })).await;
    assert_eq!(refused.status, 404, "{refused:?}");
    served.stop().await;
}

#[actix_rt::test]
async fn who_may_not_do_something_is_not_told_what_is_wrong_with_the_request() {
    let served = serve().await;
    add_projects(&served).await;
    let id = served.start_in("retail", "orders").await;
    let token = served.member("ann").await;
    let wrong = json!({ "nonsense": true });
    for (method, path) in [
        ("PUT", GRANT.to_owned()),
        ("PUT", "/api/v1/projects/retail/limits/l".to_owned()),
        ("PATCH", "/api/v1/projects/retail".to_owned()),
        ("POST", format!("/api/v1/instances/{id}/stop")),
        ("POST", format!("/api/v1/instances/{id}/tasks/t/approve")),
        ("POST", format!("/api/v1/instances/{id}/tasks/t/run")),
        ("PATCH", format!("/api/v1/instances/{id}")),
        (
            "POST",
            "/api/v1/projects/retail/workflows/orders/instances".to_owned(),
        ),
        ("POST", "/api/v1/users".to_owned()),
    ] {
        for asked in [path.clone(), format!("{path}?nonsense=1")] {
            let request = served.ask_as(&token, method, &asked).json(&wrong);
            reply(request).await.problem(403, "FORBIDDEN");
            let request = served.ask(method, &asked).json(&wrong);
            let status = reply(request).await.status;
            assert!([400, 409, 422].contains(&status), "{method} {asked}: {status}");
        }
    }
    let granted = "/api/v1/projects/retail/grants/ann";
    assert_eq!(
        served
            .send("PUT", granted, json!({ "permission": "read" }))
            .await
            .status,
        200
    );
    let path = format!("/api/v1/instances/{id}/tasks/t/approve");
    let request = served.ask_as(&token, "POST", &path).json(&wrong);
    reply(request).await.problem(403, "FORBIDDEN");
    served.stop().await;
}
