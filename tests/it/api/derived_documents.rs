//! Documents that come from stored ones: restored versions, copies, exports.

use serde_json::json;

use super::server::{Served, reply, serve};

const PROJECT: &str = "/api/v1/projects/default";
const TEXT: &str = "version: 1\nname: w\n# kept\ntasks:\n  t: { type: noop }\n";

async fn put_text(served: &Served, project: &str, name: &str, text: &str) {
    let path = format!("/api/v1/projects/{project}/workflows/{name}");
    let asked = served
        .ask("PUT", &path)
        .header("content-type", "application/yaml")
        .body(text.to_owned());
    let put = reply(asked).await;
    assert!(put.status < 300, "{put:?}");
}

async fn source(served: &Served, path: &str) -> String {
    reply(served.ask("GET", path).header("accept", "application/yaml"))
        .await
        .text
}

#[actix_rt::test]
async fn an_earlier_version_is_stored_again_as_the_newest() {
    let served = serve().await;
    put_text(&served, "default", "w", TEXT).await;
    put_text(&served, "default", "w", &TEXT.replace("noop", "shell, run: hi")).await;
    let path = format!("{PROJECT}/workflows/w");
    let restore = format!("{path}/versions/1/restore");
    let keyed = || served.ask("POST", &restore).header("idempotency-key", "once");
    for _ in 0..2 {
        let restored = reply(keyed().json(&json!({}))).await;
        let wanted = json!({"project": "default", "name": "w", "version": 3, "changed": true});
        assert_eq!((restored.status, restored.json()), (200, wanted));
    }
    assert_eq!(source(&served, &path).await, TEXT);
    let again = served
        .send("POST", &format!("{path}/versions/3/restore"), json!({}))
        .await;
    assert_eq!(
        (&again.json()["version"], &again.json()["changed"]),
        (&json!(3), &json!(false))
    );
    for unknown in ["99", "0", "x"] {
        let missing = served
            .send("POST", &format!("{path}/versions/{unknown}/restore"), json!({}))
            .await;
        missing.problem(404, "NOT_FOUND");
    }
    served.stop().await;
}

#[actix_rt::test]
async fn a_copy_has_its_own_name_and_never_replaces_a_workflow() {
    let served = serve().await;
    let text = TEXT.replace("name: w", "name: w   # why\nproject: default");
    put_text(&served, "default", "w", &text).await;
    served
        .send("POST", "/api/v1/projects", json!({"name": "other"}))
        .await;
    let copy = format!("{PROJECT}/workflows/w/copy");
    let made = served
        .send("POST", &copy, json!({"name": "x", "project": "other"}))
        .await;
    let wanted = json!({"project": "other", "name": "x", "version": 1, "changed": true});
    assert_eq!((made.status, made.json()), (201, wanted));
    let copied = source(&served, "/api/v1/projects/other/workflows/x").await;
    let renamed = text
        .replace(": w ", ": \"x\" ")
        .replace(": default", ": \"other\"");
    assert_eq!(copied, renamed);
    for (body, status, code) in [
        (json!({"name": "x", "project": "other"}), 409, "WORKFLOW_EXISTS"),
        (json!({}), 409, "WORKFLOW_EXISTS"),
        (json!({"project": "nowhere"}), 404, "NOT_FOUND"),
        (json!({"name": "bad/"}), 422, "INVALID_NAME"),
        (json!({"nam": "y"}), 422, "INVALID_BODY"),
    ] {
        served.send("POST", &copy, body).await.problem(status, code);
    }
    let unknown = format!("{PROJECT}/workflows/v/copy");
    served
        .send("POST", &unknown, json!({"name": "y"}))
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn a_copy_needs_write_where_it_goes() {
    let served = serve().await;
    put_text(&served, "default", "w", TEXT).await;
    served
        .send("POST", "/api/v1/projects", json!({"name": "other"}))
        .await;
    let token = served.member("ann").await;
    let grant = async |project: &str, permission: &str| {
        let path = format!("/api/v1/projects/{project}/grants/ann");
        served.send("PUT", &path, json!({"permission": permission})).await;
    };
    let copy = async || {
        let asked = served.ask_as(&token, "POST", &format!("{PROJECT}/workflows/w/copy"));
        reply(asked.json(&json!({"project": "other"}))).await.status
    };
    grant("default", "read").await;
    assert_eq!(copy().await, 403);
    grant("other", "execute").await;
    assert_eq!(copy().await, 403);
    grant("other", "write").await;
    assert_eq!(copy().await, 201);
    served.stop().await;
}

#[actix_rt::test]
async fn an_export_is_one_stream_of_the_documents_by_name() {
    let served = serve().await;
    let empty = served.get(&format!("{PROJECT}/export")).await;
    assert_eq!((empty.status, empty.text.as_str()), (200, ""));
    put_text(&served, "default", "w", TEXT).await;
    let json = json!({"version": 1, "name": "a", "tasks": {"t": {"type": "noop"}}});
    served.send("PUT", &format!("{PROJECT}/workflows/a"), json).await;
    let marked = format!("---\n{}", TEXT.replace("name: w", "name: x"));
    put_text(&served, "default", "x", &marked).await;
    let stream = served.get(&format!("{PROJECT}/export")).await;
    assert_eq!(stream.header("content-type"), "application/yaml; charset=utf-8");
    let a = "---\nversion: 1\nname: a\ntasks:\n  t:\n    type: noop\n";
    assert_eq!(stream.text, format!("{a}---\n{TEXT}{marked}"));
    let named = served
        .get(&format!("{PROJECT}/export?workflow=x&workflow=w"))
        .await;
    assert_eq!(named.text, format!("---\n{TEXT}{marked}"));
    served
        .get(&format!("{PROJECT}/export?workflow=y"))
        .await
        .problem(404, "NOT_FOUND");
    served
        .get(&format!("{PROJECT}/export?name=y"))
        .await
        .problem(400, "INVALID_QUERY");
    served.stop().await;
}

#[actix_rt::test]
async fn an_export_of_many_documents_is_complete() {
    let served = serve().await;
    for number in 0..40 {
        let name = format!("w{number:02}");
        put_text(
            &served,
            "default",
            &name,
            &TEXT.replace("name: w", &format!("name: {name}")),
        )
        .await;
    }
    let stream = served.get(&format!("{PROJECT}/export")).await.text;
    let names: Vec<_> = stream
        .lines()
        .filter_map(|line| line.strip_prefix("name: "))
        .collect();
    let wanted: Vec<String> = (0..40).map(|number| format!("w{number:02}")).collect();
    assert_eq!(names, wanted);
    served.stop().await;
}

#[actix_rt::test]
async fn a_list_of_workflows_shows_their_newest_instances() {
    let served = serve().await;
    let ids = [
        served.start("a").await,
        served.start("b").await,
        served.start("a").await,
        served.start("a").await,
    ];
    put_text(&served, "default", "w", TEXT).await;
    let runs = async |query: &str| {
        let listed = served.get(&format!("{PROJECT}/workflows{query}")).await.json();
        let items = listed["items"].as_array().unwrap().clone();
        let shown = items.iter().map(|item| {
            let runs = item["runs"].as_array()?;
            Some(
                runs.iter()
                    .map(|run| run["id"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>(),
            )
        });
        shown.collect::<Vec<_>>()
    };
    let newest = vec![ids[3].clone(), ids[2].clone()];
    assert_eq!(
        runs("?runs=2").await,
        [Some(newest), Some(vec![ids[1].clone()]), Some(Vec::new())]
    );
    assert_eq!(
        runs("?runs=0").await,
        [Some(Vec::new()), Some(Vec::new()), Some(Vec::new())]
    );
    assert_eq!(runs("").await, [None, None, None]);
    assert_eq!(runs("?runs=50&limit=1").await[0].as_ref().unwrap().len(), 3);
    let wrong = served.get(&format!("{PROJECT}/workflows?runs=51")).await;
    assert_eq!(wrong.problem(400, "INVALID_QUERY"), "/runs");
    served.stop().await;
}

#[actix_rt::test]
async fn a_copy_has_its_schedules_paused_and_lists_show_the_next_fire() {
    let served = serve().await;
    let text = TEXT.replace(
        "# kept",
        "schedules:\n  s: { cron: '0 0 0 1 1 ? 2099', timezone: UTC }",
    );
    put_text(&served, "default", "w", &text).await;
    let copy = format!("{PROJECT}/workflows/w/copy");
    let made = served.send("POST", &copy, json!({"name": "x"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let enabled = async |workflow: &str| {
        let path = format!("{PROJECT}/workflows/{workflow}/schedules/s");
        served.get(&path).await.json()["enabled"].clone()
    };
    assert_eq!(
        (enabled("w").await, enabled("x").await),
        (json!(true), json!(false))
    );
    let listed = served.get(&format!("{PROJECT}/workflows?runs=1")).await.json();
    let fires: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["next_fire_at"])
        .collect();
    assert_eq!(fires, [&json!("2099-01-01T00:00:00.000Z"), &json!(null)]);
    served.stop().await;
}
