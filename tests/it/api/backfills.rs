//! Backfills over REST: what is refused and where, dry runs, repetitions, verbs.

use serde_json::{Value, json};

use super::server::{Served, reply, serve};

const BACKFILLS: &str = "/api/v1/projects/default/workflows/w/backfills";

async fn refused(served: &Served, body: Value, code: &str) -> String {
    served.send("POST", BACKFILLS, body).await.problem(422, code)
}

#[actix_rt::test]
async fn each_mistake_of_a_request_names_its_place() {
    let served = serve().await;
    served.start("w").await;
    let range = || json!({ "from": "2026-01-01", "to": "2026-01-03" });
    let with = |key: &str, value: Value| {
        let mut body = range();
        body[key] = value;
        body
    };
    let cases = [
        (json!({}), "INVALID_BODY", "/from"),
        (json!({ "dates": [] }), "NO_DATES", "/dates"),
        (
            json!({ "from": "2026-01-01T00:00:01", "to": "2026-01-01T00:00:02" }),
            "NO_DATES",
            "/from",
        ),
        (
            json!({ "from": "2026-01-03", "to": "2026-01-01" }),
            "INVALID_BODY",
            "/to",
        ),
        (with("to", json!("2099-01-01")), "TOO_MANY_DATES", "/from"),
        (with("schedule", json!("nightly")), "INVALID_BODY", "/schedule"),
        (
            with("timezone", json!("Mars/Base")),
            "UNKNOWN_TIMEZONE",
            "/timezone",
        ),
        (
            with("params", json!({ "dya": 1 })),
            "UNKNOWN_PARAMETER",
            "/params/dya",
        ),
        (with("tasks", json!(["x"])), "INVALID_BODY", "/tasks/0"),
        (with("version", json!(0)), "INVALID_BODY", "/version"),
        (with("parallelism", json!(0)), "INVALID_BODY", "/parallelism"),
    ];
    for (body, code, pointer) in cases {
        assert_eq!(refused(&served, body.clone(), code).await, pointer, "{body}");
    }
    served
        .send("POST", BACKFILLS, with("version", json!(9)))
        .await
        .problem(404, "NOT_FOUND");
    let listed = served.get("/api/v1/backfills").await.json();
    assert_eq!(
        listed,
        json!({ "items": [], "next_cursor": null }),
        "nothing was stored"
    );
    served.stop().await;
}

#[actix_rt::test]
async fn a_dry_run_shows_the_first_dates_of_all_and_stores_nothing() {
    let served = serve().await;
    served.start("w").await;
    let body = json!({ "from": "2026-01-01", "to": "2026-12-31", "order": "descending" });
    let planned = served
        .send("POST", &format!("{BACKFILLS}?dry_run=true"), body)
        .await;
    assert_eq!(planned.status, 200, "{planned:?}");
    let planned = planned.json();
    assert_eq!(
        planned["dates"],
        json!({ "total": 365, "by_state": { "waiting": 365 } })
    );
    let items = planned["items"].as_array().unwrap();
    assert_eq!(items.len(), 200);
    let first = json!({
        "scheduled_at": "2026-12-31T00:00:00.000Z", "project": "default", "workflow": "w", "state": "waiting",
        "instance": null, "reason": null
    });
    assert_eq!(items[0], first);
    assert_eq!(served.get("/api/v1/backfills").await.json()["items"], json!([]));
    served.stop().await;
}

#[actix_rt::test]
async fn a_repeated_request_makes_one_backfill_and_answers_it() {
    let served = serve().await;
    served.start("w").await;
    let body = json!({ "dates": ["2026-01-02", "2026-01-01T00:00:00Z"], "params": { "day": "tuesday" }, "priority": "high" });
    let keyed = || {
        served
            .ask("POST", BACKFILLS)
            .header("idempotency-key", "once")
            .json(&body)
    };
    let first = reply(keyed()).await;
    assert_eq!(
        (first.status, first.header("location")),
        (201, "/api/v1/backfills/1")
    );
    let second = reply(keyed()).await;
    assert_eq!((second.status, second.json()), (201, first.json()));
    let made = first.json();
    for (key, value) in [
        ("state", json!("running")),
        ("requested_by", json!("admin")),
        ("from", Value::Null),
        ("timezone", json!("UTC")),
        ("params", json!({ "day": "tuesday" })),
        ("scope", json!("all")),
        ("priority", json!("high")),
        ("parallelism", json!(1)),
        ("ended_at", Value::Null),
        ("dates", json!({ "total": 2, "by_state": { "waiting": 2 } })),
    ] {
        assert_eq!(made[key], value, "{key}: {made}");
    }
    let page = served.get("/api/v1/backfills/1/dates?limit=1").await.json();
    assert_eq!(page["items"][0]["scheduled_at"], "2026-01-01T00:00:00.000Z");
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = served
        .get(&format!("/api/v1/backfills/1/dates?cursor={cursor}"))
        .await
        .json();
    assert_eq!(page["items"][0]["scheduled_at"], "2026-01-02T00:00:00.000Z");
    assert_eq!(page["next_cursor"], Value::Null);
    for path in [
        "/api/v1/backfills/9",
        "/api/v1/backfills/x",
        "/api/v1/backfills/9/dates",
    ] {
        served.get(path).await.problem(404, "NOT_FOUND");
    }
    let wrong = served.get("/api/v1/backfills/1/dates?state=done").await;
    assert_eq!(wrong.problem(400, "INVALID_QUERY"), "/state");
    served.stop().await;
}

#[actix_rt::test]
async fn verbs_apply_where_the_contract_says_and_say_what_is_possible() {
    let served = serve().await;
    served.start("w").await;
    served
        .send("POST", BACKFILLS, json!({ "dates": ["2026-01-01"] }))
        .await;
    let verb = |verb: &str, body: Value| {
        let path = format!("/api/v1/backfills/1/{verb}");
        let served = &served;
        async move { served.send("POST", &path, body).await }
    };
    verb("resume", json!({})).await.problem(409, "INVALID_STATE");
    verb("retry", json!({})).await.problem(409, "INVALID_STATE");
    let paused = verb("pause", json!({})).await;
    assert_eq!((paused.status, &paused.json()["state"]), (200, &json!("paused")));
    let refusal = verb("pause", json!({})).await;
    refusal.problem(409, "INVALID_STATE");
    assert!(
        refusal.text.contains("possible: resume, parallelism, cancel"),
        "{refusal:?}"
    );
    let set = verb("parallelism", json!({ "parallelism": 7 })).await;
    assert_eq!((set.status, &set.json()["parallelism"]), (200, &json!(7)));
    for body in [
        json!({}),
        json!({ "parallelism": 0 }),
        json!({ "parallelism": "7" }),
    ] {
        assert_eq!(
            verb("parallelism", body).await.problem(422, "INVALID_BODY"),
            "/parallelism"
        );
    }
    assert_eq!(
        verb("resume", json!({ "x": 1 }))
            .await
            .problem(422, "INVALID_BODY"),
        "/x"
    );
    let cancelled = verb("cancel", json!({})).await.json();
    assert_eq!(
        (&cancelled["state"], &cancelled["dates"]["by_state"]),
        (&json!("cancelled"), &json!({ "not_run": 1 }))
    );
    assert_eq!(
        verb("cancel", json!({ "stop_running": true })).await.status,
        200,
        "again: nothing new"
    );
    assert_eq!(
        verb("retry", json!({ "version": 9 }))
            .await
            .problem(404, "NOT_FOUND"),
        ""
    );
    let retried = verb("retry", json!({ "version": 1 })).await.json();
    assert_eq!(
        (&retried["state"], &retried["ended_at"]),
        (&json!("running"), &Value::Null)
    );
    let path = "/api/v1/projects/default/workflows/w";
    let stays = reply(served.ask("DELETE", path)).await;
    stays.problem(409, "WORKFLOW_HAS_OPEN_INSTANCES");
    served.stop().await;
}

#[actix_rt::test]
async fn a_topic_of_a_backfill_needs_its_project() {
    let served = serve().await;
    served.start("w").await;
    served
        .send("POST", BACKFILLS, json!({ "dates": ["2026-01-01"] }))
        .await;
    let token = served.member("ann").await;
    let path = |id: &str| format!("/api/v1/stream?topics=backfill:{id}");
    reply(served.ask_as(&token, "GET", &path("1")))
        .await
        .problem(403, "FORBIDDEN");
    served.get(&path("9")).await.problem(404, "NOT_FOUND");
    served.get(&path("x")).await.problem(400, "INVALID_QUERY");
    let listed = reply(served.ask_as(&token, "GET", "/api/v1/backfills"))
        .await
        .json();
    assert_eq!(listed["items"], json!([]));
    served.stop().await;
}
