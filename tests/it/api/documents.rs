use serde_json::json;

use super::server::{reply, serve};

const PATH: &str = "/api/v1/projects/default/workflows/w";

#[actix_rt::test]
async fn the_same_document_again_changes_nothing_and_another_is_a_new_version() {
    let served = serve().await;
    let one = json!({"version": 1, "name": "w", "tasks": {"t": {"type": "noop"}}});
    let two = json!({"version": 1, "name": "w", "tasks": {"t": {"type": "noop"}, "u": {"type": "noop"}}});
    let seen = [one.clone(), one.clone(), two].map(|document| served.send("PUT", PATH, document));
    let mut lines = Vec::new();
    for put in seen {
        let put = put.await;
        let body = put.json();
        lines.push(format!(
            "{} {} {} {}",
            put.status,
            body["version"],
            body["changed"],
            put.header("etag")
        ));
    }
    assert_eq!(
        lines,
        ["201 1 true \"1\"", "200 1 false \"1\"", "200 2 true \"2\""]
    );
    let old = reply(served.ask("PUT", PATH).header("if-match", "\"1\"").json(&one)).await;
    old.problem(412, "PRECONDITION_FAILED");
    let versions = served.get(&format!("{PATH}/versions")).await.json();
    assert_eq!(versions["items"].as_array().unwrap().len(), 2, "{versions}");
    served
        .get(&format!("{PATH}?version=3"))
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn the_source_text_comes_back_with_its_comments() {
    let served = serve().await;
    let text = "version: 1\nname: w\n# kept\ntasks:\n  t: { type: noop }\n";
    let asked = served
        .ask("PUT", PATH)
        .header("content-type", "application/yaml")
        .body(text);
    assert_eq!(reply(asked).await.status, 201);
    let yaml = reply(served.ask("GET", PATH).header("accept", "application/yaml")).await;
    assert_eq!(
        (yaml.text.as_str(), yaml.header("content-type")),
        (text, "application/yaml; charset=utf-8")
    );
    let json = served.get(PATH).await.json();
    assert_eq!(json["document"]["tasks"]["t"]["type"], "noop", "{json}");
    served.stop().await;
}

#[actix_rt::test]
async fn errors_of_a_document_have_pointers_and_lines() {
    let served = serve().await;
    let bad = json!({"version": 1, "name": "w", "tasks": {"a": {"type": "noop", "nedes": []}}});
    assert_eq!(
        served
            .send("PUT", PATH, bad)
            .await
            .problem(422, "INVALID_DOCUMENT"),
        "/tasks/a/nedes"
    );
    let named = json!({"version": 1, "name": "v", "tasks": {"t": {"type": "noop"}}});
    assert_eq!(
        served
            .send("PUT", PATH, named)
            .await
            .problem(422, "INVALID_DOCUMENT"),
        "/name"
    );
    let text = "version: 1\nname: w\ntasks:\n  t:\n    type: noop\n    nedes: []\n";
    let asked = served
        .ask("PUT", PATH)
        .header("content-type", "application/yaml")
        .body(text);
    let answer = reply(asked).await;
    answer.problem(422, "INVALID_DOCUMENT");
    assert_eq!(answer.json()["errors"][0]["line"], 6, "{answer:?}");
    let plain = served
        .ask("PUT", PATH)
        .header("content-type", "text/plain")
        .body("x");
    reply(plain).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    served.get(PATH).await.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn a_document_that_names_another_workflow_or_project_says_where() {
    let served = serve().await;
    let asked = served
        .ask("PUT", PATH)
        .header("content-type", "application/yaml")
        .body("version: 1\nname: v\nproject:  other\ntasks:\n  t: { type: noop }\n");
    let answer = reply(asked).await;
    answer.problem(422, "INVALID_DOCUMENT");
    let places: Vec<_> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| format!("{} {}:{}", error["pointer"], error["line"], error["column"]))
        .collect();
    assert_eq!(places, ["\"/name\" 2:7", "\"/project\" 3:11"], "{answer:?}");
    served.get(PATH).await.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn the_parameters_of_a_project_keep_the_rules_of_a_documents() {
    let served = serve().await;
    let project = "/api/v1/projects/default";
    for (params, pointer) in [
        (json!({"PATH": "x"}), "/params/PATH"),
        (json!({"a/b": "x"}), "/params/a~1b"),
        (json!({"a": "x".repeat((64 << 10) + 1)}), "/params/a"),
        (json!({"a": "x\u{0}"}), "/params/a"),
    ] {
        let edit = served
            .send("PATCH", project, json!({ "params": params.clone() }))
            .await;
        assert_eq!(edit.problem(422, "INVALID_BODY"), pointer);
        let made = served
            .send(
                "POST",
                "/api/v1/projects",
                json!({ "name": "p", "params": params }),
            )
            .await;
        assert_eq!(made.problem(422, "INVALID_BODY"), pointer);
    }
    let edit = served
        .send(
            "PATCH",
            project,
            json!({ "params": { "a.b": "x".repeat(64 << 10) } }),
        )
        .await;
    assert_eq!(edit.status, 200, "{edit:?}");
    served.stop().await;
}

#[actix_rt::test]
async fn a_dry_run_stores_nothing() {
    let served = serve().await;
    let document = json!({"version": 1, "name": "w", "tasks": {"t": {"type": "noop"}}});
    let checked = served
        .send("PUT", &format!("{PATH}?dry_run=true"), document)
        .await;
    assert_eq!(
        (checked.status, &checked.json()["changed"]),
        (200, &json!(true)),
        "{checked:?}"
    );
    served.get(PATH).await.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn bodies_have_limits() {
    let served = serve().await;
    let large = |size: usize| {
        served
            .ask("POST", "/api/v1/projects")
            .header("content-type", "application/json")
            .body(" ".repeat(size))
    };
    reply(large((1 << 20) + 1)).await.problem(413, "BODY_TOO_LARGE");
    reply(large(1 << 20)).await.problem(400, "MALFORMED_BODY");
    let asked = served
        .ask("PUT", PATH)
        .header("content-type", "application/yaml")
        .body("#".repeat((8 << 20) + 1));
    reply(asked).await.problem(413, "BODY_TOO_LARGE");
    served.stop().await;
}

#[actix_rt::test]
async fn a_disabled_workflow_is_shown_and_refuses_starts() {
    let served = serve().await;
    served.start("w").await;
    assert_eq!(served.get(PATH).await.json()["enabled"], true);
    let disabled = served.send("PATCH", PATH, json!({"enabled": false})).await;
    assert_eq!(
        (disabled.status, &disabled.json()["enabled"]),
        (200, &json!(false)),
        "{disabled:?}"
    );
    let start = format!("{PATH}/instances");
    served
        .send("POST", &start, json!({}))
        .await
        .problem(409, "WORKFLOW_DISABLED");
    let listed = served.get("/api/v1/projects/default/workflows").await.json();
    assert_eq!(listed["items"][0]["enabled"], false, "{listed}");
    let wrong = served.send("PATCH", PATH, json!({"enabled": "no"})).await;
    assert_eq!(wrong.problem(422, "INVALID_BODY"), "/enabled");
    let unknown = served.send("PATCH", PATH, json!({"name": "v"})).await;
    assert_eq!(unknown.problem(422, "INVALID_BODY"), "/name");
    assert_eq!(
        served.send("PATCH", PATH, json!({"enabled": true})).await.status,
        200
    );
    assert_eq!(served.send("POST", &start, json!({})).await.status, 201);
    served.stop().await;
}

#[actix_rt::test]
async fn a_projects_defaults_hold_for_instances_that_are_created_later() {
    let served = serve().await;
    let project = "/api/v1/projects/default";
    assert_eq!(served.get(project).await.json()["defaults"], json!({}));
    served.start("w").await;
    let defaults = json!({"priority": "high", "retry": {"max": 2, "delay": "5s"}, "timeout": "2h", "worker_group": "etl"});
    let edited = served.send("PATCH", project, json!({"defaults": defaults})).await;
    assert_eq!(
        (edited.status, &edited.json()["defaults"]),
        (200, &defaults),
        "{edited:?}"
    );
    let start = format!("{PATH}/instances");
    let started = served.send("POST", &start, json!({})).await.json();
    assert_eq!(started["priority"], "high", "{started}");
    let edited = served
        .send("PATCH", project, json!({"defaults": {"priority": "low"}}))
        .await;
    assert_eq!(
        edited.json()["defaults"],
        json!({"priority": "low"}),
        "they are replaced"
    );
    let id = started["id"].as_str().unwrap();
    let kept = served.get(&format!("/api/v1/instances/{id}")).await.json();
    assert_eq!(
        kept["priority"], "high",
        "an instance keeps those of its creation"
    );
    let first = served.get("/api/v1/instances/1").await.json();
    assert_eq!(first["priority"], "medium", "{first}");
    for (wrong, pointer) in [
        (json!({"colour": "red"}), "/defaults/colour"),
        (json!({"timeout": "0s"}), "/defaults/timeout"),
        (json!({"retry": {"max": -1}}), "/defaults/retry/max"),
        (json!([]), "/defaults"),
    ] {
        let edit = served.send("PATCH", project, json!({"defaults": wrong})).await;
        assert_eq!(edit.problem(422, "INVALID_BODY"), pointer);
    }
    served.stop().await;
}
