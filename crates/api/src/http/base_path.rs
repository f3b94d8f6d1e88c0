//! The path below which a server is mounted; routes and handlers know nothing of it.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;

use crate::auth::server::base_path_of;
use crate::http::problem::Problem;

/// Paths that load balancers and collectors reach at the root as well.
const ROOT_PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Takes the base path from a request, and adds it to the place that the answer leads to.
pub(crate) async fn mount(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let base = base_path_of(request.request())?;
    if base.is_empty() {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    match strip_base(request.uri(), &base) {
        Some(uri) => {
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
        None if ROOT_PATHS.contains(&request.path()) => {}
        None => {
            let detail = format!("such path; everything is below {base}/");
            return Ok(request.error_response(Problem::not_found(detail)));
        }
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    add_base_to_location(&mut response, &base)?;
    Ok(response)
}

/// Returns the address without the base path; none when it is elsewhere.
fn strip_base(uri: &Uri, base: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(base)?;
    let path = match rest {
        "" => "/",
        rest if rest.starts_with('/') => rest,
        _ => return None,
    };
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

fn add_base_to_location(response: &mut ServiceResponse, base: &str) -> Result<(), Problem> {
    let place = response.headers().get(LOCATION);
    let path = place.and_then(|place| place.to_str().ok());
    if let Some(path) = path.filter(|path| path.starts_with('/')) {
        let mounted = HeaderValue::try_from(format!("{base}{path}")).map_err(Problem::internal)?;
        response.headers_mut().insert(LOCATION, mounted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_the_base_path_is_served() {
        for (path, expected) in [
            ("/flows", Some("/")),
            ("/flows/", Some("/")),
            ("/flows/api/v1/nodes?limit=1", Some("/api/v1/nodes?limit=1")),
            ("/flows/a%2Fb", Some("/a%2Fb")),
            ("/flowsome", None),
            ("/", None),
            ("/api/flows/", None),
        ] {
            let stripped = strip_base(&Uri::from_static(path), "/flows");
            assert_eq!(stripped.map(|uri| uri.to_string()).as_deref(), expected, "{path}");
        }
    }
}
