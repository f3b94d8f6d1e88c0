use futures_util::future::join_all;
use serde_json::json;

use super::server::{reply, serve};

const START: &str = "/api/v1/projects/default/workflows/w/instances";

#[actix_rt::test]
async fn one_key_starts_one_instance_however_often_it_is_sent() {
    let served = serve().await;
    let first = served.start("w").await;
    let again = || {
        reply(
            served
                .ask("POST", START)
                .header("idempotency-key", "same")
                .json(&json!({})),
        )
    };
    let replies = join_all((0..8).map(|_| again())).await;
    let mut ids: Vec<String> = replies
        .iter()
        .filter(|reply| reply.status != 409)
        .map(|reply| reply.json()["id"].as_str().unwrap().to_owned())
        .collect();
    ids.push(again().await.json()["id"].as_str().unwrap().to_owned());
    ids.sort();
    ids.dedup();
    assert!(ids.len() == 1 && ids[0] != first, "{ids:?}");
    let other = served
        .ask("POST", START)
        .header("idempotency-key", "same")
        .json(&json!({"params": {"day": "x"}}));
    reply(other).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    let spaced = served
        .ask("POST", START)
        .header("idempotency-key", "same")
        .header("content-type", "application/json")
        .body(" { } ");
    assert_eq!(
        reply(spaced).await.json()["id"],
        ids[0],
        "bodies are compared by value"
    );
    served.stop().await;
}

#[actix_rt::test]
async fn a_start_that_does_not_fit_is_refused_with_pointers() {
    let served = serve().await;
    served.start("w").await;
    let unknown = served.send("POST", START, json!({"params": {"dy": "x"}})).await;
    assert_eq!(unknown.problem(422, "UNKNOWN_PARAMETER"), "/params/dy");
    assert!(unknown.text.contains("`day`"), "{unknown:?}");
    assert_eq!(
        served
            .send("POST", START, json!({"scoope": "only"}))
            .await
            .problem(422, "INVALID_START"),
        "/scoope"
    );
    assert_eq!(
        served
            .send("POST", START, json!({"tasks": ["nope"]}))
            .await
            .problem(422, "INVALID_START"),
        "/tasks/0"
    );
    served
        .send("POST", START, json!([]))
        .await
        .problem(422, "INVALID_BODY");
    assert_eq!(
        served
            .send("POST", START, json!({"version": 0}))
            .await
            .problem(422, "INVALID_BODY"),
        "/version"
    );
    served
        .send("POST", START, json!({"version": 7}))
        .await
        .problem(404, "NOT_FOUND");
    let none = served
        .send(
            "POST",
            "/api/v1/projects/default/workflows/none/instances",
            json!({}),
        )
        .await;
    none.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn a_request_for_many_instances_that_is_wrong_points_to_the_member() {
    let served = serve().await;
    let bulk = async |body: serde_json::Value| served.send("POST", "/api/v1/instances/bulk", body).await;
    for (body, pointer) in [
        (json!({"verb": "explode", "ids": ["1"]}), "/verb"),
        (json!({"ids": ["1"]}), "/verb"),
        (json!({"verb": "stop"}), "/ids"),
        (json!({"verb": "stop", "ids": ["1"], "filter": {}}), "/filter"),
        (json!({"verb": "stop", "ids": ["1", "x"]}), "/ids/1"),
        (
            json!({"verb": "stop", "filter": {"colour": "red"}}),
            "/filter/colour",
        ),
        (
            json!({"verb": "stop", "filter": {"state": "running,lost"}}),
            "/filter/state",
        ),
        (json!({"verb": "stop", "filter": {"limit": 3}}), "/filter"),
    ] {
        assert_eq!(
            bulk(body.clone()).await.problem(422, "INVALID_BODY"),
            pointer,
            "{body}"
        );
    }
    let many: Vec<String> = (1..=100_001).map(|id: u32| id.to_string()).collect();
    let too_many = bulk(json!({"verb": "stop", "ids": many})).await;
    assert_eq!(too_many.problem(422, "INVALID_BODY"), "/ids");
    served.start("w").await;
    let accepted = bulk(json!({"verb": "stop", "filter": {"workflow": "w", "version": 1}})).await;
    assert_eq!(
        (accepted.status, &accepted.json()["total"]),
        (202, &json!(1)),
        "{accepted:?}"
    );
    let location = accepted.header("location").to_owned();
    assert_eq!(served.get(&location).await.json()["outcome"], "pending");
    served.stop().await;
}

#[actix_rt::test]
async fn pages_neither_skip_nor_repeat() {
    let served = serve().await;
    let mut started = vec![served.start("w").await];
    for _ in 0..8 {
        started.push(served.start("w").await);
    }
    started.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = served
            .get(&format!("/api/v1/instances?limit=4{cursor}"))
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, started);
    served.stop().await;
}

#[actix_rt::test]
async fn a_verb_is_posted_and_stays_pending_without_an_owner() {
    let served = serve().await;
    let id = served.start("w").await;
    let path = format!("/api/v1/instances/{id}");
    let posted = served
        .send(
            "POST",
            &format!("{path}/pause?wait=0"),
            json!({"reason": "lunch"}),
        )
        .await;
    assert_eq!(posted.status, 202, "{posted:?}");
    let operation = posted.json()["operation"].clone();
    assert_eq!(
        (&operation["kind"], &operation["outcome"]),
        (&json!("pause"), &json!("pending"))
    );
    let location = posted.header("location").to_owned();
    assert_eq!(
        location,
        format!("/api/v1/operations/{}", operation["id"].as_str().unwrap())
    );
    assert_eq!(served.get(&location).await.json(), operation);
    let wrong = served
        .send("POST", &format!("{path}/recover?wait=0s"), json!({}))
        .await;
    wrong.problem(409, "INVALID_STATE");
    assert!(wrong.text.contains("running"), "{wrong:?}");
    reply(served.ask("DELETE", &path))
        .await
        .problem(409, "INVALID_STATE");
    served
        .send("POST", &format!("{path}/pause?wait=soon"), json!({}))
        .await
        .problem(400, "INVALID_QUERY");
    let member = served
        .send("POST", &format!("{path}/pause?wait=0"), json!({"why": 1}))
        .await;
    assert_eq!(member.problem(422, "INVALID_BODY"), "/why");
    served.stop().await;
}

#[actix_rt::test]
async fn what_is_shown_of_an_instance_has_the_agreed_members() {
    let served = serve().await;
    let id = served.start("w").await;
    let path = format!("/api/v1/instances/{id}");
    let instance = served.get(&path).await.json();
    for (member, value) in [
        ("id", json!(id)),
        ("run", json!(1)),
        ("state", json!("running")),
        ("params", json!({"day": "monday"})),
    ] {
        assert_eq!(instance[member], value, "{instance}");
    }
    assert_eq!(instance["tasks"]["total"], 1, "{instance}");
    assert!(
        instance["created_at"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z') && at.len() == 24),
        "{instance}"
    );
    let tasks = served.get(&format!("{path}/tasks")).await.json();
    assert_eq!(tasks["items"][0]["name"], "t", "{tasks}");
    let task = served.get(&format!("{path}/tasks/t")).await.json();
    assert_eq!(
        (&task["attempts"], &task["attempt_list"]),
        (&json!(0), &json!([])),
        "{task}"
    );
    served
        .get(&format!("{path}/tasks/u"))
        .await
        .problem(404, "NOT_FOUND");
    served
        .get(&format!("{path}/tasks/t/attempts/1/log"))
        .await
        .problem(404, "NOT_FOUND");
    let ownership = served.get(&format!("{path}/ownership")).await.json();
    assert_eq!(ownership["log"], json!([]), "{ownership}");
    served.stop().await;
}

#[actix_rt::test]
async fn several_states_are_named_by_repetition_or_with_commas() {
    let served = serve().await;
    let id = served.start("w").await;
    let list = "/api/v1/instances?limit=5";
    for (states, found) in [
        ("state=failed&state=running", true),
        ("state=failed,stopped&state=running", true),
        ("state=failed,running", true),
        ("state=failed&state=stopped", false),
    ] {
        let answer = served.get(&format!("{list}&{states}")).await.json();
        let ids: Vec<_> = answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["id"])
            .collect();
        assert_eq!(ids == [&json!(id)], found, "{states}: {answer}");
    }
    let wrong = served.get(&format!("{list}&state=running&state=nope")).await;
    assert_eq!(wrong.problem(400, "INVALID_QUERY"), "/state");
    served.stop().await;
}

#[actix_rt::test]
async fn a_wrong_filter_is_refused_by_its_name() {
    let served = serve().await;
    let wrong = [
        (
            "scheduled_from=2026-01-02T00:00:00",
            "/scheduled_from",
            "with an offset",
        ),
        ("scheduled_to=2026-01-02T08:00:00+08:00", "/scheduled_to", "%2B"),
        ("created_from=now", "/created_from", "`now`"),
        ("created_to=2026-01-02", "/created_to", "with an offset"),
        ("trigger=cron", "/trigger", "schedule"),
        ("label=team", "/label", "NAME:VALUE"),
        ("label=:x", "/label", "NAME:VALUE"),
        ("version=two", "/version", "whole number"),
        ("version=-1", "/version", "whole number"),
        ("backfill=1.0", "/backfill", "whole number"),
        ("parent=99999999999999999999", "/parent", "whole number"),
    ];
    for (query, pointer, words) in wrong {
        let answer = served.get(&format!("/api/v1/instances?{query}")).await;
        assert_eq!(answer.problem(400, "INVALID_QUERY"), pointer, "{query}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{query}: {detail}");
    }
    served.stop().await;
}

#[actix_rt::test]
async fn an_instance_shows_its_zone_its_labels_and_what_started_it() {
    let served = serve().await;
    let base = "/api/v1/projects/default/workflows";
    let document = json!({
        "version": 1, "name": "zoned", "timezone": "Asia/Shanghai", "labels": { "team": "bi", "tier": "1" },
        "tasks": { "t": { "type": "noop" } },
    });
    assert_eq!(
        served
            .send("PUT", &format!("{base}/zoned"), document)
            .await
            .status,
        201
    );
    let start = json!({ "labels": { "tier": "2" }, "scheduled_at": "2026-03-01T18:30:00Z" });
    let made = served
        .send("POST", &format!("{base}/zoned/instances"), start)
        .await
        .json();
    for shown in [
        &made,
        &served.get("/api/v1/instances?label=tier:2").await.json()["items"][0],
    ] {
        assert_eq!(shown["timezone"], "Asia/Shanghai", "{shown}");
        assert_eq!(shown["trigger"], json!({ "type": "api" }), "{shown}");
        assert_eq!(shown["labels"], json!({ "team": "bi", "tier": "2" }), "{shown}");
        assert_eq!(shown["scheduled_at"], "2026-03-01T18:30:00.000Z", "{shown}");
    }
    let other = served.get("/api/v1/instances?label=tier:1").await.json();
    assert_eq!(other["items"], json!([]));
    let wrong = json!({ "timezone": "asia/shanghai" });
    let refused = served
        .send("POST", &format!("{base}/zoned/instances"), wrong)
        .await;
    assert_eq!(refused.problem(422, "UNKNOWN_TIMEZONE"), "/timezone");
    assert!(
        refused.text.contains("did you mean `Asia/Shanghai`"),
        "{refused:?}"
    );
    served.stop().await;
}

#[actix_rt::test]
async fn one_instance_shows_the_body_that_it_was_started_with() {
    let served = serve().await;
    let plain = served.start("w").await;
    let path = "/api/v1/projects/default/workflows/w/instances";
    let body = json!({ "version": 1, "params": { "day": "tuesday" }, "tasks": ["t"], "scope": "only" });
    let made = served.send("POST", path, body.clone()).await.json();
    let id = made["id"].as_str().unwrap();
    let shown = |id: &str| format!("/api/v1/instances/{id}");
    assert_eq!(served.get(&shown(id)).await.json()["start"], body);
    assert_eq!(served.get(&shown(&plain)).await.json()["start"], json!({}));
    let listed = served.get("/api/v1/instances").await.json();
    assert!(listed["items"][0].get("start").is_none(), "{listed}");
    served.stop().await;
}

#[actix_rt::test]
async fn a_task_says_where_its_parameters_come_from() {
    let served = serve().await;
    let project = json!({ "params": { "zone": "eu" } });
    let patched = served.send("PATCH", "/api/v1/projects/default", project).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let document = json!({
        "version": 1, "name": "w", "params": { "day": "monday", "limit": "5" },
        "tasks": { "t": { "type": "noop", "params": { "own": "${day}/${limit}" } } },
    });
    let workflow = "/api/v1/projects/default/workflows/w";
    assert_eq!(served.send("PUT", workflow, document).await.status, 201);
    let start = json!({ "params": { "day": "tuesday" } });
    let made = served
        .send("POST", &format!("{workflow}/instances"), start)
        .await
        .json();
    let id = made["id"].as_str().unwrap();
    let params = format!("/api/v1/instances/{id}/tasks/t/params");
    let listed = served.get(&params).await.json();
    let items = listed["items"].as_array().unwrap();
    for (name, value, from) in [
        ("day", "tuesday", "start"),
        ("own", "tuesday/5", "task"),
        ("limit", "5", "workflow"),
        ("zone", "eu", "project"),
        ("system.workflow.definition.name", "w", "built_in"),
    ] {
        let expected = json!({ "name": name, "value": value, "from": from, "by": null });
        assert!(items.contains(&expected), "{name}: {listed}");
    }
    let first = served.get(&format!("{params}?limit=1")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = served
        .get(&format!("{params}?limit=1&cursor={cursor}"))
        .await
        .json();
    assert_eq!([&first["items"][0], &second["items"][0]], [&items[0], &items[1]]);
    let unknown = format!("/api/v1/instances/{id}/tasks/unknown/params");
    served.get(&unknown).await.problem(404, "NOT_FOUND");
    served.stop().await;
}
