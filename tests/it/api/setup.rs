use serde_json::{Value, json};

use super::server::{Reply, Served, reply, serve, serve_pairs};

const PASSWORD: &str = "a long password";

async fn make_link(served: &Served, body: Value) -> Value {
    let made = served.send("POST", "/api/v1/auth/setup-links", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

async fn set_up(served: &Served, token: &str, password: &str) -> Reply {
    let body = json!({"token": token, "password": password});
    reply(served.anonymous("POST", "/api/v1/auth/setup").json(&body)).await
}

async fn log_in(served: &Served, name: &str, password: &str) -> u16 {
    let body = json!({"username": name, "password": password});
    reply(served.anonymous("POST", "/api/v1/auth/login").json(&body))
        .await
        .status
}

#[actix_rt::test]
async fn a_link_sets_the_first_password_and_signs_in() {
    for (first, second) in serve_pairs().await {
        let link = make_link(&first, json!({})).await;
        let token = link["token"].as_str().unwrap();
        assert_eq!(link["url"], format!("{}/setup#token={token}", first.url));
        let as_token = reply(first.ask_as(token, "GET", "/api/v1/users/me")).await;
        as_token.problem(401, "UNAUTHENTICATED");
        let short = set_up(&second, token, "short").await;
        assert_eq!(short.problem(422, "INVALID_BODY"), "/password");
        let session = set_up(&second, token, PASSWORD).await;
        assert_eq!(session.status, 200, "{session:?}");
        let session = session.json()["token"].as_str().unwrap().to_owned();
        let me = reply(second.ask_as(&session, "GET", "/api/v1/users/me"))
            .await
            .json();
        assert_eq!(
            (&me["name"], &me["has_password"]),
            (&json!("admin"), &json!(true))
        );
        assert_eq!(
            first.get("/api/v1/users/me").await.status,
            200,
            "a first password ends nothing"
        );
        set_up(&first, token, "another password")
            .await
            .problem(401, "LOGIN_FAILED");
        assert_eq!(log_in(&first, "admin", PASSWORD).await, 200);
        first.stop().await;
        second.stop().await;
    }
}

#[actix_rt::test]
async fn a_link_of_another_user_replaces_a_forgotten_password() {
    let served = serve().await;
    let token = served.member("ann").await;
    let (used, other) = (
        make_link(&served, json!({"user": "ann"})).await,
        make_link(&served, json!({"user": "ann"})).await,
    );
    let body = json!({"token": used["token"], "password": "a new password"});
    let asked = served
        .anonymous("POST", "/api/v1/auth/setup")
        .header("porpoise-session", "cookie")
        .json(&body);
    let answer = reply(asked).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("set-cookie").contains("HttpOnly"), "{answer:?}");
    assert!(answer.json().get("token").is_none(), "{answer:?}");
    assert_eq!(
        reply(served.ask_as(&token, "GET", "/api/v1/users/me"))
            .await
            .status,
        401
    );
    assert_eq!(log_in(&served, "ann", PASSWORD).await, 401);
    assert_eq!(log_in(&served, "ann", "a new password").await, 200);
    let other = set_up(&served, other["token"].as_str().unwrap(), "a third password").await;
    other.problem(401, "LOGIN_FAILED");
    served.stop().await;
}

#[actix_rt::test]
async fn a_link_of_a_disabled_or_unknown_user_does_nothing() {
    let served = serve().await;
    served.member("ann").await;
    let link = make_link(&served, json!({"user": "ann"})).await;
    let disabled = served
        .send("PATCH", "/api/v1/users/ann", json!({"enabled": false}))
        .await;
    assert_eq!(disabled.status, 200);
    let token = link["token"].as_str().unwrap();
    set_up(&served, token, "a new password")
        .await
        .problem(401, "LOGIN_FAILED");
    for user in ["ann", "unknown"] {
        let made = served
            .send("POST", "/api/v1/auth/setup-links", json!({"user": user}))
            .await;
        made.problem(404, "NOT_FOUND");
    }
    served.stop().await;
}

#[actix_rt::test]
async fn a_link_is_shown_once() {
    let served = serve().await;
    let asked = || {
        served
            .ask("POST", "/api/v1/auth/setup-links")
            .header("idempotency-key", "one")
            .json(&json!({}))
    };
    assert_eq!(reply(asked()).await.status, 201);
    reply(asked()).await.problem(409, "SECRET_SHOWN_ONCE");
    served.stop().await;
}

#[actix_rt::test]
async fn guesses_of_links_have_to_wait() {
    let served = serve().await;
    let link = make_link(&served, json!({})).await;
    let mut last = 0;
    for _ in 0..8 {
        last = set_up(&served, "porp_wrong", PASSWORD).await.status;
    }
    assert_eq!(last, 429);
    let right = set_up(&served, link["token"].as_str().unwrap(), PASSWORD).await;
    right.problem(429, "TOO_MANY_REQUESTS");
    assert!(!right.header("retry-after").is_empty(), "{right:?}");
    served.stop().await;
}
