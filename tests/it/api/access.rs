use std::collections::BTreeSet;

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
    let expected = [
        "POST /api/v1/auth/login",
        "GET /api/v1/auth/providers",
        "POST /api/v1/auth/setup",
        "GET /healthz",
        "GET /readyz",
    ];
    assert_eq!(open, expected);
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
            "kill",
            "skip",
            "run",
            "retry",
            "priority",
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
    let owns = [("DELETE", project, None)];
    let admin = [("GET", "/api/v1/users", None)];
    let permissions = [None, Some("read"), Some("execute"), Some("write"), Some("owner")];
    for (level, granted) in permissions.into_iter().enumerate() {
        if let Some(permission) = granted {
            let path = format!("{project}/grants/ann");
            let put = served.send("PUT", &path, json!({"permission": permission})).await;
            assert_eq!(put.status, 200, "{put:?}");
        }
        for (needed, calls) in [
            (1, &reads[..]),
            (2, &executes[..]),
            (3, &writes[..]),
            (4, &owns[..]),
            (5, &admin[..]),
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

/// What an operation needs, from a valid token to the role of an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Token,
    Read,
    Execute,
    Write,
    Owner,
    Admin,
}

/// Every operation that needs a token.
const NEEDS: &[(Needs, &str)] = &[
    (Needs::Token, "GET /api/v1/calendars"),
    (Needs::Token, "GET /api/v1/calendars/{calendar}"),
    (Needs::Token, "GET /api/v1/schedules"),
    (Needs::Token, "POST /api/v1/schedules/preview"),
    (Needs::Token, "GET /api/openapi.json"),
    (Needs::Token, "GET /api/v1/approvals"),
    (Needs::Token, "GET /api/v1/limits"),
    (Needs::Token, "GET /api/v1/limits/{limit}"),
    (Needs::Token, "GET /api/v1/backfills"),
    (Needs::Token, "GET /api/v1/cluster"),
    (Needs::Token, "GET /api/v1/failovers"),
    (Needs::Token, "GET /api/v1/instances"),
    (Needs::Token, "GET /api/v1/nodes"),
    (Needs::Token, "GET /api/v1/projects"),
    (Needs::Token, "GET /api/v1/stream"),
    (Needs::Token, "GET /api/v1/channel-types"),
    // The project that they name decides, see silences.rs.
    (Needs::Token, "GET /api/v1/silences"),
    (Needs::Token, "GET /api/v1/silences/{silence}"),
    (Needs::Token, "PUT /api/v1/silences/{silence}"),
    (Needs::Token, "DELETE /api/v1/silences/{silence}"),
    (Needs::Admin, "GET /api/v1/groups"),
    (Needs::Admin, "GET /api/v1/groups/{group}"),
    (Needs::Admin, "PUT /api/v1/groups/{group}"),
    (Needs::Admin, "DELETE /api/v1/groups/{group}"),
    (Needs::Admin, "GET /api/v1/channels"),
    (Needs::Admin, "GET /api/v1/channels/{channel}"),
    (Needs::Admin, "PUT /api/v1/channels/{channel}"),
    (Needs::Admin, "DELETE /api/v1/channels/{channel}"),
    (Needs::Admin, "POST /api/v1/channels/{channel}/test"),
    (Needs::Read, "GET /api/v1/projects/{project}/channels"),
    (Needs::Read, "GET /api/v1/projects/{project}/channels/{channel}"),
    (Needs::Write, "PUT /api/v1/projects/{project}/channels/{channel}"),
    (
        Needs::Write,
        "DELETE /api/v1/projects/{project}/channels/{channel}",
    ),
    (
        Needs::Write,
        "POST /api/v1/projects/{project}/channels/{channel}/test",
    ),
    (Needs::Token, "GET /api/v1/task-types"),
    (Needs::Token, "GET /api/v1/tokens"),
    (Needs::Token, "GET /api/v1/users/me"),
    (Needs::Token, "GET /api/v1/users/me/preferences"),
    (Needs::Token, "PUT /api/v1/users/me/preferences"),
    (Needs::Token, "GET /api/v1/statistics"),
    (Needs::Token, "GET /api/v1/task-instances"),
    (Needs::Token, "GET /api/v1/timeline"),
    (Needs::Token, "POST /api/v1/instances/bulk"),
    (Needs::Token, "GET /metrics"),
    (Needs::Token, "POST /api/v1/auth/logout"),
    (Needs::Token, "POST /api/v1/users/me/password"),
    (Needs::Admin, "POST /api/v1/auth/setup-links"),
    (Needs::Read, "GET /api/v1/instances/{id}/tasks/{task}/params"),
    (Needs::Token, "POST /api/v1/projects"),
    (Needs::Token, "POST /api/v1/tokens"),
    (Needs::Token, "DELETE /api/v1/tokens/{id}"),
    (Needs::Read, "GET /api/v1/projects/{project}/calendars"),
    (Needs::Read, "GET /api/v1/projects/{project}/calendars/{calendar}"),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/schedules",
    ),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}",
    ),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}/fires",
    ),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}/next",
    ),
    (Needs::Token, "GET /api/v1/connection-types"),
    (Needs::Admin, "GET /api/v1/connections"),
    (Needs::Admin, "GET /api/v1/connections/{connection}"),
    (Needs::Admin, "PUT /api/v1/connections/{connection}"),
    (Needs::Admin, "DELETE /api/v1/connections/{connection}"),
    (Needs::Admin, "POST /api/v1/connections/{connection}/test"),
    (Needs::Admin, "GET /api/v1/connections/{connection}/grants"),
    (
        Needs::Admin,
        "PUT /api/v1/connections/{connection}/grants/{project}",
    ),
    (
        Needs::Admin,
        "DELETE /api/v1/connections/{connection}/grants/{project}",
    ),
    (Needs::Read, "GET /api/v1/projects/{project}/connections"),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/connections/{connection}",
    ),
    (
        Needs::Write,
        "PUT /api/v1/projects/{project}/connections/{connection}",
    ),
    (
        Needs::Write,
        "DELETE /api/v1/projects/{project}/connections/{connection}",
    ),
    (
        Needs::Write,
        "POST /api/v1/projects/{project}/connections/{connection}/test",
    ),
    (Needs::Write, "POST /api/v1/projects/{project}/connections/test"),
    (Needs::Token, "GET /api/v1/limits/{limit}/queue"),
    (Needs::Read, "GET /api/v1/projects/{project}/secrets"),
    (Needs::Read, "GET /api/v1/projects/{project}/secrets/{secret}"),
    (Needs::Write, "PUT /api/v1/projects/{project}/secrets/{secret}"),
    (Needs::Write, "DELETE /api/v1/projects/{project}/secrets/{secret}"),
    (Needs::Admin, "POST /api/v1/secrets/rotate"),
    (Needs::Read, "GET /api/v1/projects/{project}/limits"),
    (Needs::Read, "GET /api/v1/projects/{project}/limits/{limit}"),
    (Needs::Read, "GET /api/v1/projects/{project}/limits/{limit}/queue"),
    (Needs::Read, "GET /api/v1/instances/{id}/tasks/{task}/children"),
    (Needs::Write, "PUT /api/v1/projects/{project}/limits/{limit}"),
    (Needs::Write, "DELETE /api/v1/projects/{project}/limits/{limit}"),
    (
        Needs::Write,
        "POST /api/v1/projects/{project}/limits/{limit}/queue/{id}/{task}/force",
    ),
    (Needs::Admin, "PUT /api/v1/limits/{limit}"),
    (Needs::Admin, "DELETE /api/v1/limits/{limit}"),
    (
        Needs::Admin,
        "POST /api/v1/limits/{limit}/queue/{id}/{task}/force",
    ),
    (Needs::Read, "GET /api/v1/backfills/{id}"),
    (Needs::Read, "GET /api/v1/backfills/{id}/dates"),
    (Needs::Read, "GET /api/v1/instances/{id}"),
    (Needs::Read, "GET /api/v1/projects/{project}/lineage"),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/dependents",
    ),
    (Needs::Read, "GET /api/v1/instances/{id}/explain"),
    (Needs::Read, "GET /api/v1/instances/{id}/graph"),
    (Needs::Read, "GET /api/v1/instances/{id}/tasks/{task}/explain"),
    (
        Needs::Read,
        "GET /api/v1/instances/{id}/tasks/{task}/attempts/{attempt}/log/search",
    ),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/graph",
    ),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/grid",
    ),
    (Needs::Read, "GET /api/v1/instances/{id}/history"),
    (Needs::Read, "GET /api/v1/instances/{id}/ownership"),
    (Needs::Read, "GET /api/v1/instances/{id}/tasks"),
    (Needs::Read, "GET /api/v1/instances/{id}/tasks/{task}"),
    (
        Needs::Read,
        "GET /api/v1/instances/{id}/tasks/{task}/attempts/{attempt}/log",
    ),
    (
        Needs::Read,
        "GET /api/v1/instances/{id}/tasks/{task}/attempts/{attempt}/log/stream",
    ),
    (Needs::Read, "GET /api/v1/operations/{id}"),
    (Needs::Read, "GET /api/v1/projects/{project}"),
    (Needs::Read, "GET /api/v1/projects/{project}/export"),
    (Needs::Read, "GET /api/v1/projects/{project}/workflows"),
    (Needs::Read, "GET /api/v1/projects/{project}/workflows/{workflow}"),
    (
        Needs::Read,
        "GET /api/v1/projects/{project}/workflows/{workflow}/versions",
    ),
    (Needs::Execute, "PATCH /api/v1/instances/{id}"),
    (Needs::Execute, "POST /api/v1/backfills/{id}/cancel"),
    (Needs::Execute, "POST /api/v1/backfills/{id}/parallelism"),
    (Needs::Execute, "POST /api/v1/backfills/{id}/pause"),
    (Needs::Execute, "POST /api/v1/backfills/{id}/resume"),
    (Needs::Execute, "POST /api/v1/backfills/{id}/retry"),
    (Needs::Execute, "POST /api/v1/instances/{id}/tasks/{task}/approve"),
    (Needs::Execute, "POST /api/v1/instances/{id}/tasks/{task}/reject"),
    (Needs::Execute, "POST /api/v1/instances/{id}/pause"),
    (Needs::Execute, "POST /api/v1/instances/{id}/priority"),
    (Needs::Execute, "POST /api/v1/instances/{id}/recover"),
    (Needs::Execute, "POST /api/v1/instances/{id}/rerun"),
    (Needs::Execute, "POST /api/v1/instances/{id}/resume"),
    (Needs::Execute, "POST /api/v1/instances/{id}/stop"),
    (
        Needs::Execute,
        "POST /api/v1/instances/{id}/tasks/{task}/force-success",
    ),
    (Needs::Execute, "POST /api/v1/instances/{id}/tasks/{task}/kill"),
    (Needs::Execute, "POST /api/v1/instances/{id}/tasks/{task}/retry"),
    (Needs::Execute, "POST /api/v1/instances/{id}/tasks/{task}/run"),
    (Needs::Execute, "POST /api/v1/instances/{id}/tasks/{task}/skip"),
    (
        Needs::Execute,
        "POST /api/v1/projects/{project}/workflows/{workflow}/backfills",
    ),
    (
        Needs::Execute,
        "POST /api/v1/projects/{project}/workflows/{workflow}/instances",
    ),
    (
        Needs::Write,
        "DELETE /api/v1/projects/{project}/calendars/{calendar}",
    ),
    (
        Needs::Write,
        "DELETE /api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}",
    ),
    (
        Needs::Write,
        "POST /api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}/pause",
    ),
    (
        Needs::Write,
        "POST /api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}/resume",
    ),
    (
        Needs::Write,
        "PUT /api/v1/projects/{project}/calendars/{calendar}",
    ),
    (
        Needs::Write,
        "PUT /api/v1/projects/{project}/workflows/{workflow}/schedules/{schedule}",
    ),
    (Needs::Write, "DELETE /api/v1/instances/{id}"),
    (
        Needs::Write,
        "PUT /api/v1/projects/{project}/workflows/{workflow}/layout",
    ),
    (
        Needs::Write,
        "DELETE /api/v1/projects/{project}/workflows/{workflow}",
    ),
    (Needs::Write, "GET /api/v1/projects/{project}/grants"),
    (Needs::Write, "PATCH /api/v1/projects/{project}"),
    (
        Needs::Write,
        "PATCH /api/v1/projects/{project}/workflows/{workflow}",
    ),
    (
        Needs::Write,
        "POST /api/v1/projects/{project}/workflows/{workflow}/copy",
    ),
    (
        Needs::Write,
        "POST /api/v1/projects/{project}/workflows/{workflow}/versions/{version}/restore",
    ),
    (
        Needs::Write,
        "PUT /api/v1/projects/{project}/workflows/{workflow}",
    ),
    (Needs::Owner, "DELETE /api/v1/projects/{project}"),
    (Needs::Owner, "DELETE /api/v1/projects/{project}/grants/{user}"),
    (Needs::Owner, "PUT /api/v1/projects/{project}/grants/{user}"),
    (Needs::Admin, "DELETE /api/v1/calendars/{calendar}"),
    (Needs::Admin, "PUT /api/v1/calendars/{calendar}"),
    (Needs::Admin, "DELETE /api/v1/users/{name}"),
    (Needs::Admin, "GET /api/v1/debug/actors"),
    (Needs::Admin, "GET /api/v1/users"),
    (Needs::Admin, "PATCH /api/v1/users/{name}"),
    (Needs::Admin, "POST /api/v1/nodes/{incarnation}/drain"),
    (Needs::Admin, "POST /api/v1/retention"),
    (Needs::Admin, "POST /api/v1/users"),
];

/// One project with what the paths of requests name.
struct Place<'a> {
    project: &'a str,
    instance: String,
    operation: String,
    backfill: String,
}

impl Place<'_> {
    fn path(&self, (method, template): (&str, &str)) -> String {
        let id = if template.starts_with("/api/v1/operations") {
            &self.operation
        } else if template.starts_with("/api/v1/backfills") {
            &self.backfill
        } else if template.starts_with("/api/v1/tokens") {
            "999999"
        } else {
            &self.instance
        };
        let path = template
            .replace("{project}", self.project)
            .replace("{workflow}", "w")
            .replace("{version}", "1")
            .replace("{id}", id)
            .replace("{task}", "t")
            .replace("{attempt}", "1")
            .replace("{user}", "unknown")
            .replace("{name}", "unknown")
            .replace("{schedule}", "unknown")
            .replace("{calendar}", "unknown")
            .replace("{limit}", "unknown")
            .replace("{connection}", "unknown")
            .replace("{channel}", "unknown")
            .replace("{silence}", "unknown")
            .replace("{group}", "unknown")
            .replace("{incarnation}", "999999");
        match (method, template) {
            (_, "/api/v1/stream") => path + "?topics=nodes",
            _ if template.ends_with("/log/search") => path + "?q=x",
            ("POST", _) if template.starts_with("/api/v1/instances/") => path + "?wait=0",
            _ => path,
        }
    }
}

async fn place<'a>(served: &Served, project: &'a str) -> Place<'a> {
    let instance = served.start_in(project, "w").await;
    let pause = format!("/api/v1/instances/{instance}/pause?wait=0");
    let paused = served.send("POST", &pause, json!({})).await.json();
    let operation = paused["operation"]["id"].as_str().unwrap().to_owned();
    let backfills = format!("/api/v1/projects/{project}/workflows/w/backfills");
    let made = served
        .send("POST", &backfills, json!({"dates": ["2026-01-01"]}))
        .await;
    let backfill = made.json()["id"].as_str().unwrap().to_owned();
    Place {
        project,
        instance,
        operation,
        backfill,
    }
}

/// Returns the status of an answer without its body, which may have no end.
async fn status_of(served: &Served, token: &str, method: &str, path: &str) -> u16 {
    let body = match (method, path) {
        ("GET" | "DELETE", _) => None,
        (_, path) if path.contains("/grants/") => Some(json!({"permission": "read"})),
        ("PUT", path) if path.contains("/secrets/") => Some(json!({"value": "a long value"})),
        ("PUT", path) if path.contains("/limits/") => Some(json!({"slots": 1})),
        ("PUT", path) if path.ends_with("/layout") => Some(json!({"layout": {}})),
        ("PUT", _) => Some(json!({"version": 1, "name": "w", "tasks": {"t": {"type": "noop"}}})),
        (_, "/api/v1/projects" | "/api/v1/tokens" | "/api/v1/users") => Some(json!({"name": "made"})),
        (_, "/api/v1/retention") => Some(json!({"older_than": "1d", "dry_run": true})),
        _ => Some(json!({})),
    };
    let asked = served.ask_as(token, method, path);
    let asked = match body {
        Some(body) => asked.json(&body),
        None => asked,
    };
    asked.send().await.unwrap().status().as_u16()
}

#[actix_rt::test]
async fn every_operation_needs_the_permission_of_the_contract() {
    let served = serve().await;
    let documented: BTreeSet<String> = operations()
        .into_iter()
        .filter(|(_, _, open)| !open)
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let listed: BTreeSet<String> = NEEDS.iter().map(|(_, name)| (*name).to_owned()).collect();
    assert_eq!(documented, listed, "each operation says here what it needs");
    let made = served
        .send("POST", "/api/v1/projects", json!({"name": "foreign"}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let (own, foreign) = (place(&served, "default").await, place(&served, "foreign").await);
    let granted = [
        (Needs::Token, None),
        (Needs::Read, Some("read")),
        (Needs::Execute, Some("execute")),
        (Needs::Write, Some("write")),
        (Needs::Owner, Some("owner")),
    ];
    for (level, permission) in granted {
        let user = format!("user-{permission:?}").replace(['(', ')', '"'], "");
        let token = served.member(&user).await;
        if let Some(permission) = permission {
            let path = format!("/api/v1/projects/default/grants/{user}");
            let put = served.send("PUT", &path, json!({"permission": permission})).await;
            assert_eq!(put.status, 200, "{put:?}");
        }
        for (needs, name) in NEEDS.iter().copied() {
            let (method, template) = name.split_once(' ').unwrap();
            // It would end the token.
            if template.ends_with("/logout") {
                continue;
            }
            let path = own.path((method, template));
            let seen = status_of(&served, &token, method, &path).await;
            assert_eq!(
                seen != 403,
                level >= needs,
                "{permission:?} {method} {path}: {seen}"
            );
            assert!(seen < 500, "{method} {path}: {seen}");
            let elsewhere = foreign.path((method, template));
            if elsewhere != path {
                let seen = status_of(&served, &token, method, &elsewhere).await;
                assert_eq!(seen, 403, "{permission:?} {method} {elsewhere}");
            }
        }
    }
    served.stop().await;
}

#[actix_rt::test]
async fn the_grants_of_a_project_are_listed_by_user_and_in_pages() {
    let served = serve().await;
    for user in ["cleo", "ann", "bob"] {
        served.member(user).await;
    }
    let token = served.member("dora").await;
    let created = served
        .ask_as(&token, "POST", "/api/v1/projects")
        .json(&json!({"name": "own"}));
    assert_eq!(reply(created).await.status, 201);
    let grants = "/api/v1/projects/own/grants";
    for (user, permission) in [("cleo", "read"), ("ann", "execute"), ("bob", "write")] {
        let put = served
            .ask_as(&token, "PUT", &format!("{grants}/{user}"))
            .json(&json!({"permission": permission}));
        assert_eq!(reply(put).await.status, 200, "an owner grants");
    }
    let first = reply(served.ask_as(&token, "GET", &format!("{grants}?limit=3")))
        .await
        .json();
    let one = |user: &str, permission: &str| json!({"user": user, "permission": permission});
    let expected = [one("ann", "execute"), one("bob", "write"), one("cleo", "read")];
    assert_eq!(first["items"], json!(expected));
    let cursor = first["next_cursor"].as_str().expect("another page");
    let rest = served.get(&format!("{grants}?cursor={cursor}")).await.json();
    assert_eq!(
        rest,
        json!({"items": [one("dora", "owner")], "next_cursor": null})
    );
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

#[actix_rt::test]
async fn a_project_shows_what_its_caller_may_do() {
    let served = serve().await;
    let token = served.member("ann").await;
    let made = served
        .send("POST", "/api/v1/projects", json!({"name": "other"}))
        .await;
    assert_eq!((made.status, &made.json()["permission"]), (201, &json!("owner")));
    for permission in ["read", "execute", "write", "owner"] {
        let path = "/api/v1/projects/default/grants/ann";
        let put = served.send("PUT", path, json!({"permission": permission})).await;
        assert_eq!(put.status, 200, "{put:?}");
        let one = reply(served.ask_as(&token, "GET", "/api/v1/projects/default")).await;
        assert_eq!(one.json()["permission"], permission, "{one:?}");
        let all = reply(served.ask_as(&token, "GET", "/api/v1/projects"))
            .await
            .json();
        let items = all["items"].as_array().unwrap();
        assert_eq!(
            (items.len(), &items[0]["permission"]),
            (1, &json!(permission)),
            "{all}"
        );
    }
    let all = served.get("/api/v1/projects").await.json();
    for project in all["items"].as_array().unwrap() {
        assert_eq!(project["permission"], "owner", "{all}");
    }
    served.stop().await;
}
