//! Groups of users.

use serde_json::json;

use super::server::serve;

const OPS: &str = "/api/v1/groups/ops";

#[actix_rt::test]
async fn a_group_is_stored_replaced_listed_and_deleted() {
    let served = serve().await;
    for name in ["ann", "bob"] {
        served.member(name).await;
    }
    let body = json!({ "members": ["bob", "ann", "bob"] });
    let made = served.send("PUT", OPS, body).await;
    assert_eq!(
        (made.status, &made.json()["members"]),
        (201, &json!(["ann", "bob"])),
        "{made:?}"
    );
    assert_eq!(served.get(OPS).await.json(), made.json());
    let again = served.send("PUT", OPS, json!({ "members": ["bob"] })).await;
    assert_eq!((again.status, &again.json()["members"]), (200, &json!(["bob"])));
    served
        .send("PUT", "/api/v1/groups/dev", json!({ "members": [] }))
        .await;
    let listed = served.get("/api/v1/groups?limit=1").await.json();
    assert_eq!(listed["items"][0]["name"], "dev");
    let cursor = listed["next_cursor"].as_str().expect("a cursor");
    let rest = served
        .get(&format!("/api/v1/groups?cursor={cursor}"))
        .await
        .json();
    assert_eq!(rest["items"][0], again.json());
    let gone = served.send("DELETE", "/api/v1/users/bob", json!({})).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(served.get(OPS).await.json()["members"], json!([]));
    assert_eq!(served.send("DELETE", OPS, json!({})).await.status, 204);
    served.get(OPS).await.problem(404, "NOT_FOUND");
    served
        .send("DELETE", OPS, json!({}))
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn a_wrong_group_is_refused_with_its_field() {
    let served = serve().await;
    served.member("alice").await;
    let unknown = json!({ "members": ["alice", "alise"] });
    let refused = served.send("PUT", OPS, unknown).await;
    assert_eq!(refused.problem(422, "INVALID_BODY"), "/members/1", "{refused:?}");
    let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(
        detail.contains("`alise`") && detail.contains("`alice`"),
        "{detail}"
    );
    served.get(OPS).await.problem(404, "NOT_FOUND");
    let refused = served.send("PUT", OPS, json!({ "member": [] })).await;
    assert_eq!(refused.problem(422, "INVALID_BODY"), "/member", "{refused:?}");
    let many: Vec<String> = (0..1_001).map(|number| format!("u{number}")).collect();
    let refused = served.send("PUT", OPS, json!({ "members": many })).await;
    assert_eq!(refused.problem(422, "INVALID_BODY"), "/members", "{refused:?}");
    served.stop().await;
}
