//! Rules in requests, and alerts in answers.

use serde_json::{Value, json};

use super::server::{Served, reply, serve};

const CHANNEL: &str = "INSERT INTO channel (project_id, name, type, fields, sealed, created_at, updated_at, updated_by) \
     VALUES (NULL, 'oncall', 'webhook', '{}', '{}', 0, 0, 'u')";

async fn put_rules(served: &Served, path: &str, rules: Value) -> super::server::Reply {
    served
        .send("PUT", &format!("/api/v1{path}"), json!({ "rules": rules }))
        .await
}

#[actix_rt::test]
async fn rules_are_read_as_they_were_stored() {
    let served = serve().await;
    served.sql(CHANNEL).await;
    let rules = json!([
        { "name": "broken", "on": ["failed", "timed_out"], "channels": ["oncall"], "group": "5m" },
        { "on": ["late"], "channels": ["oncall"], "by": "06:30" },
    ]);
    for path in ["/notify", "/projects/default/notify"] {
        assert_eq!(
            served.get(&format!("/api/v1{path}")).await.json(),
            json!({ "rules": [] }),
            "{path}"
        );
        let put = put_rules(&served, path, rules.clone()).await;
        assert_eq!(put.status, 200, "{put:?}");
        assert_eq!(
            served.get(&format!("/api/v1{path}")).await.json(),
            json!({ "rules": rules }),
            "{path}"
        );
        let put = put_rules(&served, path, json!([])).await;
        assert_eq!(put.json(), json!({ "rules": [] }));
        assert_eq!(
            served.get(&format!("/api/v1{path}")).await.json(),
            json!({ "rules": [] }),
            "{path}"
        );
    }
    served.stop().await;
}

#[actix_rt::test]
async fn an_unknown_channel_is_refused_wherever_a_rule_stands() {
    let served = serve().await;
    served.sql(CHANNEL).await;
    served.start("w").await;
    let rules = json!([{ "on": ["failed"], "channels": ["oncal"] }]);
    let document = json!({
        "version": 1, "name": "w", "notify": rules, "tasks": { "t": { "type": "noop" } },
    });
    let workflow = "/api/v1/projects/default/workflows/w";
    let requests = [
        (
            "PUT",
            "/api/v1/notify".to_owned(),
            json!({ "rules": rules }),
            "/rules/0/channels/0",
        ),
        (
            "PUT",
            "/api/v1/projects/default/notify".to_owned(),
            json!({ "rules": rules }),
            "/rules/0/channels/0",
        ),
        ("PUT", workflow.to_owned(), document, "/notify/0/channels/0"),
        (
            "PUT",
            format!("{workflow}/schedules/s"),
            json!({ "cron": "0 2 * * *", "notify": rules }),
            "/notify/0/channels/0",
        ),
        (
            "POST",
            format!("{workflow}/instances"),
            json!({ "notify": rules }),
            "/notify/0/channels/0",
        ),
        (
            "POST",
            format!("{workflow}/backfills"),
            json!({ "dates": ["2026-01-01"], "notify": rules }),
            "/notify/0/channels/0",
        ),
    ];
    for (method, path, body, pointer) in requests {
        let answer = served.send(method, &path, body).await;
        assert_eq!(answer.problem(422, "UNKNOWN_CHANNEL"), pointer, "{method} {path}");
        assert!(answer.text.contains("did you mean `oncall`?"), "{answer:?}");
    }
    served.stop().await;
}

#[actix_rt::test]
async fn rules_of_schedules_backfills_and_starts_are_shown_with_them() {
    let served = serve().await;
    served.sql(CHANNEL).await;
    served.start("w").await;
    let rules = json!([{ "on": ["failed"], "channels": ["oncall"] }]);
    let workflow = "/api/v1/projects/default/workflows/w";
    let body = json!({ "cron": "0 2 * * *", "notify": rules });
    let schedule = served.send("PUT", &format!("{workflow}/schedules/s"), body).await;
    assert_eq!(schedule.json()["notify"], rules, "{schedule:?}");
    let body = json!({ "dates": ["2026-01-01"], "notify": rules });
    let backfill = served.send("POST", &format!("{workflow}/backfills"), body).await;
    assert_eq!(backfill.json()["notify"], rules, "{backfill:?}");
    let start = served
        .send("POST", &format!("{workflow}/instances"), json!({ "notify": [] }))
        .await;
    assert_eq!(start.status, 201, "{start:?}");
    served.stop().await;
}

/// Three alerts; the first has a delivery that failed.
async fn add_alerts(served: &Served) {
    served
        .sql(
            "INSERT INTO alert (id, event, subject, run, rule, project_id, instance, at, facts, text) VALUES \
             (1, 'failed', '1', 1, 'project/0', 1, 1, 1000, '{}', 'one'), \
             (2, 'late', '2', 0, 'project/1', 1, 2, 2000, '{}', 'two'), \
             (3, 'node_dead', '9', 0, 'server/0', NULL, NULL, 3000, '{}', 'three')",
        )
        .await;
    served
        .sql(
            "INSERT INTO alert_delivery (id, channel, state, attempts, failures, last_error, created_at) VALUES \
             (1, 'a', 'failed', 3, 3, 'refused', 0), (2, 'b', 'delivered', 1, 0, NULL, 0)",
        )
        .await;
    served
        .sql("INSERT INTO alert_delivery_item (alert, delivery) VALUES (1, 1), (1, 2), (2, 2)")
        .await;
}

#[actix_rt::test]
async fn alerts_are_filtered() {
    let served = serve().await;
    add_alerts(&served).await;
    let ids = async |query: &str| -> Vec<String> {
        let found = served.get(&format!("/api/v1/alerts?{query}")).await.json();
        let items = found["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("").await, ["3", "2", "1"]);
    assert_eq!(ids("event=late").await, ["2"]);
    assert_eq!(ids("state=failed").await, ["1"]);
    assert_eq!(ids("state=delivered&limit=1").await, ["2"]);
    assert_eq!(ids("project=default").await, ["2", "1"]);
    assert_eq!(
        ids("from=1970-01-01T00:00:02Z&to=1970-01-01T00:00:02Z").await,
        ["2"]
    );
    served
        .get("/api/v1/alerts?state=lost")
        .await
        .problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/alerts?event=lost")
        .await
        .problem(400, "INVALID_QUERY");
    served.get("/api/v1/alerts/77").await.problem(404, "NOT_FOUND");
    let token = served.member("ann").await;
    let seen = reply(served.ask_as(&token, "GET", "/api/v1/alerts")).await.json();
    assert_eq!(
        seen["items"],
        json!([]),
        "a member sees alerts of its projects only"
    );
    assert_eq!(
        reply(served.ask_as(&token, "GET", "/api/v1/alerts/3"))
            .await
            .status,
        403
    );
    served.stop().await;
}

#[actix_rt::test]
async fn a_failed_delivery_is_tried_again_and_others_are_left_alone() {
    let served = serve().await;
    add_alerts(&served).await;
    let retried = served.send("POST", "/api/v1/alerts/1/retry", json!({})).await;
    assert_eq!(retried.status, 200, "{retried:?}");
    let answer = retried.json();
    let deliveries = answer["deliveries"].as_array().unwrap().iter();
    let states: Vec<&Value> = deliveries.map(|delivery| &delivery["state"]).collect();
    assert_eq!(states, ["waiting", "delivered"]);
    served.stop().await;
}
