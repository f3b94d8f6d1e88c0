use serde_json::{Value, json};

use super::server::{Served, reply, serve};

fn example(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

fn operations() -> Vec<(String, String, bool)> {
    let document = api::openapi();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let open = operation.get("security").is_some();
            found.push((method.to_uppercase(), path.clone(), open));
        }
    }
    found
}

#[actix_rt::test]
async fn every_operation_but_the_open_ones_needs_a_token() {
    let served = serve().await;
    let all = operations();
    assert!(all.len() > 40, "{}", all.len());
    let open: Vec<String> = all
        .iter()
        .filter(|(_, _, open)| *open)
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    assert_eq!(open, ["POST /api/v1/auth/login", "GET /healthz", "GET /readyz"]);
    for (method, path, open) in &all {
        let asked = served.anonymous(method, &example(path));
        let answer = reply(asked).await;
        if *open {
            assert_ne!(answer.status, 401, "{method} {path}");
        } else {
            answer.problem(401, "UNAUTHENTICATED");
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{method} {path}"
            );
            let wrong = reply(served.ask_as(&"x".repeat(40), method, &example(path))).await;
            wrong.problem(401, "UNAUTHENTICATED");
        }
    }
    reply(served.anonymous("GET", "/api/v1/nothing"))
        .await
        .problem(401, "UNAUTHENTICATED");
    reply(served.anonymous("GET", "/api/v1//projects"))
        .await
        .problem(401, "UNAUTHENTICATED");
    served.stop().await;
}

#[actix_rt::test]
async fn no_operation_changes_anything_by_get() {
    for (method, path, _) in operations() {
        let verbs = [
            "pause",
            "resume",
            "stop",
            "recover",
            "rerun",
            "force-success",
            "drain",
            "login",
            "logout",
        ];
        let changes = verbs.iter().any(|verb| path.ends_with(&format!("/{verb}")));
        assert!(!changes || method == "POST", "{method} {path}");
    }
}

async fn status(served: &Served, token: &str, (method, path, body): (&str, &str, Option<Value>)) -> u16 {
    let asked = served.ask_as(token, method, path);
    let asked = match body {
        Some(body) => asked.json(&body),
        None => asked,
    };
    reply(asked).await.status
}

#[actix_rt::test]
async fn each_permission_allows_its_own_and_no_more() {
    let served = serve().await;
    let id = served.start("w").await;
    let token = served.member("ann").await;
    let document = json!({"version": 1, "name": "w", "tasks": {"t": {"type": "noop"}}});
    let project = "/api/v1/projects/default";
    let instance = format!("/api/v1/instances/{id}");
    let (start, pause) = (
        format!("{project}/workflows/w/instances"),
        format!("{instance}/pause?wait=0"),
    );
    let workflow = format!("{project}/workflows/w");
    let reads = [
        ("GET", project, None),
        ("GET", &workflow, None),
        ("GET", &instance, None),
    ];
    let executes = [
        ("POST", start.as_str(), Some(json!({}))),
        ("POST", &pause, Some(json!({}))),
    ];
    let writes = [
        ("PUT", workflow.as_str(), Some(document)),
        ("PATCH", project, Some(json!({}))),
    ];
    let admin = [("DELETE", project, None), ("GET", "/api/v1/users", None)];
    for (level, granted) in [None, Some("read"), Some("execute"), Some("write")]
        .into_iter()
        .enumerate()
    {
        if let Some(permission) = granted {
            let path = format!("{project}/grants/ann");
            let put = served.send("PUT", &path, json!({"permission": permission})).await;
            assert_eq!(put.status, 200, "{put:?}");
        }
        for (needed, calls) in [
            (1, &reads[..]),
            (2, &executes[..]),
            (3, &writes[..]),
            (4, &admin[..]),
        ] {
            for call in calls {
                let seen = status(&served, &token, call.clone()).await;
                assert_eq!(seen != 403, level >= needed, "{granted:?} {call:?}: {seen}");
                assert!(seen < 500, "{call:?}: {seen}");
            }
        }
        let listed = reply(served.ask_as(&token, "GET", "/api/v1/instances"))
            .await
            .json();
        assert_eq!(
            listed["items"].as_array().unwrap().is_empty(),
            level == 0,
            "{granted:?}"
        );
    }
    served.stop().await;
}

#[actix_rt::test]
async fn a_revoked_token_is_dead_at_once() {
    let served = serve().await;
    let token = served.member("ann").await;
    assert_eq!(
        reply(served.ask_as(&token, "GET", "/api/v1/users/me"))
            .await
            .status,
        200
    );
    assert_eq!(
        reply(served.ask_as(&token, "POST", "/api/v1/auth/logout"))
            .await
            .status,
        204
    );
    reply(served.ask_as(&token, "GET", "/api/v1/users/me"))
        .await
        .problem(401, "UNAUTHENTICATED");
    served.stop().await;
}
