//! Channels that name secrets of their project.

use serde_json::json;

use super::channels::{CHANNELS, put, receiver};
use super::server::serve;

#[actix_rt::test]
async fn a_channel_names_secrets_of_its_project_which_are_read_at_each_try() {
    let served = serve().await;
    let (url, received) = receiver();
    let secret = "/api/v1/projects/default/secrets/hook_token";
    let set = async |value: &str| served.send("PUT", secret, json!({ "value": value })).await.status;
    let hook = |text: &str| json!({ "type": "webhook", "url": url, "sign": "bearer", "secret": text });
    let unknown = put(&served, "hook", hook("${secret.hook_tokem}")).await;
    assert_eq!(unknown.problem(422, "UNKNOWN_SECRET"), "/secret", "{unknown:?}");
    assert_eq!(set("first-value").await, 201);
    let near = put(&served, "hook", hook("${secret.hook_tokem}")).await;
    assert!(near.text.contains("did you mean `hook_token`?"), "{near:?}");
    let made = put(&served, "hook", hook("${secret.hook_token}")).await;
    assert_eq!(
        (made.status, &made.json()["secret"]),
        (201, &json!("${secret.hook_token}"))
    );
    let shared = served
        .send("PUT", "/api/v1/channels/hook", hook("${secret.hook_token}"))
        .await;
    assert_eq!(shared.problem(422, "SECRET_MISPLACED"), "/secret", "{shared:?}");
    let mixed = put(&served, "mixed", hook("begin-${secret.hook_token}")).await;
    assert_eq!(
        (mixed.status, &mixed.json()["secret"]),
        (201, &json!({ "set": true }))
    );
    for (channel, value, sent) in [
        ("hook", "first-value", "bearer first-value"),
        ("hook", "second-value", "bearer second-value"),
        ("mixed", "second-value", "bearer begin-second-value"),
    ] {
        set(value).await;
        let tested = served
            .send("POST", &format!("{CHANNELS}/{channel}/test"), json!({}))
            .await;
        assert_eq!(
            (tested.status, &tested.json()["ok"]),
            (200, &json!(true)),
            "{tested:?}"
        );
        let request = received.recv().unwrap().to_ascii_lowercase();
        assert!(request.contains(sent), "{sent}: {request}");
    }
    let used = served.send("DELETE", secret, json!({})).await;
    used.problem(409, "IN_USE");
    assert!(used.text.contains("the channel `hook`"), "{used:?}");
    for channel in ["hook", "mixed"] {
        let gone = served
            .send("DELETE", &format!("{CHANNELS}/{channel}"), json!({}))
            .await;
        assert_eq!(gone.status, 204, "{gone:?}");
    }
    assert_eq!(served.send("DELETE", secret, json!({})).await.status, 204);
    served.stop().await;
}
