//! Connections as clients see them.

use serde_json::{Value, json};

use super::server::{Reply, Served, reply, serve};

const CANARY: &str = "c4nary-of-the-connection";

fn server(more: Value) -> Value {
    let mut body =
        json!({"type": "postgresql", "host": "127.0.0.1", "port": 5432, "database": "d", "user": "u"});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

async fn put(served: &Served, name: &str, body: Value) -> Reply {
    served.send("PUT", &path(name), body).await
}

fn path(name: &str) -> String {
    format!("/api/v1/projects/default/connections/{name}")
}

fn asks(connection: &str) -> Value {
    let task = json!({"type": "http", "connection": connection, "request": {"url": "/x"}});
    json!({"version": 1, "name": "w", "tasks": {"t": task}})
}

async fn save(served: &Served, project: &str, document: Value) -> Reply {
    let path = format!("/api/v1/projects/{project}/workflows/w");
    served.send("PUT", &path, document).await
}

#[actix_rt::test]
async fn a_secret_field_is_kept_replaced_removed_and_never_shown() {
    let served = serve().await;
    let made = put(&served, "dwh", server(json!({"password": CANARY}))).await;
    assert_eq!(made.status, 201, "{made:?}");
    for answer in [
        made,
        served.get(&path("dwh")).await,
        served.get("/api/v1/projects/default/connections").await,
        put(&served, "dwh", server(json!({"description": "kept"}))).await,
        put(
            &served,
            "dwh",
            server(json!({"password": {"set": true}, "tls": true})),
        )
        .await,
    ] {
        assert!(!answer.text.contains(CANARY), "{answer:?}");
        assert!(answer.text.contains(r#""password":{"set":true}"#), "{answer:?}");
    }
    for change in [
        json!({"host": "127.0.0.2"}),
        json!({"port": 5433}),
        json!({"user": "v"}),
        json!({"type": "mysql"}),
        json!({"host": "127.0.0.2", "password": {"set": true}}),
    ] {
        let refused = put(&served, "dwh", server(change.clone())).await;
        assert_eq!(refused.problem(422, "SECRET_NEEDED"), "/password", "{change}");
    }
    let removed = put(&served, "dwh", server(json!({"password": null})))
        .await
        .json();
    assert_eq!(removed.get("password"), None);
    let moved = put(&served, "dwh", server(json!({"host": "127.0.0.2"}))).await;
    assert_eq!(moved.status, 200, "nothing secret is left: {moved:?}");
    let gone = served.send("DELETE", &path("dwh"), json!({})).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    served.get(&path("dwh")).await.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn what_is_wrong_is_named_by_its_place_with_the_nearest_name() {
    let served = serve().await;
    for (body, pointer, hint) in [
        (
            json!({"type": "postgresqk"}),
            "/type",
            "did you mean `postgresql`?",
        ),
        (server(json!({"hots": "h"})), "/hots", "did you mean `host`?"),
        (
            server(json!({"options": {"passfile": "/x"}})),
            "/options/passfile",
            "unknown key",
        ),
        (
            json!({"type": "http", "url": "http://u:p@h/"}),
            "/url",
            "no user and no password",
        ),
        (
            json!({"type": "http", "url": "http://h", "auth": {"type": "bearer"}}),
            "/auth/token",
            "missing",
        ),
    ] {
        let refused = put(&served, "x", body.clone()).await;
        assert_eq!(refused.problem(422, "INVALID_BODY"), pointer, "{body}");
        assert!(refused.text.contains(hint), "{refused:?}");
    }
    let secret = json!({"password": "${secret.gone}"});
    put(&served, "x", server(secret.clone()))
        .await
        .problem(422, "UNKNOWN_SECRET");
    let shared = served.send("PUT", "/api/v1/connections/x", server(secret)).await;
    shared.problem(422, "SECRET_MISPLACED");
    served.stop().await;
}

#[actix_rt::test]
async fn types_have_schemas_in_which_secrets_are_write_only() {
    let served = serve().await;
    let types = served.get("/api/v1/connection-types").await.json();
    let names: Vec<&str> = types["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(name_of)
        .collect();
    assert_eq!(names, ["postgresql", "mysql", "sqlite", "http", "smtp", "ssh"]);
    let ssh = &types["items"][5]["schema"]["properties"];
    assert_eq!(ssh["private_key"]["writeOnly"], true);
    assert_eq!(ssh["host"].get("writeOnly"), None);
    let second = served.get("/api/v1/connection-types?limit=4").await.json();
    let cursor = second["next_cursor"].as_str().expect("a cursor");
    let rest = served
        .get(&format!("/api/v1/connection-types?cursor={cursor}"))
        .await
        .json();
    assert_eq!(rest["items"].as_array().expect("items").len(), 2);
    served.stop().await;
}

fn name_of(item: &Value) -> &str {
    item["name"].as_str().expect("a name")
}

#[actix_rt::test]
async fn a_document_names_connections_that_exist_and_keeps_them_from_deletion() {
    let served = serve().await;
    let web = json!({"type": "http", "url": "http://127.0.0.1:9"});
    assert_eq!(put(&served, "web", web.clone()).await.status, 201);
    assert_eq!(put(&served, "dwh", server(json!({}))).await.status, 201);
    let unknown = save(&served, "default", asks("wep")).await;
    assert_eq!(unknown.problem(422, "INVALID_DOCUMENT"), "/tasks/t/connection");
    assert!(unknown.text.contains("UNKNOWN_CONNECTION"), "{unknown:?}");
    assert!(unknown.text.contains("did you mean `web`?"), "{unknown:?}");
    let other_type = save(&served, "default", asks("dwh")).await;
    assert!(
        other_type.text.contains("one of type http is needed"),
        "{other_type:?}"
    );
    let mut absolute = asks("web");
    absolute["tasks"]["t"]["request"]["url"] = json!("http://h/x");
    let absolute = save(&served, "default", absolute).await;
    assert_eq!(absolute.problem(422, "INVALID_DOCUMENT"), "/tasks/t/request/url");
    assert_eq!(save(&served, "default", asks("web")).await.status, 201);
    let kept = served.send("DELETE", &path("web"), json!({})).await;
    kept.problem(409, "IN_USE");
    assert!(kept.text.contains("the workflow `w`"), "{kept:?}");
    let noop = json!({"version": 1, "name": "w", "tasks": {"t": {"type": "noop"}}});
    assert_eq!(save(&served, "default", noop).await.status, 200);
    assert_eq!(served.send("DELETE", &path("web"), json!({})).await.status, 204);
    served.stop().await;
}

#[actix_rt::test]
async fn a_shared_connection_serves_the_projects_that_it_is_granted_to() {
    let served = serve().await;
    for project in ["one", "two"] {
        served
            .send("POST", "/api/v1/projects", json!({"name": project}))
            .await;
    }
    let auth = json!({"type": "bearer", "token": CANARY});
    let erp = json!({"type": "http", "url": "http://127.0.0.1:9", "auth": auth});
    let made = served.send("PUT", "/api/v1/connections/erp", erp.clone()).await;
    assert_eq!((made.status, made.json()["shared"].clone()), (201, json!(true)));
    let refused = save(&served, "one", asks("erp")).await;
    assert!(refused.text.contains("NOT_GRANTED"), "{refused:?}");
    let grants = "/api/v1/connections/erp/grants";
    for project in ["two", "*", "one"] {
        let granted = served
            .send("PUT", &format!("{grants}/{project}"), json!({}))
            .await;
        assert_eq!(granted.status, 204, "{granted:?}");
    }
    served
        .send("PUT", &format!("{grants}/three"), json!({}))
        .await
        .problem(404, "NOT_FOUND");
    let listed = |answer: Reply| {
        let items = answer.json()["items"].as_array().expect("items").clone();
        items
            .iter()
            .map(|item| item["project"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(served.get(grants).await), ["*", "one", "two"]);
    let first = served.get(&format!("{grants}?limit=1")).await.json();
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    assert_eq!(
        listed(served.get(&format!("{grants}?cursor={cursor}")).await),
        ["one", "two"]
    );
    let usable = served.get("/api/v1/projects/one/connections").await;
    let expected = json!([{"name": "erp", "type": "http", "shared": true}]);
    assert_eq!(usable.json()["items"], expected, "by name and type, no more");
    assert_eq!(save(&served, "one", asks("erp")).await.status, 201);
    served
        .send("DELETE", "/api/v1/connections/erp", json!({}))
        .await
        .problem(409, "IN_USE");
    let own = "/api/v1/projects/one/connections/erp";
    assert_eq!(served.send("PUT", own, erp).await.status, 201);
    let usable = served.get("/api/v1/projects/one/connections").await.json();
    assert_eq!(
        usable["items"][0]["shared"], false,
        "its own goes first: {usable}"
    );
    for project in ["*", "one"] {
        let revoked = served
            .send("DELETE", &format!("{grants}/{project}"), json!({}))
            .await;
        assert_eq!(revoked.status, 204, "{revoked:?}");
    }
    let again = served.send("DELETE", &format!("{grants}/one"), json!({})).await;
    again.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn a_user_has_ten_tests_a_minute() {
    let served = serve().await;
    put(&served, "dwh", server(json!({"password": CANARY}))).await;
    let stored = format!("{}/test", path("dwh"));
    for _ in 0..9 {
        let tested = served.send("POST", &stored, json!({})).await;
        assert_eq!(
            (tested.status, tested.json()["ok"].clone()),
            (200, json!(false)),
            "{tested:?}"
        );
    }
    let unstored = served.send("POST", &path("test"), server(json!({}))).await;
    assert_eq!(unstored.status, 200, "{unstored:?}");
    let late = served.send("POST", &stored, json!({})).await;
    late.problem(429, "TOO_MANY_REQUESTS");
    let wait: u32 = late.header("retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&wait), "{late:?}");
    let listed = served.get("/api/v1/projects/default/connections").await.json();
    assert_eq!(listed["items"].as_array().expect("items").len(), 1, "{listed}");
    let other = served.member("mia").await;
    served
        .send(
            "PUT",
            "/api/v1/projects/default/grants/mia",
            json!({"permission": "write"}),
        )
        .await;
    let tested = reply(served.ask_as(&other, "POST", &stored).json(&json!({}))).await;
    assert_eq!(
        tested.status, 200,
        "another user has tests of their own: {tested:?}"
    );
    served.stop().await;
}
