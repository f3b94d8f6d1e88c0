//! What is served where no route is: the UI's files, and its one page for every path of it.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::access::PublicCaller;
use crate::http::openapi::reject_unknown_path;
use crate::http::problem::Problem;
use crate::ui::files::UiFiles;

/// What a build without the UI answers at the root.
const NO_UI: &str = include_str!("no_ui.html");

/// Whether a path belongs to the UI and not to programs.
pub(crate) fn is_ui_path(path: &str) -> bool {
    let below = |root: &str| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !["/api", "/rpc", "/metrics", "/healthz", "/readyz"]
        .into_iter()
        .any(below)
}

/// Serves a file or the page of the UI, and refuses everything else.
pub(crate) async fn serve_ui(caller: PublicCaller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || !is_ui_path(request.path()) {
        return reject_unknown_path(request).await;
    }
    let files = &caller.server().state().ui;
    let path = request.path().trim_start_matches('/');
    let file = files.find(path);
    let page = || files.page().filter(|_| !UiFiles::is_file_path(path));
    match file.or_else(page) {
        Some(file) => Ok(file.respond(&request)),
        None if path.is_empty() => Ok(HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .body(NO_UI)),
        None => reject_unknown_path(request).await,
    }
}
