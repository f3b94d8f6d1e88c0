//! The page that shows the description of the interface.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, HeaderValue, LOCATION};
use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, web};

use crate::http::problem::Problem;

/// Asks for a token once per browser tab, and sends it with each request of the page.
const INITIALIZER: &str = include_str!("docs_page/initializer.js");

/// Registers the page; its files are public, the description behind it is not.
pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .route("/api/docs", web::get().to(redirect_to_page))
        .route("/api/docs/{file:.*}", web::get().to(serve_page_file));
}

async fn redirect_to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/api/docs/"))
        .finish()
}

async fn serve_page_file(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    if *file == "swagger-initializer.js" {
        return Ok(HttpResponse::Ok()
            .content_type("text/javascript; charset=utf-8")
            .body(INITIALIZER));
    }
    let config = Arc::new(utoipa_swagger_ui::Config::from("../openapi.json"));
    let found = utoipa_swagger_ui::serve(&file, config).map_err(Problem::internal)?;
    let found = found.ok_or_else(|| Problem::not_found("such file"))?;
    let mut response = HttpResponse::Ok();
    if found.gzpipped {
        response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    Ok(response
        .content_type(found.content_type)
        .body(found.bytes.into_owned()))
}
