use std::collections::BTreeSet;
use std::path::Path;

use api::Code;
use serde_json::Value;

use super::server::{reply, serve};

fn document() -> Value {
    api::openapi()
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let pages: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let codes: BTreeSet<String> = Code::ALL
        .iter()
        .map(|code| format!("{}.md", code.as_str()))
        .collect();
    assert_eq!(pages, codes);
}

#[test]
fn the_description_has_the_schema_of_documents_and_instances() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let properties = &schemas["WorkflowDocument"]["properties"];
    assert!(
        properties["tasks"]["additionalProperties"].is_object(),
        "{properties}"
    );
    let reference = "#/components/schemas/WorkflowDocument";
    assert_eq!(
        schemas["WorkflowView"]["properties"]["document"]["$ref"],
        reference
    );
    let path = "/api/v1/projects/{project}/workflows/{workflow}";
    let body = &document["paths"][path]["put"]["requestBody"]["content"]["application/json"];
    assert_eq!(body["schema"]["$ref"], reference);
    let counts = &schemas["Instance"]["properties"]["tasks"]["$ref"];
    assert_eq!(counts, "#/components/schemas/TaskCounts");
}

#[test]
fn the_description_is_openapi_3_1_with_unique_operations() {
    let document = document();
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    assert_eq!(
        document["info"]["contact"],
        Value::Null,
        "a contact would name the authors of a library"
    );
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{method} {path}: {id} is there twice");
            let named = operation["parameters"].as_array().cloned().unwrap_or_default();
            for part in path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            {
                assert!(
                    named.iter().any(|p| p["name"] == part && p["in"] == "path"),
                    "{method} {path}: {part}"
                );
            }
        }
    }
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[actix_rt::test]
async fn unknown_paths_methods_and_parameters_are_problems() {
    let served = serve().await;
    served.get("/api/v1/nothing").await.problem(404, "NOT_FOUND");
    let wrong = reply(served.ask("PUT", "/api/v1/projects")).await;
    wrong.problem(405, "METHOD_NOT_ALLOWED");
    assert_eq!(wrong.header("allow"), "GET, POST");
    served
        .get("/api/v1/projects?limt=5")
        .await
        .problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/projects?limit=0")
        .await
        .problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/projects?limit=201")
        .await
        .problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/projects?limit=x")
        .await
        .problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/projects?cursor=zz")
        .await
        .problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/projects/default?x=1")
        .await
        .problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/instances?state=lost")
        .await
        .problem(400, "INVALID_QUERY");
    served.get("/api/v1/instances/x").await.problem(404, "NOT_FOUND");
    served
        .get("/api/v1/instances/99999999999999999999")
        .await
        .problem(404, "NOT_FOUND");
    served.get("/api/v1/projects/%ff").await.problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn answers_carry_their_security_headers_and_the_callers_request_id() {
    let served = serve().await;
    let answer = reply(
        served
            .ask("GET", "/api/v1/projects")
            .header("x-request-id", "abc-1"),
    )
    .await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, "abc-1"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(
        answer
            .header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    let forged = reply(
        served
            .ask("GET", "/api/v1/projects")
            .header("x-request-id", "a b<c>"),
    )
    .await;
    assert_ne!(forged.header("x-request-id"), "a b<c>");
    served.stop().await;
}

#[actix_rt::test]
async fn health_is_open_and_the_api_page_comes_from_the_binary() {
    let served = serve().await;
    for path in [
        "/healthz",
        "/readyz",
        "/api/docs/",
        "/api/docs/swagger-ui-bundle.js",
        "/api/docs/swagger-initializer.js",
    ] {
        assert_eq!(reply(served.anonymous("GET", path)).await.status, 200, "{path}");
    }
    let metrics = served.get("/metrics").await;
    assert!(
        metrics.text.contains("porpoise_http_requests_total"),
        "{metrics:?}"
    );
    served.stop().await;
}
