use serde_json::{Value, json};

use super::server::{Reply, Served, reply, serve};

const WORKFLOW: &str = "/api/v1/projects/default/workflows/w";
const SCHEDULE: &str = "/api/v1/projects/default/workflows/w/schedules/s";
const CALENDAR: &str = "/api/v1/projects/default/calendars/office";

async fn with_workflow(schedules: Value) -> Served {
    let served = serve().await;
    let put = put_document(&served, schedules).await;
    assert_eq!(put.status, 201, "{put:?}");
    served
}

async fn put_document(served: &Served, schedules: Value) -> Reply {
    let document = json!({
        "version": 1, "name": "w", "timezone": "Asia/Tokyo", "params": {"region": "eu"},
        "schedules": schedules, "tasks": {"t": {"type": "noop"}}
    });
    served.send("PUT", WORKFLOW, document).await
}

#[actix_rt::test]
async fn a_schedule_is_stored_paused_resumed_and_deleted() {
    let served = with_workflow(json!({})).await;
    let fields = json!({"cron": "0 30 2 * * ?", "params": {"region": "us"}, "jitter": "30s"});
    let made = served.send("PUT", SCHEDULE, fields.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(made["timezone"], "Asia/Tokyo", "the zone of the document");
    assert_eq!(
        (&made["jitter"], &made["params"]["region"]),
        (&json!("30s"), &json!("us"))
    );
    assert!(
        made["next_fire_at"].as_str().unwrap().ends_with("T17:30:00.000Z"),
        "{made}"
    );
    assert_eq!(served.send("PUT", SCHEDULE, fields).await.status, 200);
    let paused = served
        .send("POST", &format!("{SCHEDULE}/pause"), json!({}))
        .await
        .json();
    assert_eq!(
        (&paused["enabled"], &paused["next_fire_at"]),
        (&json!(false), &Value::Null)
    );
    let next = served.get(&format!("{SCHEDULE}/next?count=2")).await.json();
    assert_eq!(
        next["items"].as_array().unwrap().len(),
        2,
        "a paused one can be asked: {next}"
    );
    let disabled = served.get("/api/v1/schedules?enabled=false").await.json();
    assert_eq!(disabled["items"][0]["name"], "s");
    let resumed = served
        .send("POST", &format!("{SCHEDULE}/resume"), json!({}))
        .await
        .json();
    assert_eq!(resumed["next_fire_at"], made["next_fire_at"]);
    let audited = served.get("/api/v1/audit").await;
    assert!(
        audited.status == 404 || audited.text.contains("schedule.pause"),
        "{audited:?}"
    );
    assert_eq!(reply(served.ask("DELETE", SCHEDULE)).await.status, 204);
    served.get(SCHEDULE).await.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn mistakes_of_a_schedule_point_to_their_field() {
    let served = with_workflow(json!({})).await;
    let cases = [
        (json!({}), "INVALID_BODY", "/cron"),
        (json!({"cron": "0 0 1 1 * MON"}), "INVALID_CRON", "/cron"),
        (json!({"cron": "0 0 30 2 *"}), "NEVER_FIRES", "/cron"),
        (json!({"every": "1h"}), "INVALID_BODY", "/start"),
        (
            json!({"every": "500ms", "start": "2026-01-01"}),
            "INVALID_BODY",
            "/every",
        ),
        (json!({"cron": "@daily", "every": "1h"}), "INVALID_BODY", "/every"),
        (
            json!({"cron": "@daily", "timezone": "Asia/Tokio"}),
            "UNKNOWN_TIMEZONE",
            "/timezone",
        ),
        (
            json!({"cron": "@daily", "calendar": "office"}),
            "UNKNOWN_CALENDAR",
            "/calendar",
        ),
        (
            json!({"cron": "@daily", "params": {"city": "x"}}),
            "UNKNOWN_PARAMETER",
            "/params/city",
        ),
        (
            json!({"cron": "@daily", "start": "2026-02-01", "end": "2026-01-01"}),
            "INVALID_BODY",
            "/end",
        ),
    ];
    for (fields, code, pointer) in cases {
        let refused = served.send("PUT", SCHEDULE, fields.clone()).await;
        assert_eq!(refused.problem(422, code), pointer, "{fields}");
    }
    let nearest = json!({"cron": "@daily", "timezone": "Asia/Tokio"});
    let refused = served.send("POST", "/api/v1/schedules/preview", nearest).await;
    assert!(refused.text.contains("Asia/Tokyo"), "{refused:?}");
    served
        .get(&format!("{SCHEDULE}/next?count=0"))
        .await
        .problem(400, "INVALID_QUERY");
    served.stop().await;
}

#[actix_rt::test]
async fn a_document_manages_its_schedules() {
    let entry = json!({"cron": "@daily"});
    let served = with_workflow(json!({"s": entry})).await;
    served
        .send("PUT", SCHEDULE, entry.clone())
        .await
        .problem(409, "MANAGED_BY_DOCUMENT");
    reply(served.ask("DELETE", SCHEDULE))
        .await
        .problem(409, "MANAGED_BY_DOCUMENT");
    served.send("POST", &format!("{SCHEDULE}/pause"), json!({})).await;
    put_document(&served, json!({"s": entry, "t": {"cron": "@hourly"}})).await;
    let kept = served.get(SCHEDULE).await.json();
    assert_eq!(
        (&kept["enabled"], &kept["managed_by"]),
        (&json!(false), &json!("document"))
    );
    put_document(&served, json!({"s": {"cron": "@weekly"}})).await;
    assert_eq!(
        served.get(SCHEDULE).await.json()["enabled"],
        true,
        "a changed entry ends the pause"
    );
    let left = served.get("/api/v1/schedules").await.json();
    assert_eq!(
        left["items"].as_array().unwrap().len(),
        1,
        "what the document lacks is gone: {left}"
    );
    let unknown = put_document(&served, json!({"s": {"cron": "@daily", "calendar": "x"}})).await;
    assert_eq!(unknown.problem(422, "INVALID_DOCUMENT"), "/schedules/s/calendar");
    let disabled = served.send("PATCH", WORKFLOW, json!({"enabled": false})).await;
    assert_eq!(disabled.status, 200);
    assert_eq!(served.get(SCHEDULE).await.json()["next_fire_at"], Value::Null);
    served.send("PATCH", WORKFLOW, json!({"enabled": true})).await;
    assert_ne!(served.get(SCHEDULE).await.json()["next_fire_at"], Value::Null);
    assert_eq!(reply(served.ask("DELETE", WORKFLOW)).await.status, 204);
    let gone = served.get("/api/v1/schedules").await.json();
    assert_eq!(gone["items"], json!([]), "the schedules of a workflow go with it");
    served.stop().await;
}

#[actix_rt::test]
async fn a_calendar_counts_at_once_and_stays_while_it_is_named() {
    let served = with_workflow(json!({})).await;
    let shared = "/api/v1/calendars/office";
    let put = served
        .send("PUT", shared, json!({"exclude": ["2026-01-01"]}))
        .await;
    assert_eq!((put.status, &put.json()["shared"]), (201, &json!(true)));
    let fields = json!({"cron": "0 0 * * *", "calendar": "office", "timezone": "UTC"});
    assert_eq!(served.send("PUT", SCHEDULE, fields).await.status, 201);
    let next = async || {
        let path = format!("{SCHEDULE}/next?count=1&after=2025-12-31T12:00:00Z");
        served.get(&path).await.json()["items"][0]["local"].clone()
    };
    assert_eq!(next().await, "2026-01-02T00:00:00+00:00");
    reply(served.ask("DELETE", shared)).await.problem(409, "IN_USE");
    let own = json!({"exclude": ["2026-01-01", "2026-01-02"], "include": ["2026-01-02"]});
    assert_eq!(served.send("PUT", CALENDAR, own).await.status, 201);
    assert_eq!(
        next().await,
        "2026-01-02T00:00:00+00:00",
        "include goes before exclude"
    );
    let own = json!({"exclude": ["2026-01-01", "2026-01-02"]});
    assert_eq!(served.send("PUT", CALENDAR, own).await.status, 200);
    assert_eq!(
        next().await,
        "2026-01-03T00:00:00+00:00",
        "a project's own goes first"
    );
    assert_eq!(reply(served.ask("DELETE", shared)).await.status, 204);
    reply(served.ask("DELETE", CALENDAR)).await.problem(409, "IN_USE");
    let wrong = served
        .send("PUT", CALENDAR, json!({"exclude": ["2026-02-30"]}))
        .await;
    assert_eq!(wrong.problem(422, "INVALID_BODY"), "/exclude/0");
    let wrong = served.send("PUT", CALENDAR, json!({"timezone": "Mars"})).await;
    assert_eq!(wrong.problem(422, "UNKNOWN_TIMEZONE"), "/timezone");
    let text =
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260105\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let asked = served
        .ask("PUT", &format!("{CALENDAR}?days=weekdays"))
        .header("content-type", "text/calendar")
        .body(text);
    let stored = reply(asked).await.json();
    assert_eq!(
        (&stored["exclude"], &stored["days"]),
        (&json!(["2026-01-05"]), &json!("weekdays"))
    );
    served.stop().await;
}

#[actix_rt::test]
async fn schedules_of_other_projects_are_not_shown() {
    let served = with_workflow(json!({"s": {"cron": "@daily"}})).await;
    let member = served.member("eve").await;
    let ask =
        async |method: &str, path: &str| reply(served.ask_as(&member, method, path).json(&json!({}))).await;
    assert_eq!(ask("GET", "/api/v1/schedules").await.json()["items"], json!([]));
    ask("GET", SCHEDULE).await.problem(403, "FORBIDDEN");
    ask("POST", &format!("{SCHEDULE}/pause"))
        .await
        .problem(403, "FORBIDDEN");
    ask("PUT", "/api/v1/calendars/office")
        .await
        .problem(403, "FORBIDDEN");
    served.stop().await;
}
