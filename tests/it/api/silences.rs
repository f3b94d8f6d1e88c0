//! Silences and who may change them.

use serde_json::{Value, json};

use super::server::{Reply, Served, reply, serve};

async fn put_as(served: &Served, token: &str, name: &str, body: &Value) -> Reply {
    let request = served.ask_as(token, "PUT", &format!("/api/v1/silences/{name}"));
    reply(request.json(body)).await
}

/// An instant some days from now.
fn days_ahead(days: i64) -> String {
    (chrono::Utc::now() + chrono::Duration::days(days)).to_rfc3339()
}

#[actix_rt::test]
async fn a_silence_is_stored_replaced_listed_and_deleted() {
    let served = serve().await;
    served.start("w").await;
    let body = json!({
        "project": "default", "workflow": "w", "event": "failed", "until": days_ahead(1), "reason": "upgrade",
    });
    let made = served.send("PUT", "/api/v1/silences/upgrade", body.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        (&made.json()["workflow"], &made.json()["updated_by"]),
        (&json!("w"), &json!("admin"))
    );
    let again = served.send("PUT", "/api/v1/silences/upgrade", body).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(
        served.get("/api/v1/silences").await.json()["items"][0]["name"],
        "upgrade"
    );
    let gone = served.send("DELETE", "/api/v1/silences/upgrade", json!({})).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    served
        .get("/api/v1/silences/upgrade")
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn a_wrong_silence_is_refused_with_its_field() {
    let served = serve().await;
    let right = json!({ "project": "default", "until": days_ahead(1), "reason": "x" });
    for (key, value, pointer) in [
        ("until", json!(days_ahead(-1)), "/until"),
        ("until", json!(days_ahead(400)), "/until"),
        ("until", json!("tomorrow"), "/until"),
        ("reason", json!(" "), "/reason"),
        ("project", json!("elsewhere"), "/project"),
        ("workflow", json!("nothing"), "/workflow"),
        ("event", json!("faild"), "/event"),
    ] {
        let mut body = right.clone();
        body[key] = value;
        let refused = served.send("PUT", "/api/v1/silences/s", body).await;
        assert_eq!(refused.problem(422, "INVALID_BODY"), pointer, "{refused:?}");
    }
    served.stop().await;
}

#[actix_rt::test]
async fn owners_silence_their_project_and_only_an_operator_all() {
    let served = serve().await;
    let token = served.member("ann").await;
    let of_project = json!({ "project": "default", "until": days_ahead(1), "reason": "x" });
    let of_all = json!({ "until": days_ahead(1), "reason": "x" });
    assert_eq!(put_as(&served, &token, "s", &of_project).await.status, 403);
    for (permission, status) in [("write", 403), ("owner", 201)] {
        let grant = json!({ "permission": permission });
        served
            .send("PUT", "/api/v1/projects/default/grants/ann", grant)
            .await;
        assert_eq!(
            put_as(&served, &token, "s", &of_project).await.status,
            status,
            "{permission}"
        );
    }
    assert_eq!(put_as(&served, &token, "all", &of_all).await.status, 403);
    assert_eq!(
        served.send("PUT", "/api/v1/silences/all", of_all).await.status,
        201
    );
    assert_eq!(
        put_as(&served, &token, "all", &of_project).await.status,
        403,
        "it would take it over"
    );
    let listed = reply(served.ask_as(&token, "GET", "/api/v1/silences"))
        .await
        .json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let delete = served.ask_as(&token, "DELETE", "/api/v1/silences/all");
    assert_eq!(reply(delete).await.status, 403);
    let read = reply(served.ask_as(&token, "GET", "/api/v1/silences/all")).await;
    assert_eq!(read.status, 403, "{read:?}");
    served.stop().await;
}
