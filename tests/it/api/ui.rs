use api::{EmbeddedFile, PublicAddress, UiFiles};
use serde_json::json;

use super::server::{Options, reply, serve, serve_with};

const PAGE: EmbeddedFile = EmbeddedFile {
    path: "index.html",
    plain: b"<html><head><title>Porpoise</title></head></html>",
    gzip: None,
    brotli: None,
};
const SCRIPT: EmbeddedFile = EmbeddedFile {
    path: "assets/index-1a2b.js",
    plain: b"let porpoise = 1;",
    gzip: Some(b"packed"),
    brotli: None,
};

fn with_ui(base_path: &str) -> Options {
    Options {
        address: PublicAddress::new(base_path, None),
        ui: UiFiles::new(&[PAGE, SCRIPT], base_path),
        ..Options::default()
    }
}

#[actix_rt::test]
async fn every_path_of_the_ui_is_its_page() {
    let served = serve_with(with_ui("")).await;
    for path in [
        "/",
        "/login",
        "/projects/p/workflows/w.v1?tab=graph",
        "/instances/42",
    ] {
        let page = reply(served.anonymous("GET", path)).await;
        assert_eq!(page.status, 200, "{path} {page:?}");
        assert!(page.text.contains("<base href=\"/\">"), "{path} {page:?}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-cache");
        let policy = page.header("content-security-policy");
        assert_eq!(
            policy,
            "default-src 'self'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; \
             img-src 'self' data:; frame-ancestors 'none'"
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let tag = page.header("etag").to_owned();
        let again = reply(served.anonymous("GET", path).header("if-none-match", tag)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
    }
    for (method, path) in [("POST", "/login"), ("GET", "/assets/unknown.js"), ("DELETE", "/")] {
        reply(served.anonymous(method, path)).await.problem(
            if method == "GET" { 404 } else { 401 },
            if method == "GET" {
                "NOT_FOUND"
            } else {
                "UNAUTHENTICATED"
            },
        );
    }
    for path in ["/api/v1/unknown", "/api", "/rpc/x", "/metrics/x"] {
        reply(served.anonymous("GET", path))
            .await
            .problem(401, "UNAUTHENTICATED");
        served.get(path).await.problem(404, "NOT_FOUND");
    }
    served.stop().await;
}

#[actix_rt::test]
async fn files_are_packed_and_kept_for_ever() {
    let served = serve_with(with_ui("")).await;
    let path = "/assets/index-1a2b.js";
    let plain = reply(served.anonymous("GET", path)).await;
    assert_eq!((plain.status, plain.text.as_str()), (200, "let porpoise = 1;"));
    assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(
        plain.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    let packed = reply(served.anonymous("GET", path).header("accept-encoding", "gzip")).await;
    assert_eq!(
        (packed.header("content-encoding"), packed.text.as_str()),
        ("gzip", "packed")
    );
    assert_eq!(packed.header("vary"), "accept-encoding");
    let head = reply(served.anonymous("HEAD", path)).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    served.stop().await;
}

#[actix_rt::test]
async fn a_build_without_the_ui_says_so() {
    let served = serve().await;
    let page = reply(served.anonymous("GET", "/")).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("no web UI"), "{page:?}");
    reply(served.anonymous("GET", "/login"))
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn everything_is_below_the_base_path() {
    let served = serve_with(with_ui("/flows")).await;
    let root = served.url.strip_suffix("/flows").unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            reply(client.get(format!("{root}{path}"))).await.status,
            200,
            "{path}"
        );
        assert_eq!(reply(served.anonymous("GET", path)).await.status, 200, "{path}");
    }
    let metrics = client.get(format!("{root}/metrics"));
    assert_eq!(reply(metrics.bearer_auth(super::server::ADMIN)).await.status, 200);
    for path in ["/", "/login", "/api/v1/users/me", "/flowsome"] {
        reply(client.get(format!("{root}{path}")))
            .await
            .problem(404, "NOT_FOUND");
    }
    let page = reply(served.anonymous("GET", "/login")).await;
    assert!(page.text.contains("<base href=\"/flows/\">"), "{page:?}");
    assert_eq!(reply(served.anonymous("GET", "")).await.text, page.text);
    let described = served.get("/api/openapi.json").await.json();
    assert_eq!(described["servers"], json!([{"url": "/flows"}]));
    let document = json!({"version": 1, "name": "w", "tasks": {"t": {"type": "noop"}}});
    let workflow = "/api/v1/projects/default/workflows/w";
    assert_eq!(served.send("PUT", workflow, document).await.status, 201);
    let started = served
        .send("POST", &format!("{workflow}/instances"), json!({}))
        .await;
    let id = started.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        started.header("location"),
        format!("/flows/api/v1/instances/{id}")
    );
    let link = served
        .send("POST", "/api/v1/auth/setup-links", json!({}))
        .await
        .json();
    let url = link["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/setup#token=", served.url)), "{url}");
    served.stop().await;
}
